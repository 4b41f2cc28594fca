"""The `orch` command; nothing is imported before it is known to be needed."""

from __future__ import annotations

import gc
import sys


def main() -> None:
    """Console-script entry point."""
    if sys.argv[1:] == ["--version"]:
        from orch import __version__

        print(f"orch {__version__}")
        return
    gc.disable()  # start-up makes objects that stay: looking for garbage among them takes a tenth of it
    from orch.cli.main import run

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
