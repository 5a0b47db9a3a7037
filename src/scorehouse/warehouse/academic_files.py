"""Rosters, scores and schools from files, for the Academic Indicator without a warehouse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.accountability.academic.shapes import RESULTS, ROSTER
from scorehouse.accountability.academic.sums import POINT
from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.academic_years import (
    SUBJECTS,
    School,
    Window,
    Year,
    with_taken_windows,
)

_NEEDED_OF_ROSTER = ("student_id", "school_id")
_NEEDED_OF_SCORES = ("student_id", "subject", "test_grade")
_CODE_14, _CODE_13 = re.compile(r"\d{14}"), re.compile(r"\d{13}")
_TRUE = ("true", "y", "yes", "1")
_FALSE = ("false", "n", "no", "0")
_GRADES = re.compile(r"0?([1-9]|1[0-2])")
_STATUSES = {"scored": "Y", "lowest_score": "T", "not_scored": "N"}
_RACES = ("AA", "AI", "AS", "FI", "HI", "PI", "WH", "MR", "")
_ROW = "row_number"
ERRORS = pa.schema(
    [("student_id", pa.string()), ("school_year", pa.string()), ("subject", pa.string()),
     ("se_scale", pa.float64())]
)  # fmt: skip
_DISTRICT_DIGITS, _SCHOOL_ZEROS = 7, "0000000"


class Table(NamedTuple):
    """A file's rows as text, under the name by which findings tell of it."""

    name: str
    rows: pl.DataFrame

    def with_columns(self, needed: Iterable[str]) -> pl.DataFrame:
        """The rows, numbered from 1. Raises UsageError without a column that is needed."""
        missing = [name for name in needed if name not in self.rows.columns]
        if missing:
            raise UsageError(f"{self.name} lacks the columns {', '.join(missing)}")
        return self.rows.with_row_index(_ROW, offset=1)

    @property
    def years(self) -> Mapping[str, SchoolYear]:
        """The school years that rows say, by how they say them; blanks say none."""
        if "school_year" not in self.rows.columns:
            return {}
        try:
            return {
                text: SchoolYear.parse_file_year(text)
                for text in self.rows["school_year"].unique()
                if text
            }
        except ValueError as error:
            raise UsageError(f"{self.name}: {error}") from None


def table_of(path: Path) -> pl.DataFrame:
    """A CSV file, every cell as text, or a Parquet file as it is.

    Raises UsageError when it isn't there or can't be read.
    """
    if not path.is_file():
        raise UsageError(f"there is no file {path.name}")
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError as error:
        raise UsageError(f"{path.name} can't be read: {str(error).splitlines()[0]}") from None


def read_table(path: Path) -> Table:
    """A CSV or Parquet file, every cell as trimmed text; empty ones are blank."""
    frame = table_of(path).rename(lambda name: name.strip().lower())
    text = pl.all().cast(pl.String).str.strip_chars().fill_null("")
    return Table(path.name, frame.with_columns(text))


def roster_of(table: Table, year: SchoolYear, log: FindingLog) -> pa.Table:
    """The roster of a year in the shape of `shapes.ROSTER`; `school_year` columns choose rows.

    A value that can't be read is a finding and its row is left out; a row twice counts once.
    Raises UsageError without the columns that are needed.
    """
    frame = _of_year(table, table.with_columns(_NEEDED_OF_ROSTER), year)
    made = _Reader(table.name, frame, log)
    for name, kind in zip(ROSTER.names, ROSTER.types, strict=True):
        made.add(name, kind)
    made.check("school_id", _is_code(pl.col("school_id")), _code_words)
    for name in ("residence_lea", "accountable_lea"):
        blank = pl.col(name) == ""
        made.check(name, blank | _is_code(pl.col(name)), _code_words)
    made.check(
        "race_ethnicity", pl.col("race_ethnicity").str.to_uppercase().is_in(_RACES),
        lambda _value: f"the race or ethnicity is one of {', '.join(_RACES[:-1])}",
    )  # fmt: skip
    kept = made.kept().with_columns(
        school_year=pl.lit(str(year)),
        grade_enrolled=_grade("grade_enrolled"),
        race_ethnicity=pl.col("race_ethnicity").str.to_uppercase(),
        el_status=pl.col("el_status").str.to_uppercase(),
    )
    kept = _in_order(table.name, kept, log)
    return _without_repeats(table.name, kept.drop(_ROW), log).to_arrow().cast(ROSTER)


def _in_order(name: str, kept: pl.DataFrame, log: FindingLog) -> pl.DataFrame:
    """Leave out enrollments that end before they begin."""
    backward = (pl.col("exited_on") < pl.col("entered_on")).fill_null(value=False)
    for number in kept.filter(backward)[_ROW]:
        log.add("academic_dates", file=name, row=number, field="exited_on")
    return kept.filter(~backward)


