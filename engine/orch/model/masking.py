"""Secrets are taken out of what a program writes, however it is cut into blocks. Pure; the work is linear in the bytes,
whatever the number of secrets."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from orch.model.secret_forms import SHORTEST, Form, forms

INSTEAD = b"***"
_GRAM = 4
_AHEAD = 2 * _GRAM - 1  # bytes that hold four in a row at a multiple of four, wherever they begin
_TELLING = 64


class Found(NamedTuple):
    """Where a secret stands, and its name."""

    begin: int
    end: int
    name: str


class Mask:
    """What is looked for. Every form is at least as long as `_AHEAD`, so of its first bytes four lie at a multiple of
    four: only these are looked up, a number at a time. Only where one is known the beginning that it belongs to is
    looked up too, and only what begins so is compared: neither depends on how many secrets there are."""

    __slots__ = ("_beginnings", "_grams", "_joined", "_joints", "_names", "_plain", "longest")

    def __init__(self, values: Mapping[str, bytes]) -> None:
        assert all(len(value) >= SHORTEST for value in values.values())
        self._names: dict[Form, str] = {}
        for name, value in values.items():
            for form in forms(value):
                self._names.setdefault(form, name)
        self._grams: dict[int, set[tuple[int, int]]] = {}  # at which offset in beginnings of which length
        self._beginnings: dict[bytes, list[Form]] = {}
        for form in self._names:
            beginning = form.core[: _width(form)]
            if beginning not in self._beginnings:
                for offset in range(_GRAM):
                    gram = array("I", beginning[offset : offset + _GRAM])[0]
                    self._grams.setdefault(gram, set()).add((offset, len(beginning)))
            self._beginnings.setdefault(beginning, []).append(form)
        self._plain = sorted({(form.core, b"") for form in self._names if not form.before})
        self._joined = sorted({(form.core, form.before) for form in self._names if form.before})
        self._joints = {before[i : i + 1] for _, before in self._joined for i in range(len(before))}
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
        undecided = self._begun(data, range(max(0, size - _AHEAD), size))
        numbers = memoryview(data)[: size - size % _GRAM].cast("I")
        grams = self._grams
        if grams.keys().isdisjoint(numbers):
            return found, undecided
        for index, number in enumerate(numbers):
            for offset, length in grams.get(number, ()):
                at = index * _GRAM - offset
                if at < 0:
                    continue
                if at + length > size:
                    undecided = min(undecided, self._begun(data, range(at, at + 1)))
                    continue
                for form in self._beginnings.get(data[at : at + length], ()):
                    place = _place(form, data, at)
                    if place is not None and place[1] > size:
                        undecided = min(undecided, place[0])
                    elif place is not None:
                        found.append(Found(*place, self._names[form]))
        found.sort()
        return found, undecided

    def _begun(self, data: bytes, places: range) -> int:
        """Where a form begins of which the data holds a part, with its core at one of these places or behind the last
        byte; the end of the data where there is none."""
        size: int = len(data)
        for at in places:
            rest = data[at:]
            if at > 0 and any(data[at - 1] in before for _, before in _beginning(self._joined, rest)):
                return at - 1
            if any(True for _ in _beginning(self._plain, rest)):
                return at
        return size - (data[-1:] in self._joints)


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


def _beginning(cores: list[tuple[bytes, bytes]], rest: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Those of a sorted list that begin so."""
    number = bisect_left(cores, (rest, b""))
    while number < len(cores) and cores[number][0].startswith(rest):
        yield cores[number]
        number += 1


def _width(form: Form) -> int:
    """How much of a form tells it from most others: a power of two, so that there are few lengths to look up."""
    return min(1 << (len(form.core).bit_length() - 1), _TELLING)


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
