"""A report's way through the exit door: a cohort's rows as fewer of the same students.

One table may hold everybody's rows and a cohort's. Everybody goes first; the cohort follows as a
release of its own with a condition for each step, so that it is checked against everybody: where
the two differ by a few students, the cohort's row is hidden.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.disclosure import Ledger, Query, Relation, Released, ScoreRange, release
from scorehouse.reports.query import COHORT
from scorehouse.rulebook.small_groups import Profile
from scorehouse.warehouse.releases import let_out
from scorehouse.warehouse.store import Warehouse

_POPULATION = "population"


class Relations(Protocol):
    """Gives the sums that hold between the rows of a table, all of a cohort or none."""

    def __call__(self, figures: pa.Table, *, is_cohort: bool) -> tuple[Relation, ...]:
        """The sums."""


@dataclass(frozen=True)
class Door:
    """What the exit door needs to know of a report, whichever rows of it pass.

    With a `house` everything is checked against what was let out before, and written into the
    ledger.
    """

    profile: Profile
    audience: str
    snapshot: int
    relations: Relations
    score_ranges: Mapping[tuple[str, str], ScoreRange]
    house: Warehouse | None = None

    def passed(self, figures: pa.Table, query: Query, steps: tuple[str, ...]) -> Released:
        """Let figures out; `steps` are those that a cohort is in."""
        populations = figures[_POPULATION]
        is_cohort = pc.starts_with(populations, pattern=f"{COHORT}:")
        if not self.profile.is_hiding or not pc.any(is_cohort).as_py():
            return self._one(figures, query)
        blank = pa.array([""] * figures.num_rows, populations.type)
        place = figures.column_names.index(_POPULATION)
        nameless = figures.set_column(place, _POPULATION, blank)
        followed = {f"in {step}": frozenset({"yes"}) for step in steps}
        everybody = self._one(nameless.filter(pc.invert(is_cohort)), query)
        cohort = self._one(
            nameless.filter(is_cohort),
            replace(query, filters={**query.filters, **followed}),
            everybody,
        )
        return _together(everybody, cohort, is_cohort, populations)

    def _one(self, figures: pa.Table, query: Query, everybody: Released | None = None) -> Released:
        """One release, of a cohort if everybody's is given; it is checked against that.

        The ledger of a house has everybody's already.
        """
        is_hiding, is_cohort = self.profile.is_hiding, everybody is not None
        out = partial(release, ledger=Ledger((everybody.entry(),) if everybody else ()))
        if self.house is not None and is_hiding and figures.num_rows:
            out = partial(let_out, self.house)
        return out(
            figures,
            self.relations(figures, is_cohort=is_cohort) if is_hiding else (),
            profile=self.profile,
            audience=self.audience,
            query=query,
            snapshot=self.snapshot,
            score_ranges=self.score_ranges,
        )


def _together(
    everybody: Released, cohort: Released, is_cohort: pa.ChunkedArray, populations: pa.ChunkedArray
) -> Released:
    """Both releases as one, in the order in which their rows stood, with their populations."""
    one = pa.concat_tables([everybody.figures, cohort.figures])
    flags = is_cohort.to_pylist()
    order = sorted(range(len(flags)), key=lambda index: (flags[index], index))
    back = sorted(range(len(order)), key=order.__getitem__)
    figures = one.take(pa.array(back, pa.int64()))
    place = figures.column_names.index(_POPULATION)
    return replace(
        cohort if cohort.figures.num_rows else everybody,
        figures=figures.set_column(place, _POPULATION, populations),
        relations=(*everybody.relations, *cohort.relations),
        exposed=(*everybody.exposed, *cohort.exposed),
    )
