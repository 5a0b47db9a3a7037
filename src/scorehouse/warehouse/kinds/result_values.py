"""Texts of results read as values. What can't be read as its type becomes empty."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import polars as pl
import pyarrow as pa

NUMBER = "number"
"""The column that tells results of a delivery apart: their place in it."""

_FLAGS = {"yes": True, "y": True, "true": True, "t": True, "1": True,
          "no": False, "n": False, "false": False, "f": False, "0": False}  # fmt: skip
_CONDITIONS = {"Standardized": "SD", "Nonstandardized": "NS", "Invalid": "IN"}


def frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a polars frame."""
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


def text(column: pl.Expr) -> pl.Expr:
    """A text without spaces around it, which may be blank."""
    return column.str.strip_chars().fill_null("")


def or_null(column: pl.Expr) -> pl.Expr:
    """A text that isn't blank."""
    trimmed = column.str.strip_chars()
    return pl.when(trimmed == "").then(None).otherwise(trimmed)


def flag(column: pl.Expr) -> pl.Expr:
    """Yes or no, in any of the ways that results say it."""
    return column.str.strip_chars().str.to_lowercase().replace_strict(
        _FLAGS, default=None, return_dtype=pl.Boolean
    )  # fmt: skip


def real(column: pl.Expr) -> pl.Expr:
    """A finite number."""
    number = column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number).otherwise(None)


def whole(column: pl.Expr) -> pl.Expr:
    """A whole number; a fraction is cut off."""
    return real(column).cast(pl.Int32, strict=False)


def instant(column: pl.Expr) -> pl.Expr:
    """An instant: UTC where the text has a zone, else as written.

    A date alone is its midnight.
    """
    return column.map_batches(_instants, return_dtype=pl.Datetime("us"))


_PLAIN, _USUAL = "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%.f"


def _instants(texts: pl.Series) -> pl.Series:
    """Most are written plainly, which is read quickest; only the others are read otherwise."""
    trimmed = texts.cast(pl.String).str.strip_chars()
    found = trimmed.str.to_datetime(_PLAIN, time_unit="us", strict=False)
    for reading in (_usual_instant, _any_instant):
        is_other = found.is_null() & (trimmed != "").fill_null(False)
        if not is_other.any():
            break
        others = trimmed.filter(is_other).to_frame("text").select(reading(pl.col("text")))
        found = found.scatter(is_other.arg_true(), others.to_series())
    return found


def _usual_instant(trimmed: pl.Expr) -> pl.Expr:
    return trimmed.str.to_datetime(_USUAL, time_unit="us", strict=False)


def _any_instant(trimmed: pl.Expr) -> pl.Expr:
    zoned = trimmed.str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2})$") & (trimmed.str.len_chars() > 10)
    plain = trimmed.str.slice(0, 26).str.replace(" ", "T")
    aware = trimmed.str.replace(r"[zZ]$", "+00:00").str.replace(" ", "T")
    utc = aware.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    local = pl.coalesce(
        _usual_instant(plain),
        plain.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
        trimmed.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
    )
    return pl.when(zoned).then(utc.dt.replace_time_zone(None)).otherwise(local)


def day(column: pl.Expr) -> pl.Expr:
    """A day, of a text that begins with one."""
    return column.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def school_year(column: pl.Expr) -> pl.Expr:
    """The year "2018" as "2017-18"; a year that is written so already stays."""
    ends = column.str.strip_chars().str.extract(r"^(\d{4})$").cast(pl.Int32, strict=False)
    begins = (ends - 1).cast(pl.String)
    short = (ends % 100).cast(pl.String).str.zfill(2)
    return pl.coalesce(pl.concat_str(begins, pl.lit("-"), short), text(column))


FORMS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "key": text,
    "text": or_null,
    "lower": lambda column: or_null(column).str.to_lowercase(),
    "grade": lambda column: or_null(column).str.to_uppercase().str.zfill(2),
    "year": school_year,
    "flag": flag,
    "real": real,
    "whole": whole,
    "instant": instant,
    "day": day,
    "condition": lambda column: or_null(column).replace(_CONDITIONS),
}
"""How the text of a column is read, by the names of `result_columns.csv`."""
