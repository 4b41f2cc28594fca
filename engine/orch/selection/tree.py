"""A selection as a tree: what was asked for, before anybody knows what it means; and its one way to be written."""

from __future__ import annotations

from typing import NamedTuple


class Atom(NamedTuple):
    """`method:value`, or a name where the method is empty. `before`: and all that it needs; `after`: and all that needs
    it. A `*` in the value stands for any characters."""

    method: str
    value: str
    before: bool = False
    after: bool = False

    @property
    def text(self) -> str:
        """As it is written."""
        base = f"{self.method}:{self.value}" if self.method else self.value
        return f"{'+' * self.before}{base}{'+' * self.after}"


class Selection(NamedTuple):
    """What any term means; a term means what all its atoms mean."""

    terms: tuple[tuple[Atom, ...], ...]

    @property
    def text(self) -> str:
        """As it is written: a comma is "and", a space is "or"."""
        return " ".join(map(term_text, self.terms))

    def asks(self, *methods: str) -> bool:
        """Does it use one of these methods?"""
        return any(atom.method in methods for term in self.terms for atom in term)


def term_text(term: tuple[Atom, ...]) -> str:
    """As it is written."""
    return ",".join(atom.text for atom in term)
