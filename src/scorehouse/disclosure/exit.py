"""The one exit door: figures become what an audience may see, and nothing else leaves."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import Decision, decided_table
from scorehouse.disclosure.lines import current_lines, decision_of
from scorehouse.disclosure.nobody import without_nobody
from scorehouse.disclosure.overlap import protected, scenery_of
from scorehouse.disclosure.shapes import Earlier, Ledger, Query, Relation, RowKey, ScoreRange
from scorehouse.disclosure.small_groups import primary
from scorehouse.errors import UsageError
from scorehouse.rulebook.small_groups import Profile, SmallGroupRules


@dataclass(frozen=True)
class Released:
    """Figures that passed the exit door for an audience. Only `release` makes one.

    `figures` has the columns that came in, without sums: what is hidden is null, and
    `hidden` lists each hidden column with its reason. `marked` says of staff's rows what the
    public wouldn't see. `exposed` are rows that earlier releases give away, whatever is
    hidden now.
    """

    figures: pa.Table
    profile: str
    audience: str
    query: Query
    snapshot: int
    relations: tuple[Relation, ...]
    exposed: tuple[RowKey, ...] = ()

    def entry(self, release_id: int = 0) -> Earlier:
        """The release as the ledger keeps it."""
        return Earlier(
            release_id,
            self.profile,
            self.audience,
            self.query,
            self.snapshot,
            self.figures,
            self.relations,
        )


def release(
    figures: pa.Table,
    relations: Iterable[Relation],
    *,
    profile: Profile,
    audience: str,
    query: Query,
    snapshot: int,
    ledger: Ledger | None = None,
    score_ranges: Mapping[tuple[str, str], ScoreRange] | None = None,
) -> Released:
    """Let figures out to an audience under a profile.

    `figures` has a row for each RowKey (its fields are columns), the counts `n_enrolled`,
    `n_expected`, `n_tested`, `n_scored` and `level_counts`, sums by names that begin with
    `sum_`, and any figures. `relations` are the sums that hold between rows; `ledger` is what
    was released before. `score_ranges` by subject and grade let what means give away be
    reckoned with.
    """
    missing = [name for name in names.KEYS if name not in figures.column_names]
    if missing:
        raise UsageError(f"figures need the columns {', '.join(missing)}")
    kept = tuple(dict.fromkeys(relations))
    years = {year: profile.at(year) for year in figures["school_year"].unique().to_pylist()}
    rows = _rows(figures, years.values())
    rules = [years[row["school_year"]] for row in rows]
    decisions = [primary(row, rule) for row, rule in zip(rows, rules, strict=True)]
    if not profile.is_hiding:
        marked = pa.array([decision.hides for decision in decisions], pa.bool_())
        table = decided_table(figures, [Decision()] * len(rows))
        table = table.append_column(names.MARKED, marked)
        return Released(table, profile.name, audience, query, snapshot, kept)
    exposed: tuple[RowKey, ...] = ()
    if any(rule.smallest_interval for rule in years.values()):
        earlier = [e for e in (ledger or Ledger()).releases if e.profile in profile.checked_against]
        kept = without_nobody(rows, kept, query.asked)
        current = current_lines(rows, rules, decisions, query, float(snapshot))
        scenery = scenery_of(current, earlier, kept, years, score_ranges or {})
        exposed = protected(scenery, decisions)
    return Released(
        decided_table(figures, decisions), profile.name, audience, query, snapshot, kept, exposed
    )


def released_again(figures: pa.Table, earlier: Earlier, audience: str) -> Released | None:
    """An earlier release with everything that figures have; None: they say something else.

    What was decided then stands: told once more it tells nothing new, whatever was released
    in between. Rows past help were named the first time.
    """
    if figures.num_rows != earlier.figures.num_rows:
        return None
    decisions = [decision_of(row) for row in earlier.figures.to_pylist()]
    table = decided_table(figures, decisions)
    kept = [name for name in names.KEPT if name in table.column_names]
    if not table.select(kept).equals(earlier.figures):
        return None
    return Released(
        table, earlier.profile, audience, earlier.query, earlier.snapshot, earlier.relations
    )


def _rows(figures: pa.Table, years: Collection[SmallGroupRules]) -> list[dict[str, Any]]:
    """The rows with what decisions rest on; all of it where releases are checked together."""
    used = figures
    if not any(rule.smallest_interval for rule in years):
        counted = {name for rule in years for name in rule.counted}
        wanted = {"school_year", "measure", names.LEVELS, *counted}
        used = figures.select([name for name in figures.column_names if name in wanted])
    rows: list[dict[str, Any]] = used.to_pylist()
    return rows
