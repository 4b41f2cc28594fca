"""The `orch` command; nothing is imported before it is known to be needed."""

from __future__ import annotations

import gc
import os
import sys


def main() -> None:
    """Console-script entry point."""
    if sys.argv[1:] == ["--version"]:
        from orch import __version__
        from orch.cli.printed import printed

        _leave(printed(f"orch {__version__}\n"))
    gc.disable()  # start-up makes objects that stay: looking for garbage among them takes a tenth of it
    # what is valid does not depend on what else is installed; and looking for plugins takes a twelfth of a cold start
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    from orch.cli.main import run

    _leave(run(sys.argv[1:]))


def _leave(code: int) -> None:
    """End the process without taking apart what it has made: that costs a tenth of a short command."""
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # closed by the caller
                stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # the interpreter says what it could not write
    os._exit(code)


if __name__ == "__main__":
    main()
