"""Score and Accommodation elements from the columns of the test table."""

from __future__ import annotations

import re
from typing import NamedTuple

import polars as pl

from scorehouse.intake.unflatten_notes import Features, Notes, note_count
from scorehouse.result_shapes import RESULT

CLAIM_CODES = {
    "ELA": ("SOCK_R", "2-W", "SOCK_LS", "4-CR"),
    "Math": ("1", "SOCK_2", "3", "Claim4"),
    "": ("Claim1", "Claim2", "Claim3", "Claim4"),
}
"""What Score/@measureOf calls claims 1 to 4; mathematics has no fourth, others no codes."""

_MATH_NAMES = ("math", "ma", "mathematics")
_DELIVERED = "UYU"  # what a code without a use code means: available, the rest unknown
_LETTERS = "UNY"
_USE_LABEL = "Accommodation"


class _Measure(NamedTuple):
    """One Score element: where its value and its error stand, and what it is called."""

    value: str
    error: str
    claim: int  # 0: overall
    label: str


def _measures() -> list[_Measure]:
    found = [
        _Measure("ScaleScore", "ScaleScoreStandardError", 0, "ScaleScore"),
        _Measure("ScaleScoreAchievementLevel", "", 0, "PerformanceLevel"),
        _Measure("OverallTheta", "OverallThetaStandardError", 0, "ThetaScore"),
    ]
    for claim in (1, 2, 3, 4):
        name = f"Claim{claim}"
        found += [
            _Measure(f"{name}Score", f"{name}ScoreStandardError", claim, "ScaleScore"),
            _Measure(f"{name}ScoreAchievementLevel", "", claim, "PerformanceLevel"),
            _Measure(f"{name}Theta", f"{name}ThetaStandardError", claim, "ThetaScore"),
        ]
    return found


_SCORE_COLUMNS = (RESULT, "order", "measureOf", "measureLabel", "value", "standardError")


def score_elements(tests: pl.DataFrame) -> pl.DataFrame:
    """One row for each score that has a value."""
    parts = [
        tests.filter(pl.col(measure.value) != "").select(
            pl.col(RESULT),
            order=pl.lit(order, pl.Int32),
            measureOf=_measure_of(measure.claim),
            measureLabel=pl.lit(measure.label),
            value=pl.col(measure.value),
            standardError=pl.col(measure.error) if measure.error else pl.lit(""),
        )
        for order, measure in enumerate(_measures())
    ]
    return pl.concat(parts).sort(RESULT, "order", maintain_order=True)


def _measure_of(claim: int) -> pl.Expr:
    if not claim:
        return pl.lit("Overall")
    subject = pl.col("Subject").str.strip_chars().str.to_lowercase()
    ela, math, other = (pl.lit(codes[claim - 1]) for codes in CLAIM_CODES.values())
    return (
        pl.when(subject == "ela").then(ela).when(subject.is_in(_MATH_NAMES)).then(math)
    ).otherwise(other)


class Support(NamedTuple):
    """A feature in force, and whether it was designated, available and used."""

    code: str
    delivery: str


def parse_accessibility(text: str) -> list[Support]:
    """Read an AccessibilityCodes cell; a code without a use code is taken as UYU.

    `NEDS_Other(…)` may hold what separates codes elsewhere.

    >>> parse_accessibility("ENU:UYU;NEDS_Other(a; b):YYY;TDS_PS_L0")
    [Support(code='ENU', delivery='UYU'), Support(code='NEDS_Other(a; b)', delivery='YYY'), \
Support(code='TDS_PS_L0', delivery='UYU')]
    """
    found = []
    for entry in re.findall(r"(?:\([^)]*\)|[^;(]|\((?![^)]*\)))+", text):
        matched = re.fullmatch(r"(.*?):([UYNuyn]{3})", entry.strip(), re.DOTALL)
        code, delivery = matched.groups() if matched else (entry.strip(), _DELIVERED)
        if code:
            found.append(Support(code, delivery.upper()))
    return found


def delivery_number(letters: str) -> int:
    """Return the number of a use code: 9 for designated, 3 for available, 1 for used.

    >>> delivery_number("UYU"), delivery_number("YYY"), delivery_number("UUU")
    (6, 26, 0)
    """
    weights = (9, 3, 1)
    return sum(w * _LETTERS.index(letter) for w, letter in zip(weights, letters, strict=True))


def accommodation_elements(
    tests: pl.DataFrame, features: Features, notes: Notes
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the Accommodation rows, and the Score rows that say how features were used."""
    texts = tests.select(RESULT, "AccessibilityCodes").filter(pl.col("AccessibilityCodes") != "")
    parsed = _parsed(texts["AccessibilityCodes"].unique().to_list(), features)
    long = texts.join(parsed, left_on="AccessibilityCodes", right_on="text", maintain_order="left")
    unknown = int((~long["known"]).sum())
    note_count(notes, "accessibility_unknown", "Accommodation/@type", unknown)
    uses = long.filter(pl.col("delivery") != _DELIVERED).select(
        pl.col(RESULT),
        order=pl.lit(len(_measures()), pl.Int32),
        measureOf=pl.format("{}|{}", "type", "code"),
        measureLabel=pl.lit(_USE_LABEL),
        value=pl.col("number").cast(pl.String),
        standardError=pl.lit(""),
    )
    return long.with_columns(segment=pl.lit("0")), uses


def _parsed(texts: list[str], features: Features) -> pl.DataFrame:
    rows = [
        (
            text,
            support.code,
            support.delivery,
            delivery_number(support.delivery),
            features.types.get(support.code.lower(), support.code),
            features.values.get(support.code.lower(), support.code),
            support.code.lower() in features.types,
        )
        for text in texts
        for support in parse_accessibility(text)
    ]
    schema = {
        "text": pl.String, "code": pl.String, "delivery": pl.String, "number": pl.Int32,
        "type": pl.String, "value": pl.String, "known": pl.Boolean,
    }  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")
