"""From hits to findings: all conditions of a frame at once, rows only where one holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from string import Formatter
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.intake.catalogue import Consequence, is_private
from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Among, Hit
from scorehouse.intake.checks.rule_data import ResultsRule, fields_of_items, fields_of_tests
from scorehouse.shapes import FINDINGS

LONGEST_VALUE = 200
_SHORTEST_SECRET = 4
_NO_RESULTS = np.empty(0, np.int64)


class Told(NamedTuple):
    """Findings of `shapes.FINDINGS`, the results that they leave out, how many have warnings.

    Results are counted, each by its own number: an id may stand in several chunks.
    """

    findings: pa.Table
    left_out: NDArray[np.int64]
    with_warnings: int


class Broken:
    """A rule and one of its hits; what it tells is put into words once for each kind of frame.

    A hit that `is_kept` is the same for every chunk, so it pays to know when it can't hold.
    """

    def __init__(self, rule: ResultsRule, hit: Hit, *, is_kept: bool = False) -> None:
        self.rule = rule
        self.hit = hit
        self._columns: dict[tuple[bool, ...], list[pl.Expr]] = {}
        self._needs: frozenset[str] | None = None if is_kept else frozenset()
        self.any_row = hit.where.any()

    @property
    def is_unsettled(self) -> bool:
        """Whether it isn't known yet which columns the condition needs."""
        return self._needs is None

    def settle(self, holds_for_nothing: bool) -> None:
        """Take note of whether the condition holds for a row of nulls.

        Where every column that it asks is empty, all rows are as such a row is; if it doesn't
        hold for that one, it holds for none.
        """
        names = frozenset(self.hit.where.meta.root_names())
        self._needs = frozenset() if holds_for_nothing else names

    def may_hold(self, empty: frozenset[str]) -> bool:
        """Whether the condition can hold for some row, seeing which columns are empty."""
        return not self._needs or not self._needs <= empty

    def told(self, frame: pl.DataFrame, profile: str) -> pl.LazyFrame:
        """What the hit tells of each of its rows; the result's own place is added later."""
        names = ("file", "TestOpportunityId", "row", "item", self.hit.field)
        kind = tuple(isinstance(name, str) and name in frame.columns for name in names)
        if kind not in self._columns:
            self._columns[kind] = _told(self, frame, profile)
        return frame.lazy().filter(self.hit.where).select(self._columns[kind])


def findings_of(frames: Frames, broken: Iterable[Broken], *, show_private: bool = False) -> Told:
    """Evaluate all hits over a chunk: one pass for the conditions, one for what they tell."""
    profile = frames.setting.profile.name
    told = [one.told(frame, profile) for one, frame in _hits(frames, broken)]
    if not told:
        return Told(FINDINGS.empty_table(), _NO_RESULTS, 0)
    placed = pl.concat(told).join(
        _results(frames).lazy(), on="result", how="left", maintain_order="left"
    )
    found = _masked(placed, show_private).collect()
    leaving = [consequence.value for consequence in Consequence if consequence.leaves_out]
    leaves_out = pl.col("consequence").is_in(leaving) & (pl.col("result") >= 0)
    left_out = found.filter(leaves_out).select(pl.col("result").unique().sort().cast(pl.Int64))
    findings = found.select(FINDINGS.names).to_arrow().cast(FINDINGS)
    warns = (pl.col("consequence") == Consequence.WARNING.value) & (pl.col("result") >= 0)
    warned = found.filter(warns)["result"].n_unique()
    return Told(findings, left_out["result"].to_numpy(), warned)


def _hits(frames: Frames, broken: Iterable[Broken]) -> Iterator[tuple[Broken, pl.DataFrame]]:
    """Give the hits that hold for some row, each with its frame; each frame is asked once."""
    asked: dict[str | int, tuple[pl.DataFrame, list[Broken]]] = {}
    for one in broken:
        frame = one.hit.frame
        if isinstance(frame, str):
            key: str | int = frame
            found = asked.get(key) or (frames.frame(frame), [])
        else:
            key, found = id(frame), asked.get(id(frame)) or (frame, [])
        asked.setdefault(key, found)[1].append(one)
    for frame, several in asked.values():
        if frame.height:
            yield from ((one, frame) for one in _holding(frame, several))


def _holding(frame: pl.DataFrame, several: list[Broken]) -> Iterator[Broken]:
    """Those that hold for some row of a frame, in the order given."""
    nulls = dict(zip(frame.columns, frame.null_count().row(0), strict=True))
    empty = frozenset(column for column, count in nulls.items() if count == frame.height)
    if unsettled := [one for one in several if one.is_unsettled]:
        _settle(frame, unsettled)
    possible = [one for one in several if one.may_hold(empty)]
    holding = {*_asked(frame, possible), *_among(frame, possible, nulls)}
    yield from (one for one in possible if one in holding)


def _asked(frame: pl.DataFrame, several: list[Broken]) -> Iterator[Broken]:
    """Those that hold for some row, of the ones that must be asked row by row."""
    asked = [one for one in several if one.hit.among is None]
    if asked:
        any_of = frame.select(**{str(n): one.any_row for n, one in enumerate(asked)}).row(0)
        yield from (one for one, is_hit in zip(asked, any_of, strict=True) if is_hit)


