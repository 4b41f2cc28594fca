"""Wheels of what is installed here, for tests that install without a package registry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from zipfile import ZIP_STORED, ZipFile

from command import Desk


def install_from(desk: Desk, *names: str) -> None:
    """Let the project's pip find these distributions, and all that they need, in a folder and nothing anywhere else."""
    folder, config = desk.home / "wheels", desk.home / ".config" / "pip" / "pip.conf"
    for parent in (folder, config.parent):
        parent.mkdir(parents=True)
    _wheels(names, folder)
    config.write_text(f"[global]\nno-index = true\nfind-links = {folder}\n")


def _wheels(names: Iterable[str], folder: Path) -> None:
    for found in _with_needs(names):
        assert isinstance(found, PathDistribution)
        tag = re.search(r"^Tag: (.*)$", found.read_text("WHEEL") or "", re.M)
        assert tag is not None
        stem = f"{found.name.replace('-', '_')}-{found.version}"
        with ZipFile(folder / f"{stem}-{tag[1]}.whl", "w", ZIP_STORED) as wheel:
            for name, file in _files(found, f"{stem}.data/scripts"):
                wheel.write(file, name)


def _with_needs(names: Iterable[str]) -> Iterator[Distribution]:
    waiting, seen = list(names), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        yield (found := distribution(name))
        needs = [need for need in found.requires or () if ";" not in need]
        waiting += [re.split(r"[^\w.-]", need)[0].lower() for need in needs]


def _files(found: Distribution, scripts: str) -> Iterator[tuple[str, Path]]:
    """What was in the wheel, by its name there: not what pip has added, nor the scripts that pip writes itself."""
    own = {entry.name for entry in found.entry_points}
    added = {"INSTALLER", "REQUESTED", "direct_url.json"}
    for file in found.files or ():
        path = Path(str(file.locate()))
        if "__pycache__" in file.parts or file.name in added:
            continue
        if not file.parts[0].startswith(".."):
            yield str(file), path
        elif file.parts[-2] == "bin" and file.name not in own:
            yield f"{scripts}/{file.name}", path
