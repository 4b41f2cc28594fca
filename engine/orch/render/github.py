"""Workflow commands of GitHub: an annotation a line, with everything escaped that would end one."""

from __future__ import annotations

from collections.abc import Mapping

SHOWN_BY_GITHUB = 10  # annotations of one kind and step; more are dropped there without a word


def annotation(kind: str, fields: Mapping[str, object], message: str) -> str:
    """`::error file=…,line=…::message`; fields that are None are left out."""
    told = ",".join(f"{key}={_escaped(str(value), ':,')}" for key, value in fields.items() if value is not None)
    return f"::{kind} {told}::{_escaped(message, '')}"


def with_notice(lines: list[str], what: str, title: str) -> str:
    """All annotations; before more than GitHub shows, one that says so."""
    if len(lines) > SHOWN_BY_GITHUB:
        more = f"{len(lines)} {what}; GitHub shows the first {SHOWN_BY_GITHUB} of a step, the log has all"
        lines = [annotation("notice", {"title": title}, more), *lines]
    return "\n".join(lines)


def _escaped(text: str, also: str) -> str:
    for character in "%\r\n" + also:
        text = text.replace(character, f"%{ord(character):02X}")
    return text
