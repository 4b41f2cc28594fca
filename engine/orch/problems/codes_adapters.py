"""O4xx: adapters, and the library that they come from."""

from __future__ import annotations

from orch.problems.code import Code

CODES: dict[str, Code] = {
    "O401": Code(
        "no such adapter",
        "An adapter is a folder with an `adapter.yaml`: in the project's `adapters/`, or shipped with orch. "
        "`orch adapters list` shows those that there are, and where each comes from.",
    ),
    "O402": Code(
        "the adapter has no such command here",
        "The stack of this adapter does not have the command at all, or none of its variants fits this repository. "
        "`orch adapters show NAME` lists what it has. Use another command, or a `run` node.",
    ),
    "O403": Code(
        "`auto` cannot tell the stack",
        "`adapter: auto` looks for the signs of every adapter in the library, below the node's `cwd`. Here it finds "
        "none, or signs of several stacks that are about as strong. Name the adapter: `adapter: python`; in a "
        "repository with several packages say which with `cwd`.",
    ),
    "O404": Code(
        "a mistake in an adapter",
        "The texts of an adapter may hold `{name}` for its variables, and `{env}`, `{files}`, `{reports}` for places "
        "that a run has. What it names must be declared in it, and patterns are Python's regular expressions. "
        "`orch adapters test NAME` tries an adapter on its cases without running anything.",
    ),
    "O405": Code(
        "an adapter is not where it says",
        "The `name` in `adapter.yaml` is the name of its folder, and every file in `files:` lies beside it.",
    ),
    "O406": Code(
        "a built-in resource is replaced without a word",
        "A folder of the project has the name of something that ships with orch, and would be used in its place: a "
        "pull request could change so what every pipeline runs. Say that it is meant, in orch.yaml: "
        "`overrides: [adapters/python]`; or give it another name. An override that replaces nothing is refused too.",
    ),
    "O407": Code(
        "a tool is missing",
        "The adapter's command needs a program that is not on PATH, or is older than it must be; or a node names one "
        "in `requires` that is not on PATH. The hint says how to install it. This is a warning when planning: a node "
        "that runs earlier may install it. Where it is missing when the node is to start, that is `start-failed`.",
    ),
    "O408": Code(
        "what the command needs is run by no node",
        "The command of this adapter needs another to have run before, usually `setup`, and no node that is over by "
        "then runs it with the same adapter and `cwd`. Add such a node, and `needs:` it. A warning: something else "
        "may have done the same.",
    ),
    "O409": Code(
        "which adapter is only known when the run is there",
        "A name that nodes compute needs `one_of:` beside it: all of those are read and pinned when the plan is made, "
        "and another value fails the node (`not-allowed`). `cwd` and `auto` must be known then, since the "
        "repository is looked at.",
    ),
    "O410": Code(
        "a key without the adapter that it belongs to",
        "`command`, `args` and `one_of` say what an `adapter` node does. Elsewhere they would be ignored.",
    ),
    "O411": Code(
        "a broken file is no reason to skip",
        "The adapter would skip this command, since nothing says what it is to do; but a file that may say so, such "
        "as package.json, is broken, or larger than a MiB. A run that skips its tests for that would be green.",
    ),
}
