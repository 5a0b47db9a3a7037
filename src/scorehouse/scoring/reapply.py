"""Put stored thetas under another LOSS/HOSS option, without the responses.

Theta is stored as computed for exactly this. What can't be known without the responses
stays empty and says so: the standard error where a score is newly clipped or no longer is,
the claim rating that would need it, the theta of a perfect or zero pattern that was stored
as the end of the scale, and everything between policies that don't score the same items.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa

from scorehouse.scoring.attemptedness import SCORED
from scorehouse.scoring.incomplete import CAT_INCOMPLETE
from scorehouse.scoring.levels import achievement_level, claim_rating
from scorehouse.scoring.policies import Placement, place
from scorehouse.shapes import SCORES
from scorehouse.terms import (
    AssessmentType,
    Bounds,
    MeasurementRules,
    Policy,
    Subject,
)

NEEDS_RESPONSES = "needs_responses"

Row = dict[str, object]


def reapply(scores: pa.Table, rules: MeasurementRules, policy: Policy) -> pa.Table:
    """The scores under another policy; rows without a theta are left as they are.

    `scores` has `shapes.SCORES` and names in `policy` the one it was made under. Claim
    ratings take the summative rounding of the rules.
    """
    rows = [_row(row, rules, policy) for row in scores.to_pylist()]
    return pa.Table.from_pylist(rows, schema=SCORES)


def _row(row: Row, rules: MeasurementRules, policy: Policy) -> Row:
    theta = row["theta"]
    if row["score_status"] != SCORED or not isinstance(theta, float):
        return row
    before_policy = rules.policies[str(row["policy"])]
    before = _bounds(row, rules, before_policy)
    if before_policy.drops_unanswered_when_complete != policy.drops_unanswered_when_complete or (
        _is_end_of_scale(theta, before, before_policy, policy)
    ):
        return {**row, **_unknown(), "policy": policy.policy_id}
    bounds = _bounds(row, rules, policy)
    scale = rules.scales[Subject(str(row["subject"]))]
    was = place(theta, before_policy, before, scale)
    now = place(_theta_under(row, theta, before_policy, policy), policy, bounds, scale)
    changed = dict(_placed(now), policy=policy.policy_id)
    if was.theta_for_se != now.theta_for_se:
        changed |= {"se_theta": None, "se_scale": None, "accuracy": None, "consistency": None}
        changed["reason"] = _with_reason(row)
    return {**row, **changed, **dict(_ratings(row, now, changed, rules))}


def _bounds(row: Row, rules: MeasurementRules, policy: Policy) -> Bounds | None:
    if not policy.bounds_set:
        return None
    return rules.bounds[policy.bounds_set, Subject(str(row["subject"])), str(row["test_grade"])]


def _is_end_of_scale(theta: float, bounds: Bounds | None, before: Policy, after: Policy) -> bool:
    """Whether theta stands for a perfect or zero pattern that the new policy treats otherwise."""
    if before.extremes != "bounds" or after.extremes == "bounds" or bounds is None:
        return False
    return theta in (bounds.lowest_theta, bounds.highest_theta)


def _theta_under(row: Row, theta: float, before: Policy, after: Policy) -> float:
    """Theta, or infinity for a perfect or zero pattern that the new policy puts at an end."""
    if before.extremes == after.extremes or after.extremes != "bounds":
        return theta
    if row["raw_score"] == 0:
        return -math.inf
    has_remainder = CAT_INCOMPLETE in str(row["reason"])  # average items, at 0 points
    return math.inf if row["raw_score"] == row["raw_score_max"] and not has_remainder else theta


def _unknown() -> Row:
    names = (
        "theta", "se_theta", "theta_reported", "scale_score_unrounded", "scale_score", "se_scale",
        "achievement_level", "claim_rating", "accuracy", "consistency",
    )  # fmt: skip
    return dict.fromkeys(names) | {
        "score_status": "not_scored",
        "reason": NEEDS_RESPONSES,
    }


def _with_reason(row: Row) -> str:
    return "; ".join(filter(None, [str(row["reason"] or ""), f"se_{NEEDS_RESPONSES}"]))


def _placed(now: Placement) -> Row:
    return {
        "theta": now.theta,
        "theta_reported": now.theta_reported,
        "scale_score_unrounded": now.scale_score_unrounded,
        "scale_score": now.scale_score,
    }


def _ratings(
    row: Row, now: Placement, changed: Row, rules: MeasurementRules
) -> Iterator[tuple[str, object]]:
    """Levels and ratings under the new placement, where the old row has them."""
    cuts = rules.cuts[Subject(str(row["subject"])), str(row["test_grade"])]
    if row["achievement_level"] is not None:
        yield "achievement_level", achievement_level(now.scale_score, cuts)
    if row["claim_rating"] is None:
        return
    error = changed.get("se_scale", row["se_scale"])
    if not isinstance(error, float) and not (now.at_lowest or now.at_highest):
        yield "claim_rating", None
        return
    yield (
        "claim_rating",
        claim_rating(
            now.scale_score_unrounded,
            error if isinstance(error, float) else 0.0,
            cuts.standard_met,
            band=rules.claim_band,
            is_rounded=rules.claim_rounding[AssessmentType.SUMMATIVE],
            at_lowest=now.at_lowest,
            at_highest=now.at_highest,
        ),
    )
