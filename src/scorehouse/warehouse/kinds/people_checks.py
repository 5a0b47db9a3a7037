"""What can't be right about students and enrollments, said before their rows are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import polars as pl

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.kinds.people_text import RACES, ROW

_OLDEST_YEARS = 90  # a roster may be of long ago; what is caught is a slipped century
_YEAR_BEGINS = 7  # month in which a school year begins
_EXPONENT = r"^\d+([.,]\d+)?[eE]\+?\d+$"
_DIGITS = r"^\d+$"
SHORT_CODE = r"^\d{13}$"
"""A county-district-school code has 14 digits: one of 13 lost its first zero."""

_MAY_CONTRADICT = ("birth_date", "sex", *RACES)


def with_good_ids(
    log: FindingLog, shown: str, rows: pl.DataFrame, fields: Mapping[str, str]
) -> pl.DataFrame:
    """Leave out rows whose identifiers a spreadsheet damaged, or that name no student.

    `fields`: the columns of identifiers -> `student` or `school`.
    """
    verdict = pl.lit("")
    named = pl.lit("")
    for column, what in fields.items():
        told = _verdict(rows, column, is_student=what == "student")
        is_news = (verdict == "") & (told != "")
        named = pl.when(is_news).then(pl.lit(column)).otherwise(named)
        verdict = pl.when(is_news).then(told).otherwise(verdict)
    judged = rows.with_columns(verdict.alias("verdict_"), named.alias("named_"))
    bad = judged.filter(pl.col("verdict_") != "").select(ROW, "verdict_", "named_")
    for row, rule, column in bad.iter_rows():
        log.add(rule, file=shown, row=row, field=column)
    return judged.filter(pl.col("verdict_") == "").drop("verdict_", "named_")


def _verdict(rows: pl.DataFrame, column: str, *, is_student: bool) -> pl.Expr:
    """The finding that an identifier is worth; blank: none."""
    text = pl.col(column)
    told = pl.when(text.str.contains(_EXPONENT)).then(pl.lit("people_id_exponent"))
    if not is_student:
        short = told.when(text.str.contains(SHORT_CODE)).then(pl.lit("people_code_short"))
        return short.otherwise(pl.lit(""))
    usual = _usual_length(rows[column])
    is_short = text.str.contains(_DIGITS) & (text.str.len_chars() < usual)
    missing = told.when(text == "").then(pl.lit("people_id_missing"))
    return missing.when(is_short).then(pl.lit("people_id_short")).otherwise(pl.lit(""))


def _usual_length(ids: pl.Series) -> int:
    """The length of most of the identifiers, where most of them are digits of one length."""
    lengths = ids.filter(ids.str.contains(_DIGITS)).str.len_chars()
    counted = lengths.value_counts(sort=True)
    if counted.is_empty():
        return 0
    length, count = counted.row(0)
    return int(length) if 2 * count > len(ids) else 0


def with_possible_births(
    log: FindingLog, shown: str, students: pl.DataFrame, at: date
) -> pl.DataFrame:
    """Empty the birth dates that no student can have on a day."""
    if "birth_date" not in students.columns:
        return students
    born = pl.col("birth_date")
    is_bad = ((born > at) | (born < at.replace(year=at.year - _OLDEST_YEARS, day=1))).fill_null(
        False
    )
    for row in students.filter(is_bad)[ROW].to_list():
        log.add("student_birth_impossible", file=shown, row=row, field="birth_date")
    return students.with_columns(pl.when(~is_bad).then(born).alias("birth_date"))


def with_possible_days(
    log: FindingLog, shown: str, rows: pl.DataFrame, begin: str, end: str
) -> pl.DataFrame:
    """Leave out periods that end before they begin."""
    if not {begin, end} <= {*rows.columns}:
        return rows
    is_backward = (pl.col(end) < pl.col(begin)).fill_null(False)
    for row in rows.filter(is_backward)[ROW].to_list():
        log.add("people_days_backward", file=shown, row=row, field=end, begin=begin)
    return rows.filter(~is_backward)


def tell_outside_year(log: FindingLog, shown: str, rows: pl.DataFrame) -> None:
    """Say which enrollments begin outside of the school year they name."""
    year = (pl.col("school_year").str.slice(0, 4)).cast(pl.Int32, strict=False)
    entered = year_begun(pl.col("entered_on"))
    for row in rows.filter(entered != year)[ROW].to_list():
        log.add("enrollment_outside_year", file=shown, row=row, field="entered_on")


def year_begun(days: pl.Expr) -> pl.Expr:
    """The calendar year in which the school year of a day began."""
    return days.dt.year() - (days.dt.month() < _YEAR_BEGINS).cast(pl.Int32)


def year_of(days: pl.Expr) -> pl.Expr:
    """The school year of a day, as in 2018-19."""
    begun = year_begun(days)
    ends = ((begun + 1) % 100).cast(pl.String).str.zfill(2)
    return begun.cast(pl.String) + "-" + ends


class Contradictions:
    """Remembers what the rows of a file said of each student, to tell where they disagree."""

    def __init__(self) -> None:
        self._seen: list[pl.DataFrame] = []

    def note(self, students: pl.DataFrame) -> None:
        """Take in the rows of a piece."""
        names = [name for name in _MAY_CONTRADICT if name in students.columns]
        if names:
            self._seen.append(students.select("student_id", ROW, *names))

    def tell(self, log: FindingLog, shown: str) -> None:
        """Say of each row that contradicts an earlier one of its student, in which field."""
        if not self._seen:
            return
        seen = pl.concat(self._seen, how="diagonal").sort(ROW)
        doubled = seen.filter(pl.col("student_id").is_duplicated())
        for name in (name for name in _MAY_CONTRADICT if name in seen.columns):
            told = doubled.filter(pl.col(name).is_not_null()).with_columns(
                pl.col(name).shift(1).over("student_id").alias("before_"),
                pl.col(ROW).shift(1).over("student_id").alias("earlier_"),
            )
            differing = told.filter(pl.col("before_") != pl.col(name))
            for row, earlier in differing.select(ROW, "earlier_").iter_rows():
                log.add("student_contradicted", file=shown, row=row, field=name, earlier=earlier)


def folded(rows: pl.DataFrame, keys: list[str], newest: str = "") -> pl.DataFrame:
    """One row a key: of each column the last that is filled, by newness and then by place."""
    if not rows.select(pl.struct(keys).is_duplicated().any()).item():
        return rows
    if newest and newest in rows.columns:
        rows = rows.sort(newest, nulls_last=False, maintain_order=True)
    others = [name for name in rows.columns if name not in keys]
    return rows.group_by(keys, maintain_order=True).agg(
        pl.col(name).drop_nulls().last() for name in others
    )
