"""One score's whole story: what went in, what was done by which rule, and who says so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scorehouse.scoring import reference
from scorehouse.scoring.attemptedness import LOWEST_SCORE, SCORED, answered
from scorehouse.scoring.incomplete import minimum_cat_items
from scorehouse.scoring.levels import error_band
from scorehouse.scoring.models import ScoredResponse
from scorehouse.scoring.one import Estimate, Score, ScoredSitting, bounds_for, used_responses
from scorehouse.terms import AssessmentType, MeasurementRules, Origin

CURVE_POINTS = 71
CURVE_WIDTH = 4.0  # standard errors on each side


@dataclass(frozen=True)
class ItemLine:
    """One response with its parameters and what was expected of it at theta."""

    item: str
    part: str
    claim: str
    discrimination: float
    steps: tuple[float, ...]
    answered: bool
    score: float
    expected: float
    weight: float  # information at theta, as a share of the whole
    is_simulated: bool


@dataclass(frozen=True)
class Step:
    """One thing that was done, in words, with the rules that say so."""

    title: str
    text: str
    origins: tuple[Origin, ...] = ()


@dataclass(frozen=True)
class Explanation:
    """The story of one sitting. `curve` is (theta, log-likelihood less its maximum)."""

    scored: ScoredSitting
    items: tuple[ItemLine, ...]
    steps: tuple[Step, ...]
    curve: tuple[tuple[float, float], ...]


def explain(scored: ScoredSitting, rules: MeasurementRules) -> Explanation:
    """Tell how the scores of a sitting came about."""
    return Explanation(
        scored,
        tuple(_items(scored, rules)),
        tuple(_steps(scored, rules)),
        tuple(_curve(scored, rules)),
    )


def _pattern(scored: ScoredSitting) -> list[ScoredResponse]:
    return [*used_responses(scored.sitting, scored.policy), *scored.simulated]


def _items(scored: ScoredSitting, rules: MeasurementRules) -> Iterator[ItemLine]:
    """Every response that entered, the average items last."""
    theta = scored.overall.placement.theta if scored.overall else None
    pattern = _pattern(scored)
    items = [response.item for response in pattern]
    total = reference.information(theta, items, rules.model_constant) if theta is not None else 0
    own = len(pattern) - len(scored.simulated)
    for place, response in enumerate(pattern):
        item, expected, share = response.item, float("nan"), float("nan")
        if theta is not None:
            expected = reference.expected_score(theta, item, rules.model_constant)
            share = reference.information(theta, [item], rules.model_constant) / total
        yield ItemLine(
            item.label, str(item.part), item.claim, item.discrimination, item.steps,
            response.answered, response.score, expected, share, place >= own,
        )  # fmt: skip


def _curve(scored: ScoredSitting, rules: MeasurementRules) -> Iterator[tuple[float, float]]:
    """The log-likelihood around the estimate, on an even grid."""
    if scored.overall is None:
        return
    pattern, found = _pattern(scored), scored.overall
    if found.extreme and scored.policy.extremes == "half_point":
        administered = reference.with_half_point(found.administered, rules.half_point)
        pattern = [*administered, *scored.simulated]
    middle, half = found.placement.theta, CURVE_WIDTH * found.se_theta
    grid = [middle + half * (2 * i / (CURVE_POINTS - 1) - 1) for i in range(CURVE_POINTS)]
    heights = [reference.log_likelihood(theta, pattern, rules.model_constant) for theta in grid]
    top = max(heights)
    for theta, height in zip(grid, heights, strict=True):
        yield theta, height - top


def _origins(rules: MeasurementRules, *paths: str) -> tuple[Origin, ...]:
    """The origins of the rules at these paths, those that the rulebook has."""
    return tuple(rules.origins[path] for path in paths if path in rules.origins)


def _steps(scored: ScoredSitting, rules: MeasurementRules) -> Iterator[Step]:
    yield _attempted(scored, rules)
    if scored.decision.status == LOWEST_SCORE:
        yield _lowest(scored, rules)
    if scored.decision.status != SCORED or scored.overall is None:
        return
    if any(response.item.part.value == "CAT" for response in scored.sitting.responses):
        yield _complete(scored, rules)
    yield _estimated(scored, scored.overall, rules)
    yield _error(scored.overall, rules)
    yield _placed(scored, scored.overall, rules)
    yield _rated(scored, rules)
    for score in scored.scores[1:]:
        if score.claim_rating is not None:
            yield _part(scored, score, rules)


def _attempted(scored: ScoredSitting, rules: MeasurementRules) -> Step:
    sitting = scored.sitting
    counts = answered(sitting)
    rule = rules.attemptedness[sitting.assessment.assessment_type]
    if rule.needs_both_parts:
        text = (
            f"{counts.cat} CAT and {counts.pt} PT items answered; needed are "
            f"{rule.minimum_cat_answered} and "
            f"{0 if sitting.pt_is_field_test else rule.minimum_pt_answered}."
        )
    else:
        text = f"{counts.total} items answered; needed: {rule.minimum_answered}."
    text += f" Attemptedness {scored.decision.attemptedness}: {scored.decision.status}"
    text += f" ({scored.decision.reason})." if scored.decision.reason else "."
    path = f"attemptedness/{sitting.assessment.assessment_type}"
    return Step("Attempted?", text, _origins(rules, path, f"{path}/nothing_answered"))


def _lowest(scored: ScoredSitting, rules: MeasurementRules) -> Step:
    test = scored.sitting.assessment
    path = f"bounds/{scored.policy.bounds_set}/{test.subject}/{test.test_grade}"
    text = (
        f"Below the threshold: the lowest obtainable scale score {scored.scores[0].scale_score} "
        "is assigned, Level 1, without an estimate; no claims, no targets."
    )
    return Step("Lowest score", text, _origins(rules, path))


def _complete(scored: ScoredSitting, rules: MeasurementRules) -> Step:
    test = scored.sitting.assessment
    minimum = minimum_cat_items(scored.sitting, rules)
    if minimum is None:
        return Step("Complete?", "No minimum number of CAT items is known; taken as complete.")
    said = "the package" if test.minimum_cat_items is not None else "the rulebook"
    text = f"The blueprint's minimum is {minimum} CAT items ({said})."
    if not scored.completion.is_incomplete:
        return Step("Complete?", f"{text} The CAT is complete.")
    if not scored.completion.simulated:
        text += " The CAT is incomplete, though as many were presented; there are no claim scores."
        return Step("Complete?", text)
    average = rules.average_items[test.subject, test.test_grade]
    text += (
        f" The CAT is incomplete: {scored.completion.simulated} average items "
        f"(a = {average.discrimination}, b = {average.difficulty}) stand, with 0 points, for "
        "those never presented; there are no claim scores."
    )
    path = f"average_items/{test.subject}/{test.test_grade}"
    return Step("Complete?", text, _origins(rules, path))


def _estimated(scored: ScoredSitting, found: Estimate, rules: MeasurementRules) -> Step:
    raw = reference.raw_score(found.administered)
    most = reference.highest_raw_score(found.administered)
    text = f"{raw:g} of {most} points. "
    origins = _origins(rules, "model_constant", f"policy/{scored.policy.policy_id}")
    if not found.extreme:
        text += f"The likelihood is highest at theta = {found.placement.theta:.6f}."
    elif scored.policy.extremes == "half_point":
        origins += _origins(rules, "half_point")
        text += (
            f"A {found.extreme} pattern has no maximum: half a point on the item of smallest "
            f"discrimination gives theta = {found.placement.theta:.6f}."
        )
    else:
        text += (
            f"A {found.extreme} pattern has no maximum: theta is the end of the scale, "
            f"{found.placement.theta:.4f}."
        )
    return Step("Theta", text, origins)


def _error(found: Estimate, rules: MeasurementRules) -> Step:
    count = len({r.item.item_id for r in found.administered if r.answered})
    text = (
        f"From the {count} answered items at theta = {found.placement.theta_for_se:.6f}: "
        f"standard error {found.se_theta:.6f}"
    )
    is_capped = found.se_theta >= rules.se_ceiling
    return Step(
        "Standard error",
        text + (", the ceiling." if is_capped else "."),
        _origins(rules, "se_ceiling") if is_capped else (),
    )


def _placed(scored: ScoredSitting, found: Estimate, rules: MeasurementRules) -> Step:
    test, place = scored.sitting.assessment, found.placement
    scale = rules.scales[test.subject]
    path = f"bounds/{scored.policy.bounds_set}/{test.subject}/{test.test_grade}"
    computed = scale.slope * place.theta + scale.intercept
    text = f"{scale.slope} × {place.theta:.6f} + {scale.intercept} = {computed:.6f}"
    bounds = bounds_for(scored.sitting, rules, scored.policy)
    if (place.at_lowest or place.at_highest) and bounds is not None:
        end = "lowest" if place.at_lowest else "highest"
        text += f", kept at the {end} obtainable scale score, {place.scale_score}."
        return Step("Scale score", text, _origins(rules, f"scale/{test.subject}", path))
    text += f", rounded half away from zero to {place.scale_score}."
    return Step(
        "Scale score", text, _origins(rules, f"scale/{test.subject}", "rounding/scale_score")
    )


def _rated(scored: ScoredSitting, rules: MeasurementRules) -> Step:
    test, score = scored.sitting.assessment, scored.scores[0]
    cuts = rules.cuts[test.subject, test.test_grade]
    path = f"cuts/{test.subject}/{test.test_grade}"
    if test.assessment_type is AssessmentType.IAB:
        return _part(scored, score, rules)
    text = (
        f"Cuts {', '.join(map(str, cuts.scale))}: Level {score.achievement_level}. "
        f"{_band(scored, score, rules)} "
        f"The level is right with probability {score.accuracy:.2f}; a second sitting would "
        f"give the same with {score.consistency:.2f}."
    )
    return Step("Level", text, _origins(rules, path, "rounding/achievement_level"))


def _band(scored: ScoredSitting, score: Score, rules: MeasurementRules) -> str:
    """The error band of reports: one standard error to each side, within the scale."""
    bounds = bounds_for(scored.sitting, rules, scored.policy)
    lower, upper = error_band(score.scale_score or 0, score.se_scale or 0.0, bounds)
    return f"Error band {lower} to {upper} (one standard error)."


def _part(scored: ScoredSitting, score: Score, rules: MeasurementRules) -> Step:
    test = scored.sitting.assessment
    cut = rules.cuts[test.subject, test.test_grade].standard_met
    words = {1: "Below Standard", 2: "Near Standard", 3: "Above Standard"}
    unrounded, error = score.scale_score_unrounded or 0.0, score.se_scale or 0.0
    band = rules.claim_band * error
    text = (
        f"{score.scale_score} on {score.item_count} items; {unrounded - band:.2f} to "
        f"{unrounded + band:.2f} against the cut {cut}: {words[score.claim_rating or 2]}."
    )
    if score.reason:
        text += f" ({score.reason})"
    code = score.measure.partition(":")[2]
    return Step(
        f"{score.measure}",
        text,
        _origins(
            rules,
            f"parts/{test.subject}/{code}",
            f"cuts/{test.subject}/{test.test_grade}",
            "claim_band",
            f"claim_rounding/{test.assessment_type}",
        ),
    )
