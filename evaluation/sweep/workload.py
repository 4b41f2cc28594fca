"""The project that is swept: twenty nodes, one of them an adapter's, a matrix of loops that only the run knows, a child
pipeline, three phases, each kind of gate; every start leaves a line outside .runs."""

from __future__ import annotations

import datetime
import os
from collections.abc import Callable, Iterator
from typing import NamedTuple


class Workload(NamedTuple):
    """A project that is swept. `files` of its root; which of its `nodes` leave a line, `fails`: of those, the ones that
    fail and are allowed to; `others`: steps that leave none and succeed; `once`: nodes that may not run again.
    `prepare(root)` does more to the root than files can; `ended(base, run_id)` says what is wrong outside of .runs
    after a run that has succeeded."""

    files: Callable[[], dict[str, str]]
    nodes: tuple[str, ...]
    others: tuple[str, ...] = ()
    fails: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    prepare: Callable[[str], None] = lambda _: None
    ended: Callable[[str, str], Iterator[str]] = lambda *_: iter(())


STARTED = 'echo "$ORCH_ADDRESS $ORCH_ATTEMPT" >> "$HOME/effects"'
"""One write of an appending descriptor: what the engine has in its journal is counted against these lines."""

PROJECT = """\
apiVersion: orch/v1
kind: Project
name: sweep
id: 3f1c2a7e-9b54-4d1e-8a60-5c7d2e9f4b13
jobs: 4
people:
  owner: { emails: [owner@sweep.example] }
roles:
  owner: [owner]
"""

PIPELINE = f"""\
apiVersion: orch/v1
kind: Pipeline
name: sweep

phases:
  build:
    gates:
      fresh: {{ freshness: {{ path: spec.md, max_age: 30d }} }}
    nodes:
      config:
        run: |
          {STARTED}
          echo '{{"parts": 2, "names": ["b", "a"]}}' > "$ORCH_OUTPUT"
        outputs: {{ parts: integer, names: list }}
      part:
        needs: [config]
        matrix: {{ side: [left, right] }}
        run: |
          {STARTED}
          mkdir -p made
          echo "$SIDE" > "made/$SIDE.txt"
        env: {{ SIDE: "${{{{ matrix.side }}}}" }}
        artifacts: {{ half: "made/${{{{ matrix.side }}}}.txt" }}
      flaky:
        run: |
          {STARTED}
          test -e "$HOME/tried" || {{ : > "$HOME/tried"; exit 1; }}
        retry: {{ limit: 1, delay: 1ms }}
      noisy:
        run: |
          {STARTED}
          echo to stdout
          echo to stderr >&2
      register:
        run: |
          {STARTED}
        effect: {{ once: registered, probe: 'grep -q "^build.register " "$HOME/effects"' }}
  check:
    gates:
      enough: {{ check: {{ expr: nodes.config.outputs.parts == 2 }} }}
    nodes:
      join:
        run: |
          {STARTED}
          mkdir -p made
          cat "$ORCH_ARTIFACTS"/build.part*/half > made/whole.txt
          test "$(cat made/whole.txt)" = "left
          right"
        artifacts: {{ whole: made/whole.txt }}
      style:
        run: |
          {STARTED}
          echo not neat
          exit 3
        allow_failure: true
      quiet:
        needs: [join]
        run: |
          {STARTED}
      tested: {{ needs: [join], adapter: halves, command: test }}
      each:
        matrix: {{ name: "${{{{ nodes.config.outputs.names }}}}" }}
        loop:
          until: loop.index == 2
          max_iterations: 3
          nodes:
            turn:
              run: |
                {STARTED}
      piece: {{ pipeline: pieces/piece.yaml, with: {{ name: round }} }}
  ship:
    gates:
      approved:
        approval: {{ subject: [spec.md, "artifact:join.whole"], evidence: [config], require: {{ owner: 1 }} }}
    nodes:
      release:
        run: |
          {STARTED}
          test "$(cat "$ORCH_SUBJECT/approved/spec.md" | wc -l)" -gt 2
          test "$PIECE" = "round, painted"
        env: {{ PIECE: "${{{{ nodes.piece.outputs.painted }}}}" }}
        effect: {{ once: released }}
      announce:
        needs: [release]
        run: |
          {STARTED}
finally:
  report:
    run: |
      {STARTED}
      test "$STATUS" = succeeded
    env: {{ STATUS: "${{{{ run.status }}}}" }}

outputs:
  parts: "${{{{ nodes.config.outputs.parts }}}}"
"""

