"""A text for stdout, from where nothing else of `orch` is needed."""

from __future__ import annotations

from typing import NoReturn


def printed(text: str) -> int:
    """Print it; the exit code. What cannot be written is told, and one that reads no further is not, as everywhere."""
    try:
        print(text, end="", flush=True)
    except OSError as error:
        return _told(error)
    return 0


def _told(error: OSError) -> int:
    from orch.cli.boundary import guarded
    from orch.cli.session import Session

    def fail() -> NoReturn:
        raise error

    return guarded(fail, Session([], None))
