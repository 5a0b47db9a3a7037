"""A student's whole history: every result of all years, enrollments, programs, language status."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.warehouse.engine import quoted
from scorehouse.warehouse.find import reading_index
from scorehouse.warehouse.find_rank import Filters
from scorehouse.warehouse.find_scan import scan
from scorehouse.warehouse.index_source import (
    ENROLLMENT,
    RESULT,
    SCORING,
    NarrowSnapshot,
    followed,
)
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.views import RESET

Row = Mapping[str, Any]

_TWO = 2
_ORDERS: Mapping[str, tuple[str, ...]] = {
    "score": ("origin", "measure"),
    "response": ("position", "item_id", "dimension"),
    "accommodation_used": ("code", "segment"),
}
_PARTS = tuple(_ORDERS)
_TABLES = (
    *("student", "local_id", "ssid_replacement", "enrollment", "program_participation"),
    *("el_status", "result", "scoring", *_PARTS, "entity", "assessment"),
)


@dataclass(frozen=True)
class Sitting:
    """A result with all that belongs to it; rows have the columns of their tables.

    `ended`: why it no longer holds (correction, reset, replay …), blank when it does;
    `ended_in` is the import that ended it, `new_row` what stands in its place.
    """

    result: Row
    school_name: str
    test_name: str
    scoring: Row | None = None
    parts: tuple[Row, ...] = ()
    accommodations: tuple[Row, ...] = ()
    responses: tuple[Row, ...] = ()
    ended: str = ""
    ended_in: int = 0
    new_row: int | None = None


@dataclass(frozen=True)
class History:
    """What is known of a student; sittings from the first to the last."""

    student_id: str
    replaced_ids: tuple[str, ...]
    student: Row
    local_ids: tuple[Row, ...]
    sittings: tuple[Sitting, ...]
    replaced: tuple[Sitting, ...]
    enrollments: tuple[Row, ...]
    programs: tuple[Row, ...]
    el_statuses: tuple[Row, ...]
    school_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Where:
    """Where a student's rows stand: their identifiers, and years and schools by table.

    `years` None: not known, so look everywhere; a table without `schools`: anywhere.
    """

    ids: frozenset[str]
    years: Mapping[str, frozenset[str]] | None = None
    schools: Mapping[str, frozenset[str]] = field(default_factory=dict)


def history(
    warehouse: Warehouse,
    student_id: str,
    *,
    as_of: str = "",
    with_responses: bool = False,
    with_replaced: bool = False,
) -> History | None:
    """Everything about a student, by any of their identifiers; None: there is no such student.

    An identifier that was replaced, or a local one that only one student has, does as well.
    `with_replaced`: also results that were corrected or withdrawn, and why. Raises UsageError
    for a local identifier of several students. The reading is written into the audit.
    """
    where = _locate(warehouse, student_id, as_of)
    with NarrowSnapshot(warehouse, _TABLES, where.years, as_of, is_named=False) as snapshot:
        found = _Reader(snapshot, where, with_responses, with_replaced).read(student_id)
    details = " ".join(
        filter(None, ["responses" if with_responses else "", "replaced" if with_replaced else ""])
    )
    about = warehouse.mark(found.student_id) if found else ""
    warehouse.note("history", about, details if found else "nobody found")
    return found


def _locate(warehouse: Warehouse, student_id: str, as_of: str) -> _Where:
    with reading_index(warehouse) as connection:
        if connection is None:
            found = scan(warehouse, student_id, Filters(), _TWO, as_of)
            if found.how == "name" or not found.students:
                return _Where(frozenset([student_id]), {})
            _check_one(len(found.students))
            return _Where(frozenset([found.students[0].student_id]))
        numbers = _person(connection, student_id)
        return _where(connection, numbers) if numbers else _Where(frozenset([student_id]), {})


def _person(connection: sqlite3.Connection, student_id: str) -> list[int]:
    """The numbers of all identifiers of a person."""
    row = connection.execute(
        "SELECT coalesce(replaced_by, number) FROM student WHERE student_id = ?", (student_id,)
    ).fetchone()
    if row is None:
        rows = connection.execute(
            "SELECT DISTINCT coalesce(s.replaced_by, s.number) FROM local_id AS l "
            "JOIN student AS s USING (number) WHERE l.local_id = ?",
            (student_id,),
        ).fetchall()
        _check_one(len(rows))
        row = rows[0] if rows else None
    if row is None:
        return []
    same = connection.execute("SELECT number FROM student WHERE replaced_by = ?", row)
    return [row[0], *(one[0] for one in same)]


def _check_one(students: int) -> None:
    if students > 1:
        raise UsageError("several students have that local identifier; give the statewide one")


def _where(connection: sqlite3.Connection, numbers: list[int]) -> _Where:
    marks = ", ".join("?" * len(numbers))
    ids = connection.execute(f"SELECT student_id FROM student WHERE number IN ({marks})", numbers)
    stands = connection.execute(
        f"SELECT DISTINCT source, school_year, school_id FROM stand WHERE number IN ({marks})",
        numbers,
    ).fetchall()
    years = {
        source: frozenset(year for of, year, _ in stands if of in sources)
        for source, sources in {
            "enrollment": (ENROLLMENT,),
            "result": (RESULT,),
            **dict.fromkeys(("scoring", *_PARTS), (RESULT, SCORING)),
        }.items()
    }
    schools = {
        table: frozenset(school for of, _, school in stands if of == source)
        for table, source in (("enrollment", ENROLLMENT), ("result", RESULT))
    }
    known = {table: some for table, some in schools.items() if "" not in some}
    return _Where(frozenset(one[0] for one in ids), years, known)


class _Reader:
    """Reads one student's rows from a snapshot."""

    def __init__(
        self, snapshot: NarrowSnapshot, where: _Where, with_responses: bool, with_replaced: bool
    ) -> None:
        self._snapshot = snapshot
        self._where = where
        self._with_responses = with_responses
        self._with_replaced = with_replaced

    def _held(self, name: str, where: str) -> list[Row]:
        """The rows of a table that nothing replaced, for which a condition holds."""
        rows = self._snapshot.rows_of(name, where)
        gone = self._endings(name, rows)
        return [row for row in rows if row[ROW_ID] not in gone]

    def read(self, asked: str) -> History | None:
        """Everything, or None where nothing is known of the student at this moment."""
        head, ids = self._identity(asked)
        mine = f"student_id IN ({_listed(ids)})"
        students = {row["student_id"]: row for row in self._held("student", mine)}
        results = self._results(mine)
        enrollments = self._held("enrollment", f"{mine}{self._there('enrollment')}")
        if not (students or results or enrollments):
            return None
        schools = {row["school_id"] for row in (*results, *enrollments)} - {None, ""}
        names = self._school_names(schools)
        sittings, replaced = self._sittings(results, mine, names)
        known = [students[one] for one in (head, *sorted(ids - {head})) if one in students]
        return History(
            head,
            tuple(sorted(ids - {head})),
            known[0] if known else {},
            tuple(self._held("local_id", mine)),
            sittings,
            replaced,
            tuple(sorted(enrollments, key=_enrolled)),
            tuple(self._dated("program_participation", mine)),
            tuple(self._dated("el_status", mine)),
            names,
        )

    def _identity(self, asked: str) -> tuple[str, frozenset[str]]:
        """The identifier in force at this moment, and all that were the same person's."""
        replaced = self._held("ssid_replacement", "student_id <> old_id")
        in_force = followed({row["old_id"]: row["student_id"] for row in replaced})
        heads = {in_force.get(one, one) for one in self._where.ids}
        head = in_force.get(asked, asked)
        if head not in heads:
            head = min(heads)
        same = {old for old, end in in_force.items() if end == head}
        return head, frozenset({head, *same})

    def _dated(self, name: str, mine: str) -> list[Row]:
        rows = self._held(name, mine)
        return sorted(rows, key=lambda row: (row["began_on"] or date.min, str(row.get("program"))))

    def _results(self, mine: str) -> list[Row]:
        """Every row there ever was, up to this moment."""
        rows = self._snapshot.rows_of("result", f"{mine}{self._there('result')}")
        return sorted(rows, key=_row)

    def _there(self, name: str) -> str:
        """Where the student's rows of a table stand, as a further condition."""
        schools = self._where.schools.get(name)
        return f" AND school_id IN ({_listed(schools)})" if schools else ""

    def _school_names(self, ids: Iterable[str]) -> dict[str, str]:
        """Names of schools, the last they had."""
        rows = self._named("entity", "entity_id", ids)
        rows.sort(key=lambda row: row["valid_from"] or date.min)
        return {row["entity_id"]: row["entity_name"] or "" for row in rows}

    def _test_names(self, ids: Iterable[str]) -> dict[str, str]:
        rows = self._named("assessment", "assessment_id", ids)
        return {row["assessment_id"]: row["label"] or row["name"] or "" for row in rows}

    def _named(self, table: str, key: str, ids: Iterable[str]) -> list[Row]:
        wanted = sorted(ids)
        return self._held(table, f"{key} IN ({_listed(wanted)})") if wanted else []

    def _endings(self, table: str, rows: Sequence[Row]) -> dict[int, Row]:
        """What ended rows of a table, by row."""
        if not rows:
            return {}
        ended = self._snapshot.rows_of(
            "supersession", f"table_name = '{table}' AND old_row IN ({_numbers(rows)})",
            within=table,
        )  # fmt: skip
        return {row["old_row"]: row for row in sorted(ended, key=_row)}

    def _sittings(
        self, results: Sequence[Row], mine: str, schools: Mapping[str, str]
    ) -> tuple[tuple[Sitting, ...], tuple[Sitting, ...]]:
        endings = self._endings("result", results)
        held = [r for r in results if r[ROW_ID] not in endings and r["status"] != RESET]
        shown = [*results] if self._with_replaced else held
        tests = self._test_names({row["assessment_id"] for row in shown} - {None})
        scorings = self._scorings(mine) if held else {}
        belonging = self._belonging(shown, scorings.values())
        made = [
            self._sitting(row, schools, tests, scorings, belonging, endings)
            for row in sorted(shown, key=_sat)
        ]
        return tuple(one for one in made if not one.ended), tuple(one for one in made if one.ended)

    def _scorings(self, mine: str) -> dict[tuple[str, str], Row]:
        held = sorted(self._held("scoring", mine), key=_row)
        return {(row["opportunity_id"], row["assessment_id"]): row for row in held}

    def _belonging(
        self, results: Sequence[Row], scorings: Iterable[Row]
    ) -> dict[str, dict[int, list[Row]]]:
        """Parts, accommodations and responses, by the row they belong to."""
        if not results:
            return {}
        owners = _numbers([*results, *scorings])
        wanted = [*_ORDERS] if self._with_responses else [n for n in _ORDERS if n != "response"]
        return {name: self._owned(name, owners) for name in wanted}

    def _owned(self, table: str, owners: str) -> dict[int, list[Row]]:
        owner, order = TABLES[table].owner, _ORDERS[table]
        rows = self._snapshot.rows_of(table, f"{owner} IN ({owners})")
        found: dict[int, list[Row]] = {}
        for row in sorted(rows, key=lambda row: [_filled(row[column]) for column in order]):
            found.setdefault(row[owner], []).append(row)
        return found

    def _sitting(
        self,
        row: Row,
        schools: Mapping[str, str],
        tests: Mapping[str, str],
        scorings: Mapping[tuple[str, str], Row],
        belonging: Mapping[str, Mapping[int, list[Row]]],
        endings: Mapping[int, Row],
    ) -> Sitting:
        ending = endings.get(row[ROW_ID])
        ended = ending["why"] if ending else (RESET if row["status"] == RESET else "")
        scoring = None if ended else scorings.get((row["opportunity_id"], row["assessment_id"]))
        parts = belonging["score"].get(row[ROW_ID], [])
        if scoring is not None:
            parts = [*parts, *belonging["score"].get(scoring[ROW_ID], [])]
        return Sitting(
            row,
            schools.get(row["school_id"] or "", ""),
            tests.get(row["assessment_id"], ""),
            scoring,
            tuple(parts),
            tuple(belonging["accommodation_used"].get(row[ROW_ID], ())),
            tuple(belonging.get("response", {}).get(row[ROW_ID], ())),
            ended,
            ending[IMPORT_ID] if ending else (row[IMPORT_ID] if ended else 0),
            ending["new_row"] if ending else None,
        )


def _row(row: Row) -> int:
    number: int = row[ROW_ID]
    return number


def _filled(cell: Any) -> tuple[bool, Any]:
    """What is empty comes last."""
    return cell is None, cell


def _listed(texts: Iterable[str]) -> str:
    return ", ".join(quoted(text) for text in sorted(texts))


def _numbers(rows: Iterable[Row]) -> str:
    return ", ".join(str(row[ROW_ID]) for row in rows)


def _sat(row: Row) -> tuple[str, str, str, int]:
    """The order of sittings: year, day, test."""
    when = row["completed_at"] or row["started_at"] or row["status_at"]
    return row["school_year"] or "", str(when or ""), row["assessment_id"] or "", row[ROW_ID]


def _enrolled(row: Row) -> tuple[str, date, str]:
    return row["school_year"] or "", row["entered_on"] or date.min, row["school_id"] or ""
