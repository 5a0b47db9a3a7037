"""Lists of students that teachers and programs keep: the incumbent's student groups file.

Columns and rows may stand in any order, and a list may be of any size. The lists that a file
names are replaced by it, others stay. A row may name a student, a viewer, both, or neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from scorehouse.intake.readers.tables import text_rows
from scorehouse.terms import SchoolYear, Subject
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of

_MARKS = {"group_name", "school_natural_id", "school_year", "group_user_login"}
_KEYS = ("school_id", "roster_name", "school_year")
_REQUIRED = ("school_natural_id", "group_name", "school_year")
"""Columns that no row may leave blank."""


def recognise(head: Head) -> Guess | None:
    """Tell a student groups file by its columns."""
    if {name.strip().lower() for name in head.columns} >= _MARKS:
        return Guess(1.0, "it has the columns of student groups")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the lists of a file: their students and viewers are those of the file."""
    rows = pl.DataFrame(list(_rows(loading, path)), schema=_SCHEMA)
    rows = _without_contradictions(loading, path, rows)
    if not rows.height:
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    transaction = loading.transaction
    rosters = rows.select(*_KEYS, "subject").unique(_KEYS, keep="first", maintain_order=True)
    students = rows.filter(pl.col("student_id") != "").select(*_KEYS, "student_id")
    viewers = rows.filter(pl.col("login") != "").select(*_KEYS, "login")
    merged = [merge(transaction, "roster", rosters.to_arrow(), import_id)]
    for name, part in (("roster_student", students), ("roster_viewer", viewers)):
        distinct = part.unique(maintain_order=True)
        merged.append(merge(transaction, name, distinct.to_arrow(), import_id, within=_KEYS))
        merged[-1] = merged[-1]._replace(
            gone=merged[-1].gone + _emptied(loading, name, rosters, part, import_id)
        )
    _bring_students(loading, students, import_id)
    return ending_of(*merged, prefixes=("rosters", "students", "viewers"))


_SCHEMA = {
    **dict.fromkeys((*_KEYS, "subject", "student_id", "login"), pl.String),
    "row": pl.Int64,
}


def _emptied(
    loading: Loading, name: str, rosters: pl.DataFrame, part: pl.DataFrame, import_id: int
) -> int:
    """Withdraw the members of lists that the file names without any member of this kind."""
    empty = rosters.join(part, on=_KEYS, how="anti")
    if not empty.height:
        return 0
    transaction = loading.transaction
    transaction.engine.register("emptied", empty.select(_KEYS).to_arrow())
    same = " AND ".join(f"h.{key} = e.{key}" for key in _KEYS)
    gone = transaction.sql(
        f"SELECT h.row_id AS old_row FROM {name}__latest AS h JOIN emptied AS e ON {same}"
    )
    transaction.engine.drop("emptied")
    return transaction.supersede(name, gone, import_id, "correction")


def _bring_students(loading: Loading, students: pl.DataFrame, import_id: int) -> Merged:
    """A student nobody knows yet becomes known by the identifier alone."""
    bare = students.select("student_id").unique(maintain_order=True)
    held = loading.transaction.sql("SELECT student_id FROM student")["student_id"].to_pylist()
    new = bare.filter(~pl.col("student_id").is_in(held)).with_columns(info_from=pl.lit("group"))
    return merge(loading.transaction, "student", new.to_arrow(), import_id)


def _rows(loading: Loading, path: Path) -> Iterator[dict[str, object]]:
    known = set(
        loading.transaction.sql("SELECT DISTINCT entity_id FROM entity")["entity_id"].to_pylist()
    )
    for row in text_rows(path, loading.log):
        cells = {name.lower(): value for name, value in row.cells.items()}
        problem = _problem(cells, known)
        if problem:
            loading.log.add(
                "roster_row", file=path.name, row=row.number, field=problem[0], value=problem[1]
            )
            continue
        yield {
            "school_id": cells["school_natural_id"],
            "roster_name": cells["group_name"],
            "school_year": str(SchoolYear.parse_file_year(cells["school_year"])),
            "subject": _subject(cells.get("subject_code", "")),
            "student_id": cells.get("student_ssid", ""),
            "login": cells.get("group_user_login", ""),
            "row": row.number,
        }


def _problem(cells: dict[str, str], known: set[str]) -> tuple[str, str] | None:
    """The field that is wrong, and what is wrong with it."""
    for name in _REQUIRED:
        if not cells.get(name):
            return name, "blank"
    try:
        SchoolYear.parse_file_year(cells["school_year"])
    except ValueError:
        return "school_year", "not a school year"
    if cells["school_natural_id"] not in known:
        return "school_natural_id", "a school that is not known"
    return None


def _subject(text: str) -> str | None:
    """The subject a list gives sight of; None: all."""
    if text.strip().lower() in ("", "all"):
        return None
    try:
        return Subject.parse(text).value
    except ValueError:
        return text.strip()


def _without_contradictions(loading: Loading, path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """A list with two subjects keeps the first; the rows that say otherwise are left out."""
    first = rows.group_by(_KEYS, maintain_order=True).agg(held=pl.col("subject").first())
    told = rows.join(first, on=_KEYS, how="left", maintain_order="left")
    is_other = ~pl.col("subject").eq_missing(pl.col("held"))
    for number in told.filter(is_other)["row"].to_list():
        loading.log.add(
            "roster_row", file=path.name, row=number, field="subject_code",
            value="another subject than the list's first row",
        )  # fmt: skip
    return told.filter(~is_other).drop("held")


KINDS = (Kind("groups", "student groups", 40, recognise, bring),)
