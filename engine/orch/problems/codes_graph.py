"""O20x-O24x: the graph, names and references."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O201": Code(
        "a node that is needed and not there",
        "`needs` of a node lists nodes of its own phase. The name is not one of them: it is misspelt, or it is a "
        "gate, a phase or a `finally` node, none of which can be needed by a node. Write `needs: [build]` with a "
        "node of this phase.",
    ),
    "O202": Code(
        "a node of another phase is needed",
        "`needs` stays within a phase; between phases the phases wait. If the other phase comes before this one, "
        "its nodes have all ended when this one starts, and the entry can simply go. Otherwise let the phase wait, "
        "`deploy: { needs: [build], nodes: … }`, or move the two nodes into one phase: overlap means same phase.",
    ),
    "O203": Code(
        "nodes that wait for each other",
        "Following `needs` leads back to where it began, so none of these nodes could ever start. The message shows "
        "the whole way round with its lines. Remove one of the `needs`; where two nodes exchange results, split one "
        "of them into the part before and the part after.",
    ),
    "O204": Code(
        "a phase that is needed and not there",
        "`needs` of a phase lists phases of this pipeline. Without `needs` a phase waits for the one written before "
        "it; `needs: []` lets it start at once. Write `needs: [build]` with the name of a phase.",
    ),
    "O205": Code(
        "phases that wait for each other",
        "Following `needs` of phases, written or implied by their order, leads back to where it began: a phase "
        "without `needs` waits for the one above it. None of them could ever be entered. Remove one of the `needs`, "
        "or write the phases in the order in which they run.",
    ),
    "O206": Code(
        "a name that is used twice",
        "Nodes, gates and `finally` nodes of a file share one set of names, across all phases, so that `nodes.test` "
        "and a decision about a gate mean one thing. The first use is named at the place. Rename one of the two: "
        "`test_unit` and `test_api`.",
    ),
    "O207": Code(
        "a reference to a node that is not there",
        "An expression, a subject or `evidence` names a node that the pipeline does not have. Gates, phases and "
        "`finally` nodes cannot be read. Write the name of a node of a phase: `${{ nodes.test.outputs.coverage }}`, "
        "`evidence: [test]`.",
    ),
    "O208": Code(
        "a reference to a node that may not be over",
        "A text may read only what has certainly ended when it is evaluated: nodes that this one needs, directly or "
        "through others, and nodes of phases that its phase needs. Otherwise the value would depend on who is "
        "faster. Subjects that are paths, and axes, are read when the plan is made: they see inputs only. Add the "
        "node, `needs: [test]`, or let the phase need the other phase.",
    ),
    "O209": Code(
        "a value that may be missing",
        "The node that is read may have been skipped (it has an `if`, or needs one that has), or may have failed "
        "(`allow_failure`, a trigger rule other than `all_success`, or a `finally` node that looks back). Then it "
        "has no outputs, and an expression must not be decided by an accident. Say what holds then: "
        "`nodes.scan.outputs.findings | default([])`. Its `status` and `reason` are always there: "
        "`until: nodes.test.status == 'succeeded'`. An exit code is missing only where no command came to its end: "
        "`nodes.test.exit_code | default(1) == 0`.",
    ),
    "O210": Code(
        "an expression in a script",
        "A `run` that is a text is a script, and constant: a value put into it could hold quotes or `;` and would "
        'be run as code. Pass values through the environment and quote them in the script: `env: { TASK: "${{ '
        'inputs.task }}" }` and `run: make "$TASK"`. A `run` that is a list is started without a shell, and may '
        "hold `${{ }}` in its arguments.",
    ),
    "O212": Code(
        "an output or artifact that is not declared",
        "The subject of an approval names what a node does not declare, so there would be nothing to approve. "
        "Declare it at the node, `artifacts: { plan: plan.md }` or `outputs: { verdict: string }`, and write the "
        "subject as `artifact:<node>.<name>` or `output:<node>`.",
    ),
    "O213": Code(
        "a name twice in one list",
        "The same node or phase stands twice in a list where it counts once. It is most likely a slip for another "
        "name. Remove one: `needs: [build, lint]`.",
    ),
    "O214": Code(
        "a path that leads out",
        "Paths are relative, and stay inside the project: a command's working directory, artifacts, schemas, the "
        "files that are approved. What lies outside is not part of what a reviewer sees, and is not there on "
        "another machine. Write `reports/plan.md`, not `/tmp/plan.md` or `../plan.md`.",
    ),
    "O220": Code(
        "a matrix that cannot be read",
        "A matrix has at least one axis, each with a list of constant values or one `${{ }}` that is an input of "
        "type list. `include` and `exclude` are lists of mappings, and `exclude` names only axes; at most 10,000 "
        "combinations may come of it. Write `matrix: { lang: [python, node], exclude: [{ lang: node }] }`.",
    ),
    "O221": Code(
        "a key that needs a matrix",
        "`key` and `max_parallel` say something about the children of a matrix, and this node has none. Remove "
        "them, or write `matrix: { lang: [python, node] }`.",
    ),
    "O222": Code(
        "children without a usable key",
        "Each child of a matrix has a key, which is part of its address. Without `key:` it is made of the values, "
        "joined by `-`; objects and lists have no such text. Write `key: ${{ matrix.goal.id }}`, which must give a "
        "text, a number or a boolean.",
    ),
    "O223": Code(
        "two children with one key",
        "Two combinations of a matrix would have the same address, and the record could not tell them apart. Leave "
        "one of them out with `exclude`, or write a `key` that tells them apart: `key: ${{ matrix.os }}-${{ "
        "matrix.arch }}`.",
    ),
    "O230": Code(
        "a child pipeline that cannot be read",
        "`pipeline: FILE` opens another pipeline in the place of a command. The path counts from the project's root, "
        "`./deploy.yaml` from the file that it is written in. The message has the reason.",
    ),
    "O231": Code(
        "a pipeline that opens itself",
        "A child pipeline is expanded into the plan, and one that leads back to itself would never end. The message "
        "shows the whole way round. Take the common part out into a pipeline of its own, which opens none of these; "
        "for work that is repeated until something holds, write a `loop`.",
    ),
    "O232": Code(
        "a key that a child pipeline cannot have",
        "`workspace`, `concurrency` and `budget` say how a run as a whole is carried on. A child pipeline has no run "
        "of its own: it is a part of its parent's. Write the key in the pipeline that is planned, and remove it here; "
        "a file that is also run alone can be a thin parent of the one that both share. `workspace: branch` may stand "
        "in a child whose run has a branch: it says that the child needs it.",
    ),
    "O233": Code(
        "a child pipeline that is known only in the run",
        "A child pipeline is expanded when the plan is made: its gates and steps stand in the plan, and its file is "
        "pinned. So its path is a constant, and its inputs and its matrix come from constants, inputs and the "
        "task, not from what a node gives. What only the run knows can reach it in a file; commands (`run`, `adapter`, "
        "`loop`) can have a matrix that a node gives.",
    ),
    "O234": Code(
        "one secret from two places",
        "The secrets of a child pipeline are those of its run, by their names. Two files of a run that declare one "
        "name must say the same of it: give one of the two another name, or let both come from one place.",
    ),
}