def results_of(table: Table, year: SchoolYear, log: FindingLog) -> tuple[pa.Table, pa.Table]:
    """Results of a year in the shape of `shapes.RESULTS`, and standard errors as `ERRORS`.

    What `scorehouse score` writes does, of which the overall scores are taken, as does any
    table with a student, subject, grade and scale score. `distance` of alternate assessments
    is in points. Errors as for `roster_of`.
    """
    frame = table.with_columns(_NEEDED_OF_SCORES)
    if "measure" in frame.columns:
        frame = frame.filter(pl.col("measure").is_in(["overall", ""]))
    frame = _of_year(table, frame, year)
    if "include_indicator" not in frame.columns and "score_status" in frame.columns:
        frame = frame.with_columns(
            include_indicator=pl.col("score_status").replace_strict(_STATUSES, default="")
        )
    made = _Reader(table.name, frame, log)
    for name, kind in zip(RESULTS.names, RESULTS.types, strict=True):
        made.add(name, pa.float64() if name in ("distance", "scale_score") else kind)
    made.add("se_scale", pa.float64())
    subjects = pl.col("subject").str.to_uppercase().is_in([one.upper() for one in SUBJECTS])
    made.check("subject", subjects, lambda _value: "the subject is ELA or Math")
    made.check(
        "test_grade", pl.col("test_grade").str.contains(f"^({_GRADES.pattern})$"),
        lambda _value: "the grade is 3 to 8 or 11",
    )  # fmt: skip
    made.check(
        "scale_score", pl.col("scale_score").is_null() | (pl.col("scale_score") % 1 == 0),
        lambda _value: "a scale score is a whole number",
    )  # fmt: skip
    kind = pl.col("test_program").str.to_uppercase()
    made.check(
        "test_program", kind.is_in(["", "SBA", "CAA"]), lambda _value: "the test is SBA or CAA"
    )
    kept = made.kept().with_columns(
        school_year=pl.lit(str(year)),
        subject=pl.col("subject").str.to_uppercase().replace({"MATH": "Math"}),
        test_grade=_grade("test_grade"),
        test_program=pl.when(kind == "").then(pl.lit("SBA")).otherwise(kind),
        distance=(pl.col("distance") * POINT).round(0),
    )
    errors = kept.filter(pl.col("se_scale").is_not_null()).select(ERRORS.names)
    rows = _without_repeats(table.name, kept.drop(_ROW, "se_scale"), log)
    return rows.to_arrow().cast(RESULTS), errors.to_arrow().cast(ERRORS)


def _of_year(table: Table, frame: pl.DataFrame, year: SchoolYear) -> pl.DataFrame:
    """Rows of a year, and those that don't say one; a table of one year needn't."""
    if "school_year" not in frame.columns:
        return frame
    wanted = ["", *(text for text, one in table.years.items() if one == year)]
    return frame.filter(pl.col("school_year").is_in(wanted))


def _is_code(column: pl.Expr) -> pl.Expr:
    return column.str.contains(f"^{_CODE_14.pattern}$")


def _code_words(value: str) -> str:
    lost = "; a lost leading zero is the usual cause" if _CODE_13.fullmatch(value) else ""
    return f"a CDS code has 14 digits, this one {len(value)}{lost}"


def _grade(name: str) -> pl.Expr:
    """Grades of two digits; what is none stays as it is."""
    grade = pl.col(name)
    return pl.when(grade.str.contains(r"^\d$")).then("0" + grade).otherwise(grade)


Words = Callable[[str], str]
"""What is wrong with a value, in words."""


class _Reader:
    """Reads a table's columns in their kinds; tells and leaves out rows that it can't."""

    def __init__(self, file: str, frame: pl.DataFrame, log: FindingLog) -> None:
        self._file = file
        self._given = frame
        self._log = log
        self._columns: dict[str, pl.Series] = {_ROW: frame[_ROW]}
        self._is_bad = pl.Series([False], dtype=pl.Boolean).new_from_index(0, len(frame))

    def add(self, name: str, kind: pa.DataType) -> None:
        """Read a column; one that isn't there is empty."""
        if name not in self._given.columns:
            text = pl.Series(name, [""], dtype=pl.String).new_from_index(0, len(self._given))
        else:
            text = self._given[name]
        values, words = _read(text, kind)
        self._columns[name] = values.alias(name)
        if words:
            wrong = values.is_null() & (text != "")
            self._tell(name, wrong, text, lambda _value: words)

    def check(self, name: str, holds: pl.Expr, words: Words) -> None:
        """Hold a column to a condition; blank cells are judged by it too."""
        frame = pl.DataFrame(self._columns)
        wrong = ~frame.select(holds.fill_null(value=False)).to_series()
        self._tell(name, wrong, frame[name].cast(pl.String).fill_null(""), words)

    def _tell(self, name: str, wrong: pl.Series, text: pl.Series, words: Words) -> None:
        told = pl.DataFrame({_ROW: self._columns[_ROW], "text": text}).filter(wrong)
        for number, value in told.iter_rows():
            self._log.add(
                "academic_value", file=self._file, row=number, field=name, value=value,
                reason=words(value),
            )  # fmt: skip
        self._is_bad |= wrong

    def kept(self) -> pl.DataFrame:
        """The rows that could be read."""
        return pl.DataFrame(self._columns).filter(~self._is_bad)


