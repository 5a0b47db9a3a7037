"""Test packages: tests, items with parameters and contents, and the cuts they name.

Subject, grade and type of a known test don't change: such a test is left out and told, the
others of the package load. Items that a later package lacks stay, since results rest on them.
Source: the incumbent's import of packages, with its lost sixth level mended.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import polars as pl

from scorehouse.errors import InputRefusedError
from scorehouse.intake.readers.damage import WIDE_TABLE, is_wide_table
from scorehouse.intake.readers.packages import TABULATOR_COLUMNS, read_package
from scorehouse.intake.readers.tables import TextRow, columns_of, text_rows
from scorehouse.terms import AssessmentType, SchoolYear, Subject, parse_grade
from scorehouse.warehouse.kinds import package_checks as checks
from scorehouse.warehouse.kinds.canonical import typed
from scorehouse.warehouse.kinds.result_values import frame
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES

_TABULATOR = {"AssessmentId", "AssessmentName", "AssessmentSubject", "AssessmentGrade"}
_TWO_FILE_ITEMS = {"assessment_id", "item_id", "model", "a", "b1", "operational"}
_ONLY_HELD = {"position", "max_points", "answer_key", "unscorable"}
"""Columns of the warehouse's own table of items, which comes back as that table."""

_TWO_FILE_TESTS = {"assessment_id", "subject", "test_grade", "assessment_type", "school_year"}
_OTHER_ROWS = {"item_id", "student_id", "opportunity_id", "entity_id", "measure", "student_group"}
"""Columns of tables whose rows are about something in a test, or about who took it."""

_CUT = re.compile(r"(Scaled|Overall|Alt(\d+)|Claim(\d+))(Low|High)(\d+)")
_CONTENTS = {
    "position": "ItemPosition", "max_points": "MaxPoints", "difficulty": "avg_b",
    "answer_key": "AnswerKey", "options_count": "NumberOfAnswerOptions",
    "depth_of_knowledge": "DOK", "math_practice": "MathematicalPractice",
    "allows_calculator": "AllowCalculator", "standards": "CommonCore",
}  # fmt: skip
_FIXED = ("subject", "test_grade", "assessment_type")
Row = dict[str, object]


def recognise(head: Head) -> Guess | None:
    """Tell a package in tabulator form, or the items of one in two files."""
    columns = set(head.columns)
    if columns >= _TABULATOR:
        return Guess(1.0, "it has the columns of a tabulator package")
    if columns >= _TWO_FILE_ITEMS and not columns & _ONLY_HELD:
        return Guess(1.0, "it has the columns of a package's items")
    return None


def recognise_tests(head: Head) -> Guess | None:
    """Tell the tests of a package in two files."""
    columns = set(head.columns)
    if columns >= _TWO_FILE_TESTS and not columns & _OTHER_ROWS:
        return Guess(0.95, "it has the columns of a package's tests")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the tests, items and cuts of a package."""
    if is_wide_table(path):
        raise InputRefusedError(WIDE_TABLE)
    columns = columns_of(path)
    is_tabulator = "AssessmentId" in columns
    rows = list(text_rows(path, loading.log)) if is_tabulator else []
    if is_tabulator and not rows:
        raise InputRefusedError("the package has no row")
    checks.check_rows(loading, path.name, rows)
    tests = _tabulator_tests(loading, path, rows) if is_tabulator else pl.DataFrame()
    items = pl.DataFrame()
    if not is_tabulator or set(columns) >= set(TABULATOR_COLUMNS):
        package = read_package(path, loading.log)
        items = frame(package.items)
        tests = tests if is_tabulator else frame(package.assessments)
    if not tests.height and not items.height:
        return Ending(BAD_DATA, "nothing of a package could be read; see the findings", {})
    cuts = _cuts(rows)
    _check(loading, path, rows, tests, cuts)
    return _bring(loading, path, import_id, tests, _with_contents(items, rows), cuts)


def _check(
    loading: Loading, path: Path, rows: list[TextRow], tests: pl.DataFrame, cuts: pl.DataFrame
) -> None:
    if not rows:
        return
    known = checks.definitions(loading.transaction)
    levels: dict[str, dict[checks.Cut, tuple[float | None, float | None]]] = {}
    for name, measure, level, low, high in cuts.iter_rows():
        levels.setdefault(name, {})[measure, level] = (low, high)
    for test in tests.iter_rows(named=True):
        checks.check_test(loading, path.name, test, levels.get(test["assessment_id"], {}), known)
    subjects = dict(zip(tests["assessment_id"], tests["subject"], strict=True))
    checks.check_items(loading, path.name, rows, subjects, known)


def bring_tests(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the tests of a package in two files; its items come from their own file."""
    fields = {field.name: field for field in TABLES["assessment"].fields}
    texts = pl.DataFrame([_canonical(row.cells) for row in text_rows(path, loading.log)])
    if not texts.height:
        raise InputRefusedError("the package has no row")
    names = [name for name in texts.columns if name in fields]
    tests = texts.select(typed(pl.col(name), fields[name]).alias(name) for name in names)
    return _bring(loading, path, import_id, tests, pl.DataFrame(), pl.DataFrame())


