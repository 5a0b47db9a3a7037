"""The tables of a chunk as frames that predicates can ask: trimmed, typed, joined once.

In `tests` and `items` a blank is null. Beside each column `X` may stand `#X` (the number),
`@X` (the moment, in UTC if it has a zone), `zone:X` (whether it has one) and `right:X` (whether
it is written as it must be).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property

import numpy as np
import polars as pl
import pyarrow as pa

from scorehouse.intake.checks.delivery import Delivery
from scorehouse.intake.checks.moments import days, moments
from scorehouse.intake.checks.rule_data import (
    FieldLayout,
    Profile,
    field_values,
    fields_of_items,
    fields_of_tests,
)
from scorehouse.intake.results import ResultChunk
from scorehouse.terms import SchoolYear

NUMBERS = ("number", "count", "level", "year")
MOMENTS = ("date", "datetime")
_SUBJECTS = {"ELA": "ELA", "MATH": "Math", "MA": "Math", "MATHEMATICS": "Math"}
ODD = "odd items by "
_ASKED_OF_ITEMS = [
    *("result", "item", "segmentId", "bankKey", "key", "format", "isSelected"),
    *("pageNumber", "pageTime", "responseDuration", "response_date", "response_type"),
]
_OWN = ("tests_raw", "tests", "items", "as_written", "result_taken")
_YES = ("YES", "Y", "TRUE", "T", "1")
_NO = ("NO", "N", "FALSE", "F", "0")


def _flags() -> list[str]:
    flags = [name for name, layout in fields_of_tests().items() if layout.type == "flag"]
    return [name for name in flags if name != "ForceSubmitted"]


_WRITTEN_AS = {
    "DemographicRaceTwoOrMoreRaces": "TwoOrMoreRaces",
    "Gender": "Sex",
    "Grade": "GradeLevelWhenAssessed",
}
_USUAL = ["Yes", "No", "Male", "Female", "", *(f"{grade:02}" for grade in range(14))]
_SPELLED = ["Sex", "GradeLevelWhenAssessed", *_flags()]


@dataclass(frozen=True)
class Setting:
    """What a check was asked for.

    `constants` are the scale's numbers by school year, subject and grade (see
    `constants.py`); `items_of` the item ids of each assessment of the packages given.
    """

    profile: Profile
    year: SchoolYear | None = None
    today: date | None = None
    required: frozenset[str] | None = None
    is_deidentified: bool = False
    is_policy_stated: bool = False
    items_of: Mapping[str, frozenset[str]] = field(default_factory=dict)


class Frames:
    """One chunk, as predicates see it."""

    def __init__(
        self, chunk: ResultChunk, setting: Setting, constants: pl.DataFrame, delivery: Delivery
    ) -> None:
        self.setting = setting
        self.delivery = delivery
        self.is_xml = chunk.is_xml
        self._chunk = chunk
        self._constants = constants
        self._xml: dict[str, pl.DataFrame] = {}

    def frame(self, name: str) -> pl.DataFrame:
        """A frame by the name that a hit gives it."""
        if name.startswith(ODD):
            return self._odd(name.removeprefix(ODD))
        found: pl.DataFrame = getattr(self, name) if name in _OWN else self.xml(name)
        return found

    def xml(self, name: str) -> pl.DataFrame:
        """An element table as delivered; null means that the attribute wasn't there.

        Of `item`, by far the longest, only what rules ask for is here, and of its responses
        only `has_response`.
        """
        if name not in self._xml:
            table = self._chunk.elements[name]
            if name == "item":  # what a student wrote is asked for only by being there
                has_text = table["response_text"].is_valid()
                table = table.select(_ASKED_OF_ITEMS).append_column("has_response", has_text)
                self._xml[name] = _items_frame(table, blank_is_null=False)
            else:
                self._xml[name] = _frame(table)
        return self._xml[name]

    def tests_may_say(self, *parts: bytes) -> bool:
        """Whether any of these may stand in the test table, in small letters or capitals.

        A look at its bytes as a whole, which costs less than one at each column.
        """
        texts = [column for column in self._chunk.tests.columns if column.type == pa.string()]
        letters = b"\0".join(_letters(chunk) for column in texts for chunk in column.chunks).lower()
        return any(part in letters for part in parts)

    def _ready(self, frame: pl.DataFrame, layouts: Mapping[str, FieldLayout]) -> pl.DataFrame:
        return _typed(_trimmed(frame, layouts, is_trimmed=self.is_xml), layouts)

    @cached_property
    def tests_raw(self) -> pl.DataFrame:
        """The test table as delivered."""
        return _frame(self._chunk.tests)

    @cached_property
    def tests(self) -> pl.DataFrame:
        """The test table: trimmed, typed, with counts of its items and the scale's numbers."""
        typed = self._ready(self.tests_raw, fields_of_tests())
        flags = [name for name, layout in fields_of_tests().items() if layout.type == "flag"]
        typed = typed.with_columns(
            *(_yes_or_no(name).alias(f"?{name}") for name in flags),
            *_kinds(self.setting.profile.name == "paper"),
        )
        counted = typed.join(self.counts, on="result", how="left", maintain_order="left")
        keys = ["school_year", "subject", "grade"]
        return counted.join(self._constants, on=keys, how="left", maintain_order="left")

    def _odd(self, name: str) -> pl.DataFrame:
        """The items with another value of a field than the usual ones; blank is usual."""
        is_odd = ~self._items_typed[name].is_in(usual_values(name))
        return self.items.filter(is_odd) if is_odd.any() else self.items.clear()

    @cached_property
    def result_taken(self) -> pl.DataFrame:
        """The results as delivered, beside what the reader took for granted."""
        taken = self.tests.select("result", "AdministrationCondition", "TestOpportunityId")
        return self.xml("result").join(taken, on="result", maintain_order="left")

    @cached_property
    def as_written(self) -> pl.DataFrame:
        """The fields whose spelling the reader of TRT mends, as they were written."""
        if not self.is_xml:
            return self.tests
        own = {
            "Subject": "test_subject",
            "TestGrade": "test_grade",
            "AssessmentType": "test_assessmentType",
            "Completeness": "opportunity_completeness",
        }
        of_test = self.xml("result").select(
            "result", *(_or_null(column).alias(name) for name, column in own.items())
        )
        attributes = _one_a_name(self.xml("examinee_attribute"))
        written = of_test.join(attributes, on="result", how="left", maintain_order="left")
        absent = [name for name in fields_of_tests() if name not in written.columns]
        return written.hstack(_void(absent, written.height))

    @cached_property
    def _items_typed(self) -> pl.DataFrame:
        items = self._ready(_items_frame(self._chunk.items, blank_is_null=True), fields_of_items())
        answered = _yes_or_no("Submitted").fill_null(pl.col("ResponseValue").is_not_null())
        is_first = pl.col("item") != pl.col("item").shift()
        is_new = (is_first | (pl.col("result") != pl.col("result").shift())).fill_null(True)
        return items.with_columns(answered.alias("is_answered"), is_new.alias("is_first"))

    @cached_property
    def firsts(self) -> pl.DataFrame:
        """The first row of each item that has a test; only what is counted of it."""
        wanted = (
            "ItemPosition",
            "ItemId",
            "FieldTest",
            "Dropped",
            "#ResponseDuration",
            "SegmentId",
        )
        items = self._items_typed.select("result", "item", "is_first", "is_answered", *wanted)
        return items.filter(pl.col("is_first") & (pl.col("result") >= 0))

    @cached_property
    def counts(self) -> pl.DataFrame:
        """What a result's items add up to, one row a result that has items."""
        answered = pl.col("is_answered")
        return self.firsts.group_by("result").agg(
            pl.len().alias("n_items"),
            answered.sum().alias("n_answered"),
            pl.col("ItemPosition").n_unique().alias("n_positions"),
            pl.col("ItemId").n_unique().alias("n_item_ids"),
            _yes_or_no("FieldTest").sum().alias("n_field_test"),
            pl.col("#ResponseDuration").sum().alias("seconds"),
            pl.col("#ResponseDuration").count().alias("n_durations"),
            pl.col("SegmentId").n_unique().alias("n_segments"),
            pl.col("SegmentId").filter(answered).n_unique().alias("n_segments_answered"),
        )

    @cached_property
    def items(self) -> pl.DataFrame:
        """The item table: trimmed, typed, with what is needed of its test."""
        wanted = [
            *("is_paper", "is_interim", "subject", "AssessmentId"),
            *(
                "@StartDateTime",
                "@SubmitDateTime",
                "zone:StartDateTime",
                "n_positions",
                "n_item_ids",
            ),
            "n_items",
        ]
        of_test = self.tests.select("result", *(pl.col(c).alias(f"test:{c}") for c in wanted))
        return self._items_typed.join(of_test, on="result", how="left", maintain_order="left")

    @cached_property
    def several(self) -> pl.DataFrame:
        """The rows of the items that have more than one."""
        rows = self.items
        is_follower = ~pl.col("is_first")
        if not rows["is_first"].all():
            is_part = is_follower | is_follower.shift(-1, fill_value=False)
            return rows.filter(is_part & (pl.col("result") >= 0))
        return rows.clear()


