"""Finding students: by identifier, local identifier or parts of their names, in the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np

from scorehouse.errors import UsageError
from scorehouse.warehouse.find_rank import Filters, by_words, shown_in_order
from scorehouse.warehouse.find_scan import scan
from scorehouse.warehouse.find_words import Dictionary
from scorehouse.warehouse.found import Found, FoundStudent
from scorehouse.warehouse.index import is_current, update_index
from scorehouse.warehouse.index_file import Numbers, dictionary, lent, stamps
from scorehouse.warehouse.index_source import NarrowSnapshot
from scorehouse.warehouse.names import folded
from scorehouse.warehouse.places import INDEX_FILE
from scorehouse.warehouse.snapshot import import_of
from scorehouse.warehouse.store import Warehouse

LIMIT = 20
"""How many students are shown unless more are asked for."""


@dataclass
class _Known:
    """The words of an edition of the index, kept as long as it is the newest."""

    edition: str = ""
    words: Dictionary | None = None


_known: dict[str, _Known] = {}


def find(
    warehouse: Warehouse,
    text: str = "",
    *,
    school: str = "",
    roster: str = "",
    grade: str = "",
    limit: int = LIMIT,
    as_of: str = "",
) -> Found:
    """Find students by an identifier, or by words of their names; what fits best comes first.

    Every word has to fit: be a name, begin one, stand in one, or be a name but for a typo or
    two. `school`, `roster` and `grade` narrow it down, or list all there. Raises UsageError when
    nothing at all is asked for. What was asked for is never kept; who was shown is, in the audit.
    """
    if not (text.strip() or school or roster or grade):
        raise UsageError("say whom to find: an identifier, part of a name, a school or a roster")
    if text.strip() and not folded(text):
        raise UsageError("there is no letter and no digit in what is asked for")
    if limit < 1:
        raise UsageError("--limit must be 1 or more")
    on_roster = _roster(warehouse, roster, as_of) if roster else None
    filters = Filters(school, grade.zfill(2) if grade.isdecimal() else grade, on_roster)
    found = _find(warehouse, text.strip(), filters, limit, as_of)
    _note(warehouse, found)
    return found


def _find(warehouse: Warehouse, text: str, filters: Filters, limit: int, as_of: str) -> Found:
    if as_of and import_of(warehouse.catalog, as_of) < _newest_import(warehouse):
        return scan(warehouse, text, filters, limit, as_of)
    with reading_index(warehouse) as connection:
        if connection is None:
            return scan(warehouse, text, filters, limit, as_of)
        return _in_index(warehouse, connection, text, filters, limit)


def _newest_import(warehouse: Warehouse) -> int:
    return import_of(warehouse.catalog, "9999-12-30")


@contextmanager
def reading_index(warehouse: Warehouse) -> Iterator[sqlite3.Connection | None]:
    """The index at one moment, caught up with the newest snapshot; None: it can't be."""
    with ExitStack() as opened:
        try:
            connection = opened.enter_context(lent(warehouse.root / INDEX_FILE))
            if not is_current(warehouse, connection):
                update_index(warehouse)
        except (sqlite3.OperationalError, PermissionError):
            yield None
            return
        connection.execute("BEGIN")
        yield connection


def _in_index(
    warehouse: Warehouse, connection: sqlite3.Connection, text: str, filters: Filters, limit: int
) -> Found:
    for how, query in _BY_ID if text else ():
        numbers = np.array([row[0] for row in connection.execute(query, (text,))], np.int64)
        few = filters.keep(connection, np.unique(numbers))
        if len(numbers):
            return _found(connection, how, few, limit)
    if not text:
        return _found(connection, "list", filters.everyone(connection), limit)
    words = list(dict.fromkeys(folded(text)))
    ranked = by_words(connection, _dictionary(warehouse, connection), words, filters, limit)
    return Found("name", tuple(ranked.students), ranked.is_cut)


_HEAD = "JOIN student AS h ON h.number = coalesce(s.replaced_by, s.number) AND h.is_shown"
_BY_ID = (
    ("student_id", "SELECT number FROM student WHERE student_id = ? AND is_shown"),
    ("replaced_id", f"SELECT h.number FROM student AS s {_HEAD} WHERE s.student_id = ?"),
    (
        "local_id",
        f"SELECT h.number FROM local_id AS l JOIN student AS s USING (number) {_HEAD} "
        "WHERE l.local_id = ?",
    ),
)


def _found(connection: sqlite3.Connection, how: str, numbers: Numbers, limit: int) -> Found:
    ranked = shown_in_order(connection, numbers, limit)
    return Found(how, tuple(ranked.students), ranked.is_cut)


def _dictionary(warehouse: Warehouse, connection: sqlite3.Connection) -> Dictionary:
    edition = stamps(connection)["edition"]
    known = _known.setdefault(str(warehouse.root), _Known())
    if known.words is None or known.edition != edition:
        known.words, known.edition = dictionary(connection), edition
    return known.words


def _roster(warehouse: Warehouse, roster: str, as_of: str) -> frozenset[str]:
    """The students on a roster in the newest year it has."""
    from scorehouse.warehouse.engine import quoted

    with NarrowSnapshot(warehouse, ["roster_student"], as_of=as_of) as snapshot:
        rows = snapshot.sql(
            f"SELECT school_year, student_id FROM roster_student "
            f"WHERE roster_name = {quoted(roster)} AND student_id IS NOT NULL"
        ).to_pylist()
    newest = max((row["school_year"] or "" for row in rows), default="")
    return frozenset(row["student_id"] for row in rows if (row["school_year"] or "") == newest)


def _note(warehouse: Warehouse, found: Found) -> None:
    """Write into the audit who was shown, by their marks."""
    marks = [warehouse.mark(student.student_id) for student in found.students]
    about = marks[0] if len(marks) == 1 else ""
    details = f"by {found.how}, {len(marks)} shown" + (f": {' '.join(marks)}" if marks else "")
    warehouse.note("find", about, details)


__all__ = ["Found", "FoundStudent", "find", "reading_index"]
