"""Lists of students that teachers and programs keep: the incumbent's student groups file.

Columns and rows may stand in any order, the file may be of any size, and so may a list. The
lists that a file names are replaced by it, others stay. A row may name a student, a viewer,
both, or neither. A list gives sight of one subject, or of all (All, or blank in all its rows).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from scorehouse.errors import InputRefusedError
from scorehouse.terms import SchoolYear, Subject
from scorehouse.warehouse.kinds.people_text import ROW, pieces
from scorehouse.warehouse.kinds.result_values import frame
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of

_MARKS = {"group_name", "school_natural_id", "school_year", "group_user_login"}
_KEYS = ("school_id", "roster_name", "school_year")
_COLUMNS = {
    "school_id": "school_natural_id", "roster_name": "group_name", "school_year": "school_year",
    "subject": "subject_code", "student_id": "student_ssid", "login": "group_user_login",
}  # fmt: skip
_ALL = "all"


def recognise(head: Head) -> Guess | None:
    """Tell a student groups file by its columns."""
    if {name.strip().lower() for name in head.columns} >= _MARKS:
        return Guess(1.0, "it has the columns of student groups")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the lists of a file: their students and viewers are those of the file."""
    found = list(_sound(loading, path))
    rows = pl.concat(found) if found else pl.DataFrame()
    if not rows.height:
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    rows = _with_subjects(loading, path, rows)
    rosters = rows.select(*_KEYS, "subject").unique(_KEYS, keep="first", maintain_order=True)
    students = rows.filter(pl.col("student_id") != "").select(*_KEYS, "student_id")
    viewers = rows.filter(pl.col("login") != "").select(*_KEYS, "login")
    merged = [
        merge(loading.transaction, "roster", rosters.to_arrow(), import_id),
        _members(loading, "roster_student", rosters, students, import_id),
        _members(loading, "roster_viewer", rosters, viewers, import_id),
        _bare_students(loading, students, import_id),
    ]
    return ending_of(*merged, prefixes=("rosters", "students", "viewers", "people"))


def _members(
    loading: Loading, name: str, rosters: pl.DataFrame, rows: pl.DataFrame, import_id: int
) -> Merged:
    """Bring the students or viewers of lists; those that a list no longer has are withdrawn."""
    distinct = rows.unique(maintain_order=True).to_arrow()
    merged = merge(loading.transaction, name, distinct, import_id, within=_KEYS)
    emptied = _emptied(loading, name, rosters.join(rows, on=_KEYS, how="anti"), import_id)
    return merged._replace(gone=merged.gone + emptied)


def _emptied(loading: Loading, name: str, empty: pl.DataFrame, import_id: int) -> int:
    """Withdraw what is held of lists that the file names without any member of this kind."""
    transaction = loading.transaction
    if not empty.height:
        return 0
    transaction.engine.register("emptied", empty.select(_KEYS).to_arrow())
    same = " AND ".join(f"h.{key} = e.{key}" for key in _KEYS)
    try:
        gone = transaction.sql(
            f"SELECT h.row_id AS old_row FROM {name}__latest AS h JOIN emptied AS e ON {same}"
        )
    finally:
        transaction.engine.drop("emptied")
    return transaction.supersede(name, gone, import_id, "correction")


def _bare_students(loading: Loading, students: pl.DataFrame, import_id: int) -> Merged:
    """A student nobody knows yet becomes known by the identifier alone."""
    transaction = loading.transaction
    transaction.engine.register("listed", students.select("student_id").unique().to_arrow())
    try:
        new = transaction.sql(
            "SELECT l.student_id, 'group' AS info_from FROM listed AS l WHERE NOT EXISTS "
            "(SELECT 1 FROM student__latest AS s WHERE s.student_id = l.student_id) ORDER BY 1"
        )
    finally:
        transaction.engine.drop("listed")
    return merge(transaction, "student", new, import_id)


# --- rows ---


