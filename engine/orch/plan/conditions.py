"""Does a repository hold what a condition of an adapter asks for? Pure but for what the repository is asked."""

from __future__ import annotations

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from orch.spec.adapter import When
from orch.spec.repository import Repository

MAX_FILES = 500
"""Files in which a `matches` looks."""
LONGEST_SHOWN = 40
"""Characters of a pattern that are told."""
_ABSENT = object()


class Conditions:
    """Answers about the part of a repository below `cwd`; every file is read and taken apart once."""

    def __init__(self, repository: Repository, cwd: str) -> None:
        self._repository = repository
        self._prefix = "" if cwd in (".", "") else cwd.rstrip("/") + "/"
        self.broken: dict[str, str] = {}
        """Files that are there and could not be taken apart, and what they are not: nothing is known of them."""
        self._parsed: dict[tuple[str, str], Any] = {}

    def holds(self, when: When | None, variables: Mapping[str, str]) -> bool:
        """Is all that is said true?"""
        if when is None:
            return True
        return (
            (when.variable is None or variables.get(when.variable) == when.is_)
            and (when.file is None or self._repository.is_file(self._prefix + when.file))
            and (when.glob is None or bool(self._matching(when.glob)))
            and self._has(when)
            and (when.has is not None or when.matches is None or self._is_written(when, when.matches))
            and (when.any is None or any(self.holds(one, variables) for one in when.any))
            and (when.none is None or not any(self.holds(one, variables) for one in when.none))
        )

    def _matching(self, pattern: str) -> list[str]:
        return list(self._repository.matching(self._prefix + pattern))

    def _has(self, when: When) -> bool:
        if when.has is None:
            return True
        kind, name = ("toml", when.toml) if when.toml else ("json", when.json_) if when.json_ else ("ini", when.ini)
        value = self._look(kind, str(name), when.has)
        if value is _ABSENT:
            return False
        if when.matches is None:
            return True
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
        return re.search(when.matches, text) is not None

    def _is_written(self, when: When, wanted: str) -> bool:
        files = [self._prefix + when.file] if when.file else self._matching(when.glob or "")[:MAX_FILES]
        pattern = re.compile(wanted, re.MULTILINE)
        return any(text is not None and pattern.search(text) for text in map(self._text, files))

    def _text(self, file: str) -> str | None:
        text = self._repository.text(file)
        if text is None and self._repository.is_file(file):
            self.broken[file] = "text"
        return text

    def _look(self, kind: str, name: str, path: str) -> Any:
        key = (kind, name)
        if key not in self._parsed:
            text = self._text(self._prefix + name)
            parsed = {} if text is None else _parsed(kind, text)
            if parsed is _ABSENT:
                self.broken[self._prefix + name] = kind.upper()
            self._parsed[key] = {} if parsed is _ABSENT else parsed
        return _at(self._parsed[key], path)


def words_of(when: When) -> str:
    """A condition as people would name it: `pyproject.toml`, `package.json has scripts.test`, `runner is uv`."""
    words = [name for name in (when.file, when.glob) if name]
    if when.has:
        words.append(f"{when.toml or when.json_ or when.ini} has {when.has}")
    if when.matches is not None:
        words[-1] += f" matching {_short(when.matches)}"
    if when.variable is not None:
        words.append(f"{when.variable} is {when.is_ or 'empty'}")
    if when.any:
        inner = " or ".join(map(words_of, when.any))
        words.append(f"({inner})" if words and len(when.any) > 1 else inner)
    words += [f"without {words_of(one)}" for one in when.none or ()]
    return " and ".join(words)


def _short(pattern: str) -> str:
    """A pattern in a sentence: nobody reads a long one there."""
    return pattern if len(pattern) <= LONGEST_SHOWN else pattern[: LONGEST_SHOWN - 1] + "…"


def _parsed(kind: str, text: str) -> Any:
    """The file as data; `_ABSENT` where it is broken."""
    try:
        if kind == "toml":
            return tomllib.loads(text)
        if kind == "json":
            return json.loads(text.removeprefix("\ufeff"))
        reader = configparser.RawConfigParser(strict=False)
        reader.optionxform = str  # type: ignore[assignment,method-assign]  # keys as they are written
        reader.read_string(text)
        return {section: dict(reader[section]) for section in reader.sections()}
    except (ValueError, RecursionError, configparser.Error):
        return _ABSENT


def _at(data: Any, path: str) -> Any:
    """The value at a dotted path. A key may hold dots itself: the longest that fits is taken."""
    if not isinstance(data, dict):
        return _ABSENT
    for head, rest in _splits(path):
        if head in data:
            found = data[head] if not rest else _at(data[head], rest)
            if found is not _ABSENT:
                return found
    return _ABSENT


def _splits(path: str) -> Iterator[tuple[str, str]]:
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        yield ".".join(parts[:count]), ".".join(parts[count:])
