"""Files that are one delivery only together: the test tables and the item tables of results."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from scorehouse.warehouse.loading import Delivery, Guess


def together(found: Iterable[Delivery]) -> list[Delivery]:
    """Join deliveries of one kind that each hold a single table, if they hold different ones.

    A file that holds all tables stays a delivery by itself, and so do files of one table whose
    other one isn't there. Joined files stand in the order of their names, in whatever order
    they were given.
    """
    deliveries = list(found)
    lone: dict[str, list[tuple[int, frozenset[str]]]] = {}
    for place, one in enumerate(deliveries):
        holds = _tables(one)
        if one.kind is not None and len(holds) == 1:
            lone.setdefault(one.kind.name, []).append((place, holds))
    for some in lone.values():
        if len(frozenset[str]().union(*(holds for _, holds in some))) > 1:
            _join(deliveries, [place for place, _ in some])
    return [one for one in deliveries if one is not _JOINED]


_JOINED = Delivery(Path(), None, Guess(0.0, ""))


def _tables(one: Delivery) -> frozenset[str]:
    if one.kind is None or one.kind.holds is None or one.parts:
        return frozenset()
    return one.kind.holds(one.path)


def _join(deliveries: list[Delivery], places: list[int]) -> None:
    """Put one delivery in the place of the first of some, and take the others out."""
    some = [deliveries[place] for place in places]
    parts = tuple(sorted((one.path for one in some), key=lambda path: (path.name, str(path))))
    sureness = min(one.guess.sureness for one in some)
    guess = Guess(sureness, "tables of tests and of their items, read as one delivery")
    for place in places:
        deliveries[place] = _JOINED
    deliveries[places[0]] = Delivery(parts[0], some[0].kind, guess, parts=parts)