def _letters(texts: pa.StringArray) -> memoryview:
    """All letters of some texts, one text after the other."""
    _, places, data = texts.buffers()
    if data is None or not len(texts):
        return memoryview(b"")
    ends = np.frombuffer(places, np.int32)[texts.offset : texts.offset + len(texts) + 1]
    return memoryview(data)[ends[0] : ends[-1]]


@cache
def usual_values(name: str) -> tuple[str, ...]:
    """The values of an item field that need no closer look."""
    if fields_of_items()[name].type == "flag":
        return ("Yes", "No")
    return tuple(value.value for value in field_values()[name])


@cache
def _or_null(name: str) -> pl.Expr:
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def _one_a_name(attributes: pl.DataFrame) -> pl.DataFrame:
    """One column an attribute that may be spelled in several ways: FINAL, else INITIAL.

    Only results that have a value other than the usual ones are looked at.
    """
    named = attributes.filter(pl.col("name").is_in([*_SPELLED, *_WRITTEN_AS]))
    suspects = named.filter(~pl.col("value").is_in(_USUAL)).select("result")
    names = pl.col("name").replace(_WRITTEN_AS)
    spelled = named.join(suspects.unique(), on="result", how="semi").select(
        "result", names, "context", _or_null("value").alias("value")
    )
    wanted = spelled.filter(pl.col("value").is_not_null())
    chosen = [
        pl.col("value")
        .filter((pl.col("name") == name) & (pl.col("context") == "FINAL"))
        .first()
        .fill_null(pl.col("value").filter(pl.col("name") == name).last())
        .alias(name)
        for name in _SPELLED
    ]
    return wanted.group_by("result").agg(chosen)


