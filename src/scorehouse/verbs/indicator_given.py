"""The indicator's input from sums, from scores and rosters, or from a warehouse."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import AcademicRules
from scorehouse.rulebook.dashboard_students import student_rules
from scorehouse.terms import SchoolYear
from scorehouse.verbs.indicator import IndicatorInput
from scorehouse.verbs.indicator_sums import checked, read_sums
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.academic_files import entities_of
from scorehouse.warehouse.academic_input import Files, from_files, from_warehouse, names_of
from scorehouse.warehouse.availability import not_released


class Sources(NamedTuple):
    """Where students, or their sums, come from."""

    scores: Path | None = None
    roster: Path | None = None
    prior_scores: Path | None = None
    prior_roster: Path | None = None
    entities: Path | None = None
    sums: Path | None = None
    prior_sums: Path | None = None
    warehouse: Path | None = None
    engine: str = ""
    as_of: str = ""
    settings: Mapping[str, Any] = MappingProxyType({})


def given(
    rules: AcademicRules, log: FindingLog, sources: Sources, held: ExitStack
) -> IndicatorInput:
    """The input that was asked for: sums, scores and rosters, or a warehouse; checked.

    What it reads from stays open as long as `held`. Raises UsageError unless it is exactly
    one of them.
    """
    named = [sources.sums, sources.scores, sources.warehouse]
    if sum(one is not None for one in named) != 1:
        raise UsageError("give one of scores with a roster, a warehouse, or sums")
    return checked(_named(rules, log, sources, held), rules, log)


def _named(
    rules: AcademicRules, log: FindingLog, sources: Sources, held: ExitStack
) -> IndicatorInput:
    if sources.sums is not None:
        prior = None if sources.prior_sums is None else read_sums(sources.prior_sums, log)
        return IndicatorInput(
            read_sums(sources.sums, log), prior, names_of(entities_of(sources.entities, log))
        )
    who = student_rules(rules.dashboard, sources.settings)
    house = None
    if sources.warehouse is not None:
        house = held.enter_context(
            closing(Warehouse.open(sources.warehouse, engine_url=sources.engine))
        )
        house.note("indicator", rules.dashboard, "")
        found = held.enter_context(from_warehouse(house, rules, who, log, as_of=sources.as_of))
    else:
        found = held.enter_context(from_files(_files(sources), rules, who, log))
    current, prior = found.years.sums()
    assert current is not None
    made = IndicatorInput(
        current, prior, found.entities, found.snapshot,
        found.years.distances, tuple(f"Uncertain setting {said.rule}: {said.note}"
                                     for said in who.uncertain),
    )  # fmt: skip
    return made if house is None else _with_withheld(made, house, rules, sources.as_of)


def _with_withheld(
    made: IndicatorInput, house: Warehouse, rules: AcademicRules, as_of: str
) -> IndicatorInput:
    """Add what of both years others than staff may not see yet."""
    year = rules.school_year
    years = (str(year), str(SchoolYear(year.ends - 1)))
    with house.snapshot(as_of) as snapshot:
        withheld = not_released(snapshot, made.current["entity_id"].unique(), years)
    return replace(made, not_released=withheld)


def _files(sources: Sources) -> Files:
    if sources.scores is None or sources.roster is None:
        raise UsageError("scores need a roster with days of enrollment")
    return Files(
        sources.scores, sources.roster, sources.prior_scores, sources.prior_roster,
        sources.entities,
    )  # fmt: skip
