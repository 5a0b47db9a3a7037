"""From results as read to the rows the warehouse keeps, still with the result's number.

Pure: a chunk in, tables out. Values that can't be read as their type become empty; the checks
have said so before.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from functools import cache
from importlib import resources
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.results import ResultChunk

NUMBER = "number"

_FLAGS = {"yes": True, "y": True, "true": True, "t": True, "1": True,
          "no": False, "n": False, "false": False, "f": False, "0": False}  # fmt: skip
_CONDITIONS = {"Standardized": "SD", "Nonstandardized": "NS", "Invalid": "IN"}
_TYPES = {"summative": "summative", "sum": "summative", "ica": "ICA", "iab": "IAB"}


class Staged(NamedTuple):
    """Rows of some results, told apart by the number of their result."""

    results: pa.Table
    scores: pa.Table
    responses: pa.Table
    accommodations: pa.Table

    @property
    def nbytes(self) -> int:
        """How much memory they take."""
        return sum(table.nbytes for table in self)


@cache
def columns() -> tuple[tuple[str, str, str], ...]:
    """Field, column of the test table, and how its text is read."""
    text = resources.files(__package__).joinpath("result_columns.csv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines()[1:], delimiter="|")
    return tuple((row[0], row[1], row[2]) for row in rows)


def staged(chunk: ResultChunk, source_form: str, kept: pl.Series) -> Staged:
    """Return the rows of the results whose numbers are `kept`."""
    tests = frame(chunk.tests).filter(pl.col("result").is_in(kept.implode()))
    items = frame(chunk.items.select(_ITEM_COLUMNS)).filter(pl.col("result").is_in(kept.implode()))
    scores = _element_scores(chunk, tests) if chunk.is_xml else _column_scores(tests)
    used = _element_uses(chunk) if chunk.is_xml else _column_uses(tests)
    number = pl.col("result").cast(pl.Int64).alias(NUMBER)
    mapped = [_FORMS[form](pl.col(column)).alias(field) for field, column, form in columns()]
    results = tests.select(number, *mapped).with_columns(
        source_form=pl.lit(source_form), special_condition=pl.lit(None, pl.String)
    )
    kept_only = pl.col(NUMBER).is_in(kept.cast(pl.Int64).implode())
    return Staged(
        results.to_arrow(),
        scores.filter(kept_only).to_arrow(),
        _responses(items).to_arrow(),
        used.filter(kept_only).to_arrow(),
    )


def frame(table: pa.Table) -> pl.DataFrame:
    """An Arrow table as a polars frame."""
    found = pl.from_arrow(table)
    assert isinstance(found, pl.DataFrame)
    return found


# --- reading texts ---


def _text(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars().fill_null("")


def _or_null(column: pl.Expr) -> pl.Expr:
    trimmed = column.str.strip_chars()
    return pl.when(trimmed == "").then(None).otherwise(trimmed)


def _flag(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars().str.to_lowercase().replace_strict(
        _FLAGS, default=None, return_dtype=pl.Boolean
    )  # fmt: skip


def _real(column: pl.Expr) -> pl.Expr:
    number = column.str.strip_chars().cast(pl.Float64, strict=False)
    return pl.when(number.is_finite()).then(number).otherwise(None)


def _whole(column: pl.Expr) -> pl.Expr:
    return _real(column).cast(pl.Int32, strict=False)


def instant(column: pl.Expr) -> pl.Expr:
    """An instant: UTC where the text has a zone, else as written.

    A date alone is its midnight.
    """
    return column.map_batches(_instants, return_dtype=pl.Datetime("us"))


_USUAL = "%Y-%m-%dT%H:%M:%S%.f"


def _instants(texts: pl.Series) -> pl.Series:
    """Most are written in the usual way; only the others are tried in every other."""
    trimmed = texts.cast(pl.String).str.strip_chars()
    usual = trimmed.str.to_datetime(_USUAL, time_unit="us", strict=False)
    is_other = usual.is_null() & (trimmed != "").fill_null(False)
    if not is_other.any():
        return usual
    others = trimmed.filter(is_other).to_frame("text").select(_any_instant(pl.col("text")))
    return usual.scatter(is_other.arg_true(), others.to_series())


def _any_instant(trimmed: pl.Expr) -> pl.Expr:
    zoned = trimmed.str.contains(r"(?:[zZ]|[+-]\d{2}:?\d{2})$") & (trimmed.str.len_chars() > 10)
    plain = trimmed.str.slice(0, 26).str.replace(" ", "T")
    aware = trimmed.str.replace(r"[zZ]$", "+00:00").str.replace(" ", "T")
    utc = aware.str.to_datetime("%+", time_unit="us", time_zone="UTC", strict=False)
    local = pl.coalesce(
        plain.str.to_datetime(_USUAL, time_unit="us", strict=False),
        plain.str.to_datetime("%Y-%m-%dT%H:%M", time_unit="us", strict=False),
        trimmed.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")),
    )
    return pl.when(zoned).then(utc.dt.replace_time_zone(None)).otherwise(local)


def _day(column: pl.Expr) -> pl.Expr:
    return column.str.strip_chars().str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)


def school_year(column: pl.Expr) -> pl.Expr:
    """The year "2018" as "2017-18"; a year that is written so already stays."""
    ends = column.str.strip_chars().str.extract(r"^(\d{4})$").cast(pl.Int32, strict=False)
    begins = (ends - 1).cast(pl.String)
    short = (ends % 100).cast(pl.String).str.zfill(2)
    return pl.coalesce(pl.concat_str(begins, pl.lit("-"), short), _text(column))


_FORMS: Mapping[str, Callable[[pl.Expr], pl.Expr]] = {
    "key": _text,
    "text": _or_null,
    "lower": lambda column: _or_null(column).str.to_lowercase(),
    "grade": lambda column: _or_null(column).str.to_uppercase().str.zfill(2),
    "year": school_year,
    "flag": _flag,
    "real": _real,
    "whole": _whole,
    "instant": instant,
    "day": _day,
    "condition": lambda column: _or_null(column).replace(_CONDITIONS),
}

# --- parts of scores ---

_CLAIM_CODES = {
    "ELA": ("SOCK_R", "2-W", "SOCK_LS", "4-CR"),
    "Math": ("1", "SOCK_2", "3", "4"),
}
_LABELS = {
    "ScaleScore": "scale_score",
    "PerformanceLevel": "level",
    "ThetaScore": "theta",
    "Theta": "theta",
    "Pre-LOSS/HOSS theta": "theta",
    "RawScore": "raw_score",
    "ItemCountScored": "item_count",
    "StudentRelativeResidualScore": "target_residual_to_student",
    "Benchmark": "target_residual_to_student",
    "BenchmarkScore": "target_residual_to_student",
    "StandardMetRelativeResidualScore": "target_residual_to_standard",
    "ProficiencyDelta": "target_residual_to_standard",
}
_NUMBERS = ("scale_score", "level", "theta", "raw_score", "item_count",
            "target_residual_to_student", "target_residual_to_standard")  # fmt: skip
SCORE_COLUMNS = (
    NUMBER, "measure", "scale_score", "se_scale", "theta", "se_theta", "level", "raw_score",
    "item_count", "target_residual_to_student", "target_residual_to_standard", "condition_code",
)  # fmt: skip


def _element_scores(chunk: ResultChunk, tests: pl.DataFrame) -> pl.DataFrame:
    """Score elements other than the overall ones, a row for each measure."""
    scores = frame(chunk.elements["score"]).with_columns(
        label=_text(pl.col("measureLabel")).replace_strict(_LABELS, default=""),
        of=_text(pl.col("measureOf")),
    )
    wanted = scores.filter((pl.col("label") != "") & (pl.col("of") != "Overall"))
    subjects = tests.select("result", subject=_text(pl.col("Subject")))
    named = wanted.join(subjects, on="result").with_columns(measure=_measure())
    picked = [
        _real(pl.col("value")).filter(pl.col("label") == name).first().alias(name)
        for name in _NUMBERS
    ]
    errors = [
        _real(pl.col("standardError")).filter(pl.col("label") == of).first().alias(name)
        for name, of in (("se_scale", "scale_score"), ("se_theta", "theta"))
    ]
    code = _or_null(pl.col("conditionCode")).drop_nulls().first().alias("condition_code")
    keys = [pl.col("result").cast(pl.Int64).alias(NUMBER), pl.col("measure")]
    grouped = named.group_by(keys, maintain_order=True).agg(*picked, *errors, code)
    return grouped.with_columns(
        pl.col("level").cast(pl.Int8, strict=False),
        pl.col("item_count").cast(pl.Int32, strict=False),
    ).select(SCORE_COLUMNS)


def _measure() -> pl.Expr:
    """The measure's name: targets by their residuals, traits by raw scores, else by code."""
    of, label = pl.col("of"), pl.col("label")
    claim = pl.concat_str(pl.col("subject"), pl.lit("/"), of).replace(_claim_aliases())
    code = claim.str.split("/").list.last()
    return (
        pl.when(label.str.starts_with("target") | of.str.contains("|", literal=True))
        .then(pl.concat_str(pl.lit("target:"), of))
        .when(of.str.starts_with("COMPOSITE"))
        .then(pl.concat_str(pl.lit("composite:"), of))
        .otherwise(pl.concat_str(pl.lit("claim:"), code))
    )


