"""A run as NDJSON: a first line with the format's version, one line for each event, and a last one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from orch.model.compiled import Compiled
from orch.model.events import TYPE_NAMES, Event
from orch.model.state import RunState
from orch.model.times import to_iso
from orch.problems.problem import Exit
from orch.render.problems_text import visible
from orch.render.progress import Run, verdict

if TYPE_CHECKING:  # loaded only where a run has a group
    from orch.store.groups import Queued

FORMAT_VERSION = 1
_encode = json.JSONEncoder(ensure_ascii=False).encode


class JsonReporter:
    """The reporter of `--json`. Lines: `{format_version, type: run, run_id, …}`, then the events as the journal has
    them (without its chain), then `{type: end, status, exit_code, head}`; a `gap` where a
    reader had stopped reading."""

    def __init__(self, data: TextIO, talk: TextIO) -> None:
        self._data, self._talk = data, talk
        self._queued: Queued | None = None
        self.verdict = ""

    def opened(self, run: Run, plan: Compiled, state: RunState) -> None:
        """The first line."""
        first = {
            "format_version": FORMAT_VERSION,
            "type": "run",
            "run_id": run.run_id,
            "task_id": run.task,
            "pipeline": run.pipeline,
            "artifact_root": run.path,
            "containment": run.containment,
            "steps": len(plan.steps),
        }
        self._write([first])

    def queued(self, waits: Queued) -> None:
        """A line `{type: queued, group, limit, holders: [{run_id, pid, since}], ahead}` whenever that changes."""
        if waits != self._queued:
            self._queued = waits
            holders = [{**holder._asdict(), "since": to_iso(holder.since)} for holder in waits.holders]
            self._write([{"type": "queued", **waits._asdict(), "holders": holders}])

    def happened(self, events: Sequence[Event], state: RunState) -> None:
        """One line each."""
        self._write([event_document(event) for event in events])

    def tick(self, state: RunState) -> None:
        """Time alone is no event."""

    def ended(self, run: Run, state: RunState, code: Exit) -> None:
        """The last line."""
        self.verdict = verdict(run, state)
        status = state.closed or "interrupted"
        self._write([{"type": "end", "status": status, "exit_code": int(code), "head": f"sha256:{run.head}"}])

    def noted(self, trouble: str) -> None:
        """A line on the other stream: the last one here has been written."""
        self._talk.write(f"warning: {visible(trouble)}\n")
        self._talk.flush()

    def close(self) -> None:
        """There is nothing to put back."""

    def _write(self, documents: list[dict[str, Any]]) -> None:
        self._data.write("".join([_encode(document) + "\n" for document in documents]))
        self._data.flush()


def gap(lines: int) -> str:
    """The line in the place of so many others, which a reader that had stopped reading came too late for."""
    return _encode({"type": "gap", "lines": lines}) + "\n"


def event_document(event: Event) -> dict[str, Any]:
    """A record of the journal without its chain; what holds its default is left out."""
    cls = type(event)
    fields = {
        name: value
        for name, value in zip(cls._fields[1:], event[1:], strict=True)
        if cls._field_defaults.get(name, _NONE) != value
    }
    return {"type": TYPE_NAMES[cls], "at": to_iso(event.at), **fields}


_NONE = object()