def _among(
    frame: pl.DataFrame, several: list[Broken], nulls: Mapping[str, int]
) -> Iterator[Broken]:
    """Those that hold for some row, of the ones about a column that is blank, or filled.

    Planning a condition takes longer than asking it; so the rows are chosen once for all
    columns that are asked of them, and the nulls of these are counted.
    """
    wanted: dict[int, list[tuple[Broken, Among]]] = {}
    for one in several:
        among = one.hit.among
        if among is not None and _has(nulls, frame.height, among):
            wanted.setdefault(id(among.when), []).append((one, among))
    for same in wanted.values():
        columns = dict.fromkeys(among.column for _, among in same)
        rows = frame.lazy().filter(same[0][1].when).select(*columns).collect()
        counts = dict(zip(columns, rows.null_count().row(0), strict=True))
        yield from (one for one, among in same if _has(counts, rows.height, among))


def _has(nulls: Mapping[str, int], height: int, among: Among) -> bool:
    """Whether a column has a row as it is looked for, by its number of nulls."""
    return nulls[among.column] > 0 if among.is_blank else nulls[among.column] < height


def _settle(frame: pl.DataFrame, several: list[Broken]) -> None:
    """See which conditions hold for a row of nulls."""
    nulls = frame.clear(1)
    holds = nulls.select(**{str(n): one.any_row for n, one in enumerate(several)}).row(0)
    for one, is_so in zip(several, holds, strict=True):
        one.settle(bool(is_so))


def _told(one: Broken, frame: pl.DataFrame, profile: str) -> list[pl.Expr]:
    """The columns that tell of a hit."""
    hit, part = one.hit, one.rule.parts[one.hit.part]
    field = pl.lit(hit.field) if isinstance(hit.field, str) else hit.field
    value = _value(hit, frame)
    return [
        pl.col("result").cast(pl.Int32),
        pl.lit(one.rule.rule).alias("rule"),
        pl.lit(one.rule.consequence(profile, hit.part).value).alias("consequence"),
        _column(frame, "file"),
        _column(frame, "TestOpportunityId"),
        field.cast(pl.String).alias("field"),
        _place(frame).cast(pl.Int64).alias("row"),
        value.alias("value"),
        _sentence(part.message, field, value, hit.words).alias("message"),
        pl.lit(part.remedy).alias("remedy"),
    ]


def _value(hit: Hit, frame: pl.DataFrame) -> pl.Expr:
    """What the finding shows: the hit's own value, or the field's column."""
    value = hit.value
    if value is None:
        shows = isinstance(hit.field, str) and hit.field in frame.columns
        value = pl.col(str(hit.field)) if shows else pl.lit("")
    return value.cast(pl.String).fill_null("").str.slice(0, LONGEST_VALUE)


def _column(frame: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name) if name in frame.columns else pl.lit(None, pl.String).alias(name)


def _place(frame: pl.DataFrame) -> pl.Expr:
    """The row in its file; of an item of TRT, its place among the items of its file."""
    places = [pl.col("row")] if "row" in frame.columns else []
    if "item" in frame.columns:
        places.append((pl.col("item") + 1).cast(pl.Int64))
    return pl.coalesce(places) if places else pl.lit(None, pl.Int64)


def _results(frames: Frames) -> pl.DataFrame:
    """The file and the opportunity id of each result; never an id that holds the student's."""
    student = pl.col("StudentIdentifier").fill_null("")
    key = pl.col("TestOpportunityId").fill_null("")
    tells = (student.str.len_chars() >= _SHORTEST_SECRET) & key.str.contains(student, literal=True)
    hidden = pl.format("result {}", pl.col("result") + 1)
    return frames.tests.select(
        pl.col("result").cast(pl.Int32),
        pl.col("file").alias("result_file"),
        pl.when(tells | (key == "")).then(hidden).otherwise(key).alias("result_record"),
    )


def _sentence(
    message: str, field: pl.Expr, value: pl.Expr, words: Mapping[str, pl.Expr]
) -> pl.Expr:
    """A message with its braces filled; a private value is a mark that `_masked` replaces."""
    visible = pl.when(field.is_in(PRIVATE)).then(pl.lit(_HIDDEN)).otherwise(value)
    known = {"field": field, "value": visible, **words}
    pieces: list[pl.Expr] = []
    for text, name, _, _ in Formatter().parse(message):
        pieces.append(pl.lit(text))
        if name:
            pieces.append(known[name].cast(pl.String).fill_null("?"))
    return pl.concat_str(pieces)


def _private_fields() -> list[str]:
    layouts = {**fields_of_tests(), **fields_of_items()}
    return [name for name, layout in layouts.items() if layout.private or is_private(name)]


PRIVATE = tuple(_private_fields())
_HIDDEN = "\x00hidden\x00"


def _masked(told: pl.LazyFrame, show_private: bool) -> pl.LazyFrame:
    """Place each finding, and hide its value where it says who somebody is."""
    shown = pl.col("value")
    if not show_private:
        hidden = pl.format("({} characters, hidden)", shown.str.len_chars())
        is_hidden = pl.col("field").is_in(PRIVATE) & (shown != "")
        shown = pl.when(is_hidden).then(hidden).otherwise(shown)
    return told.with_columns(
        pl.coalesce("file", "result_file", pl.lit("")).alias("file"),
        pl.coalesce("result_record", "TestOpportunityId", pl.lit("")).alias("record"),
        shown.alias("value"),
        pl.col("message").str.replace(_HIDDEN, shown, literal=True).alias("message"),
    )