@cache
def _claim_aliases() -> Mapping[str, str]:
    """Older names of claims, with the subject, and the published code of each."""
    older = {
        "ELA": (
            ("Claim1", "Claim1Reading", "Reading"),
            ("Claim2", "Claim2Writing", "Writing"),
            ("Claim3", "Claim3Listening", "Listening"),
            ("Claim4", "Claim4ReadingResearch and Inquiry", "Research"),
        ),
        "Math": (
            ("Claim1", "Concepts"),
            ("Claim2", "Claim2Problem Solving and Modeling and Data Analysis", "PSMDA"),
            ("Claim3", "Claim3Communicating Reasoning", "Reasoning"),
        ),
    }
    return {
        f"{subject}/{name}": f"{subject}/{_CLAIM_CODES[subject][place]}"
        for subject, claims in older.items()
        for place, names in enumerate(claims)
        for name in names
    }


def _column_scores(tests: pl.DataFrame) -> pl.DataFrame:
    """Claim columns of the test table as rows, those that hold anything."""
    claims = [_claim_rows(tests, place) for place in range(4)]
    return pl.concat(claims).sort(NUMBER, maintain_order=True)


def _claim_rows(tests: pl.DataFrame, place: int) -> pl.DataFrame:
    prefix = f"Claim{place + 1}"
    codes = {subject: f"claim:{codes[place]}" for subject, codes in _CLAIM_CODES.items()}
    found = tests.select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        _text(pl.col("Subject"))
        .replace_strict(codes, default=f"claim:{place + 1}")
        .alias("measure"),
        _real(pl.col(f"{prefix}Score")).alias("scale_score"),
        _real(pl.col(f"{prefix}ScoreStandardError")).alias("se_scale"),
        _real(pl.col(f"{prefix}Theta")).alias("theta"),
        _real(pl.col(f"{prefix}ThetaStandardError")).alias("se_theta"),
        _whole(pl.col(f"{prefix}ScoreAchievementLevel")).cast(pl.Int8).alias("level"),
        pl.lit(None, pl.Float64).alias("raw_score"),
        pl.lit(None, pl.Int32).alias("item_count"),
        pl.lit(None, pl.Float64).alias("target_residual_to_student"),
        pl.lit(None, pl.Float64).alias("target_residual_to_standard"),
        pl.lit(None, pl.String).alias("condition_code"),
    )
    filled = pl.any_horizontal(pl.col("scale_score", "theta", "level").is_not_null())
    return found.filter(filled).select(SCORE_COLUMNS)


