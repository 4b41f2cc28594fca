"""Mutants: the engine with one place changed."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import cache_from_source
from pathlib import Path

ENGINE = Path(__file__).parents[1] / "engine" / "orch"


def plant(place: Path, file: str, old: str, new: str) -> None:
    """`orch` below `place`, with `new` in a file where `old` stands once. All else are links to what the tree has,
    bytecode included."""
    text = (ENGINE / file).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{file} has {text.count(old)} places like {old!r}"
    mutant = place / "orch" / file
    own = (mutant, *mutant.parents, Path(cache_from_source(str(mutant))))
    for folder in reversed(Path(file).parents):
        _link(ENGINE / folder, place / "orch" / folder, own)
        _link(ENGINE / folder / "__pycache__", place / "orch" / folder / "__pycache__", own)
    mutant.write_text(text.replace(old, new), encoding="utf-8")


def _link(source: Path, target: Path, own: Sequence[Path]) -> None:
    """A folder of links. There is none for what is the mutant's own, nor for folders of bytecode: who runs it may write
    there."""
    target.mkdir()
    for entry in source.iterdir():
        link = target / entry.name
        if link not in own and entry.name != "__pycache__":
            link.symlink_to(entry)
