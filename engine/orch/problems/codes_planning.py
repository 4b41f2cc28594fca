"""O28x: planning: files, inputs and selection given on the command line."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O280": Code(
        "a selection that means nothing",
        "A selection names steps: an address (`build.test`), an id (`test`), a matrix or one of its children "
        "(`build.goal[a]`), `phase:build`, `tag:slow`, `kind:gate`, `status:failed` and `state:modified`, with `*` for "
        "any characters. `+` before or after adds what is needed or what needs it; `x,y` is what both mean, `x y` what "
        "either means. This one names something that is not there, or all of it together means no step. `orch graph "
        "PIPELINE` lists the addresses.",
    ),
    "O281": Code(
        "a selected step reads one that is not selected",
        "What is not selected does not run, so it has no outputs that another step could read, nor artifacts that a "
        "gate could show. Select it too (`--select 'build.test report'`), or all that is needed: `--select +report`.",
    ),
    "O282": Code(
        "two different tasks",
        "The pipeline says which task its runs belong to, and `--task` says another. A run belongs to one task: leave "
        "`--task` out, or set the input that the pipeline's `task:` is made from.",
    ),
    "O283": Code(
        "a value cannot be computed at planning",
        "Subjects, paths and the task are filled in when the plan is made, from inputs and the task alone. The "
        "expression has no value there: check the inputs that it reads.",
    ),
    "O284": Code(
        "an input is not given as NAME=VALUE",
        "Each `--input` sets one input: `--input risk=high`. A list is written as JSON: "
        "`--input 'langs=[\"python\"]'`. An input can be given once.",
    ),
    "O285": Code(
        "an output schema cannot be used",
        "`outputs: { schema: FILE }` names a JSON Schema (2020-12) by its path from the project's root. The file "
        "cannot be read, is not JSON, or not a valid schema.",
    ),
    "O286": Code(
        "which pipeline?",
        "The pipeline may be left out where pipelines/ holds exactly one. Name the file: "
        "`orch plan pipelines/ci.yaml`.",
    ),
    "O287": Code(
        "a file cannot be read",
        "The file does not exist, may not be read by you, or has a name that is not UTF-8 and could stand in no plan. "
        "The message has the reason.",
    ),
    "O288": Code(
        "the saved plan no longer holds",
        "A run, and `orch apply plan.json`, use exactly what was planned. A file that the plan was made from has "
        "changed since, so the plan would not say what happens. Make a new plan: `orch plan PIPELINE -o plan.json`.",
    ),
    "O289": Code(
        "this cannot be a task",
        "A task is `-`, for none, or up to 64 letters, digits, `_` and `-`, beginning with a letter or a digit: its "
        "runs lie in a folder of that name, so it holds no `/` and no dots. Give another `--task`, or another value to "
        "the input that the pipeline's `task:` is made from: `--input task=0042`.",
    ),
    "O296": Code(
        "a file cannot be written",
        "What `-o FILE` asks for has been made, and the file cannot be put there: its folder does not exist, is no "
        "folder, or is none that you may write in; or the disk is full. Nothing that lay there was changed. Name "
        "another file, or make the folder: `mkdir -p reports && orch report @last -o reports/last.html`.",
    ),
}