def _frame(table: pa.Table) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def _items_frame(table: pa.Table, *, blank_is_null: bool) -> pl.DataFrame:
    """A table of items as a frame; its columns of nothing but nulls (or blanks) are one."""
    is_void = _is_blank if blank_is_null else _is_null
    void = [name for name in table.column_names if is_void(table[name])]
    found = _frame(table.drop_columns(void)).hstack(_void(void, table.num_rows))
    return found.select(table.column_names)


def _void(names: Iterable[str], height: int) -> list[pl.Series]:
    """Columns of nulls, which are one."""
    nulls = pl.repeat(None, height, dtype=pl.String, eager=True)
    return [nulls.alias(name) for name in names]


def _is_null(column: pa.ChunkedArray) -> bool:
    return bool(column.type == pa.string() and column.null_count == len(column))


def _is_blank(column: pa.ChunkedArray) -> bool:
    return column.type == pa.string() and not any(_letters(chunk) for chunk in column.chunks)


def _trimmed(
    frame: pl.DataFrame, layouts: Mapping[str, FieldLayout], *, is_trimmed: bool
) -> pl.DataFrame:
    """Blank is null; outer blanks go, if the reader hasn't taken them off."""
    nulls = frame.null_count().row(0, named=True)
    return frame.with_columns(
        _not_blank(name, is_trimmed=is_trimmed or layout.type == "text")
        for name, layout in layouts.items()
        if nulls[name] < frame.height
    )


