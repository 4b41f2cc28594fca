"""From the command line to an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from orch.cli.verbs import root_help

if TYPE_CHECKING:
    from orch.app.context import Context
    from orch.cli.session import Session

COMPLETE = "_ORCH_COMPLETE"  # set by the shell's completion script, which asks click


def run(argv: Sequence[str], context: Context | None = None) -> int:
    """Carry out one command line, without its first word. What goes wrong is said on stderr."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if (not argv or list(argv) in (["--help"], ["-h"])) and COMPLETE not in os.environ:
        print(root_help(), end="")
        return 0
    try:
        from orch.cli.boundary import guarded
        from orch.cli.session import Session

        session = Session(list(argv), context)
        return guarded(lambda: _dispatch(list(argv), session), session)
    except KeyboardInterrupt:  # while something is imported
        sys.stderr.write("interrupted\n")
        return 130


def _dispatch(argv: list[str], session: Session) -> int:
    from orch.cli.group import root

    if COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {}, "orch", COMPLETE, os.environ[COMPLETE])
    # not `root.main`: it ends the process itself where a reader has gone away
    with root.make_context("orch", argv, obj=session) as context:
        code = root.invoke(context)
    return code if isinstance(code, int) else 0
