"""Seat people on the places that a gate requires, as many as can be: one person fills one place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def fill(places: Sequence[str], offers: Mapping[str, Sequence[str]]) -> list[str | None]:
    """`places` are roles, with repeats; `offers` says which people offer each role. The answer has, per place, who
    sits there. It is a maximum matching (by augmenting paths), and the same for the same input."""
    seat_of: dict[str, int] = {}
    seated: list[str | None] = [None] * len(places)

    def seat(place: int, asked: set[str]) -> bool:
        for person in sorted(offers.get(places[place], ())):
            if person in asked:
                continue
            asked.add(person)
            other = seat_of.get(person)
            if other is None or seat(other, asked):
                seat_of[person] = place
                seated[place] = person
                return True
        return False

    for place in range(len(places)):
        seat(place, set())
    return seated
