"""Secrets are taken out of what a program writes, however it is cut into blocks. Pure; the work is linear in the bytes,
whatever the number of secrets."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from orch.model.secret_forms import SHORTEST, Form, forms

INSTEAD = b"***"
_GRAM = 4
_AHEAD = 2 * _GRAM - 1  # bytes that hold four in a row at a multiple of four, wherever they begin


class Found(NamedTuple):
    """Where a secret stands, and its name."""

    begin: int
    end: int
    name: str


class Mask:
    """What is looked for. Every form is at least as long as `_AHEAD`, so of its first bytes four lie at a multiple of
    four: only these are looked up, a number at a time, and only where one is known is anything compared."""

    __slots__ = ("_grams", "_names", "_starts", "longest")

    def __init__(self, values: Mapping[str, bytes]) -> None:
        assert all(len(value) >= SHORTEST for value in values.values())
        self._names: dict[Form, str] = {}
        for name, value in values.items():
            for form in forms(value):
                self._names.setdefault(form, name)
        self._grams: dict[int, list[tuple[int, Form]]] = {}
        self._starts: set[bytes] = set()
        for form in self._names:
            for offset in range(_GRAM):
                gram = array("I", form.core[offset : offset + _GRAM])[0]
                self._grams.setdefault(gram, []).append((offset, form))
            self._starts.update(_starts(form))
        self.longest = max((_length(form) for form in self._names), default=0)

    def __repr__(self) -> str:
        return f"<mask of {len(set(self._names.values()))}>"

    def stream(self) -> Masking:
        """A masking of one stream."""
        return Masking(self)

    def whole(self, data: bytes) -> bytes:
        """The same without secrets."""
        masking = self.stream()
        return masking.feed(data) + masking.end()

    def text(self, text: str) -> str:
        """The same without secrets."""
        return self.whole(text.encode("utf-8", "surrogateescape")).decode("utf-8", "surrogateescape")

    def named(self, data: bytes) -> str | None:
        """The name of a secret that is in there; None where there is none."""
        found = self.look(data)[0]
        return found[0].name if found else None

    def look(self, data: bytes) -> tuple[list[Found], int]:
        """The secrets, in order, and from where on the end of the data may be the beginning of one."""
        found: list[Found] = []
        size = len(data)
        undecided = next((at for at in range(max(0, size - _AHEAD), size) if data[at:] in self._starts), size)
        numbers = memoryview(data)[: size - size % _GRAM].cast("I")
        grams = self._grams
        if grams.keys().isdisjoint(numbers):
            return found, undecided
        for index, number in enumerate(numbers):
            for offset, form in grams.get(number, ()):
                at = index * _GRAM - offset
                place = _place(form, data, at) if at >= 0 else None
                if place is not None and place[1] > size:
                    undecided = min(undecided, place[0])
                elif place is not None:
                    found.append(Found(*place, self._names[form]))
        found.sort()
        return found, undecided


class Masking:
    """One stream on its way through a mask. It keeps back only what may be the beginning of a secret: less than the
    longest form. Occurrences that overlap are taken out as one."""

    __slots__ = ("_covered", "_kept", "_mask")

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._kept = b""
        self._covered = 0  # so many of the kept bytes belong to a secret in whose place something has been written

    def feed(self, data: bytes) -> bytes:
        """Take the next block; what can be passed on by now."""
        data = self._kept + data
        found, undecided = self._mask.look(data)
        return self._passed(data, found, undecided)

    def end(self) -> bytes:
        """There is no more: the rest. What only began like a secret was none."""
        data = self._kept
        return self._passed(data, self._mask.look(data)[0], len(data))

    def _passed(self, data: bytes, found: list[Found], until: int) -> bytes:
        passed: list[bytes] = []
        done = self._covered
        for begin, end, _ in found:
            if begin >= until:
                break  # found again when it is known what it overlaps with
            if begin >= done:
                passed += (data[done:begin], INSTEAD)
            done = max(done, end)
        passed.append(data[done:until])
        self._kept = data[until:]
        self._covered = max(done - until, 0)
        return b"".join(passed)


class Secrets:
    """What an attempt gets in its environment, and what is taken out of all that it writes. `missing` says of the first
    one that is not there why. Nothing of it is ever shown."""

    __slots__ = ("env", "mask", "missing")

    def __init__(self, env: Mapping[str, str], mask: Mask, missing: str | None = None) -> None:
        self.env, self.mask, self.missing = env, mask, missing

    def __repr__(self) -> str:
        return f"<secrets {', '.join(self.env)}>"

    def unseen(self) -> Secrets:
        """The same for a process that only looks at what was written: it gets none of them."""
        return Secrets({}, self.mask)


def _length(form: Form) -> int:
    return len(form.core) + bool(form.before) + bool(form.after)


def _starts(form: Form) -> Iterable[bytes]:
    """The shortest beginnings of a form, which no four bytes in a row can tell."""
    for begin in [form.before[i : i + 1] for i in range(len(form.before))] or [b""]:
        yield from (begin + form.core[:length] for length in range(not begin, _AHEAD))


def _place(form: Form, data: bytes, at: int) -> tuple[int, int] | None:
    """Where a form is whose core would begin at `at`; it ends behind the data where that is cut off in the middle of
    it. None where it is not there."""
    begin, end = at, at + len(form.core)
    if form.before:
        begin -= 1
        if begin < 0 or data[begin] not in form.before:
            return None
    if end > len(data):
        return (begin, end) if form.core.startswith(data[at:]) else None
    if not data.startswith(form.core, at):
        return None
    if form.after:
        if end < len(data) and data[end] not in form.after:
            return None
        end += 1
    return begin, end
