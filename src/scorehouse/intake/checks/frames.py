"""The tables of a chunk as frames that predicates can ask: trimmed, typed, joined once.

In `tests` and `items` a blank is null. Beside each column `X` may stand `#X` (the number),
`@X` (the moment, in UTC if it has a zone) and `zone:X` (whether it has one).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import polars as pl

from scorehouse.intake.checks.delivery import Delivery
from scorehouse.intake.checks.rule_data import FieldLayout, Profile, item_fields, test_fields
from scorehouse.intake.results import ResultChunk
from scorehouse.terms import SchoolYear

NUMBERS = ("number", "count", "level", "year")
MOMENTS = ("date", "datetime")
_MOMENT_LENGTH = len("2000-01-01T00:00:00")
_ZONE = r"(Z|[+-]\d{2}:\d{2})$"
_SUBJECTS = {"ELA": "ELA", "MATH": "Math", "MA": "Math", "MATHEMATICS": "Math"}
_YES = ("YES", "Y", "TRUE", "T", "1")
_NO = ("NO", "N", "FALSE", "F", "0")


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
        own: Mapping[str, str] = {"tests_raw": "tests_raw", "items": "items", "tests": "tests"}
        found: pl.DataFrame = getattr(self, own[name]) if name in own else self.xml(name)
        return found

    def xml(self, name: str) -> pl.DataFrame:
        """An element table as delivered; null means that the attribute wasn't there."""
        if name not in self._xml:
            self._xml[name] = _frame(self._chunk.elements[name])
        return self._xml[name]

    @cached_property
    def tests_raw(self) -> pl.DataFrame:
        """The test table as delivered."""
        return _frame(self._chunk.tests)

    @cached_property
    def tests(self) -> pl.DataFrame:
        """The test table: trimmed, typed, with counts of its items and the scale's numbers."""
        typed = _typed(_trimmed(self.tests_raw, test_fields()), test_fields())
        flags = [name for name, layout in test_fields().items() if layout.type == "flag"]
        typed = typed.with_columns(
            *(_yes_or_no(name).alias(f"?{name}") for name in flags),
            *_kinds(self.setting.profile.name == "paper"),
        )
        return typed.join(self.counts, on="result", how="left").join(
            self._constants, on=["school_year", "subject", "grade"], how="left"
        )

    @cached_property
    def _items_typed(self) -> pl.DataFrame:
        items = _typed(_trimmed(_frame(self._chunk.items), item_fields()), item_fields())
        answered = _yes_or_no("Submitted").fill_null(pl.col("ResponseValue").is_not_null())
        place = pl.struct("result", "item")
        is_first = pl.col("item") != pl.col("item").shift()
        is_new = (is_first | (pl.col("result") != pl.col("result").shift())).fill_null(True)
        del place
        return items.with_columns(answered.alias("is_answered"), is_new.alias("is_first"))

    @cached_property
    def firsts(self) -> pl.DataFrame:
        """The first row of each item that has a test."""
        items = self._items_typed
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
            (_yes_or_no("FieldTest") == True).sum().alias("n_field_test"),  # noqa: E712
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


def _frame(table: object) -> pl.DataFrame:
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def _trimmed(frame: pl.DataFrame, layouts: Mapping[str, FieldLayout]) -> pl.DataFrame:
    names = [name for name in layouts if frame[name].null_count() < frame.height]
    stripped = [
        pl.col(name) if layouts[name].type == "text" else pl.col(name).str.strip_chars()
        for name in names
    ]
    return frame.with_columns(
        pl.when(text != "").then(text).alias(name)
        for name, text in zip(names, stripped, strict=True)
    )


def _typed(frame: pl.DataFrame, layouts: Mapping[str, FieldLayout]) -> pl.DataFrame:
    """Add numbers and moments; a column that is blank throughout costs nothing."""
    added = [
        expression
        for name, layout in layouts.items()
        for expression in _of_type(frame[name], layout)
    ]
    return frame.with_columns(added)


def _of_type(column: pl.Series, layout: FieldLayout) -> Iterable[pl.Expr]:
    name = column.name
    is_empty = column.null_count() == len(column)
    if layout.type in NUMBERS:
        value = pl.col(name).cast(pl.Float64, strict=False)
        yield (pl.lit(None, pl.Float64) if is_empty else finite(value)).alias(f"#{name}")
    if layout.type in MOMENTS:
        yield (pl.lit(None, pl.Datetime("us")) if is_empty else _moment(column)).alias(f"@{name}")
        yield (pl.lit(False) if is_empty else _has_zone(column)).alias(f"zone:{name}")


def finite(value: pl.Expr) -> pl.Expr:
    """A number, or nothing for NaN and infinity."""
    return pl.when(value.is_finite()).then(value)


def _longest(column: pl.Series) -> int:
    longest = column.str.len_bytes().max()
    return longest if isinstance(longest, int) else 0


def _moment(column: pl.Series) -> pl.Expr:
    """A date or date-time, whole seconds; in UTC when it has a zone."""
    text = pl.col(column.name)
    full = (
        pl.when(text.str.len_bytes() == len("2000-01-01"))
        .then(text + "T00:00:00")
        .otherwise(text.str.slice(0, _MOMENT_LENGTH))
    )
    moment = full.str.to_datetime("%Y-%m-%dT%H:%M:%S", strict=False, time_unit="us")
    if _longest(column) <= _MOMENT_LENGTH:
        return moment
    offset = text.str.extract(r"([+-]\d{2}):\d{2}$").cast(pl.Int64, strict=False)
    minutes = text.str.extract(r"[+-]\d{2}:(\d{2})$").cast(pl.Int64, strict=False)
    sign = pl.when(text.str.contains(r"-\d{2}:\d{2}$")).then(-1).otherwise(1)
    shift = (offset * 60 + sign * minutes).fill_null(0)
    return moment - pl.duration(minutes=shift)


def _has_zone(column: pl.Series) -> pl.Expr:
    if _longest(column) <= _MOMENT_LENGTH:
        return pl.lit(False)
    return pl.col(column.name).str.contains(_ZONE).fill_null(False)


def _yes_or_no(name: str) -> pl.Expr:
    upper = pl.col(name).str.to_uppercase()
    return pl.when(upper.is_in(_YES)).then(True).when(upper.is_in(_NO)).then(False)


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
