"""What the index is made of: rows of a snapshot, all of them or those that are new."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from scorehouse.warehouse.engine import Local, reading
from scorehouse.warehouse.places import SCRATCH_FOLDER
from scorehouse.warehouse.schema import ROW_BITS, TABLES
from scorehouse.warehouse.snapshot import Lease, Snapshot, import_of
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.views import DataFile, define_table

RESULT, ENROLLMENT, SCORING = 0, 1, 2
"""The tables in which a student stands, as `stand.source` names them."""

BAR = "\x1f"
"""What stands between the parts of a text that is compared as a whole."""

_IN_YEARS = {"result": RESULT, "enrollment": ENROLLMENT, "scoring": SCORING}
_PEOPLE = ("student", "local_id", "ssid_replacement")
SOURCES = (*_PEOPLE, *_IN_YEARS)
"""The tables that the index is made of."""

_SEEN = {
    RESULT: "CAST(coalesce(r.completed_at, r.started_at, r.status_at) AS VARCHAR)",
    ENROLLMENT: "CASE WHEN r.exited_on IS NULL THEN '~' ELSE '' END || "
    "coalesce(CAST(r.entered_on AS VARCHAR), '')",
    SCORING: "''",
}
_GRADE = {RESULT: "r.grade_when_assessed", ENROLLMENT: "r.grade_enrolled", SCORING: "''"}
_SCHOOL = {RESULT: "r.school_id", ENROLLMENT: "r.school_id", SCORING: "''"}
_HOLDS = {RESULT: " AND r.status IS DISTINCT FROM 'reset'", ENROLLMENT: "", SCORING: " AND false"}


class NarrowSnapshot(Snapshot):
    """A snapshot that reads some tables, and of those with slices some school years.

    `years` None: all of them. `is_named`: SQL names the tables as `views` says; else rows are read
    with `rows_of` alone, which begins sooner. The engine is the one in this process.
    """

    engine: Local

    def __init__(
        self,
        warehouse: Warehouse,
        tables: Iterable[str],
        years: Mapping[str, Iterable[str]] | None = None,
        as_of: str = "",
        *,
        is_named: bool = True,
    ) -> None:
        self._wanted = {*tables, "supersession"}
        self._years = None if years is None else {name: {*few} for name, few in years.items()}
        self._root, self._catalog = warehouse.root, warehouse.catalog
        scratch = warehouse.root / SCRATCH_FOLDER
        self.engine = Local(
            scratch, memory_megabytes=1_000, threads=None if is_named else 1, is_shared=not is_named
        )
        self._lease = Lease(self._catalog)
        try:
            self.number, self.files = self._take()
            self.last_import = import_of(self._catalog, as_of) if as_of else self._newest()
            if is_named:
                self._define()
        except BaseException:
            self.close()
            raise

    def _define(self) -> None:
        """Define the views of the tables that are read; there are many others."""
        files = [file for file in self.files if file.first_import <= self.last_import]
        gone = [file for file in files if file.table == "supersession"]
        for name in ("supersession", *sorted(self._wanted - {"supersession"})):
            own = [file for file in files if file.table == name]
            define_table(self.engine, TABLES[name], own, gone, self.last_import)

    def rows_of(
        self, name: str, where: str, *, within: str = "", what: str = "*"
    ) -> list[Mapping[str, Any]]:
        """Every row of a table, up to this moment, for which a condition holds.

        `within`: the slice that they stand in, where that is known.
        """
        files = [
            file for file in self.files
            if file.table == name and file.first_import <= self.last_import
            and within in ("", file.slice)
        ]  # fmt: skip
        if not files:
            return []
        text = reading([file.path for file in files], TABLES[name].schema)
        if any(file.last_import > self.last_import for file in files):
            where = f"import_id <= {self.last_import} AND ({where})"
        rows: list[Mapping[str, Any]] = self.sql(
            f"SELECT {what} FROM ({text}) AS t WHERE {where}"
        ).to_pylist()
        return rows

    def _take(self) -> tuple[int, list[DataFile]]:
        number, files = super()._take()
        return number, [file for file in files if self._wants(file)]

    def _wants(self, file: DataFile) -> bool:
        if file.table not in self._wanted:
            return False
        if self._years is None or file.table not in self._years:
            return True
        return file.slice in self._years[file.table]


@dataclass(frozen=True)
class Changes:
    """What is new since an import: students by table, and the years in which they have rows."""

    since: int
    students: Mapping[str, frozenset[str]]  # table -> students
    stands: Mapping[int, Mapping[str, frozenset[str]]]  # source -> school year -> students
    old_rows: int  # rows of the sources that aren't new


def source_rows(snapshot: Snapshot) -> int:
    """How many rows the tables have that the index is made of."""
    return sum(file.rows for file in snapshot.files if file.table in SOURCES)


def rows_since(snapshot: Snapshot, since: int) -> int:
    """How many rows stand in files that have only newer ones than an import."""
    newer = (file for file in snapshot.files if file.first_import > since)
    return sum(file.rows for file in newer if file.table in SOURCES)


def changes(snapshot: Snapshot, since: int) -> Changes:
    """Look through the files that have newer rows than an import."""
    students: dict[str, frozenset[str]] = {}
    stands: dict[int, dict[str, set[str]]] = {}
    new_rows = 0
    gone = _gone(snapshot, since)
    for name in SOURCES:
        files = [f for f in snapshot.files if f.table == name and f.last_import > since]
        new_rows += _count(snapshot, name, files, since)
        touched = _touched(snapshot, name, files, since, gone.get(name, []))
        if name in _IN_YEARS:
            for year, student in touched:
                years = stands.setdefault(_IN_YEARS[name], {})
                years.setdefault(year, set()).add(student)
        students[name] = frozenset(student for _, student in touched)
    old = source_rows(snapshot) - new_rows
    frozen = {
        source: {year: frozenset(few) for year, few in years.items()}
        for source, years in stands.items()
    }
    return Changes(since, students, frozen, old)


def _gone(snapshot: Snapshot, since: int) -> dict[str, list[int]]:
    """The rows that were replaced or withdrawn since an import, by table."""
    files = [f for f in snapshot.files if f.table == "supersession" and f.last_import > since]
    snapshot.engine.files("gone_new", [f.path for f in files], TABLES["supersession"].schema)
    rows = snapshot.sql(f"SELECT table_name, old_row FROM gone_new WHERE import_id > {since}")
    found: dict[str, list[int]] = {}
    for name, row in zip(*(rows[column].to_pylist() for column in rows.column_names), strict=True):
        found.setdefault(name, []).append(row)
    return found


def _count(snapshot: Snapshot, name: str, files: list[DataFile], since: int) -> int:
    if all(file.first_import > since for file in files):
        return sum(file.rows for file in files)
    snapshot.engine.files("counted", [f.path for f in files], TABLES[name].schema)
    counted = snapshot.sql(f"SELECT count(*) AS n FROM counted WHERE import_id > {since}")
    return int(counted["n"][0].as_py())


def _touched(
    snapshot: Snapshot, name: str, files: list[DataFile], since: int, gone: list[int]
) -> set[tuple[str, str]]:
    """Years and students of new rows, and of rows that something new replaced."""
    found = _pairs(snapshot, name, files, f"import_id > {since}")
    if gone:
        imports = {row >> ROW_BITS for row in gone}
        own = [file for file in snapshot.files if file.table == name]
        old = [f for f in own if any(f.first_import <= n <= f.last_import for n in imports)]
        snapshot.engine.register("gone_rows", pa.table({"row_id": pa.array(gone, pa.int64())}))
        found |= _pairs(snapshot, name, old, "row_id IN (SELECT row_id FROM gone_rows)")
        snapshot.engine.drop("gone_rows")
    return found


def _pairs(
    snapshot: Snapshot, name: str, files: list[DataFile], where: str
) -> set[tuple[str, str]]:
    if not files:
        return set()
    snapshot.engine.files("looked_at", [file.path for file in files], TABLES[name].schema)
    year = "coalesce(school_year, '')" if name in _IN_YEARS else "''"
    ids = ("old_id", "student_id") if name == "ssid_replacement" else ("student_id",)
    found: set[tuple[str, str]] = set()
    for column in ids:
        rows = snapshot.sql(
            f"SELECT DISTINCT {year} AS school_year, {column} AS student_id FROM looked_at "
            f"WHERE {where} AND {column} IS NOT NULL"
        )
        found |= {
            *zip(rows["school_year"].to_pylist(), rows["student_id"].to_pylist(), strict=True)
        }
    return found


def replacements(snapshot: Snapshot) -> dict[str, str]:
    """Each replaced identifier and the one in force, over several steps where there were."""
    rows = snapshot.sql(
        "SELECT old_id, student_id FROM ssid_replacement "
        "WHERE student_id IS NOT NULL AND student_id <> old_id"
    )
    return followed(
        dict(zip(rows["old_id"].to_pylist(), rows["student_id"].to_pylist(), strict=True))
    )


def followed(step: Mapping[str, str]) -> dict[str, str]:
    """Each replaced identifier and the one in force, from what replaced each."""
    return {old: end for old in step if (end := _end(old, step)) != old}


def _end(old: str, step: Mapping[str, str]) -> str:
    """Follow replacements; a circle ends at its least identifier, from wherever it is entered."""
    seen = [old]
    while (following := step.get(seen[-1])) is not None:
        if following in seen:
            return min(seen[seen.index(following) :])
        seen.append(following)
    return seen[-1]


_PERSON = (
    "s.last_or_surname AS last_name, s.first_name, s.middle_name, s.alias_name, "
    "CAST(s.birth_date AS VARCHAR) AS birth_date, s.sex, s.row_id IS NOT NULL AS is_known"
)


def everyone_text(among: str = "") -> str:
    """SQL: every identifier that stands anywhere, and what the table of students says.

    `among` names a table whose `student_id` are those wanted.
    """
    columns = [(name, "student_id") for name in SOURCES] + [("ssid_replacement", "old_id")]
    union = " UNION ".join(
        f"SELECT {column} AS student_id FROM {name}__rows WHERE {column} IS NOT NULL"
        for name, column in columns
    )
    return (
        f"SELECT u.student_id, {_PERSON} "
        f"FROM ({f'SELECT student_id FROM {among}' if among else union}) AS u "
        "LEFT JOIN student AS s ON s.student_id = u.student_id"
    )


def people(snapshot: Snapshot, among: str = "") -> Iterator[list[Mapping[str, Any]]]:
    """The same in order, piece by piece."""
    for batch in snapshot.batches(f"{everyone_text(among)} ORDER BY u.student_id"):
        yield batch.to_pylist()


def new_people(snapshot: Snapshot, since: int) -> Iterator[list[Mapping[str, Any]]]:
    """The same of those whose row is newer than an import, piece by piece; nothing else is read."""
    files = [f for f in snapshot.files if f.table == "student" and f.last_import > since]
    snapshot.engine.files("student_new", [f.path for f in files], TABLES["student"].schema)
    text = (
        f"SELECT s.student_id, {_PERSON} FROM student_new AS s WHERE s.import_id > {since} "
        "AND s.student_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM supersession__rows AS g "
        "WHERE g.table_name = 'student' AND g.old_row = s.row_id) ORDER BY s.student_id"
    )
    for batch in snapshot.batches(text):
        yield batch.to_pylist()


def local_ids_text(among: str = "") -> str:
    """SQL: local identifiers that hold."""
    where = f" WHERE student_id IN (SELECT student_id FROM {among})" if among else ""
    return f"SELECT local_id, student_id, coalesce(entity_id, '') AS entity_id FROM local_id{where}"


def local_ids(snapshot: Snapshot, among: str = "") -> Iterator[Mapping[str, str]]:
    """The same, piece by piece."""
    text = f"{local_ids_text(among)} ORDER BY local_id, student_id, entity_id"
    for batch in snapshot.batches(text):
        yield from batch.to_pylist()


def stands_text(snapshot: Snapshot, source: int, year: str, among: str = "") -> str:
    """SQL: student, school and latest of the rows of one year of a table."""
    name = next(name for name, number in _IN_YEARS.items() if number == source)
    files = [f for f in snapshot.files if f.table == name and f.slice == year]
    where = f" AND r.student_id IN (SELECT student_id FROM {among})" if among else ""
    view = f"{name} in {year}".replace('"', "'")
    snapshot.engine.files(view, [f.path for f in files], TABLES[name].schema)
    return (
        f"SELECT r.student_id, coalesce({_SCHOOL[source]}, '') AS school_id, "
        f"max(CASE WHEN g.old_row IS NULL{_HOLDS[source]} THEN "
        f"coalesce({_SEEN[source]}, '') || '{BAR}' || coalesce({_GRADE[source]}, '') END) "
        "AS latest "
        f'FROM "{view}" AS r LEFT JOIN (SELECT DISTINCT old_row FROM supersession__rows '
        f"WHERE table_name = '{name}') AS g ON g.old_row = r.row_id "
        f"WHERE r.student_id IS NOT NULL{where} GROUP BY 1, 2"
    )


def stands(
    snapshot: Snapshot, source: int, year: str, among: str = ""
) -> Iterator[tuple[str, str, str | None]]:
    """The same in order, piece by piece."""
    for batch in snapshot.batches(f"{stands_text(snapshot, source, year, among)} ORDER BY 1, 2"):
        columns = [batch.column(place).to_pylist() for place in range(3)]
        yield from zip(*columns, strict=True)


def years_of(snapshot: Snapshot) -> Iterator[tuple[int, str]]:
    """Each source and school year that has rows."""
    pairs = {
        (_IN_YEARS[file.table], file.slice) for file in snapshot.files if file.table in _IN_YEARS
    }
    yield from sorted(pairs)
