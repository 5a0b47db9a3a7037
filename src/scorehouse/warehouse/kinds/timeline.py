"""What held from when to when, woven from snapshots: files that say what is so on one day.

A snapshot carries no beginnings. A state that held already goes on; another one begins on the
snapshot's day and ends the one before. An older snapshot that comes late finds its place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from scorehouse.warehouse.schema import ROW_ID

_COMES = "comes_"


class Woven(NamedTuple):
    """Rows as they are to be, and the row ids of rows held that no longer hold."""

    rows: pl.DataFrame
    gone: pl.Series


def woven(
    held: pl.DataFrame, coming: pl.DataFrame, key: Sequence[str], state: str, begin: str, end: str
) -> Woven:
    """Weave states that hold on a day (`begin` of `coming`) into the periods held.

    Both have the columns `key`, `state` and `begin`; `held` also `end` and `row_id`. Columns
    that only `coming` has follow the period they fall into.
    """
    keys, extra = list(key), [name for name in coming.columns if name not in held.columns]
    events = pl.concat(
        [
            held.with_columns(pl.lit(False).alias(_COMES)),
            coming.with_columns(pl.lit(True).alias(_COMES)),
        ],
        how="diagonal_relaxed",
    ).sort([*keys, begin, _COMES], nulls_last=False, maintain_order=True)
    same_day = [*keys, begin]
    last = events.unique(same_day, keep="last", maintain_order=True)
    same_state = _carried(events, last, same_day, state, end)
    periods = _joined(same_state, keys, state, begin, end, extra)
    following = pl.col(begin).shift(-1).over(keys)
    ended = pl.min_horizontal(pl.col(end), following.dt.offset_by("-1d"))
    rows = periods.with_columns(pl.when(following > pl.col(begin)).then(ended)
                                .when(pl.col(begin).is_null()).then(ended)
                                .otherwise(pl.col(end)).alias(end))  # fmt: skip
    return Woven(rows.drop(_COMES, ROW_ID), _gone(held, periods, [*keys, begin, state]))


def _carried(
    events: pl.DataFrame, last: pl.DataFrame, same_day: list[str], state: str, end: str
) -> pl.DataFrame:
    """A snapshot of a period's first day, with the same state, keeps that period's end."""
    begun = events.filter(~pl.col(_COMES)).select(*same_day, state, pl.col(end).alias("end_"))
    joined = last.join(begun, on=[*same_day, state], how="left", nulls_equal=True)
    return joined.with_columns(pl.coalesce(end, "end_").alias(end)).drop("end_")


def _joined(
    events: pl.DataFrame, keys: list[str], state: str, begin: str, end: str, extra: list[str]
) -> pl.DataFrame:
    """Let a snapshot inside a period of the same state be part of it, with what it adds."""
    before = pl.col(state).shift(1).over(keys)
    ended = pl.col(end).shift(1).over(keys)
    goes_on = (
        pl.col(_COMES) & (before == pl.col(state)) & (ended.is_null() | (ended >= pl.col(begin)))
    ).fill_null(False)
    runs = events.with_columns((~goes_on).cum_sum().alias("run_"))
    added = [pl.col(name).drop_nulls().last() for name in extra]
    kept = [name for name in events.columns if name not in (*keys, *extra)]
    firsts = [pl.col(name).first() for name in kept]
    return runs.group_by([*keys, "run_"], maintain_order=True).agg(*firsts, *added).drop("run_")


def _gone(held: pl.DataFrame, periods: pl.DataFrame, same: list[str]) -> pl.Series:
    return held.join(periods.select(same), on=same, how="anti", nulls_equal=True)[ROW_ID]
