"""What a report says besides its figures: results that tell nothing of the groups asked by."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.warehouse.marts import LOCKED

_ONE_IN = 10
"""Results that tell no group are worth a note from one in so many on."""
_TODAY = "--demographics current takes what is known of the students today."


def _unknown_groups(query: ReportQuery) -> list[str]:
    """The groups of those of whom nothing is known, of each dimension that is asked by."""
    codes = [part for code in query.wanted_groups for part in code.split(CROSSING)]
    asked = [groups()[code].dimension for code in codes if code != ALL_STUDENTS]
    asked += [name for name in query.filters if name in dimensions()]
    return [
        next(group.code for group in dimensions()[name] if group.kind == "unknown")
        for name in dict.fromkeys(asked)
    ]


def unlocked(query: ReportQuery, counted: Callable[[ReportQuery], pl.DataFrame]) -> tuple[str, ...]:
    """Of which groups many results have nothing that was locked at testing, and how many.

    `counted` gives the overall rows of a query by school.
    """
    codes = _unknown_groups(query) if query.demographics == LOCKED else []
    if not codes:
        return ()
    rows = counted(_of_everybody(query, codes))
    sums = dict(rows.group_by("student_group").agg(pl.col("n_scored").sum()).rows())
    whole = sums.get(ALL_STUDENTS, 0)
    return tuple(
        f"{groups()[code].name}: {sums[code]:,} of {whole:,} results that count have nothing of "
        f"it locked at testing. {_TODAY}"
        for code in codes
        if sums.get(code) and sums[code] * _ONE_IN >= whole
    )


def _of_everybody(query: ReportQuery, codes: Sequence[str]) -> ReportQuery:
    """Who is asked about, whatever the group, and those of unknown groups among them."""
    of_steps = {
        place: tuple(dict.fromkeys(step[place] for step in query.pairs)) for place in range(2)
    }
    return replace(
        query,
        report="aggregate",
        steps=(),
        school_years=of_steps[0] or query.school_years,
        grades=of_steps[1] or query.grades,
        student_groups=(ALL_STUDENTS, *codes),
        by=(),
        filters={name: v for name, v in query.filters.items() if name not in dimensions()},
    )


def unlocked_shown(query: ReportQuery, rows: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The same for those from whom something is hidden: only what released rows say anyway."""
    codes = _unknown_groups(query) if query.demographics == LOCKED else []
    shown = {
        part
        for row in rows
        if row["n_scored"] is not None
        for part in row["student_group"].split(CROSSING)
    }
    return tuple(
        f"{groups()[code].name}: a group takes what was locked at testing. {_TODAY}"
        for code in codes
        if code in shown or not rows
    )