@cache
def _not_blank(name: str, *, is_trimmed: bool) -> pl.Expr:
    text = pl.col(name) if is_trimmed else pl.col(name).str.strip_chars()
    return pl.when(text != "").then(text).alias(name)


def _typed(frame: pl.DataFrame, layouts: Mapping[str, FieldLayout]) -> pl.DataFrame:
    """Add numbers and moments; a column that is blank throughout costs nothing."""
    nulls = frame.null_count().row(0, named=True)
    numbers = [
        _number(name, layout.type, is_blank=nulls[name] == frame.height)
        for name, layout in layouts.items()
        if layout.type in NUMBERS
    ]
    added = [
        series
        for name, layout in layouts.items()
        if layout.type in MOMENTS
        for series in _moments(frame[name], layout.type)
    ]
    return frame.with_columns(*numbers, *added)


@cache
def _number(name: str, kind: str, *, is_blank: bool) -> pl.Expr:
    """A column as numbers; a count is digits only."""
    if is_blank:
        return pl.lit(None, pl.Float64).alias(f"#{name}")
    text = pl.col(name)
    if kind == "count":
        return text.cast(pl.Int64, strict=False).cast(pl.Float64).alias(f"#{name}")
    return finite(text.cast(pl.Float64, strict=False)).alias(f"#{name}")


def _moments(column: pl.Series, kind: str) -> Iterable[pl.Series]:
    found = days(column) if kind == "date" else moments(column)
    yield found.at.alias(f"@{column.name}")
    yield found.has_zone.alias(f"zone:{column.name}")
    yield found.is_right.alias(f"right:{column.name}")


def finite(value: pl.Expr) -> pl.Expr:
    """A number, or nothing for NaN and infinity."""
    return pl.when(value.is_finite()).then(value)


@cache
def _yes_or_no(name: str) -> pl.Expr:
    upper = pl.col(name).str.to_uppercase()
    return pl.when(upper.is_in(_YES)).then(True).when(upper.is_in(_NO)).then(False)


@cache
def _kinds(is_paper: bool) -> list[pl.Expr]:
    """What a record is: interim, a block, on paper; its subject, grade and year as keys."""
    kind = pl.col("AssessmentType").str.to_uppercase().fill_null("")
    named = pl.concat_str(
        pl.col("AssessmentId").fill_null(""), pl.col("AssessmentName").fill_null(""), kind
    ).str.to_uppercase()
    is_interim = kind.str.starts_with("I") | (kind == "FORMATIVE")
    on_paper = pl.col("DeliveryMode").str.to_uppercase().is_in(["PAPER", "SCANNED"])
    return [
        is_interim.alias("is_interim"),
        (is_interim & named.str.contains("IAB|INTERIM ASSESSMENT BLOCK")).alias("is_block"),
        (pl.lit(True) if is_paper else on_paper.fill_null(False)).alias("is_paper"),
        pl.col("Subject")
        .str.to_uppercase()
        .replace_strict(_SUBJECTS, default=None, return_dtype=pl.String)
        .alias("subject"),
        pl.col("TestGrade").str.to_uppercase().replace("HS", "11").str.zfill(2).alias("grade"),
        pl.col("#SchoolYear").cast(pl.Int64).alias("school_year"),
    ]
