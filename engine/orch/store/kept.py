"""The results that are kept between runs: one file, a line of JSON for each, only ever added to, now and then written
anew without what nobody used. It is no record: a line that is torn, damaged or lost costs a rerun and nothing else."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from orch.model.encoding import encoder
from orch.store.atomic import read_file, write_all, write_file

FORMAT_VERSION = 1
UNUSED_MS = 30 * 86_400_000
DAY_MS = 86_400_000
MOST_OF_A_STEP = 8
MOST_BYTES = 64 << 20
_SUM = 32
_START = b'{"format_version":%d,"sum":"' % FORMAT_VERSION
_KEY = b'","key":"'
_KEY_AT = len(_START) + _SUM + len(_KEY)
_STEP = b'","step":"'
_AT = b'","at":'
_USED = b'","used":'
_ALWAYS = frozenset(("key", "step", "at", "run", "inputs", "used"))
_encode = encoder(compact=True)
_decode = json.JSONDecoder().raw_decode


class Entry(NamedTuple):
    """A result: of which step (`<pipeline>/<address>`), when and by which run (`<task>/<id>`) it was made, from which
    inputs. `modes` are those of the artifacts, by name; `left` is what must be as the step left it; `logs` are the
    digests of what it printed, of a step in a loop, whose iterations are compared."""

    key: str
    step: str
    at: int
    run: str
    inputs: dict[str, str]
    outputs: dict[str, Any] | None = None
    artifacts: tuple[dict[str, Any], ...] = ()
    modes: dict[str, int] = {}
    left: dict[str, str] = {}
    tests: dict[str, int] | None = None
    logs: dict[str, str] = {}


class Kept:
    """The file of one project. Lines are looked at when they are asked for, and checked then."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._by_key: dict[bytes, bytes] = {}
        self._of_step: dict[bytes, bytes] = {}
        self._used_at: dict[str, int] = {}
        self._used: dict[str, None] = {}
        self._counts: dict[bytes, int] = {}
        self._lines = 0
        with suppress(OSError):
            for line in read_file(path).split(b"\n"):
                self._take(line)

    def of_key(self, key: str) -> Entry | None:
        """The newest result with this key (hex). Raises ValueError where it is damaged."""
        line = self._by_key.get(key.encode())
        return None if line is None else _entry(line)

    def of_step(self, step: str) -> Entry | None:
        """The newest result of a step, whatever it was made from. Raises ValueError where it is damaged."""
        line = self._of_step.get(step.encode())
        return None if line is None else _entry(line)

    def use(self, entry: Entry, now_ms: int) -> None:
        """This result was used: it is not forgotten soon. A day is exact enough."""
        if now_ms - max(entry.at, self._used_at.get(entry.key, 0)) > DAY_MS:
            self._used[entry.key] = None

    def add(self, entries: Sequence[Entry]) -> None:
        """Keep these. Nothing happens where that cannot be written."""
        self._write([_line(entry._asdict()) for entry in entries])

    def close(self, now_ms: int) -> None:
        """The run is over: note what was used, and forget what nobody has used for a month, all but the newest of a
        step, and what is too much."""
        if self._used:
            self._write([_line({"used": list(self._used), "at": now_ms})])
            self._used_at.update(dict.fromkeys(self._used, now_ms))
            self._used.clear()
        if not self._is_due(now_ms):
            return
        lines = list(self._worth_keeping(now_ms))
        with suppress(OSError):
            write_file(self._path, b"".join(line + b"\n" for line in lines), unique=True)

    def _is_due(self, now_ms: int) -> bool:
        """Is half of the file superfluous, the whole too large, or something in it too old?"""
        live = sum(min(count, MOST_OF_A_STEP) for count in self._counts.values())
        if self._lines > 2 * live + 100 or sum(map(len, self._by_key.values())) > MOST_BYTES:
            return True
        first = next(iter(self._by_key.values()), b"")
        if now_ms - _at(first) <= UNUSED_MS:
            return False  # they are in the order of time
        last_used = (max(_at(line), self._used_at.get(key.decode(), 0)) for key, line in self._by_key.items())
        return any(now_ms - at > UNUSED_MS for at in last_used)

    def _worth_keeping(self, now_ms: int) -> Iterable[bytes]:
        kept: list[bytes] = []
        used: list[str] = []
        counts: dict[str, int] = {}
        total = 0
        for line in reversed(self._by_key.values()):
            try:
                entry = _entry(line)
            except ValueError:
                continue
            counts[entry.step] = counts.get(entry.step, 0) + 1
            total += len(line)
            age = now_ms - max(entry.at, self._used_at.get(entry.key, 0))
            if counts[entry.step] <= MOST_OF_A_STEP and age <= UNUSED_MS and total <= MOST_BYTES // 2:
                kept.append(line)
                used += [entry.key] if entry.key in self._used_at else []
        by_time: dict[int, list[str]] = {}
        for key in used:
            by_time.setdefault(self._used_at[key], []).append(key)
        yield from reversed(kept)
        yield from (_line({"used": keys, "at": at})[:-1] for at, keys in by_time.items())

    def _write(self, lines: list[bytes]) -> None:
        if not lines:
            return
        for line in lines:
            self._take(line[:-1])
        with suppress(OSError):
            fd = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                write_all(fd, b"\n" + b"".join(lines))  # a line that was torn before ends here
            finally:
                os.close(fd)

    def _take(self, line: bytes) -> None:
        if not line.startswith(_START):
            return
        self._lines += 1
        if line[_KEY_AT - len(_KEY) : _KEY_AT] == _KEY:
            end = line.find(b'"', _KEY_AT)
            key = line[_KEY_AT:end]
            if line[end : end + len(_STEP)] == _STEP:
                begin = end + len(_STEP)
                step = line[begin : line.find(b'"', begin)]
                if self._by_key.pop(key, None) is None:
                    self._counts[step] = self._counts.get(step, 0) + 1
                self._by_key[key] = self._of_step[step] = line
        elif line[_KEY_AT - len(_KEY) :].startswith(_USED):
            with suppress(ValueError, KeyError, TypeError):
                found = _checked(line)
                self._used_at.update(dict.fromkeys(found["used"], found["at"]))


def _at(line: bytes) -> int:
    """When a result was made; 0 where the line does not say it."""
    digits = line.partition(_AT)[2].partition(b",")[0]
    return int(digits) if digits.isdigit() else 0


def _line(fields: dict[str, Any]) -> bytes:
    rest = _encode({name: value for name, value in fields.items() if value or name in _ALWAYS})
    data = rest[1:].encode()
    return _START + _sum(data) + b'",' + data + b"\n"


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=_SUM // 2).hexdigest().encode()


def _checked(line: bytes) -> dict[str, Any]:
    at = len(_START)
    if line[at : at + _SUM] != _sum(line[at + _SUM + 2 :]):
        raise ValueError("damaged")
    found: dict[str, Any] = _decode(line.decode())[0]
    return found


def _entry(line: bytes) -> Entry:
    try:
        found = _checked(line)
        get = found.get
        return Entry(
            *(found["key"], found["step"], found["at"], found["run"], found["inputs"], get("outputs")),
            *(tuple(get("artifacts", ())), get("modes", {}), get("left", {}), get("tests"), get("logs", {})),
        )
    except (TypeError, KeyError, RecursionError) as error:
        raise ValueError(str(error)) from error
