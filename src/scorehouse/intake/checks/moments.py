"""Reading many moments at once: YYYY-MM-DDThh:mm:ss by arithmetic on its bytes.

Nearly every moment of a delivery has exactly this form; its 19 bytes stand at fixed places,
so that form, range and value are read by a compiled loop over all of them. Whatever has
another length goes the general way.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

DATE_TIME = r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})?$"
_LENGTH = len("YYYY-MM-DDThh:mm:ss")
_DAY_LENGTH = len("YYYY-MM-DD")
_FORMAT = "%Y-%m-%dT%H:%M:%S"
_DELIMITERS = {4: "-", 7: "-", 10: "T", 13: ":", 16: ":"}
_PAIRS = np.array([0, 2, 5, 8, 11, 14, 17])
_ZERO = ord("0")
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
    return _read(cells, right), right


@njit(cache=True, nogil=True)
def _read(cells, right):  # type: ignore[no-untyped-def]
    """Seconds since 1970 of cells whose delimiters are in place; what isn't right is told.

    Days by the civil calendar, counted in eras of 400 years that begin in March.
    """
    seconds = np.zeros(len(cells), np.int64)
    parts = np.zeros(7, np.int64)  # century, year of it, month, day, hour, minute, second
    for k in range(len(cells)):
        if not right[k]:
            continue
        for part in range(7):
            place = _PAIRS[part]
            tens, ones = cells[k, place] - _ZERO, cells[k, place + 1] - _ZERO
            if not (0 <= tens <= 9 and 0 <= ones <= 9):
                right[k] = False
            parts[part] = tens * 10 + ones
        year, month, day = parts[0] * 100 + parts[1], parts[2], parts[3]
        if not 1 <= month <= 12 or year < 1:
            right[k] = False
            continue
        is_leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        longest = _DAYS[month - 1] - (1 if month == 2 and not is_leap else 0)
        if not (1 <= day <= longest and parts[4] < 24 and parts[5] < 60 and parts[6] < 60):
            right[k] = False
        shifted = year - (1 if month <= 2 else 0)
        era = shifted // 400
        of_era = shifted - era * 400
        of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
        days = era * 146_097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719_468
        seconds[k] = days * 86_400 + parts[4] * 3600 + parts[5] * 60 + parts[6]
    return seconds


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
