"""Tries mutants, each in a fork, so that what they share is imported once: all but the engine and its tests.

A script. Reads a line `{folder, sentence}` for each on stdin, in `folder` the mutated `orch`, and answers a line
`{code, out}`. A sentence is a test that must fail; without one the simulator must find a seed.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

TESTS = Path(__file__).parent
SEEDS = 1500
LIBRARIES = ("click", "hypothesis", "jinja2", "jsonschema", "networkx", "pydantic", "pytest", "syrupy", "yaml")
OPTIONS = (
    "-xq",
    "--assert=plain",
    *(f"-pno:{name}" for name in ("cacheprovider", "xdist")),
    f"--rootdir={TESTS.parent}",
)


def carry_out(folder: str, sentence: str | None) -> int:
    """1 where the mutant was found, 0 where not."""
    os.environ["PYTHONPATH"] = os.pathsep.join((folder, str(TESTS)))
    sys.path[:0] = [folder, str(TESTS)]
    if sentence is not None:
        import pytest

        return int(pytest.main([*OPTIONS, str(TESTS / sentence)]))
    import simulation

    if not str(simulation.decide.__code__.co_filename).startswith(folder):
        print("the mutant is not what is tested")
        return 2
    try:
        for seed in range(SEEDS):
            simulation.simulate(seed)
    except Exception:
        traceback.print_exc()
        return 1
    return 0


def forked(folder: str, sentence: str | None) -> dict[str, str | int]:
    """How it ended, and what was said."""
    with tempfile.TemporaryFile() as said:
        pid = os.fork()
        if not pid:
            code = 70
            try:
                os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
                for stream in (1, 2):
                    os.dup2(said.fileno(), stream)
                code = carry_out(folder, sentence)
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        said.seek(0)
        return {"code": code, "out": said.read().decode(errors="replace")}


if __name__ == "__main__":
    sys.path.remove(str(TESTS))  # a module of the tests that were imported here would be that of no mutant
    for library in LIBRARIES:
        importlib.import_module(library)
    for line in sys.stdin:
        print(json.dumps(forked(**json.loads(line))), flush=True)
