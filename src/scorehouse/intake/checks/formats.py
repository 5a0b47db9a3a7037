"""Formats: dates, numbers, counts, grades, flags, widths (rules R1 to R6, R20 to R36)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Given, Hit, filled, places_of, predicate
from scorehouse.intake.checks.rule_data import (
    FieldLayout,
    ResultsRule,
    fields_of_items,
    fields_of_tests,
    results_rules,
)

_ZONE = r"(?:Z|[+-]\d{2}:\d{2})?"
CUT_SHORT = (
    rf"^\d{{4}}-\d{{2}}-\d{{2}}"
    rf"(?:T\d{{2}}:\d{{2}}{_ZONE}| \d{{2}}:\d{{2}}(?::\d{{2}}(?:\.\d+)?)?{_ZONE})?$"
)
LARGEST_COUNT = 2**32 - 1
PLAIN_ID = r"^[A-Za-z0-9]*$"
PLAIN_NAME = r"^[\p{L}\p{N}& ,().'-]*$"
SPELLINGS = ("YES", "NO", "Y", "N", "TRUE", "FALSE", "T", "F", "1", "0")
THIRD_VALUE = {"Section504Status": ("UNKNOWN/CANNOT PROVIDE",)}
HEX_UUID = r"^[0-9A-Fa-f]{32}$"


def fields_of(*types: str) -> Iterator[tuple[str, str, FieldLayout]]:
    """Give (frame, field, layout) of every field of some types, in both tables."""
    for frame, layouts in (("tests", fields_of_tests()), ("items", fields_of_items())):
        for name, layout in layouts.items():
            if layout.type in types:
                yield frame, name, layout


def _wrong(frames: Frames, kind: str) -> Iterator[tuple[str, pl.DataFrame]]:
    """Give each field of a kind with the rows that are filled and not right."""
    for frame, name, _ in fields_of(kind):
        rows, right = frames.frame(frame), f"right:{name}"
        if rows[name].count() > rows[right].sum():  # what is blank isn't right
            yield name, rows.filter(filled(name) & ~pl.col(right))


@predicate("R1")
def dates(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Dates that aren't."""
    for name, wrong in _wrong(frames, "date"):
        yield Hit(wrong, pl.lit(True), name)