PIECE = f"""\
apiVersion: orch/v1
kind: Pipeline
name: piece
inputs: {{ name: {{ type: string }} }}
phases:
  cut:
    nodes:
      shape:
        run: |
          {STARTED}
          echo "{{\\"shape\\": \\"$NAME\\"}}" > "$ORCH_OUTPUT"
        env: {{ NAME: "${{{{ inputs.name }}}}" }}
        outputs: {{ shape: string }}
  paint:
    nodes:
      coat:
        run: |
          {STARTED}
          echo "{{\\"painted\\": \\"$SHAPE, painted\\"}}" > "$ORCH_OUTPUT"
        env: {{ SHAPE: "${{{{ nodes.shape.outputs.shape }}}}" }}
        outputs: {{ painted: string }}
finally:
  tidy:
    run: |
      {STARTED}
outputs: {{ painted: "${{{{ nodes.coat.outputs.painted }}}}" }}
"""


ADAPTER = """\
apiVersion: orch/v1
kind: Adapter
name: halves
detect: [{ file: spec.md, score: 50 }]
files: [test.sh]
commands:
  test:
    argv: [sh, "{files}/test.sh", "{reports}/halves.tap"]
    reports: [{ format: tap, path: "{reports}/halves.tap" }]
"""

TEST = f"""\
{STARTED}
printf '1..2\\nok 1 left\\nok 2 right\\n' > "$1"
"""


def disk_of(base: str) -> str:
    """The folder whose power may fail: the project lies there, and the state directory. What nodes do to the world
    lies beside it."""
    return os.path.join(base, "disk")


def root_of(base: str) -> str:
    """The folder of the project."""
    return os.path.join(disk_of(base), "project")


def state_of(base: str) -> str:
    """The state directory, with the trees of runs that have a branch."""
    return os.path.join(disk_of(base), "state")


def lay_out(workload: Workload, base: str) -> str:
    """Write the project below an empty folder; its root."""
    root = root_of(base)
    for path, text in workload.files().items():
        place = os.path.join(root, path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(place, "w", encoding="utf-8") as file:
            file.write(text)
    workload.prepare(root)
    return root


def effects(base: str) -> list[tuple[str, int]]:
    """Every start that really happened, in order: address and attempt."""
    try:
        with open(os.path.join(base, "effects"), encoding="utf-8") as file:
            words = [line.split() for line in file]
    except FileNotFoundError:
        return []
    return [(address, int(attempt)) for address, attempt in words]


def forget(workload: Workload, base: str, lost: Callable[[tuple[str, int]], bool]) -> None:
    """Starts of nodes that may run twice, of which a power cut took the record, are as if they had not been: their
    number is given again."""
    kept = [start for start in effects(base) if start[0] in workload.once or not lost(start)]
    with open(os.path.join(base, "effects"), "w", encoding="utf-8") as file:
        file.writelines(f"{address} {attempt}\n" for address, attempt in kept)


def _files() -> dict[str, str]:
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {
        "orch.yaml": PROJECT,
        "pipelines/sweep.yaml": PIPELINE,
        "pieces/piece.yaml": PIECE,
        "adapters/halves/adapter.yaml": ADAPTER,
        "adapters/halves/test.sh": TEST,
        "spec.md": f"---\nlast_review: {today}\n---\n# What is made\n",
    }


WHOLE = Workload(
    files=_files,
    nodes=(
        "build.config",
        "build.part[left]",
        "build.part[right]",
        "build.flaky",
        "build.noisy",
        "build.register",
        "check.join",
        "check.style",
        "check.quiet",
        "check.tested",
        "check.each[a]#1.turn",
        "check.each[a]#2.turn",
        "check.each[b]#1.turn",
        "check.each[b]#2.turn",
        "check.piece/cut.shape",
        "check.piece/paint.coat",
        "check.piece/finally.tidy",
        "ship.release",
        "ship.announce",
        "finally.report",
    ),
    others=("build.fresh", "check.enough", "check.piece", "ship.approved"),
    fails=("check.style",),
    once=("build.register", "ship.release"),
)