_SPELLINGS: Mapping[str, Callable[[str], object]] = {
    "subject": Subject.parse, "test_grade": parse_grade, "assessment_type": AssessmentType.parse,
    "school_year": SchoolYear.parse_file_year,
}  # fmt: skip


def _canonical(cells: Mapping[str, str]) -> dict[str, str | None]:
    """A test's cells in the spelling that results are compared by."""
    return {
        name: _or_text(_SPELLINGS[name], text) if name in _SPELLINGS else text
        for name, text in cells.items()
    }


def _bring(
    loading: Loading, path: Path, import_id: int, tests: pl.DataFrame, items: pl.DataFrame,
    cuts: pl.DataFrame,
) -> Ending:  # fmt: skip
    refused = _unsound(loading, path, tests) | _refused(loading, path, tests)
    taken = []
    for name, rows in (("assessment", tests), ("item", items), ("cut_score", cuts)):
        kept = rows
        if rows.height and refused:
            kept = rows.filter(~pl.col("assessment_id").is_in(sorted(refused)))
        taken.append(_merge(loading, name, kept, import_id))
    ending = ending_of(*taken, prefixes=("tests", "items", "cuts"))
    if refused and tests.height == len(refused):
        return Ending(BAD_DATA, "no test could be taken; see the findings", {})
    return ending


def _unsound(loading: Loading, path: Path, tests: pl.DataFrame) -> set[str]:
    """Tests whose subject, grade, type or year can't be read."""
    refused: set[str] = set()
    for test in tests.iter_rows(named=True):
        problem = checks.unsound(test)
        if problem:
            name, (field, why) = test["assessment_id"], problem
            loading.log.add(
                "package_test_unsound", file=path.name, record=name, field=field, value=why
            )
            refused.add(name)
    return refused


def _merge(loading: Loading, name: str, rows: pl.DataFrame, import_id: int) -> Merged:
    if not rows.height:
        return Merged()
    table = TABLES[name]
    names = [column for column in table.names if column in rows.columns]
    filled = [pl.col(key).fill_null("") for key in table.keys if rows.schema[key] == pl.String]
    brought = rows.select(names).with_columns(filled).to_arrow()
    return merge(loading.transaction, name, brought, import_id)


def _refused(loading: Loading, path: Path, tests: pl.DataFrame) -> set[str]:
    """Known tests that come with another subject, grade or type."""
    if not tests.height:
        return set()
    held = frame(
        loading.transaction.sql(
            "SELECT assessment_id, subject, test_grade, assessment_type FROM assessment"
        )
    )
    both = tests.join(held, on="assessment_id", suffix="_held")
    refused: set[str] = set()
    for row in both.iter_rows(named=True):
        for name in _FIXED:
            if row[f"{name}_held"] is not None and row[name] != row[f"{name}_held"]:
                loading.log.add(
                    "assessment_immutable", file=path.name, record=row["assessment_id"],
                    field=name, value=row[name], held=row[f"{name}_held"],
                )  # fmt: skip
                refused.add(row["assessment_id"])
    return refused


