"""What `orch init` did, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Protocol

from orch.render.style import Style


class Initialised(Protocol):
    """Paths from the folder on; `pipeline` is one to begin with, `to_add` a line that orch.yaml lacks."""

    @property
    def written(self) -> Sequence[str]: ...
    @property
    def kept(self) -> Sequence[str]: ...
    @property
    def pipeline(self) -> str: ...
    @property
    def to_add(self) -> str | None: ...


def init_text(done: Initialised, style: Style) -> str:
    """A line for each file, then the next commands."""
    lines = [f"{style.icon('ok')} wrote {path}" for path in done.written]
    lines += [f"{style.icon('skip')} kept  {path} as it is" for path in done.kept]
    if done.to_add:
        lines += ["", "orch.yaml has no id, which decisions are bound to. Add this line to it:", f"  {done.to_add}"]
    pipeline = shlex.quote(done.pipeline)
    lines += ["", "next  orch validate", f"      orch plan {pipeline}", f"      orch apply {pipeline}"]
    return style.ascii("\n".join(lines))
