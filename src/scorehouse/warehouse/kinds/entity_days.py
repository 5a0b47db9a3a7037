"""Entities from files without dates, placed among the days on which others held.

What a file says holds from the day the load states. Where it differs from what held on that
day, the earlier row ends the day before; where it doesn't, nothing changes. Without a stated
day, what a file says corrects the row that holds last.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from scorehouse.warehouse.schema import TABLES
from scorehouse.warehouse.transaction import Transaction

Row = dict[str, object]
_DAYS = ("valid_from", "valid_to", "change", "successor_id")
_MAY_BECOME_BLANK = ("charter_type",)
_CHANGES = {"entity_name": "renamed", "parent_id": "moved"}


def placed(transaction: Transaction, rows: Iterable[Row], since: date | None) -> Iterator[Row]:
    """Rows as they are to be held, those that end among them."""
    held = _held(transaction)
    for row in rows:
        periods = held.get(str(row["entity_id"]), [])
        yield from _placed(row, periods, since)


def _held(transaction: Transaction) -> dict[str, list[Row]]:
    """What is held of each entity, by the first day, what always was so first."""
    names = ", ".join(f'"{name}"' for name in TABLES["entity"].names)
    found: dict[str, list[Row]] = {}
    for row in transaction.sql(f"SELECT {names} FROM entity").to_pylist():
        found.setdefault(row["entity_id"], []).append(row)
    for periods in found.values():
        periods.sort(key=_first_day)
    return found


def _first_day(row: Row) -> date:
    first = row["valid_from"]
    return first if isinstance(first, date) else date.min


def _holds_on(row: Row, day: date) -> bool:
    last = row["valid_to"]
    return _first_day(row) <= day and (not isinstance(last, date) or day <= last)


def _placed(row: Row, periods: list[Row], since: date | None) -> Iterator[Row]:
    current = periods[-1] if periods and since is None else None
    if since is not None:
        current = next((one for one in reversed(periods) if _holds_on(one, since)), None)
    if current is None:
        yield {**row, "valid_from": since, "valid_to": _before_next(periods, since)}
        return
    told = {
        name: value
        for name, value in row.items()
        if name not in _DAYS and (value is not None or name in _MAY_BECOME_BLANK)
    }
    changed = [name for name, value in told.items() if current.get(name) != value]
    if since is None or not changed or current["valid_from"] == since:
        yield {**current, **told}
        return
    why = next((word for name, word in _CHANGES.items() if name in changed), None)
    yield {**current, "valid_to": since - timedelta(days=1), "change": why}
    yield {**current, **told, "valid_from": since}


def _before_next(periods: list[Row], since: date | None) -> date | None:
    later = [_first_day(one) for one in periods if since is not None and _first_day(one) > since]
    return min(later) - timedelta(days=1) if later else None
