"""The indicator as an analyst calls it from Python, with Arrow tables as results."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator import compute, with_words
from scorehouse.verbs.indicator_audit import AuditSummary, audit_file
from scorehouse.verbs.indicator_given import Sources, given

AnyPath = str | PathLike[str]


class Indicator(NamedTuple):
    """Figures of every entity and group, what is uncertain about them, and findings."""

    figures: pa.Table
    notes: tuple[str, ...]
    findings: pa.Table


class IndicatorAudit(NamedTuple):
    """What an audit counted and how rows differ, and each finding as an Arrow table."""

    summary: AuditSummary
    findings: pa.Table


def indicator(
    dashboard: str,
    *,
    scores: AnyPath | None = None,
    roster: AnyPath | None = None,
    prior_scores: AnyPath | None = None,
    prior_roster: AnyPath | None = None,
    entities: AnyPath | None = None,
    sums: AnyPath | None = None,
    prior_sums: AnyPath | None = None,
    warehouse: AnyPath | None = None,
    as_of: str = "",
    profile: str = "staff",
    accept_uncertain: bool = False,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> Indicator:
    """Compute the Academic Indicator from scores with rosters, from sums, or from a warehouse.

    See `scorehouse indicator compute`. Raises ScorehouseError when the request can't be met;
    what is wrong with records is in the findings.
    """
    rules = academic_rules(dashboard, accept_uncertain=accept_uncertain)
    log = FindingLog()
    sources = Sources(
        scores=_path(scores), roster=_path(roster), prior_scores=_path(prior_scores),
        prior_roster=_path(prior_roster), entities=_path(entities), sums=_path(sums),
        prior_sums=_path(prior_sums), warehouse=_path(warehouse),
        as_of=as_of, settings=settings,
    )  # fmt: skip
    with ExitStack() as held:
        made = compute(given(rules, log, sources, held), rules, profile)
    return Indicator(with_words(made.figures).to_arrow(), tuple(made.notes), log.table())


def indicator_audit(
    file: AnyPath, *, dashboard: str = "", subject: str = "", accept_uncertain: bool = False
) -> IndicatorAudit:
    """Recompute every row of a state's published file; see `scorehouse indicator audit`.

    Rows that can't be read are counted in `summary.left_out`, and the findings say why. Raises
    ScorehouseError when nothing of the file can be checked.
    """
    log = FindingLog()
    summary = audit_file(
        Path(file), log, dashboard=dashboard, subject=subject, accept_uncertain=accept_uncertain
    )
    return IndicatorAudit(summary, log.table())


def _path(path: AnyPath | None) -> Path | None:
    return None if path is None else Path(path)
