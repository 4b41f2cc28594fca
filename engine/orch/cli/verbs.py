"""The verbs: where each is found and what it is for. Imports nothing, so that help is quick."""

from __future__ import annotations

SECTIONS: dict[str, dict[str, str]] = {
    "Write": {
        "init": "make a project that passes `orch validate` and runs",
        "validate": "find mistakes in pipelines, orch.yaml, adapters and decisions",
        "plan": "say what would happen, and why; writes nothing",
        "graph": "draw what depends on what",
        "test": "hold pipelines to the cases beside them; runs nothing",
    },
    "Run": {
        "apply": "run a pipeline, or a saved plan: always a new run",
        "goals": "run a pipeline or an adapter for each of many goals",
        "resume": "go on with a run that waits or was interrupted",
        "retry": "decide again what failed in a run",
        "cancel": "end a run",
        "settle": "say whether a step in doubt was done",
        "poll": "say how a run stands",
    },
    "Look": {
        "runs": "list the runs; show one, its logs, its errors",
        "report": "write a report of a run, as Markdown or as one HTML page",
        "verify": "check that a run's record is whole and unchanged",
        "explain": "say why a step ran, did not run or waits; what an error code means",
    },
    "Decide": {
        "gate": "list the gates; show one and what it waits for",
        "approve": "approve what a gate asks about",
        "reject": "reject what a gate asks about",
        "revoke": "withdraw a decision",
    },
    "Set up": {
        "adapters": "list the adapters; show one here, test one on its cases",
        "doctor": "check what this machine has",
        "schema": "print the JSON Schema of a kind of document",
        "completion": "print the completion script of a shell",
    },
}
VERBS = {name: text for section in SECTIONS.values() for name, text in section.items()}


def root_help() -> str:
    """The text of `orch --help`."""
    width = max(map(len, VERBS)) + 2
    lines = [
        "Usage: orch [OPTIONS] COMMAND [ARGS]...",
        "",
        "Pipelines of phases, gates and commands, with a record that can be checked.",
    ]
    for title, verbs in SECTIONS.items():
        lines += ["", f"{title}:", *(f"  {name:{width}}{text}" for name, text in verbs.items())]
    lines += [
        "",
        "Options:",
        "  -v, --verbose  say more; -vv adds tracebacks (also after the command)",
        "  --version      print the version",
        "  -h, --help     print this text; `orch COMMAND --help` tells more",
        "",
        "RUN is a run's id, the beginning of one, @last or @failed.",
        "PIPELINE is a file; it may be left out where pipelines/ holds only one.",
    ]
    return "\n".join(lines) + "\n"
