"""Tells people that a request waits for the owner of a run, and what the owner said."""

from __future__ import annotations

import json
from typing import Protocol, TextIO

from orch.model.events import Requested
from orch.render.events_json import FORMAT_VERSION, event_document
from orch.render.problems_text import visible
from orch.render.style import Style


class Who(Protocol):
    """The owner of a run."""

    @property
    def pid(self) -> int: ...
    @property
    def host(self) -> str: ...


class LineAnswers:
    """As text. A refusal is told as the error that it ends in."""

    def __init__(self, talk: TextIO, style: Style) -> None:
        self._talk, self._style = talk, style

    def waiting(self, run_id: str, owner: Who | None, seconds: float) -> None:
        """A line now and then."""
        who = f"process {owner.pid} on {visible(owner.host)}" if owner else "the owner"
        self._write(f"waiting for {who} to answer, {seconds:.0f} s so far; after Ctrl-C the request stays")

    def answered(self, run_id: str, answer: Requested) -> None:
        """That it was accepted, and where the end can be seen."""
        if answer.outcome == "accepted":
            told = f"{answer.verb} {self._style.paint(run_id, 'bold')}  accepted by its owner"
            self._write(f"{told}; see the end with: orch poll {run_id} --watch")

    def _write(self, line: str) -> None:
        self._talk.write(self._style.ascii(line) + "\n")
        self._talk.flush()


class JsonAnswers:
    """As the `requested` record that the journal holds."""

    def __init__(self, data: TextIO) -> None:
        self._data = data

    def waiting(self, run_id: str, owner: Who | None, seconds: float) -> None:
        """Time alone is no event."""

    def answered(self, run_id: str, answer: Requested) -> None:
        """One line."""
        document = {"format_version": FORMAT_VERSION, "run_id": run_id, **event_document(answer)}
        self._data.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._data.flush()
