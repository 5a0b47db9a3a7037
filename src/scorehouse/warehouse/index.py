"""The index of students: made from the tables, kept up to date with them, never ahead of them.

One transaction of its database brings it from one snapshot to another, and says to which. A
run that is killed leaves it at the one before; whoever asks next catches it up.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa

from scorehouse.warehouse.index_bulk import build
from scorehouse.warehouse.index_file import (
    VERSION,
    changing,
    connect,
    listed,
    put_stamps,
    stamps,
    tidy_log,
)
from scorehouse.warehouse.index_settle import Settler
from scorehouse.warehouse.index_source import (
    SOURCES,
    Changes,
    NarrowSnapshot,
    changes,
    local_ids,
    new_people,
    people,
    replacements,
    rows_since,
    source_rows,
    stands,
)
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.places import INDEX_FILE
from scorehouse.warehouse.store import Warehouse, newest_snapshot

_Row = TypeVar("_Row")
_FEW_STUDENTS = 2_000  # are brought up to date one by one, however small the index is
_AT_ONE_GO = 10  # a student costs so many times more when brought up to date alone
_ROWS_A_STUDENT = 2  # so many new rows are of too many students to count them first
_COLUMNS = (
    *("student_id", "last_name", "first_name", "middle_name", "alias_name"),
    *("birth_date", "sex", "is_known"),
)
_PUT_STUDENT = (
    "INSERT INTO student (student_id, last_name, first_name, middle_name, alias_name, "
    "birth_date, sex, is_known) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (student_id) DO "
    "UPDATE SET last_name = excluded.last_name, first_name = excluded.first_name, "
    "middle_name = excluded.middle_name, alias_name = excluded.alias_name, "
    "birth_date = excluded.birth_date, sex = excluded.sex, is_known = excluded.is_known"
)
_PUT_STAND = (
    "INSERT OR REPLACE INTO stand SELECT number, ?, ?, ?, ? FROM student WHERE student_id = ?"
)
_PUT_LOCAL = "INSERT OR IGNORE INTO local_id SELECT ?, number, ? FROM student WHERE student_id = ?"


def update_index(warehouse: Warehouse, progress: Progress = lambda _done, _expected: None) -> bool:
    """Bring the index to the newest snapshot; False: it was there already.

    The cost is in proportion to what was loaded since. Where that is of a large part of the
    students, or rows were taken out of the tables (a purge), the index is made again.
    """
    with closing(connect(warehouse.root / INDEX_FILE)) as connection:
        if is_current(warehouse, connection):
            return False
        with NarrowSnapshot(warehouse, SOURCES) as snapshot, changing(connection):
            told = stamps(connection)
            found = _news(warehouse, connection, snapshot, told)
            if found is None:
                build(connection, snapshot, progress)
            elif int(told["snapshot"]) < snapshot.number:
                _apply(connection, snapshot, found, progress)
            _stamp(warehouse, connection, snapshot)
        tidy_log(connection)
    return True


def rebuild_index(warehouse: Warehouse, progress: Progress = lambda _done, _expected: None) -> None:
    """Make the index from nothing; nothing of the one before is left in its files."""
    with closing(connect(warehouse.root / INDEX_FILE)) as connection:
        with NarrowSnapshot(warehouse, SOURCES) as snapshot, changing(connection):
            build(connection, snapshot, progress)
            _stamp(warehouse, connection, snapshot)
        tidy_log(connection)


def is_current(warehouse: Warehouse, connection: sqlite3.Connection) -> bool:
    """Whether the index says what the newest snapshot says."""
    told = stamps(connection)
    return _is_ours(warehouse, told) and int(told["snapshot"]) == newest_snapshot(warehouse.catalog)


def _is_ours(warehouse: Warehouse, told: dict[str, str]) -> bool:
    return (told.get("version"), told.get("warehouse_id")) == (
        VERSION,
        warehouse.catalog.get("warehouse_id"),
    )


def _news(
    warehouse: Warehouse,
    connection: sqlite3.Connection,
    snapshot: NarrowSnapshot,
    told: dict[str, str],
) -> Changes | None:
    """What is new since the index was made; None: it must be made again, or is sooner so."""
    if not _is_ours(warehouse, told) or int(told["snapshot"]) > snapshot.number:
        return None
    since, students = int(told["last_import"]), _last_number(connection)
    if rows_since(snapshot, since) > _ROWS_A_STUDENT * max(students, _FEW_STUDENTS):
        return None
    found = changes(snapshot, since)
    is_much = len(_touched(found)) > max(students // _AT_ONE_GO, _FEW_STUDENTS)
    return None if is_much or found.old_rows != int(told["rows"]) else found


def _touched(found: Changes) -> set[str]:
    return set().union(*found.students.values())


def _last_number(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT coalesce(max(number), 0) FROM student").fetchone()[0])


def _stamp(warehouse: Warehouse, connection: sqlite3.Connection, snapshot: NarrowSnapshot) -> None:
    values = {
        "version": VERSION,
        "warehouse_id": warehouse.catalog.get("warehouse_id") or "",
        "snapshot": str(snapshot.number),
        "last_import": str(snapshot.last_import),
        "rows": str(source_rows(snapshot)),
        "edition": secrets.token_hex(8),
    }
    put_stamps(connection, values)


def _apply(
    connection: sqlite3.Connection, snapshot: NarrowSnapshot, found: Changes, progress: Progress
) -> None:
    """Bring in what is new: of students that changed, all; of the others, nothing."""
    in_force = replacements(snapshot)
    before = _replaced(connection)
    moved = {old for old in {*before, *in_force} if before.get(old) != in_force.get(old)}
    touched = _with_kin(_touched(found) | moved, [before, in_force])
    _renew_people(connection, snapshot, found, touched)
    for source, years in sorted(found.stands.items()):
        for year, students in sorted(years.items()):
            _renew_stands(connection, snapshot, source, year, students)
    _renew_local_ids(connection, snapshot, found.students["local_id"])
    _put_replacements(connection, {old: in_force.get(old) for old in sorted(moved)})
    numbers = _numbers(connection, touched).values()
    _settle(Settler(connection), numbers, progress)


def _settle(settler: Settler, numbers: Iterable[int], progress: Progress) -> None:
    ordered, done = sorted(numbers), 0
    for count in settler.settle(ordered):
        done += count
        progress(done, len(ordered))


def _replaced(connection: sqlite3.Connection) -> dict[str, str]:
    return dict(
        connection.execute(
            "SELECT old.student_id, own.student_id FROM student AS old JOIN student AS own "
            "ON own.number = old.replaced_by WHERE old.replaced_by IS NOT NULL"
        )
    )


def _with_kin(students: set[str], maps: list[dict[str, str]]) -> set[str]:
    """Students, and all identifiers that are or were the same person's as theirs."""
    wide = set(students)
    for ends in maps:
        heads = {ends.get(student, student) for student in wide}
        wide |= heads | {old for old, head in ends.items() if head in heads}
    return wide