def _sound(loading: Loading, path: Path) -> Iterator[pl.DataFrame]:
    """The rows that can be taken, piece by piece; of each of the others a finding tells why."""
    schools = frame(loading.transaction.sql("SELECT DISTINCT entity_id FROM entity"))["entity_id"]
    subjects = _subjects(loading)
    for piece in pieces(path, loading.log):
        rows = _named(piece)
        problem = (
            pl.when(pl.col("school_id") == "").then(pl.lit("school_id"))
            .when(pl.col("roster_name") == "").then(pl.lit("roster_name"))
            .when(_year().is_null()).then(pl.lit("school_year"))
            .when(~_subject(subjects).is_not_null()).then(pl.lit("subject"))
            .when(~pl.col("school_id").is_in(schools.implode())).then(pl.lit("unknown"))
        )  # fmt: skip
        judged = rows.with_columns(problem.alias("problem"))
        _tell(loading, path, judged.drop_nulls("problem"))
        yield judged.filter(pl.col("problem").is_null()).select(
            ROW, *_KEYS[:2], _year(), _subject(subjects), "student_id", "login"
        )


def _named(piece: pl.DataFrame) -> pl.DataFrame:
    """Columns by our names, whatever their order and case; those that are missing are blank."""
    names: dict[str, str] = {}
    for name in piece.columns:
        if names.setdefault(name.strip().lower(), name) != name:
            raise InputRefusedError(f"the column {name.strip().lower()} stands twice")
    return piece.select(
        ROW,
        *(
            (pl.col(names[column]) if column in names else pl.lit("")).alias(ours)
            for ours, column in _COLUMNS.items()
        ),
    )


def _year() -> pl.Expr:
    """The school year in its own spelling; null: it is none."""
    return pl.col("school_year").map_elements(_year_of, return_dtype=pl.String)


def _year_of(text: str) -> str | None:
    try:
        return str(SchoolYear.parse_file_year(text))
    except ValueError:
        return None


def _subjects(loading: Loading) -> dict[str, str]:
    """What a file may write -> the subject's code: the two scored here, and the defined ones."""
    defined = loading.transaction.sql("SELECT DISTINCT subject FROM subject_type")["subject"]
    known = {code.lower(): code for code in defined.to_pylist() if code}
    written = ("ela", "math", "ma", "mathematics")
    return {"": "", _ALL: _ALL, **known, **{text: Subject.parse(text).value for text in written}}


def _subject(known: dict[str, str]) -> pl.Expr:
    """A subject's code, `all`, or blank where the row doesn't say; null: it is none."""
    lowered = pl.col("subject").str.to_lowercase()
    return lowered.replace_strict(known, default=None, return_dtype=pl.String)


def _tell(loading: Loading, path: Path, rows: pl.DataFrame) -> None:
    for row in rows.iter_rows(named=True):
        problem = row["problem"]
        if problem == "unknown":
            loading.log.add(
                "roster_school_unknown", file=path.name, row=row[ROW], value=row["school_id"]
            )
        else:
            why = f"{row[problem]!r}, which it can't be" if row[problem] else "blank"
            loading.log.add(
                "roster_row", file=path.name, row=row[ROW], field=_COLUMNS[problem], value=why
            )


def _with_subjects(loading: Loading, path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    """Give each list its subject; rows that state another than an earlier row are left out."""
    stated = rows.filter(pl.col("subject") != "")
    first = stated.group_by(_KEYS, maintain_order=True).agg(pl.col("subject").first().alias("own"))
    told = rows.join(first, on=_KEYS, how="left", maintain_order="left")
    differs = ((pl.col("subject") != "") & (pl.col("subject") != pl.col("own"))).fill_null(False)
    for row in told.filter(differs).iter_rows(named=True):
        why = f"{row['subject']!r}, but {row['own']!r} in an earlier row of the same list"
        loading.log.add(
            "roster_row", file=path.name, row=row[ROW], field="subject_code", value=why
        )  # fmt: skip
    subject = pl.when(pl.col("own") != _ALL).then(pl.col("own"))
    return told.filter(~differs).with_columns(subject.alias("subject")).drop("own")


KINDS = (Kind("groups", "student groups", 40, recognise, bring),)
