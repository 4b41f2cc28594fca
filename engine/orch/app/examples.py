"""Examples of pipelines by stack: what each puts into a folder, with the smallest package where there is none yet."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from orch.app.bundled import EXAMPLES, bundled
from orch.app.checkout import Checkout
from orch.app.library import library_of
from orch.app.project import load
from orch.plan.adapters import detect, sign_of

if TYPE_CHECKING:
    from orch.spec.adapter import Adapter

MONOREPO = "monorepo"
"""The example that stands for no stack: its pipeline lists the packages of the folder."""
_DEPTH = 2


def files_of(name: str, cwd: str) -> Iterator[tuple[str, str]]:
    """The files that an example puts into a folder, relative to it, with their texts. Where the folder has sources of
    the stack these are pipelines only. Raises OrchError where the project there has mistakes."""
    packages = _packages(name, cwd)
    top = bundled(EXAMPLES, name)
    for folder, folders, names in os.walk(top):
        folders[:] = sorted(set(folders) - {"__pycache__"})
        for file in sorted(names):
            path = os.path.relpath(os.path.join(folder, file), top)
            pipeline = path.startswith("pipelines/")
            if packages and not pipeline:
                continue
            with open(os.path.join(top, path), encoding="utf-8") as source:
                text = source.read()
            if packages and name == MONOREPO and pipeline:
                text = re.sub(r"(?<=&packages ).*", lambda _: json.dumps(_named(packages)), text, count=1)
            yield path, text


def _packages(name: str, cwd: str) -> list[str]:
    """Where the folder has sources of the example's stack; of any stack, also in the folders below, for a monorepo."""
    library = library_of(cwd, load(cwd))
    repository = Checkout(cwd)
    adapters = [library.adapter(one)[0] for one in library.names("adapters") if name in (one, MONOREPO)]
    below = _folders(adapters, repository) if name == MONOREPO else ()
    found = [folder for folder in below if detect(adapters, repository, folder).chosen]
    return found or (["."] if any(sign_of(adapter, repository, ".").score for adapter in adapters) else [])


def _named(packages: Sequence[str]) -> list[dict[str, str]]:
    """Each package with a name of its own, which is its folder's where that is enough."""
    names = [os.path.basename(path) if path != "." else "root" for path in packages]
    if len(set(names)) < len(names):
        names = [path.replace("/", "-") for path in packages]
    return [{"name": name, "path": path} for name, path in zip(names, packages, strict=True)]


def _folders(adapters: Sequence[Adapter], repository: Checkout) -> list[str]:
    """The folders, not far below, that have a file which is a sign of a stack; none within another."""
    signs = {sign.file for adapter in adapters for sign in adapter.detect}
    paths = [path for path in repository.matching("**") if os.path.basename(path) in signs]
    found = {os.path.dirname(path) for path in paths if 0 < path.count("/") <= _DEPTH}
    return sorted(folder for folder in found if os.path.dirname(folder) not in found)
