"""Where every error ends: a text on stderr and an exit code. No traceback without -vv."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress

from orch.cli.session import Session, drop_unwritten, say
from orch.problems.problem import Exit, OrchError


def guarded(work: Callable[[], int | None], session: Session) -> int:
    """Do the work; its exit code, or that of what it raised. A reader that goes away ends what only prints, quietly;
    it changes nothing about the exit code of work that is done."""
    try:
        code = work() or 0
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            drop_unwritten()
        return code
    except OrchError as error:
        from orch.render.problems_text import render_problems

        _talk(render_problems(error.problems) if len(error.problems) > 1 else _one(error))
        _trace(session)
        return error.exit
    except BrokenPipeError:
        drop_unwritten()
        return Exit.OK
    except KeyboardInterrupt:
        _talk("interrupted")
        return Exit.INTERRUPTED
    except OSError as error:
        _talk(_io(error))
        _trace(session)
        return Exit.IO
    except Exception as error:
        return _other(error, session)


def _other(error: Exception, session: Session) -> int:
    import click

    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    if isinstance(error, click.UsageError):
        from orch.cli.usage import usage_text

        _talk(usage_text(error))
        _trace(session)
        return Exit.USAGE
    from orch.cli.crash import crash_text

    _talk(crash_text(error, session.typed))
    _trace(session)
    return Exit.BUG


def _one(error: OrchError) -> str:
    from orch.render.problems_text import render_problem

    return "\n".join(map(render_problem, error.problems))


def _io(error: OSError) -> str:
    import errno

    from orch.render.problems_text import visible

    about = f"{error.filename}: " if error.filename else ""
    hints = {
        errno.ENOSPC: "make room on the disk; then `orch resume @last` goes on with an unfinished run",
        errno.EACCES: "check who owns the file and its folder, and their permissions",
        errno.EROFS: "the file system is read-only: work in a folder that can be written",
        errno.EMFILE: "raise the limit of open files (ulimit -n), or use fewer --jobs",
    }
    hint = hints.get(error.errno or 0, "orch doctor checks the disk and the permissions")
    return f"error: {visible(about + (error.strerror or str(error)))}\n   = help: {hint}"


def _talk(text: str) -> None:
    drop_unwritten()
    with suppress(OSError):
        say(text)
        sys.stderr.flush()


def _trace(session: Session) -> None:
    if session.verbose >= 2:
        import traceback

        _talk(traceback.format_exc())
