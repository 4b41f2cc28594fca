"""A file or a text → a document, or every problem that it has."""

from __future__ import annotations

import os
import shlex

from orch.problems.problem import Exit, OrchError, Problem
from orch.source.document import Document
from orch.source.limits import MAX_BYTES
from orch.source.text import decoded

HEADER = "begin with `apiVersion: orch/v1` and `kind: Pipeline`"


def parse(text: str | bytes, path: str, *, max_bytes: int = MAX_BYTES, begin: str = HEADER) -> Document:
    """The document in `text`; `path` is what problems call it, and `begin` says how one of its kind begins. Raises
    OrchError, and nothing else, on bad input."""
    from orch.source.build import build

    clean = decoded(text, path, max_bytes)
    return Document(path, clean, build(clean, path, begin))


def read(file: str, display: str | None = None, *, max_bytes: int = MAX_BYTES) -> Document:
    """The document in `file`, called `display` in problems. Never reads more than one byte over `max_bytes`."""
    path = display or file
    try:
        with open(file, "rb") as stream:
            raw = stream.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise OrchError(Problem("O001", f"there is no file `{path}`", hint=_nearest(file, path))) from error
    except IsADirectoryError as error:
        raise OrchError(Problem("O001", f"`{path}` is a directory", hint="name a YAML file in it")) from error
    except PermissionError as error:
        message = f"`{path}` may not be read"
        raise OrchError(Problem("O001", message, hint=f"chmod u+r {shlex.quote(path)}"), Exit.IO) from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise OrchError(Problem("O001", f"`{path}` cannot be read: {reason}"), Exit.IO) from error
    return parse(raw, path, max_bytes=max_bytes)


def _nearest(file: str, path: str) -> str:
    """What may have been meant by a name that is not there."""
    import difflib

    folder, name = os.path.split(file)
    try:
        there = sorted(entry for entry in os.listdir(folder or ".") if entry.endswith((".yaml", ".yml")))
    except OSError:
        return f"there is no directory `{os.path.dirname(path)}`"
    near = difflib.get_close_matches(name, there, n=1)
    if near:
        return f"did you mean `{os.path.join(os.path.dirname(path), near[0])}`?"
    return "check the path, which starts at the current directory"
