"""Reading many moments at once: YYYY-MM-DDThh:mm:ss by arithmetic on its bytes.

Nearly every moment of a delivery has exactly this form; its 19 bytes stand at fixed places,
so that form, range and value are a few array operations over all of them. Whatever has
another length goes the general way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

DATE_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$"
_LENGTH = len("YYYY-MM-DDThh:mm:ss")
_DAY_LENGTH = len("YYYY-MM-DD")
_FORMAT = "%Y-%m-%dT%H:%M:%S"
_DELIMITERS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_DIGITS = [place for place in range(_LENGTH) if place not in _DELIMITERS]
_ZONE = r"(Z|[+-]\d{2}:\d{2})$"
_DAYS = np.array([31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_MICROSECONDS = 1_000_000


class Moments(NamedTuple):
    """A column's moments (in UTC where a zone is given), whether it has one, whether it's right."""

    at: pl.Series
    has_zone: pl.Series
    is_right: pl.Series


def moments(column: pl.Series) -> Moments:
    """Read a column of date-times; blank is null and not right."""
    if column.null_count() == len(column):
        return _blank(len(column))
    is_plain = (column.str.len_bytes() == _LENGTH).fill_null(False)
    plain = column.filter(is_plain)
    seconds, right = _plain_moments(plain)
    at = np.zeros(len(column), np.int64)
    is_right = np.zeros(len(column), np.bool_)
    mask = is_plain.to_numpy()
    at[mask], is_right[mask] = seconds * _MICROSECONDS, right
    found = pl.DataFrame({"text": column, "at": at, "right": is_right, "plain": is_plain})
    has_zone = pl.Series(np.zeros(len(column), np.bool_))
    if len(plain) < column.count():
        found, has_zone = _with_others(found)
    value = pl.when("right").then(pl.col("at").cast(pl.Datetime("us")))
    return Moments(found.select(value).to_series(), has_zone, found["right"])


def _blank(count: int) -> Moments:
    no = pl.repeat(False, count, dtype=pl.Boolean, eager=True)
    return Moments(pl.repeat(None, count, dtype=pl.Datetime("us"), eager=True), no, no)


def days(column: pl.Series) -> Moments:
    """Read a column of dates as the moments at their midnight."""
    if column.null_count() == len(column):
        return _blank(len(column))
    text = pl.when(pl.col("d").str.len_bytes() == _DAY_LENGTH).then(pl.col("d") + "T00:00:00")
    return moments(column.alias("d").to_frame().select(text).to_series())


def _plain_moments(plain: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since 1970 and rightness of texts of 19 bytes each."""
    if not len(plain):
        return np.empty(0, np.int64), np.empty(0, np.bool_)
    text = pa.chunked_array([plain.to_arrow()]).cast(pa.large_string()).combine_chunks()
    data = text.chunk(0) if isinstance(text, pa.ChunkedArray) else text
    raw = np.frombuffer(data.buffers()[2], np.uint8)[: len(plain) * _LENGTH]
    cells = raw.reshape(-1, _LENGTH)
    right = np.ones(len(cells), np.bool_)
    for place, letter in _DELIMITERS.items():
        right &= cells[:, place] == ord(letter)
    digits = cells - np.uint8(ord("0"))  # what is no digit wraps around to 10 or more
    right &= (digits[:, _DIGITS] <= 9).all(axis=1)
    century, of_century, month, day, hour, minute, second = (
        digits[:, place] * np.int64(10) + digits[:, place + 1] for place in (0, 2, 5, 8, 11, 14, 17)
    )
    year = century * 100 + of_century
    right &= _is_real(year, month, day) & (hour < 24) & (minute < 60) & (second < 60)
    return _days_since_1970(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second, right


def _is_real(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Whether there is such a day."""
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    is_month = (month >= 1) & (month <= 12)
    longest = _DAYS[np.where(is_month, month, 1) - 1] - ((month == 2) & ~is_leap)
    return np.asarray(is_month & (day >= 1) & (day <= longest) & (year >= 1))


def _days_since_1970(
    year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Days by the civil calendar, counted in eras of 400 years that begin in March."""
    shifted = year - (month <= 2)
    era = shifted // 400
    of_era = shifted - era * 400
    of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    days_before: NDArray[np.int64] = era * 146_097
    return np.asarray(days_before + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468)


def _with_others(found: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """The moments that aren't plain: fractions, zones, and what is no moment at all."""
    text = pl.col("text")
    local = text.str.slice(0, _LENGTH).str.to_datetime(_FORMAT, strict=False, time_unit="us")
    right = text.str.contains(DATE_TIME) & local.is_not_null()
    hours = text.str.extract(r"([+-]\d{2}):\d{2}$").cast(pl.Int64, strict=False)
    minutes = text.str.extract(r"[+-]\d{2}:(\d{2})$").cast(pl.Int64, strict=False)
    sign = pl.when(text.str.contains(r"-\d{2}:\d{2}$")).then(-1).otherwise(1)
    shift = (hours * 60 + sign * minutes).fill_null(0) * 60 * _MICROSECONDS
    other = (local.cast(pl.Int64) - shift).fill_null(0)
    zone = text.str.contains(_ZONE).fill_null(False) & right.fill_null(False)
    plain = pl.col("plain")
    both = found.select(
        "text",
        pl.when(plain).then("at").otherwise(other).alias("at"),
        pl.when(plain).then("right").otherwise(right.fill_null(False)).alias("right"),
        (zone & ~plain).alias("zone"),
    )
    return both, both["zone"]
