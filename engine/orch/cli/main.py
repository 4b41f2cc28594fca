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
    _open_what_was_closed()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if (not argv or list(argv) in (["--help"], ["-h"])) and COMPLETE not in os.environ:
        from orch.cli.printed import printed

        return printed(root_help())
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

    _refuse_bytes(argv)
    if COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        return shell_complete(root, {"obj": session}, "orch", COMPLETE, os.environ[COMPLETE])
    # not `root.main`: it ends the process itself where a reader has gone away
    with root.make_context("orch", argv, obj=session) as context:
        code = root.invoke(context)
    return code if isinstance(code, int) else 0


def _refuse_bytes(argv: list[str]) -> None:
    from orch.app.root import is_text
    from orch.problems.problem import Exit, OrchError, Problem

    for word in argv:
        if not is_text(word):
            hint = "rename the file, or call orch from inside the folder with that name"
            raise OrchError(Problem("O287", f"`{word}` is not UTF-8", hint=hint), Exit.USAGE)


def _open_what_was_closed() -> None:
    """A stream that the caller has closed leads nowhere: else the next file would get its number, and its text."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the process's life
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  # for the process's life
