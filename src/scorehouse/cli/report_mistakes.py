"""All that is wrong with what was asked of a report: in the options, and against the data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorehouse.cli.report_options import asked_query
from scorehouse.cli.warehouse_options import opened
from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Finding
from scorehouse.reports.query import ReportQuery
from scorehouse.reports.refusal import QueryRefusedError
from scorehouse.warehouse.entity_tree import read_tree
from scorehouse.warehouse.report_asked import check_asked

_PLAINEST = "aggregate"


def with_all_mistakes(
    refused: QueryRefusedError, kind: str, told: Mapping[str, Any], where: tuple[Path, str],
    as_of: str,
) -> QueryRefusedError:  # fmt: skip
    """The same refusal with the findings of all other options, which it may not have come to."""
    found = list(refused.findings)
    while True:
        wrong = {finding.field.partition(".")[0] for finding in found}
        left = {name: value for name, value in told.items() if name not in wrong}
        try:
            query = asked_query(kind, left, None, as_of)
            break
        except QueryRefusedError as more:
            new = [finding for finding in more.findings if finding not in found]
            found += new
            if not new and kind == _PLAINEST:
                return QueryRefusedError(found)
            kind = kind if new else _PLAINEST
    return QueryRefusedError([*found, *_not_held(query, where)])


def _not_held(query: ReportQuery, where: tuple[Path, str]) -> tuple[Finding, ...]:
    """What the warehouse doesn't hold of a query; nothing where there is no warehouse."""
    try:
        house = opened(*where)
    except UsageError:
        return ()
    try:
        with house.snapshot(query.as_of) as snapshot:
            check_asked(snapshot, read_tree(snapshot), query)
    except QueryRefusedError as refused:
        return tuple(refused.findings)
    except UsageError:  # there is no such moment: told once the rest is mended
        return ()
    finally:
        house.close()
    return ()
