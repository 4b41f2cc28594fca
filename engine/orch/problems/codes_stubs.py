"""O29x: stubs, and the cases of `orch test`."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O290": Code(
        "the pipeline has no such step",
        "Stubs and cases name nodes and gates of their pipeline by id (`test`), by address (`build.test`), and a child "
        "of a matrix by its address (`build.test[node]`); the name of a matrix stands for all of its children. This "
        "name is none of them, and what is said of it would be said of nothing. `orch graph PIPELINE` lists the "
        "addresses.",
    ),
    "O291": Code(
        "a stub gives what the node does not declare",
        "The outputs of a stub take the place of those that the command writes, so they are held to the same "
        "declaration: every output of `outputs: {name: type}` is there, of its type, and no other; with "
        "`outputs: {schema: FILE}` the whole is as the schema says. `orch plan PIPELINE --dry-run --stubs-init FILE` "
        "writes stubs of the right types.",
    ),
    "O292": Code(
        "no step ends like that",
        "A stub, or what a case expects, says of a step what no step of its kind can come to: a reason that does not "
        "belong to the status, an exit code 0 of a failed command, outputs of one that failed, the word of a gate that "
        "is a check and so follows from outputs, an `order` in which a node begins after itself. Write, for example: "
        "`test: { status: failed, reason: timed-out }`.",
    ),
    "O293": Code(
        "the file is there already",
        "`orch plan --stubs-init FILE` writes a new file, and never over one that is there: what you have filled in "
        "would be lost. Name another file, or use this one: `orch plan PIPELINE --dry-run --stubs FILE`.",
    ),
    "O294": Code(
        "orch.yaml knows no such person or role",
        "The decisions of a case are made by people in their roles, as in a run: both are those of `orch.yaml`. A "
        "decision in a name that nobody has would open no gate, and where it is misspelt the case would show nothing. "
        "Correct the name, or add the person there.",
    ),
    "O295": Code(
        "there is nothing to test",
        "`orch test` looks for cases beside pipelines: in the folder `pipelines/NAME.tests` for `pipelines/NAME.yaml`, "
        "one case in each YAML file. None was found, and a test that tests nothing does not pass. A first case: "
        "`{ description: All goes well, expect: { status: succeeded } }`.",
    ),
}
