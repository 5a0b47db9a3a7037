"""Responses of results as rows.

They are by far the most rows, and most of their columns say one of a few values, so that each
value is read once, and its rows are told by it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.warehouse.kinds.result_values import (
    NUMBER,
    flag,
    frame,
    instant,
    or_null,
    real,
    text,
    whole,
)

_Form = Callable[[pl.Expr], pl.Expr]
_Read = Callable[[Sequence[pl.Expr]], pl.Expr]
_RATERS = ("Rater1Score", "Rater2Score", "Rater3Score")


def _is_filled(column: pl.Expr) -> pl.Expr:
    return text(column) != ""


def _is_yes(column: pl.Expr) -> pl.Expr:
    return flag(column).fill_null(value=False)


def _is_no(column: pl.Expr) -> pl.Expr:
    return ~flag(column)


_FORMS: tuple[tuple[str, str, _Form], ...] = (
    ("item_id", "ItemId", text),
    ("dimension", "ScoreDimension", text),
    ("position", "ItemPosition", whole),
    ("answered", "Submitted", _is_yes),
    ("score", "ItemScore", real),
    ("score_status", "ItemScoreStatus", or_null),
    ("condition_code", "ConditionCode", or_null),
    ("operational", "FieldTest", _is_no),
    ("response_value", "ResponseValue", or_null),
    ("administered_at", "AdminDateTime", instant),
    ("response_seconds", "ResponseDuration", real),
    ("visits", "NumberOfVisits", whole),
    ("segment_id", "SegmentId", or_null),
    ("max_score", "MaxScore", real),
)
"""Field, column of the item table, and how its text is read."""

_MANY = ("ItemId", "AdminDateTime")
"""The columns in which nearly every row says something else."""


def responses_of(items: pa.Table) -> pa.Table:
    """The rows of an item table as the warehouse keeps them, with the result's number."""
    found = {NUMBER: items["result"].cast(pa.int64())}
    for field, column, form in _FORMS:
        read = _row_by_row if column in _MANY else _by_value
        found[field] = read(items, [column], _of_one(form))
    has_text = _by_value(items, ["ResponseValue"], _of_one(_is_filled))
    found["answered"] = pc.or_(found["answered"], has_text)
    found["rater_scores"] = _by_value(items, _RATERS, _listed)
    return pa.table(found)


def _of_one(form: _Form) -> _Read:
    return lambda texts: form(texts[0])


def _listed(texts: Sequence[pl.Expr]) -> pl.Expr:
    return or_null(pl.concat_str(texts, separator=" "))


def _row_by_row(items: pa.Table, columns: Sequence[str], read: _Read) -> pa.Array:
    return _values([items[column].combine_chunks() for column in columns], read)


def _by_value(items: pa.Table, columns: Sequence[str], read: _Read) -> pa.Array:
    """Read what some columns say together once for each thing they say."""
    said = [
        items[column].combine_chunks().dictionary_encode(null_encoding="encode")
        for column in columns
    ]
    if len(said) == 1:
        return _values([said[0].dictionary], read).take(said[0].indices)
    sizes = [max(1, len(one.dictionary)) for one in said]
    together = np.ravel_multi_index([one.indices.to_numpy() for one in said], sizes)
    each = pa.array(together).dictionary_encode()
    places = np.unravel_index(each.dictionary.to_numpy(), sizes)
    texts = [one.dictionary.take(pa.array(own)) for one, own in zip(said, places, strict=True)]
    return _values(texts, read).take(each.indices)


def _values(texts: Sequence[pa.Array], read: _Read) -> pa.Array:
    """What texts that stand side by side are read as."""
    names = [str(place) for place in range(len(texts))]
    values = frame(pa.table([*texts], names)).select(read([*map(pl.col, names)])).to_series()
    found = values.to_arrow()
    return found.cast(pa.string()) if values.dtype == pl.String else found
