"""Rows that go: of students in every table, of school years in some, parts with their owners."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from scorehouse.warehouse.engine import quoted
from scorehouse.warehouse.needles import Needles
from scorehouse.warehouse.schema import IMPORT_ID, OWNERS, ROW_ID, TABLES, Table
from scorehouse.warehouse.transaction import Transaction
from scorehouse.warehouse.views import DataFile

PRESENCE = ("result", "scoring", "enrollment", "roster_student", "submission")
"""Tables of which a row in another year keeps a student when a year goes."""
_LIKE = re.compile(r"[\\%]")
NOT_KEPT = "its delivery was purged"


@dataclass(frozen=True)
class Scope:
    """What goes: students (with every identifier they had), and school years of some tables.

    `payload_years`: years whose records go from the archive. `takes_people`: students of
    whom nothing is left go altogether.
    """

    students: tuple[str, ...] = ()
    years: Mapping[str, frozenset[str]] = field(default_factory=dict)
    payload_years: frozenset[str] = frozenset()
    takes_people: bool = False


def every_id(transaction: Transaction, student_id: str) -> tuple[str, ...]:
    """Every identifier of a student: what was replaced goes with what replaced it."""
    links = transaction.sql("SELECT old_id, student_id, replaced_by FROM ssid_replacement")
    groups = [set(filter(None, row.values())) for row in links.to_pylist()]
    found = {student_id}
    while more := set().union(*(group for group in groups if group & found)) - found:
        found |= more
    return tuple(sorted(found))


def find_going(transaction: Transaction, scope: Scope) -> tuple[str, ...]:
    """Name the rows that go `going_row`; return the students that go altogether."""
    students = sorted({*scope.students, *_left_without(transaction, scope)})
    _register(transaction, "going_student", students, pa.string(), "student_id")
    going = " UNION ".join(
        f'SELECT {ROW_ID} FROM "{table.name}__rows" WHERE {condition}'
        for table in TABLES.values()
        if (condition := _condition(table, scope)) and not table.owner
    )
    engine = transaction.engine
    engine.register("going_row", engine.sql(f"SELECT DISTINCT {ROW_ID} FROM ({going}) AS g"))
    _name_sittings(transaction)
    return tuple(students)


def _register(
    transaction: Transaction, name: str, values: Iterable[object], kind: pa.DataType, column: str
) -> None:
    transaction.engine.register(name, pa.table({column: pa.array(list(values), kind)}))


def _condition(table: Table, scope: Scope) -> str:
    """SQL: whether a row of a table without owners goes; blank: none of it does."""
    students = "(SELECT student_id FROM going_student)"
    parts = [f'"{column}" IN {students}' for column in table.of_privacy("student_id")]
    if scope.years.get(table.name):
        parts.append(_of_years(scope.years[table.name]))
    if table.name == "submission" and scope.years.get("submission"):
        years = _of_years(scope.years["submission"])
        parts.append(
            "(coalesce(school_year, '') = '' AND import_id IN "
            f"(SELECT import_id FROM submission__rows WHERE {years}))"
        )
    return " OR ".join(parts)


def _of_years(years: Iterable[str]) -> str:
    listed = ", ".join(quoted(year) for year in sorted(years))
    return f"coalesce(school_year, '') IN ({listed})"


def _left_without(transaction: Transaction, scope: Scope) -> list[str]:
    """Students who had rows in the years that go, and have none in any other."""
    if not scope.takes_people:
        return []
    going, staying = [], []
    for name in PRESENCE:
        gone = _of_years(scope.years[name]) if scope.years.get(name) else "1 = 0"
        select = f"SELECT student_id FROM {name}__rows"
        going.append(f"{select} WHERE {gone}")
        staying.append(f"{select} WHERE NOT ({gone})")
    found = transaction.sql(
        f"SELECT DISTINCT student_id FROM ({' UNION ALL '.join(going)}) AS g "
        f"WHERE student_id <> '' AND student_id NOT IN (SELECT student_id FROM "
        f"({' UNION ALL '.join(staying)}) AS s WHERE student_id IS NOT NULL)"
    )
    return [str(value) for value in found["student_id"].to_pylist()]


def _name_sittings(transaction: Transaction) -> None:
    """Name `going_sitting` the opportunities that go and that no row that stays has."""
    sources = " UNION ALL ".join(
        f"SELECT opportunity_id, {ROW_ID} FROM {name}__rows" for name in (*OWNERS, "submission")
    )
    engine = transaction.engine
    engine.register(
        "going_sitting",
        engine.sql(
            "SELECT s.opportunity_id FROM "
            f"({sources}) AS s LEFT JOIN going_row AS g ON g.{ROW_ID} = s.{ROW_ID} "
            "WHERE s.opportunity_id <> '' GROUP BY s.opportunity_id "
            f"HAVING count(*) = count(g.{ROW_ID})"
        ),
    )


def sittings(transaction: Transaction) -> list[str]:
    """The opportunities that go altogether."""
    found = transaction.sql("SELECT opportunity_id FROM going_sitting ORDER BY opportunity_id")
    return [str(value) for value in found["opportunity_id"].to_pylist()]


# --- files ---


def drop_rows(transaction: Transaction, scope: Scope, masked: Needles) -> dict[str, int]:
    """Write the files anew that hold rows that go, or that mention an identifier.

    Return the number of rows that went, by table. `masked` are identifiers that no text may
    mention any more; letters of theirs become x. `moved_number` must be named.
    """
    went: dict[str, int] = {}
    for table in TABLES.values():
        for file in [file for file in transaction.files if file.table == table.name]:
            gone = _drop_from(transaction, table, file, scope, masked)
            went[table.name] = went.get(table.name, 0) + gone
    return {name: count for name, count in went.items() if count}


def _drop_from(
    transaction: Transaction, table: Table, file: DataFile, scope: Scope, needles: Needles
) -> int:
    engine = transaction.engine
    engine.files("looking", [file.path], table.schema)
    gone = _goes(table, scope)
    covered = _covered(transaction, table, gone, needles)
    touched = " OR ".join(filter(None, (gone, _changes(table))))
    told = engine.sql(
        f"SELECT count(*) AS touched, coalesce(sum(CASE WHEN {gone} THEN 1 ELSE 0 END), 0) "
        f"AS gone FROM looking AS x WHERE {touched}"
    ).to_pylist()[0]
    if not told["touched"] and not covered.num_rows:
        return 0
    engine.register("covered", covered)
    path = transaction.new_file(table.name, file.slice, file.last_import)
    count = engine.write(_select(table, gone), path, (*table.order, IMPORT_ID, ROW_ID))
    new = file._replace(path=str(path), rows=count) if count else None
    if new is None:
        path.unlink()
    transaction.replace_files([file], new)
    return int(told["gone"])


def _covered(transaction: Transaction, table: Table, gone: str, needles: Needles) -> pa.Table:
    """Rows that stay and mention an identifier, with its letters masked."""
    mentions = [
        f'x."{name}" LIKE {quoted("%" + _LIKE.sub("_", word) + "%")}'
        for name in _texts(table)
        for word in sorted(needles.sure)
    ]
    if not mentions:
        return table.schema.empty_table()
    columns = ", ".join(f'x."{name}"' for name in table.schema.names)
    rows = transaction.sql(
        f"SELECT {columns} FROM looking AS x WHERE NOT coalesce({gone}, false) "
        f"AND ({' OR '.join(mentions)})"
    ).cast(table.schema)
    masked = [
        {
            name: needles.masked(value.encode()).decode() if isinstance(value, str) else value
            for name, value in row.items()
        }
        for row in rows.to_pylist()
    ]
    changed = [new for new, old in zip(masked, rows.to_pylist(), strict=True) if new != old]
    return pa.Table.from_pylist(changed, table.schema)


def _goes(table: Table, scope: Scope) -> str:
    """SQL: whether row x goes."""
    if table.name == "finding":
        return "x.record IN (SELECT opportunity_id FROM going_sitting)"
    column = table.owner or ("old_row" if table.name == "supersession" else ROW_ID)
    gone = f"x.{column} IN (SELECT {ROW_ID} FROM going_row)"
    years = scope.years.get(table.name) if table.owner else None
    return f"({gone} OR {_of_years(years)})" if years else gone


def _changes(table: Table) -> str:
    """SQL: whether row x stays, with another content."""
    if table.name == "supersession":
        return f"x.new_row IN (SELECT {ROW_ID} FROM going_row)"
    return (
        f"x.{ROW_ID} IN (SELECT {ROW_ID} FROM moved_number)" if table.name == "submission" else ""
    )


def _texts(table: Table) -> list[str]:
    return [field.name for field in table.fields if field.type == "text"]


def _select(table: Table, gone: str) -> str:
    """SQL: the rows that stay, as they are from now on."""
    cells = [f"x.{ROW_ID}", f"x.{IMPORT_ID}"]
    cells += [f'{_cell(table, name)} AS "{name}"' for name in table.names]
    columns = ", ".join(f'"{name}"' for name in table.schema.names)
    source = (
        f"(SELECT {columns} FROM looking WHERE {ROW_ID} NOT IN (SELECT {ROW_ID} FROM covered) "
        f"UNION ALL SELECT {columns} FROM covered) AS x"
    )
    if table.name == "supersession":
        source += f" LEFT JOIN going_row AS g ON g.{ROW_ID} = x.new_row"
    elif table.name == "submission":
        source += f" LEFT JOIN moved_number AS m ON m.{ROW_ID} = x.{ROW_ID}"
    return f"SELECT {', '.join(cells)} FROM {source} WHERE NOT coalesce({gone}, false)"


def _cell(table: Table, name: str) -> str:
    is_lost = f"m.{ROW_ID} IS NOT NULL AND m.new_number IS NULL"
    match table.name, name:
        case "supersession", "new_row":
            return f"CASE WHEN g.{ROW_ID} IS NULL THEN x.new_row END"
        case "supersession", "why":
            return f"CASE WHEN g.{ROW_ID} IS NULL THEN x.why ELSE 'purge' END"
        case "submission", "number":
            return "coalesce(m.new_number, x.number)"
        case "submission", "fate":
            return f"CASE WHEN {is_lost} THEN 'left_out' ELSE x.fate END"
        case "submission", "message":
            return f"CASE WHEN {is_lost} THEN {quoted(NOT_KEPT)} ELSE x.message END"
        case "submission", "waits_for":
            return f"CASE WHEN {is_lost} THEN '' ELSE x.waits_for END"
    return f'x."{name}"'