def _register(snapshot: NarrowSnapshot, name: str, students: Iterable[str]) -> None:
    ids = pa.array(sorted(students), pa.string())
    snapshot.engine.register(name, pa.table({"student_id": ids}))


def _renew_people(
    connection: sqlite3.Connection, snapshot: NarrowSnapshot, found: Changes, touched: set[str]
) -> None:
    """Bring in what the table of students says of those who changed there, and who is new.

    Most rows that changed are new ones; the whole table is read for others alone.
    """
    since, changed = found.since, found.students["student"]
    known = _put_people(connection, new_people(snapshot, since))
    rest = changed - known
    if rest:
        _register(snapshot, "changed_students", rest)
        _put_people(connection, people(snapshot, "changed_students"))
    nameless = touched - changed - _numbers(connection, touched).keys()
    nobody: Mapping[str, Any] = {**dict.fromkeys(_COLUMNS), "is_known": False}
    _put_people(connection, iter([[{**nobody, "student_id": one} for one in sorted(nameless)]]))


def _put_people(
    connection: sqlite3.Connection, pieces: Iterator[list[Mapping[str, Any]]]
) -> set[str]:
    """Put people in; return who."""
    put: set[str] = set()
    for rows in pieces:
        values = [tuple(row[name] for name in _COLUMNS) for row in rows]
        connection.executemany(_PUT_STUDENT, values)
        put |= {row["student_id"] for row in rows}
    return put


def _put_stands(
    connection: sqlite3.Connection,
    snapshot: NarrowSnapshot,
    source: int,
    year: str,
    among: str = "",
) -> None:
    rows = (
        (year, source, school, latest, student)
        for student, school, latest in stands(snapshot, source, year, among)
    )
    for few in _pieces(rows):
        connection.executemany(_PUT_STAND, few)


def _renew_stands(
    connection: sqlite3.Connection,
    snapshot: NarrowSnapshot,
    source: int,
    year: str,
    students: Iterable[str],
) -> None:
    connection.executemany(
        "DELETE FROM stand WHERE school_year = ? AND source = ? AND number = "
        "(SELECT number FROM student WHERE student_id = ?)",
        [(year, source, student) for student in students],
    )
    _register(snapshot, "some_students", students)
    _put_stands(connection, snapshot, source, year, "some_students")
    snapshot.engine.drop("some_students")


def _put_local_ids(
    connection: sqlite3.Connection, snapshot: NarrowSnapshot, among: str = ""
) -> None:
    rows = (
        (row["local_id"], row["entity_id"], row["student_id"]) for row in local_ids(snapshot, among)
    )
    for few in _pieces(rows):
        connection.executemany(_PUT_LOCAL, few)


def _renew_local_ids(
    connection: sqlite3.Connection, snapshot: NarrowSnapshot, students: Iterable[str]
) -> None:
    if not students:
        return
    connection.executemany(
        "DELETE FROM local_id WHERE number = (SELECT number FROM student WHERE student_id = ?)",
        [(student,) for student in students],
    )
    _register(snapshot, "some_students", students)
    _put_local_ids(connection, snapshot, "some_students")
    snapshot.engine.drop("some_students")


def _put_replacements(connection: sqlite3.Connection, ends: Mapping[str, str | None]) -> None:
    connection.executemany(
        "UPDATE student SET replaced_by = (SELECT number FROM student WHERE student_id = ?) "
        "WHERE student_id = ?",
        [(end, old) for old, end in ends.items()],
    )


def _numbers(connection: sqlite3.Connection, students: Iterable[str]) -> dict[str, int]:
    """The numbers of those students whom the index knows."""
    return dict(
        connection.execute(
            "SELECT s.student_id, s.number FROM json_each(?) AS j CROSS JOIN student AS s "
            "ON s.student_id = j.value",
            (listed(sorted(students)),),
        )
    )


def _pieces(rows: Iterator[_Row]) -> Iterator[list[_Row]]:
    while few := list(islice(rows, 50_000)):
        yield few
