"""From hits to findings: all conditions of a frame at once, rows only where one holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from string import Formatter
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.intake.catalogue import Consequence, is_private
from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Hit
from scorehouse.intake.checks.rule_data import ResultsRule, item_fields, test_fields
from scorehouse.shapes import FINDINGS

LONGEST_VALUE = 200
_SHORTEST_SECRET = 4
_NO_RESULTS = np.empty(0, np.int64)


class Told(NamedTuple):
    """Findings of `shapes.FINDINGS`, and the numbers of the results that they leave out."""

    findings: pa.Table
    left_out: NDArray[np.int64]


class Broken(NamedTuple):
    """A rule and one of its hits."""

    rule: ResultsRule
    hit: Hit


def findings_of(frames: Frames, broken: Iterable[Broken], *, show_private: bool = False) -> Told:
    """Evaluate all hits over a chunk."""
    tables, left_out, results = [], [_NO_RESULTS], _results(frames)
    for one, rows in _rows_hit(frames, broken):
        part = one.rule.parts[one.hit.part]
        consequence = one.rule.consequence(frames.setting.profile.name, one.hit.part)
        told = _placed(results, one.hit, rows)
        tables.append(_worded(told, one.rule.rule, consequence, part.message, part.remedy))
        if consequence.leaves_out:
            left_out.append(rows["result"].to_numpy().astype(np.int64))
    told_all = _masked(pl.concat(tables), show_private).to_arrow() if tables else None
    findings = told_all if told_all is not None else FINDINGS.empty_table()
    without = np.unique(np.concatenate(left_out))
    return Told(findings.cast(FINDINGS), without[without >= 0])


def _rows_hit(frames: Frames, broken: Iterable[Broken]) -> Iterator[tuple[Broken, pl.DataFrame]]:
    """Give the rows of each hit that has any."""
    named: dict[str, list[Broken]] = {}
    for one in broken:
        if isinstance(one.hit.frame, str):
            named.setdefault(one.hit.frame, []).append(one)
        elif one.hit.frame.height:
            rows = one.hit.frame.filter(one.hit.where)
            if rows.height:
                yield one, rows
    for name, several in named.items():
        frame = frames.frame(name)
        masks = frame.select(
            one.hit.where.fill_null(False).alias(str(n)) for n, one in enumerate(several)
        )
        any_of = masks.select(pl.all().any()).row(0)
        for n, one in enumerate(several):
            if any_of[n]:
                # a condition that says nothing of a row is one value for all
                yield one, frame.filter(one.hit.where.fill_null(False))


def _placed(results: pl.DataFrame, hit: Hit, rows: pl.DataFrame) -> pl.DataFrame:
    """Where each hit is: file, record, field, row, value, and the words of its message."""
    value = hit.value
    if value is None:
        shows = isinstance(hit.field, str) and hit.field in rows.columns
        value = pl.col(str(hit.field)) if shows else pl.lit("")
    field = pl.lit(hit.field) if isinstance(hit.field, str) else hit.field
    own = [
        pl.col(name) if name in rows.columns else pl.lit(None, kind).alias(name)
        for name, kind in (("file", pl.String), ("TestOpportunityId", pl.String))
    ]
    if "row" in rows.columns and rows["row"].null_count() < rows.height:
        place = pl.col("row")
    elif "item" in rows.columns:
        place = (pl.col("item") + 1).alias("row")
    else:
        place = pl.lit(None, pl.Int64).alias("row")
    words = [word.cast(pl.String).alias(f"word:{name}") for name, word in hit.words.items()]
    placed = rows.select(
        pl.col("result").cast(pl.Int32),
        *own,
        place.cast(pl.Int64),
        field.cast(pl.String).alias("field"),
        value.cast(pl.String).fill_null("").str.slice(0, LONGEST_VALUE).alias("value"),
        *words,
    )
    return placed.join(results, on="result", how="left", maintain_order="left")


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


def _worded(
    placed: pl.DataFrame, rule: str, consequence: Consequence, message: str, remedy: str
) -> pl.DataFrame:
    return placed.select(
        pl.lit(rule).alias("rule"),
        pl.lit(consequence.value).alias("consequence"),
        pl.coalesce("file", "result_file", pl.lit("")).alias("file"),
        pl.coalesce("result_record", "TestOpportunityId", pl.lit("")).alias("record"),
        "field",
        "row",
        "value",
        _sentence(message).alias("message"),
        pl.lit(remedy).alias("remedy"),
    )


def _sentence(message: str) -> pl.Expr:
    """A message with its braces filled from columns; the value only when it may be seen."""
    pieces: list[pl.Expr] = []
    for text, name, _, _ in Formatter().parse(message):
        pieces.append(pl.lit(text))
        if name in ("field", "value"):
            pieces.append(_visible() if name == "value" else pl.col("field"))
        elif name:
            pieces.append(pl.col(f"word:{name}").fill_null("?"))
    return pl.concat_str(pieces)


def _private_fields() -> list[str]:
    layouts = {**test_fields(), **item_fields()}
    return [name for name, layout in layouts.items() if layout.private or is_private(name)]


PRIVATE = tuple(_private_fields())
_HIDDEN = "\x00hidden\x00"


def _visible() -> pl.Expr:
    """The value, or a mark that `_masked` replaces, so that one place decides."""
    return pl.when(pl.col("field").is_in(PRIVATE)).then(pl.lit(_HIDDEN)).otherwise(pl.col("value"))


def _masked(table: pl.DataFrame, show_private: bool) -> pl.DataFrame:
    if show_private:
        shown = pl.col("value")
    else:
        hidden = pl.format("({} characters, hidden)", pl.col("value").str.len_chars())
        is_hidden = pl.col("field").is_in(PRIVATE) & (pl.col("value") != "")
        shown = pl.when(is_hidden).then(hidden).otherwise(pl.col("value"))
    message = pl.col("message").str.replace(_HIDDEN, shown, literal=True)
    return table.with_columns(shown.alias("value"), message.alias("message"))
