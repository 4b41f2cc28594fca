"""A bug of ours: a short message, and a report in a file that can be pasted. No environment, no arguments' values."""

from __future__ import annotations

import os
import platform
import tempfile
import traceback
from collections.abc import Sequence

from orch import __version__


def crash_text(error: Exception, argv: Sequence[str]) -> str:
    """Write the report and say where it lies."""
    what = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    lines = [
        f"orch {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"command: orch {' '.join(_harmless(argv))}",
        "",
        "".join(traceback.format_exception(error)),
    ]
    try:
        fd, path = tempfile.mkstemp(prefix="orch-crash-", suffix=".txt")
        with os.fdopen(fd, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write("\n".join(lines))
        where = f"the report to paste into an issue: {path}"
    except OSError:
        where = "the report could not be written; -vv prints it"
    return f"error: this is a bug of orch: {what}\n   = help: {where}"


def _harmless(argv: Sequence[str]) -> list[str]:
    """Verbs and the names of options; what stands behind `=` or is a value of its own may be private."""
    return [
        word.partition("=")[0] if word.startswith("-") else (word if i == 0 else "…") for i, word in enumerate(argv)
    ]
