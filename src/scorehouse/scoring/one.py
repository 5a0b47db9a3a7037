"""The readable implementation of a whole test: every measure of one sitting, in plain Python.

This is the text an analyst checks and `explain` shows; `score.score_batch` does the same
to whole administrations and is held equal to it by tests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from scorehouse.scoring import quality, reference, targets
from scorehouse.scoring.attemptedness import (
    INCOMPLETE_STATUSES,
    LOWEST_SCORE,
    NOT_SCORED,
    SCORED,
    Decision,
    decide,
)
from scorehouse.scoring.incomplete import (
    CAT_INCOMPLETE,
    Completion,
    average_responses,
    completion,
)
from scorehouse.scoring.levels import achievement_level, claim_rating
from scorehouse.scoring.models import ScoredResponse, Sitting
from scorehouse.scoring.policies import Placement, place
from scorehouse.scoring.writing import TRAIT_POINTS, trait_measure
from scorehouse.terms import (
    AssessmentType,
    Bounds,
    MeasurementRules,
    Policy,
    ScoredPart,
)

OVERALL = "overall"
AGGREGATE_ONLY = "aggregate_only"
NO_ITEMS = "no_items"
SUSPENDED = "suspended"
NOT_ANSWERED = "not_answered"
LEFT_OUT = "left_out_on_request"


@dataclass(frozen=True)
class Score:
    """One measure of one test; the fields are those of `shapes.SCORES`. None: not there."""

    measure: str
    score_status: str
    reason: str = ""
    theta: float | None = None
    se_theta: float | None = None
    theta_reported: float | None = None
    scale_score_unrounded: float | None = None
    scale_score: int | None = None
    se_scale: float | None = None
    achievement_level: int | None = None
    claim_rating: int | None = None
    item_count: int | None = None
    raw_score: float | None = None
    raw_score_max: float | None = None
    target_residual_to_student: float | None = None
    target_residual_to_standard: float | None = None
    accuracy: float | None = None
    consistency: float | None = None


@dataclass(frozen=True)
class Estimate:
    """A maximum likelihood estimate and its place on the scale, before ratings."""

    placement: Placement
    se_theta: float
    se_scale: float
    extreme: str  # blank, zero or perfect
    administered: tuple[ScoredResponse, ...]


@dataclass(frozen=True)
class ScoredSitting:
    """Every score of a sitting, and what led to them."""

    sitting: Sitting
    policy: Policy
    decision: Decision
    completion: Completion
    scores: tuple[Score, ...]
    overall: Estimate | None = None
    simulated: tuple[ScoredResponse, ...] = field(default=())


def used_responses(sitting: Sitting, policy: Policy) -> tuple[ScoredResponse, ...]:
    """The responses that enter the likelihood; the engine drops what wasn't answered."""
    is_open = sitting.status in INCOMPLETE_STATUSES
    if policy.drops_unanswered_when_complete and not is_open:
        return tuple(response for response in sitting.responses if response.answered)
    return sitting.responses


def bounds_for(sitting: Sitting, rules: MeasurementRules, policy: Policy) -> Bounds | None:
    """LOT, HOT, LOSS and HOSS under the policy; None where it has none."""
    if not policy.bounds_set:
        return None
    assessment = sitting.assessment
    return rules.bounds[policy.bounds_set, assessment.subject, assessment.test_grade]


def estimate(
    administered: Sequence[ScoredResponse],
    simulated: Sequence[ScoredResponse],
    sitting: Sitting,
    rules: MeasurementRules,
    policy: Policy,
) -> Estimate:
    """Estimate theta on administered and simulated responses, and place it on the scale."""
    pattern = [*administered, *simulated]
    extreme = ""
    if reference.is_zero(pattern):
        extreme = "zero"
    elif reference.is_perfect(pattern):
        extreme = "perfect"
    if extreme and policy.extremes == "half_point":
        pattern = [*reference.with_half_point(administered, rules.half_point), *simulated]
    theta = reference.maximum_likelihood(pattern, rules.model_constant)
    scale = rules.scales[sitting.assessment.subject]
    placement = place(theta, policy, bounds_for(sitting, rules, policy), scale)
    answered = [response.item for response in administered if response.answered]
    se_theta = reference.standard_error(
        placement.theta_for_se, answered, rules.model_constant, rules.se_ceiling
    )
    return Estimate(placement, se_theta, scale.slope * se_theta, extreme, tuple(administered))


def _measured(measure: str, found: Estimate, reason: str = "") -> Score:
    """A score row with everything but ratings."""
    placement = found.placement
    return Score(
        measure,
        SCORED,
        reason,
        theta=placement.theta,
        se_theta=found.se_theta,
        theta_reported=placement.theta_reported,
        scale_score_unrounded=placement.scale_score_unrounded,
        scale_score=placement.scale_score,
        se_scale=found.se_scale,
        item_count=len(found.administered),
        raw_score=reference.raw_score(found.administered),
        raw_score_max=float(reference.highest_raw_score(found.administered)),
    )


def _reasons(reason: str, sitting: Sitting) -> str:
    """The reason, and that items were left out on request; several are parted by `; `."""
    return "; ".join(filter(None, [reason, LEFT_OUT if sitting.has_left_out else ""]))


def _rating(found: Estimate, sitting: Sitting, rules: MeasurementRules) -> int:
    """Below, Near or Above Standard."""
    assessment = sitting.assessment
    return claim_rating(
        found.placement.scale_score_unrounded,
        found.se_scale,
        rules.cuts[assessment.subject, assessment.test_grade].standard_met,
        band=rules.claim_band,
        is_rounded=rules.claim_rounding[assessment.assessment_type],
        at_lowest=found.placement.at_lowest,
        at_highest=found.placement.at_highest,
    )