# --- the tabulator's columns ---


def _tabulator_tests(loading: Loading, path: Path, rows: list[TextRow]) -> pl.DataFrame:
    found: dict[str, Row] = {}
    for row in rows:
        name = row.get("AssessmentId")
        if name and name not in found:
            found[name] = _test(row)
        elif not name:
            loading.log.add(
                "column_value", file=path.name, row=row.number, field="AssessmentId", value="",
                expected="filled",
            )  # fmt: skip
    return pl.DataFrame(list(found.values()), schema=_TEST_SCHEMA)


_TEST_SCHEMA = dict.fromkeys(
    ("assessment_id", "name", "label", "subject", "test_grade", "assessment_type", "school_year",
     "version"), pl.String,
)  # fmt: skip


def _test(row: TextRow) -> Row:
    kind = row.get("AssessmentSubtype") or row.get("AssessmentType")
    return {
        "assessment_id": row.get("AssessmentId"),
        "name": row.get("AssessmentName") or None,
        "label": row.get("AssessmentLabel") or None,
        "subject": _or_text(Subject.parse, row.get("AssessmentSubject")),
        "test_grade": _or_text(parse_grade, row.get("AssessmentGrade")),
        "assessment_type": _or_text(AssessmentType.parse, kind),
        "school_year": _or_text(SchoolYear.parse_file_year, row.get("AcademicYear")),
        "version": row.get("AssessmentVersion") or None,
    }


def _or_text(parse: Callable[[str], object], text: str) -> str | None:
    """The canonical spelling, or the text as it stands when it has none."""
    try:
        return str(parse(text))
    except ValueError:
        return text or None


def _with_contents(items: pl.DataFrame, rows: list[TextRow]) -> pl.DataFrame:
    """Items with the columns about their contents, which scoring doesn't need."""
    if not items.height or not rows:
        return items
    fields = {field.name: field for field in TABLES["item"].fields}
    texts = pl.DataFrame(
        [
            {
                "assessment_id": row.get("AssessmentId"),
                "item_id": f"{row.get('BankKey')}-{row.get('ItemId')}",
                **{name: row.get(column) for name, column in _CONTENTS.items()},
            }
            for row in rows
        ]
    ).unique(["assessment_id", "item_id"], keep="first", maintain_order=True)
    contents = texts.select(
        "assessment_id",
        "item_id",
        *(typed(pl.col(name), fields[name]).alias(name) for name in _CONTENTS),
    )
    return items.join(contents, on=["assessment_id", "item_id"], how="left")


def _cuts(rows: list[TextRow]) -> pl.DataFrame:
    """Lowest and highest scale scores of levels, once a test."""
    found: dict[tuple[str, str, int], Row] = {}
    seen: set[str] = set()
    for row in rows:
        name = row.get("AssessmentId")
        if name and name not in seen:
            seen.add(name)
            for measure, level, side, value in _limits(row.cells):
                key = (name, measure, level)
                found.setdefault(key, {"assessment_id": name, "measure": measure, "level": level})[
                    side
                ] = value
    schema = {"assessment_id": pl.String, "measure": pl.String, "level": pl.Int8,
              "lowest_scale_score": pl.Float64, "highest_scale_score": pl.Float64}  # fmt: skip
    return pl.DataFrame(list(found.values()), schema=schema)


def _limits(cells: Mapping[str, str]) -> Iterator[tuple[str, int, str, float]]:
    for column, text in cells.items():
        match = _CUT.fullmatch(column)
        if match and text:
            measure = "overall"
            if match[2] or match[3]:
                measure = f"alt:{match[2]}" if match[2] else f"claim:{match[3]}"
            side = "lowest_scale_score" if match[4] == "Low" else "highest_scale_score"
            try:
                yield measure, int(match[5]), side, float(text)
            except ValueError:
                continue


KINDS = (
    Kind("package", "test package", 20, recognise, bring),
    Kind("package_tests", "tests of a test package", 19, recognise_tests, bring_tests),
)