@predicate("R2")
def date_times(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Date-times that aren't, and aren't of R3 either."""
    for name, wrong in _wrong(frames, "datetime"):
        yield Hit(wrong, ~pl.col(name).str.contains(CUT_SHORT), name)


@predicate("R3")
def cut_short(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """No seconds, a blank for the T, or a date alone."""
    for name, wrong in _wrong(frames, "datetime"):
        yield Hit(wrong, pl.col(name).str.contains(CUT_SHORT), name)


@predicate("R4")
def zones(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Moments with and without a zone in one record."""
    names = ("StartDateTime", "SubmitDateTime", "StatusDateTime")
    with_zone = pl.any_horizontal(pl.col(f"zone:{name}") for name in names)
    without = pl.any_horizontal(filled(name) & ~pl.col(f"zone:{name}") for name in names)
    yield Hit("tests", with_zone & without, rule.fields[0])


@predicate("R5")
def school_year(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """The school year: a year, near the submission, the one asked for."""
    year, values = pl.col("#SchoolYear"), rule.parameters
    in_range = year.is_between(values["first"], values["last"])
    is_year = pl.col("SchoolYear").str.contains(r"^\d{4}$") & in_range
    yield Hit("tests", filled("SchoolYear") & ~is_year.fill_null(False), "SchoolYear")
    submitted = pl.col("@SubmitDateTime")
    ends = submitted.dt.year() + (submitted.dt.month() >= values["rollover_month"]).cast(pl.Int32)
    words = {"expected": submitted.dt.strftime("%Y-%m")}
    is_far = is_year & ((year - ends).abs() > 1)
    yield Hit("tests", is_far, "SchoolYear", part="far", words=words)
    if given.setting.year is not None:
        asked = given.setting.year
        words = {"expected": pl.lit(str(asked))}
        is_other = is_year & (year != asked.ends)
        yield Hit("tests", is_other, "SchoolYear", part="other", words=words)


@predicate("R6")
def counts(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Counts are digits; field-test items are among all."""
    for frame, name, _ in fields_of("count"):
        is_count = pl.col(f"#{name}").is_between(0, LARGEST_COUNT)
        yield Hit(frame, filled(name) & ~is_count.fill_null(False), name)
    fewer = pl.col("#FieldTestCount") > pl.col("#NumberOfResponses")
    words = {"expected": pl.col("NumberOfResponses")}
    yield Hit("tests", fewer, "FieldTestCount", part="field_test", words=words)


@predicate("R20")
def yes_or_no(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Yes and No, and other spellings of them."""
    for frame, name, _ in fields_of("flag"):
        known = pl.col(name).str.to_uppercase().is_in([*SPELLINGS, *THIRD_VALUE.get(name, ())])
        written, read = places_of(frame, name)
        yield Hit(written, known & ~pl.col(name).is_in(["Yes", "No"]), name)
        yield Hit(read, ~known, name, part="unknown")


@predicate("R21")
def grades(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Grades: of the list, to be padded, a range of a test, or none."""
    codes = rule.parameters["codes"]
    for name in rule.fields:
        grade = pl.col(name).str.to_uppercase()
        is_code = pl.col(name).is_in(codes)
        is_near = (
            grade.str.zfill(2).is_in(codes)
            | grade.is_in(rule.parameters["tolerated"])
            | (grade.str.contains(r"^\d{1,2}-\d{1,2}$") & (name == "TestGrade"))
        )
        yield Hit("as_written", ~is_code & is_near, name)
        yield Hit("tests", ~is_code & ~is_near, name, part="unknown")


def _too_wide(frame: str, name: str, width: int, part: str = "") -> Hit:
    length = pl.col(name).str.len_chars()
    where = (pl.col(name).str.len_bytes() > width) & (length > width)
    return Hit(frame, where, name, part=part, words={"expected": length.cast(pl.String)})


@predicate("R22")
def widths(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Texts wider than the data model's width, or than any receiver's; some are R34's."""
    of_warehouse = results_rules()["R34"].parameters["widths"]
    for frame, name, layout in fields_of("token", "text", "codes"):
        told = of_warehouse.get(name)
        if layout.width is not None and layout.width != told:
            yield _too_wide(frame, name, layout.width)
        if layout.width_refused is not None and not told:
            yield _too_wide(frame, name, layout.width_refused, "refused")


@predicate("R23")
def stray_blanks(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Blanks at the ends of short texts, or together."""
    for name, layout in fields_of_tests().items():
        if layout.type == "token":
            raw = pl.col(name)
            at_ends = raw != raw.str.strip_chars()
            yield Hit("tests_raw", at_ends | raw.str.contains("  ", literal=True), name)


@predicate("R24")
def plain_names(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Ids and names of districts and schools."""
    for name in rule.fields:
        allowed = PLAIN_ID if name.endswith("Id") else PLAIN_NAME
        yield Hit("tests", ~pl.col(name).str.contains(allowed), name)


@predicate("R25")
def uuids(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The digits of a UUID without its dashes, or in braces."""
    name = rule.fields[0]
    digits = pl.col(name).str.replace_all(r"[-{}\s]", "")
    is_uuid = pl.col(name).str.contains(r"^[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}$")
    yield Hit("tests", digits.str.contains(HEX_UUID) & ~is_uuid, name)


@predicate("R30")
def languages(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Three small letters, and not the bibliographic codes."""
    language = pl.col("LanguageCode")
    is_code = language.str.contains("^[a-z]{3}$")
    yield Hit("tests", ~is_code | language.is_in(rule.parameters["bibliographic"]), "LanguageCode")


@predicate("R32")
def plain_numbers(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """What stands for a number and isn't one."""
    for frame, name, _ in fields_of("number"):
        yield Hit(frame, filled(name) & pl.col(f"#{name}").is_null(), name)


@predicate("R34")
def warehouse_widths(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Ids and names longer than the warehouse keeps."""
    for name, width in rule.parameters["widths"].items():
        yield _too_wide("tests", name, width)
    longest = (
        pl.col("StudentGroupNames")
        .str.split(";")
        .list.eval(pl.element().str.strip_chars().str.len_chars())
    )
    where = longest.list.max() > rule.parameters["group_name"]
    words = {"expected": longest.list.max().cast(pl.String)}
    yield Hit("tests", where, "StudentGroupNames", words=words)


@predicate("R35")
def birth_dates(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Birth dates before the first possible, after today, or a dummy."""
    first = date.fromisoformat(rule.parameters["first"])
    born = pl.col("@Birthdate").dt.date()
    is_impossible = born < first
    if given.setting.today is not None:
        is_impossible = is_impossible | (born > given.setting.today)
    yield Hit("tests", is_impossible, "Birthdate")
    yield Hit("tests", born == first, "Birthdate", part="dummy")


@predicate("R36")
def templates(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Template markers that were never filled."""
    for name in fields_of_tests() if frames.tests_may_say(b"{{", b"bad data") else ():
        column = pl.col(name)
        is_marker = column.str.contains("{{", literal=True)
        is_bad = column.str.to_lowercase() == "bad data"
        yield Hit("tests", is_marker | is_bad, name)
    raw = pl.col("StudentIdentifier")
    only_blanks = (raw.str.len_bytes() > 0) & (raw.str.strip_chars() == "")
    yield Hit("tests_raw", only_blanks, "StudentIdentifier")
    item = pl.col("ItemId")
    yield Hit("items", item.str.contains("{{", literal=True), "ItemId")
