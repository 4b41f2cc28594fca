"""A pipeline that cannot be read: which one may have been meant."""

from __future__ import annotations

import os
import shlex

from orch.problems.problem import OrchError

_LISTED = 10


def instead(error: OrchError, cwd: str, root: str, path: str) -> OrchError:
    """The same error, with a hint: the nearest of the pipelines that there are, as the user would type it; else all;
    `orch init` where there is none."""
    from difflib import get_close_matches

    folder = os.path.join(root, "pipelines")
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith((".yaml", ".yml")))
    except OSError:
        names = []
    here = os.path.relpath(folder, os.path.realpath(cwd))
    stems = {name.rpartition(".")[0]: os.path.join(here, name) for name in names}
    stem = os.path.basename(path).removesuffix(".yaml").removesuffix(".yml")
    near = get_close_matches(stem, stems, 1, 0.6)
    shown = [shlex.quote(stems[name]) for name in near or list(stems)[:_LISTED]]
    if near or len(shown) == 1:
        hint = f"did you mean {shown[0]}?"
    else:
        hint = f"one of: {', '.join(shown)}" if shown else "orch init makes a first pipeline"
    return OrchError([problem._replace(hint=hint) for problem in error.problems], error.exit)
