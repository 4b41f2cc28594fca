"""What is known of the trees of a run beside what git holds: no ref and no file in a tree says what a node has not
written. Each thing that is noted is a line more of a file, so that many trees cost no more each than few."""

from __future__ import annotations

import json
import os

TREE = "folder "
"""Is known once the run's own tree was made."""


class Known:
    """Texts by name, for this owner and the next one. What is noted is `durable`, or may be gone after a power cut."""

    def __init__(self, path: str, *, durable: bool = True) -> None:
        self._path, self._durable = path, durable
        self._held = _read(path)

    def __contains__(self, name: str) -> bool:
        return name in self._held

    def __getitem__(self, name: str) -> str:
        return self._held[name]

    def get(self, name: str) -> str:
        """Empty where nothing is known."""
        return self._held.get(name, "")

    def note(self, **known: str) -> None:
        """Remember, also for the next owner."""
        self._held |= known
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        with open(self._path, "a", encoding="ascii") as file:
            file.write("\n" + json.dumps(known))  # a line that a crash has torn ends here
            file.flush()
            if self._durable:
                os.fdatasync(file.fileno())


def _read(path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            lines = file.read().split("\n")
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            found.update(json.loads(line))
        except ValueError:
            continue
    return found