def _read(text: pl.Series, kind: pa.DataType) -> tuple[pl.Series, str]:
    """A column in a kind, null where it can't be read, and what was expected."""
    if pa.types.is_date(kind):
        return text.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False), (
            "a day is written as in 2019-05-01"
        )
    if pa.types.is_boolean(kind):
        lower = text.str.to_lowercase()
        known = dict.fromkeys(_TRUE, True) | dict.fromkeys(_FALSE, False)
        return lower.replace_strict(known, default=None, return_dtype=pl.Boolean), (
            "a flag is true or false, or empty where it isn't known"
        )
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return text.cast(pl.Float64, strict=False), "a number is expected"
    return text, ""


def _without_repeats(name: str, frame: pl.DataFrame, log: FindingLog) -> pl.DataFrame:
    """Rows that say exactly the same count once."""
    once = frame.unique(maintain_order=True)
    if len(once) < len(frame):
        log.add("academic_twice", file=name, times=str(len(frame) - len(once)))
    return once


# --- schools ---


def year_of(
    year: SchoolYear,
    roster: pa.Table,
    results: pa.Table,
    entities: pl.DataFrame | None,
    log: FindingLog,
) -> Year:
    """What is known of a year: schools of a table or of the roster, windows told or taken."""
    codes = set(roster["school_id"].unique().to_pylist())
    codes |= {code for code in results["tested_school"].unique().to_pylist() if code}
    known = {} if entities is None else dict(_schools(entities))
    unknown = sorted(codes - set(known))
    if entities is not None and unknown:
        log.add("academic_school_unknown", times=str(len(unknown)))
    found = known | {code: School(code, district_of(code)) for code in unknown}
    windows = {} if entities is None else _windows(entities)
    lea_of = {code: school.lea_id for code, school in found.items()}
    return with_taken_windows(
        Year(year, found, windows), lambda: _days_of_tests(roster, results, lea_of), log
    )


def district_of(code: str) -> str:
    """The district that a school's code names."""
    return code[:_DISTRICT_DIGITS] + _SCHOOL_ZEROS


def entities_of(path: Path | None, log: FindingLog) -> pl.DataFrame | None:
    """The table of schools: ids, names, LEAs, flags and testing windows."""
    if path is None:
        return None
    table = read_table(path)
    made = _Reader(table.name, table.with_columns(["entity_id"]), log)
    for name in ("entity_id", "entity_name", "entity_type", "lea_id", "parent_id",
                 "district_name", "county_name"):  # fmt: skip
        made.add(name, pa.string())
    for name in ("is_charter", "is_dass", "is_nonpublic", "is_special", "high_school_cuts",
                 "is_county_office"):  # fmt: skip
        made.add(name, pa.bool_())
    for name in ("window_from", "window_to"):
        made.add(name, pa.date32())
    made.check("entity_id", _is_code(pl.col("entity_id")), _code_words)
    return made.kept().drop(_ROW)


def _schools(entities: pl.DataFrame) -> Iterable[tuple[str, School]]:
    for row in entities.iter_rows(named=True):
        code = row["entity_id"]
        if code.endswith(_SCHOOL_ZEROS):
            continue
        lea = row["lea_id"] or row["parent_id"] or district_of(code)
        yield code, School(
            code, lea, row["entity_name"], bool(row["is_charter"]), bool(row["is_dass"]),
            bool(row["is_nonpublic"]), bool(row["is_special"]), row["high_school_cuts"],
        )  # fmt: skip


def _windows(entities: pl.DataFrame) -> dict[tuple[str, str], Window]:
    """Windows by LEA, widest where its schools say different ones."""
    found: dict[tuple[str, str], Window] = {}
    for row in entities.iter_rows(named=True):
        first, last = row["window_from"], row["window_to"]
        if first is None or last is None:
            continue
        code = row["entity_id"]
        is_lea = code.endswith(_SCHOOL_ZEROS)
        lea = code if is_lea else row["lea_id"] or row["parent_id"] or district_of(code)
        before = found.get((lea, ""), (first, last))
        found[lea, ""] = min(before[0], first), max(before[1], last)
    return found


def _days_of_tests(
    roster: pa.Table, results: pa.Table, lea_of: Mapping[str, str]
) -> dict[str, Window]:
    """The first and the last day of the tests of each LEA."""
    spells, tests = pl.from_arrow(roster), pl.from_arrow(results)
    assert isinstance(spells, pl.DataFrame)
    assert isinstance(tests, pl.DataFrame)
    last = spells.select("student_id", "school_id").unique("student_id", keep="last")
    joined = (
        tests.filter(pl.col("completed_on").is_not_null())
        .join(last, on="student_id", how="left")
        .with_columns(
            lea=pl.when(pl.col("tested_school") != "")
            .then("tested_school")
            .otherwise("school_id")
            .replace_strict(dict(lea_of), default=None, return_dtype=pl.String)
        )
        .filter(pl.col("lea").is_not_null())
        .group_by("lea")
        .agg(first=pl.col("completed_on").min(), last=pl.col("completed_on").max())
    )
    return {lea: (first, last) for lea, first, last in joined.iter_rows()}
