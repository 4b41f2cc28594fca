"""Where the value of a secret comes from: `env:VARIABLE` or `file:PATH`."""

from __future__ import annotations

import re

from orch.spec.shapes import ENV_NAME_PATTERN

RESERVED = ("PATH", "HOME", "LANG", "TZ", "TMPDIR")
"""Variables that every command has, besides LC_* and ORCH_*: a secret cannot take their place."""


def is_reference(text: str) -> bool:
    """Is this `env:` and a variable, or `file:` and a path, absolute or from the project's root on?"""
    kind, _, name = text.partition(":")
    if kind == "env":
        return re.fullmatch(ENV_NAME_PATTERN, name) is not None
    return kind == "file" and name == name.strip() and name[:1] not in ("", "~") and "${{" not in name


def is_reserved(name: str) -> bool:
    """Is this a variable that a command needs as it is?"""
    return name in RESERVED or name.startswith(("ORCH_", "LC_"))
