"""From results as read to the rows the warehouse keeps, still with the result's number.

Pure: chunks in, tables out. Values that can't be read as their type become empty; the checks
have said so before. Responses are read chunk by chunk; the rest, of which a chunk has few rows,
when a part of the delivery is together.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from itertools import groupby
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.results import ResultChunk
from scorehouse.warehouse.kinds.result_responses import responses_of
from scorehouse.warehouse.kinds.result_values import (
    FORMS,
    NUMBER,
    frame,
    or_null,
    real,
    text,
    whole,
)

_SCORES = ("result", "measureLabel", "measureOf", "value", "standardError", "conditionCode")
_USES = ("result", "code", "segment", "type", "value")


class Piece(NamedTuple):
    """What is wanted of a chunk: its responses as rows, the rest as it was read."""

    is_xml: bool
    tests: pa.Table
    scores: pa.Table
    uses: pa.Table
    responses: pa.Table

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return sum(table.nbytes for table in self[1:])


class Staged(NamedTuple):
    """Rows of some results, told apart by the number of their result."""

    results: pa.Table
    scores: pa.Table
    responses: pa.Table
    accommodations: pa.Table


@cache
def columns() -> tuple[tuple[str, str, str], ...]:
    """Field, column of the test table, and how its text is read."""
    text = resources.files(__package__).joinpath("result_columns.csv").read_text(encoding="utf-8")
    rows = csv.reader(text.splitlines()[1:], delimiter="|")
    return tuple((row[0], row[1], row[2]) for row in rows)


def piece(chunk: ResultChunk, kept: pa.Array) -> Piece:
    """Return what is wanted of the results whose numbers are `kept`."""
    found = chunk.elements if chunk.is_xml else {}
    return Piece(
        chunk.is_xml,
        _among(chunk.tests, kept),
        _among(found["score"].select(_SCORES), kept) if found else _nothing(_SCORES),
        _among(found["accommodation"].select(_USES), kept) if found else _nothing(_USES),
        responses_of(_among(chunk.items, kept)),
    )


def _among(table: pa.Table, kept: pa.Array) -> pa.Table:
    wanted = pc.is_in(table["result"], kept)
    return table if pc.all(wanted, min_count=0).as_py() else table.filter(wanted)


def _nothing(names: Sequence[str]) -> pa.Table:
    return pa.schema([(name, pa.string()) for name in names]).empty_table()


def staged(pieces: Sequence[Piece]) -> Staged:
    """Return the rows of some pieces, one after another."""
    found = [_staged(is_xml, list(few)) for is_xml, few in groupby(pieces, lambda one: one.is_xml)]
    return Staged(*(pa.concat_tables(tables) for tables in zip(*found, strict=True)))


def _staged(is_xml: bool, pieces: Sequence[Piece]) -> Staged:
    """The same of pieces that came in one form."""
    tests, scores, uses, responses = (
        pa.concat_tables(tables) for tables in zip(*(one[1:] for one in pieces), strict=True)
    )
    rows = frame(tests)
    return Staged(
        _results(rows, "trt" if is_xml else "two_tables").to_arrow(),
        (_element_scores(frame(scores), rows) if is_xml else _column_scores(rows)).to_arrow(),
        responses,
        (_element_uses(frame(uses)) if is_xml else _column_uses(rows)).to_arrow(),
    )


def _results(tests: pl.DataFrame, source_form: str) -> pl.DataFrame:
    number = pl.col("result").cast(pl.Int64).alias(NUMBER)
    mapped = [FORMS[form](pl.col(column)).alias(field) for field, column, form in columns()]
    return tests.select(number, *mapped).with_columns(
        source_form=pl.lit(source_form), special_condition=pl.lit(None, pl.String)
    )


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


def _element_scores(elements: pl.DataFrame, tests: pl.DataFrame) -> pl.DataFrame:
    """Score elements other than the overall ones, a row for each measure."""
    scores = elements.with_columns(
        label=text(pl.col("measureLabel")).replace_strict(_LABELS, default=""),
        of=text(pl.col("measureOf")),
    )
    wanted = scores.filter((pl.col("label") != "") & (pl.col("of") != "Overall"))
    subjects = tests.select("result", subject=text(pl.col("Subject")))
    named = wanted.join(subjects, on="result").with_columns(measure=_measure())
    picked = [
        real(pl.col("value")).filter(pl.col("label") == name).first().alias(name)
        for name in _NUMBERS
    ]
    errors = [
        real(pl.col("standardError")).filter(pl.col("label") == of).first().alias(name)
        for name, of in (("se_scale", "scale_score"), ("se_theta", "theta"))
    ]
    code = or_null(pl.col("conditionCode")).drop_nulls().first().alias("condition_code")
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
        text(pl.col("Subject"))
        .replace_strict(codes, default=f"claim:{place + 1}")
        .alias("measure"),
        real(pl.col(f"{prefix}Score")).alias("scale_score"),
        real(pl.col(f"{prefix}ScoreStandardError")).alias("se_scale"),
        real(pl.col(f"{prefix}Theta")).alias("theta"),
        real(pl.col(f"{prefix}ThetaStandardError")).alias("se_theta"),
        whole(pl.col(f"{prefix}ScoreAchievementLevel")).cast(pl.Int8).alias("level"),
        pl.lit(None, pl.Float64).alias("raw_score"),
        pl.lit(None, pl.Int32).alias("item_count"),
        pl.lit(None, pl.Float64).alias("target_residual_to_student"),
        pl.lit(None, pl.Float64).alias("target_residual_to_standard"),
        pl.lit(None, pl.String).alias("condition_code"),
    )
    filled = pl.any_horizontal(pl.col("scale_score", "theta", "level").is_not_null())
    return found.filter(filled).select(SCORE_COLUMNS)


# --- accessibility ---


def _element_uses(elements: pl.DataFrame) -> pl.DataFrame:
    used = elements.select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        text(pl.col("code")).alias("code"),
        text(pl.col("segment")).alias("segment"),
        or_null(pl.col("type")).alias("resource_type"),
        or_null(pl.col("value")).alias("value"),
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
