"""The scale's numbers as a frame: one row a school year, subject and grade, from the rulebook."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from scorehouse.errors import UsageError
from scorehouse.terms import MeasurementRules, Policy

COLUMNS = {
    "school_year": pl.Int64,
    "subject": pl.String,
    "grade": pl.String,
    **{f"cut_{level}": pl.Int64 for level in (2, 3, 4)},
    "slope": pl.Float64,
    "intercept": pl.Float64,
    "lowest_theta": pl.Float64,
    "highest_theta": pl.Float64,
    "lowest_scale_score": pl.Int64,
    "highest_scale_score": pl.Int64,
    "limits": pl.String,
    "se_ceiling": pl.Float64,
    "claim_band": pl.Float64,
    "rounds_claims": pl.Boolean,
    "rounds_interim_claims": pl.Boolean,
}


def constants(rules: Iterable[MeasurementRules], policy: str = "") -> pl.DataFrame:
    """Build the frame; `policy` blank: each year's own. UsageError for an unknown policy."""
    rows = [row for year_rules in rules for row in _rows(year_rules, policy)]
    return pl.DataFrame(rows, schema=COLUMNS)


def _rows(rules: MeasurementRules, policy: str) -> Iterable[dict[str, object]]:
    chosen = _policy(rules, policy)
    for (subject, grade), cuts in rules.cuts.items():
        scale = rules.scales[subject]
        bounds = rules.bounds.get((chosen.bounds_set, subject, grade))
        yield {
            "school_year": rules.year.ends,
            "subject": subject.value,
            "grade": grade,
            **{f"cut_{level}": cut for level, cut in zip((2, 3, 4), cuts.scale, strict=True)},
            "slope": scale.slope,
            "intercept": scale.intercept,
            "lowest_theta": bounds.lowest_theta if bounds else None,
            "highest_theta": bounds.highest_theta if bounds else None,
            "lowest_scale_score": bounds.lowest_scale_score if bounds else None,
            "highest_scale_score": bounds.highest_scale_score if bounds else None,
            "limits": chosen.limits,
            "se_ceiling": rules.se_ceiling,
            "claim_band": rules.claim_band,
            **_rounding(rules),
        }


def _rounding(rules: MeasurementRules) -> dict[str, object]:
    rounding = {kind.value: is_rounded for kind, is_rounded in rules.claim_rounding.items()}
    return {
        "rounds_claims": rounding.get("summative", True),
        "rounds_interim_claims": rounding.get("ICA", True),
    }


def _policy(rules: MeasurementRules, name: str) -> Policy:
    chosen = name or rules.default_policy
    if chosen not in rules.policies:
        raise UsageError(f"unknown policy {name!r}; known are {', '.join(sorted(rules.policies))}")
    return rules.policies[chosen]
