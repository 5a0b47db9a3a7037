"""Rows of figures as an outsider sees them, from the release at hand and from earlier ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import Decision
from scorehouse.disclosure.shapes import Earlier, Query, RowKey
from scorehouse.disclosure.small_groups import met_level
from scorehouse.rulebook.small_groups import SmallGroupRules

_GRADES = "test_grade"


class Universe(NamedTuple):
    """Who is counted, apart from what a row's key says: a population and conditions."""

    population: str
    filters: frozenset[tuple[str, frozenset[str]]]

    def holds(self, other: Universe) -> bool:
        """Whether the other is about fewer of the same students: more conditions, or tighter.

        >>> everybody = Universe("", frozenset())
        >>> everybody.holds(Universe("", frozenset({("manner", frozenset({"SD"}))})))
        True
        """
        if self.population != other.population or self == other:
            return False
        tighter = dict(other.filters)
        return all(name in tighter and tighter[name] <= kept for name, kept in self.filters)


class Scene(NamedTuple):
    """A universe at a moment: rows of one scene with the same key are the same students."""

    universe: Universe
    moment: float

    def of(self, key: RowKey) -> Scene:
        """The scene of a row's students: a condition on grades says nothing of one grade's row."""
        if not key.test_grade:
            return self
        kept = frozenset(each for each in self.universe.filters if each[0] != _GRADES)
        return self._replace(universe=self.universe._replace(filters=kept))


@dataclass(frozen=True)
class Line:
    """A row: its counts (None: not known to the house any more), and what is hidden of it.

    `asked` is the scene of the report, `scene` that of the row's students. `index` is the row's
    place in the table at hand; -1 in an earlier release. `met` is the level at which the standard
    is met, 0 where there is none.
    """

    key: RowKey
    asked: Scene
    rules: SmallGroupRules
    counts: Mapping[str, int | None]
    levels: tuple[int | None, ...]
    met: int
    decision: Decision
    figures: Mapping[str, float | None]
    index: int = -1
    compared_with: str = ""

    @cached_property
    def scene(self) -> Scene:
        """The scene in which the row's students are the same as another row's."""
        return self.asked.of(self.key)

    @property
    def students(self) -> RowKey:
        """The key without the measure: who is counted."""
        return self.key._replace(measure="")

    @property
    def is_current(self) -> bool:
        """Whether the row is in the release at hand."""
        return self.index >= 0


def universe_of(query: Query, population: str) -> Universe:
    """The universe of a query's rows; a row may name a population of its own."""
    filters = frozenset((name, frozenset(kept)) for name, kept in query.filters.items())
    return Universe(population or query.population, filters)


def key_of(row: Mapping[str, Any]) -> RowKey:
    """The key that a row's columns spell."""
    return RowKey(*(str(row[name]) for name in names.KEYS))


def current_lines(
    rows: Sequence[Mapping[str, Any]],
    rules: Sequence[SmallGroupRules],
    decisions: Sequence[Decision],
    query: Query,
    moment: float,
) -> list[Line]:
    """The rows at hand, with their true counts."""
    lines = []
    for index, (row, rule, decision) in enumerate(zip(rows, rules, decisions, strict=True)):
        universe = universe_of(query, str(row.get("population") or ""))
        lines.append(_line(row, rule, decision, Scene(universe, moment), index))
    return lines


def _line(
    row: Mapping[str, Any], rules: SmallGroupRules, decision: Decision, asked: Scene, index: int
) -> Line:
    counts = {name: row.get(name) for name in names.COUNTS}
    return Line(
        key=key_of(row),
        asked=asked,
        rules=rules,
        counts=counts,
        levels=tuple(row.get(names.LEVELS) or ()),
        met=met_level(row, rules),
        decision=decision,
        figures={name: row.get(name) for name in (*names.MEANS, *names.MET)},
        index=index,
        compared_with=row.get("compared_with") or "",
    )


def earlier_lines(earlier: Earlier, rules: Mapping[str, SmallGroupRules]) -> Iterator[Line]:
    """The rows of an earlier release, as its audience saw them; other years are passed over.

    Hidden rows have as many levels, all of them unknown, as others of their measure.
    """
    rows = _years(earlier.figures, set(rules)).to_pylist()
    lengths: dict[object, int] = defaultdict(int)
    for row in rows:
        lengths[row["measure"]] = max(lengths[row["measure"]], len(row.get(names.LEVELS) or ()))
    for row in rows:
        row[names.LEVELS] = row.get(names.LEVELS) or [None] * lengths[row["measure"]]
        universe = universe_of(earlier.query, str(row.get("population") or ""))
        asked = Scene(universe, float(earlier.snapshot))
        yield _line(row, rules[row["school_year"]], decision_of(row), asked, -1)


def _years(figures: pa.Table, years: set[str]) -> pa.Table:
    mask = [year in years for year in figures["school_year"].to_pylist()]
    return figures.filter(pa.array(mask, pa.bool_()))


def decision_of(row: Mapping[str, Any]) -> Decision:
    """What an earlier release decided about a row, read from its reasons."""
    whys = {entry["column"]: entry["why"] for entry in row.get(names.HIDDEN) or ()}
    row_why = next((whys[name] for name in names.COUNTS if name in whys), "")
    levels = {
        int(column[len(names.LEVELS) + 1 : -1]) - 1: why
        for column, why in whys.items()
        if column.startswith(f"{names.LEVELS}[")
    }
    return Decision(
        row=row_why,
        results="" if row_why else whys.get(names.LEVELS, ""),
        levels=levels,
        met=next((whys[name] for name in names.MET if name in whys), ""),
        distance=whys.get("distance_from_standard", ""),
        scale=whys.get("mean_scale_score", ""),
        compared=next((whys[name] for name in names.COMPARED if name in whys), ""),
        coded=row.get(names.CODED) or "",
    )