# --- accessibility and responses ---


def _element_uses(chunk: ResultChunk) -> pl.DataFrame:
    used = frame(chunk.elements["accommodation"]).select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        _text(pl.col("code")).alias("code"),
        _text(pl.col("segment")).alias("segment"),
        _or_null(pl.col("type")).alias("resource_type"),
        _or_null(pl.col("value")).alias("value"),
    )
    return used.filter(pl.col("code") != "").unique(
        [NUMBER, "code", "segment"], keep="last", maintain_order=True
    )


def _column_uses(tests: pl.DataFrame) -> pl.DataFrame:
    listed = tests.select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        pl.col("AccessibilityCodes").str.split(";").alias("code"),
    ).explode("code")
    used = listed.select(
        NUMBER,
        pl.col("code").str.split(":").list.first().str.strip_chars().alias("code"),
        pl.lit("").alias("segment"),
        pl.lit(None, pl.String).alias("resource_type"),
        pl.col("code").str.split(":").list.get(1, null_on_oob=True).alias("value"),
    )
    return used.filter(pl.col("code").fill_null("") != "").unique(
        [NUMBER, "code"], keep="last", maintain_order=True
    )


_ITEM_COLUMNS = (
    "result", "ItemId", "ScoreDimension", "ItemPosition", "Submitted", "ItemScore",
    "ItemScoreStatus", "ConditionCode", "FieldTest", "ResponseValue", "AdminDateTime",
    "ResponseDuration", "NumberOfVisits", "SegmentId", "MaxScore", "Rater1Score", "Rater2Score",
    "Rater3Score",
)  # fmt: skip


def _responses(items: pl.DataFrame) -> pl.DataFrame:
    raters = [pl.col(f"Rater{n}Score") for n in (1, 2, 3)]
    is_selected = _flag(pl.col("Submitted"))
    has_text = _text(pl.col("ResponseValue")) != ""
    return items.select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        _text(pl.col("ItemId")).alias("item_id"),
        _text(pl.col("ScoreDimension")).alias("dimension"),
        _whole(pl.col("ItemPosition")).alias("position"),
        (is_selected.fill_null(value=False) | has_text).alias("answered"),
        _real(pl.col("ItemScore")).alias("score"),
        _or_null(pl.col("ItemScoreStatus")).alias("score_status"),
        _or_null(pl.col("ConditionCode")).alias("condition_code"),
        (~_flag(pl.col("FieldTest"))).alias("operational"),
        _or_null(pl.col("ResponseValue")).alias("response_value"),
        instant(pl.col("AdminDateTime")).alias("administered_at"),
        _real(pl.col("ResponseDuration")).alias("response_seconds"),
        _whole(pl.col("NumberOfVisits")).alias("visits"),
        _or_null(pl.col("SegmentId")).alias("segment_id"),
        _real(pl.col("MaxScore")).alias("max_score"),
        _or_null(pl.concat_str(raters, separator=" ").str.strip_chars()).alias("rater_scores"),
    )