def _overall(found: Estimate, sitting: Sitting, rules: MeasurementRules, reason: str) -> Score:
    """The overall score: four levels, or the three ratings of an interim block."""
    score = _measured(OVERALL, found, reason)
    if sitting.assessment.assessment_type is AssessmentType.IAB:
        return replace(score, claim_rating=_rating(found, sitting, rules))
    cuts = rules.cuts[sitting.assessment.subject, sitting.assessment.test_grade]
    level = achievement_level(found.placement.scale_score, cuts)
    chances = quality.level_probabilities(
        found.placement.theta_reported, found.se_theta, cuts.theta
    )
    return replace(
        score,
        achievement_level=level,
        accuracy=quality.accuracy(chances, level),
        consistency=quality.consistency(chances),
    )


def _part(
    part: ScoredPart,
    used: Sequence[ScoredResponse],
    incomplete: bool,
    sitting: Sitting,
    rules: MeasurementRules,
    policy: Policy,
) -> Score:
    """A claim or composite: the same machinery on the items of its strands."""
    if incomplete:
        return Score(part.measure, NOT_SCORED, CAT_INCOMPLETE)
    chosen = [response for response in used if response.item.claim in part.strands]
    if not chosen:
        return Score(part.measure, NOT_SCORED, NO_ITEMS)
    found = estimate(chosen, (), sitting, rules, policy)
    reason = AGGREGATE_ONLY if part.reporting == "aggregate" else ""
    score = _measured(part.measure, found, _reasons(reason, sitting))
    return replace(score, claim_rating=_rating(found, sitting, rules))


def _targets(
    theta: float, used: Sequence[ScoredResponse], sitting: Sitting, rules: MeasurementRules
) -> list[Score]:
    """A row for each target the student saw, in the order of the targets' ids."""
    assessment = sitting.assessment
    strands = rules.target_strands.get(assessment.subject)
    groups: dict[str, list[ScoredResponse]] = {}
    for response in used:
        if targets.has_target_score(response.item, strands):
            groups.setdefault(response.item.target, []).append(response)
    standard = rules.cuts[assessment.subject, assessment.test_grade].standard_met_theta
    return [
        Score(
            f"target:{target}",
            SCORED,
            item_count=len(group),
            raw_score=reference.raw_score(group),
            raw_score_max=float(reference.highest_raw_score(group)),
            target_residual_to_student=targets.target_residual(theta, group, rules.model_constant),
            target_residual_to_standard=targets.target_residual(
                standard, group, rules.model_constant
            ),
        )
        for target, group in sorted(groups.items())
    ]


def _traits(sitting: Sitting) -> list[Score]:
    """The raw traits of a full write, each with its condition code as the reason."""
    return [
        Score(
            trait_measure(trait.trait, trait.purpose),
            SCORED if trait.score is not None else NOT_SCORED,
            trait.condition_code or ("" if trait.score is not None else NOT_ANSWERED),
            raw_score=trait.score,
            raw_score_max=float(TRAIT_POINTS[trait.trait]),
        )
        for trait in sitting.traits
    ]


def _lowest(sitting: Sitting, rules: MeasurementRules, policy: Policy, decision: Decision) -> Score:
    """LOSS assigned without an estimate: Level 1, no claims, no targets."""
    bounds = bounds_for(sitting, rules, policy)
    if bounds is None:
        return Score(OVERALL, NOT_SCORED, "no_lowest_score")
    return Score(
        OVERALL,
        LOWEST_SCORE,
        decision.reason,
        scale_score=bounds.lowest_scale_score,
        achievement_level=1,
    )


def score_sitting(sitting: Sitting, rules: MeasurementRules, policy: Policy) -> ScoredSitting:
    """Every reported score of one test, with the steps that led there."""
    kind = sitting.assessment.assessment_type
    decision = decide(sitting, rules.attemptedness[kind], policy)
    if rules.is_suspended and kind is AssessmentType.SUMMATIVE and not sitting.blocked:
        decision = Decision(decision.attemptedness, NOT_SCORED, SUSPENDED)
    done = completion(sitting, rules)
    if decision.status == SCORED and done.problem:
        decision = Decision(decision.attemptedness, NOT_SCORED, done.problem)
    if decision.status == NOT_SCORED:
        rows = (Score(OVERALL, NOT_SCORED, decision.reason),)
        return ScoredSitting(sitting, policy, decision, done, rows)
    if decision.status == LOWEST_SCORE:
        rows = (_lowest(sitting, rules, policy, decision),)
        return ScoredSitting(sitting, policy, decision, done, rows)
    return _scored(sitting, rules, policy, decision, done)


def _scored(
    sitting: Sitting,
    rules: MeasurementRules,
    policy: Policy,
    decision: Decision,
    done: Completion,
) -> ScoredSitting:
    """Score a sitting that is to be scored."""
    assessment = sitting.assessment
    used = used_responses(sitting, policy)
    average = rules.average_items[assessment.subject, assessment.test_grade]
    simulated = average_responses(average, done.simulated)
    found = estimate(used, simulated, sitting, rules, policy)
    reason = _reasons(CAT_INCOMPLETE if done.is_incomplete else "", sitting)
    scores = [_overall(found, sitting, rules, reason)]
    if assessment.assessment_type is not AssessmentType.IAB:
        scores += [
            _part(part, used, done.is_incomplete, sitting, rules, policy)
            for part in rules.parts[assessment.subject]
        ]
    if assessment.assessment_type is AssessmentType.SUMMATIVE and not done.is_incomplete:
        scores += _targets(found.placement.theta, used, sitting, rules)
    scores += _traits(sitting)
    return ScoredSitting(sitting, policy, decision, done, tuple(scores), found, tuple(simulated))
