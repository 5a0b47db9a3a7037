"""The fast implementation of whole administrations: a batch of tests in, a scores table out.

Every rule here is the array twin of one in `attemptedness`, `incomplete`, `policies`,
`levels`, `targets` and `quality`, in the order of `one.score_sitting`; tests hold the two
equal on generated students.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.scoring import kernel
from scorehouse.scoring.attemptedness import (
    INCOMPLETE_STATUSES,
    LOWEST_SCORE,
    NOT_SCORED,
    NOT_SCORED_STATUSES,
    SCORED,
)
from scorehouse.scoring.batch import Batch, TraitRows, Words
from scorehouse.scoring.blocks import Block, Meta, scores_table
from scorehouse.scoring.incomplete import CAT_INCOMPLETE, UNKNOWN_MINIMUM
from scorehouse.scoring.levels import claim_ratings
from scorehouse.scoring.one import (
    AGGREGATE_ONLY,
    LEFT_OUT,
    NO_ITEMS,
    NOT_ANSWERED,
    OVERALL,
    SUSPENDED,
)
from scorehouse.scoring.passes import ItemCounts, count_items, normal_cdf, target_sums
from scorehouse.scoring.policies import Ends, Placements, place_all
from scorehouse.scoring.prepared import NO_MINIMUM, Prepared, PreparedTests
from scorehouse.scoring.writing import TRAIT_POINTS, TRAITS, trait_measure
from scorehouse.terms import ScoredPart

Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]


@dataclass(frozen=True)
class Decisions:
    """What is done with each test: a status, why, and how many average items stand in it."""

    status: Texts
    reason: Texts
    is_incomplete: Flags
    simulated: Ints

    @property
    def is_scored(self) -> Flags:
        """Tests that get an estimate."""
        return np.equal(self.status, SCORED).astype(bool)


@dataclass(frozen=True)
class Placed:
    """Estimates on the scale, one value a test."""

    on_scale: Placements
    se_theta: Floats
    se_scale: Floats
    solved: kernel.Solved


def score_batch(
    batch: Batch, prepared: Prepared, *, with_targets: bool = True, threads: int = 1
) -> pa.Table:
    """Score a batch; the result has `shapes.SCORES`, tests in order, overall before parts."""
    decisions = decide_all(batch, prepared)
    tests = _used(batch, prepared, decisions)
    chosen = np.flatnonzero(decisions.is_scored)
    overall = _estimate(batch, tests, prepared, np.ones(len(prepared.bank), bool), threads)
    blocks = [_unscored_block(batch, prepared, decisions)]
    blocks.append(_overall_block(batch, prepared, decisions, overall, chosen))
    blocks += _part_blocks(batch, tests, prepared, decisions, threads)
    if with_targets:
        blocks.append(_target_block(batch, tests, prepared, decisions, overall))
    blocks.append(_trait_block(batch, decisions))
    meta = Meta(prepared.rules, prepared.policy.policy_id, prepared.bank.assessments)
    return scores_table(blocks, batch, meta)


def decide_all(batch: Batch, prepared: Prepared) -> Decisions:
    """The twin of `attemptedness.decide` and `incomplete.completion`."""
    tests, at = prepared.tests, batch.assessment
    bank = prepared.bank
    counts = count_items(batch.tests, batch.answered, bank.part, bank.is_item)
    status, reason = _attempted(batch, tests, counts, prepared.policy.single_part_is_participant)
    is_incomplete, simulated, unknown = _completion(batch, tests, counts)
    suspended = tests.is_summative[at] & prepared.rules.is_suspended & (batch.blocked == 0)
    status[suspended], reason[suspended] = NOT_SCORED, SUSPENDED
    unknown &= status == SCORED
    status[unknown], reason[unknown] = NOT_SCORED, UNKNOWN_MINIMUM
    return Decisions(status, reason, is_incomplete, simulated)


def _attempted(
    batch: Batch, tests: PreparedTests, counts: ItemCounts, single_is_participant: bool
) -> tuple[Texts, Texts]:
    """Status and reason of each test, the last rule that applies written last."""
    at, n = batch.assessment, len(batch)
    total = counts.main_answered + counts.pt_answered
    both = batch.logged_on_cat & batch.logged_on_pt
    has_some = (counts.main_answered >= 1) & (counts.pt_answered >= 1)
    forced = batch.force_completed & tests.force_is_nonparticipant[at]
    letter = np.where(has_some, "Y", "P")
    letter = np.where(both, letter, "P" if single_is_participant else "N")
    letter = np.where(forced, "N", letter)
    status = np.full(n, NOT_SCORED, object)
    reason = np.array([f"attemptedness_{x}" for x in letter], object).reshape(n)
    minimum_pt = np.where(batch.pt_is_field_test, 0, tests.minimum_pt_answered[at])
    enough = counts.main_answered >= tests.minimum_cat_answered[at]
    enough &= counts.pt_answered >= minimum_pt
    takes_part = (letter != "N") & both
    _set(status, reason, takes_part & tests.gives_lowest[at], LOWEST_SCORE, "below_threshold")
    _set(status, reason, takes_part & enough, SCORED, "")
    nothing = takes_part & (total == 0) & ~tests.gives_lowest_to_nothing[at]
    _set(status, reason, nothing, NOT_SCORED, "nothing_answered")
    whole = ~tests.needs_both[at]
    _set(status, reason, whole & (total >= tests.minimum_answered[at]), SCORED, "")
    _set(
        status, reason, whole & (total < tests.minimum_answered[at]), NOT_SCORED, "nothing_answered"
    )
    for name in NOT_SCORED_STATUSES:
        _set(status, reason, batch.status == name, NOT_SCORED, f"status_{name}")
    blocked = batch.blocked > 0
    status[blocked] = NOT_SCORED
    reason[blocked] = np.array(batch.block_reasons, object)[batch.blocked[blocked]]
    return status, reason


def _set(status: Texts, reason: Texts, which: Flags, new_status: str, new_reason: str) -> None:
    status[which] = new_status
    reason[which] = new_reason


def _completion(
    batch: Batch, tests: PreparedTests, counts: ItemCounts
) -> tuple[Flags, Ints, Flags]:
    """Which CATs are incomplete, the average items to add, and which minimum is unknown."""
    minimum = tests.minimum_cat[batch.assessment]
    adaptive = tests.is_summative[batch.assessment] & (counts.cat_presented > 0)
    known = adaptive & (minimum != NO_MINIMUM)
    short = known & (counts.cat_answered < minimum)
    simulated = np.where(short, np.maximum(0, minimum - counts.cat_presented), 0)
    unknown = adaptive & ~known & batch.is_partial
    return short | unknown, simulated.astype(np.int64), unknown


def _used(batch: Batch, prepared: Prepared, decisions: Decisions) -> kernel.Tests:
    """The rows that enter the likelihood of the tests to be scored, with average items."""
    enters = np.repeat(decisions.is_scored, np.diff(batch.tests.offsets))
    if prepared.policy.drops_unanswered_when_complete:
        is_open = np.isin(batch.status, INCOMPLETE_STATUSES)
        enters &= np.repeat(is_open, np.diff(batch.tests.offsets)) | batch.answered
    return batch.tests._replace(
        entry=np.where(enters, batch.tests.entry, -1).astype(np.int32),
        extra=prepared.tests.average[batch.assessment],
        extra_count=np.where(decisions.is_scored, decisions.simulated, 0),
    )


def _estimate(
    batch: Batch, tests: kernel.Tests, prepared: Prepared, selected: Flags, threads: int
) -> Placed:
    """Estimate and place theta over the selected bank rows; NaN where there are none."""
    rules, policy, at = prepared.rules, prepared.policy, batch.assessment
    half_point = rules.half_point if policy.extremes == "half_point" else 0.0
    solved = kernel.solve(tests, selected, prepared.kernel, half_point=half_point, threads=threads)
    placed = _place(solved.theta, prepared, at)
    info = kernel.information(
        tests, batch.answered, selected, placed.theta_for_se, prepared.kernel, threads=threads
    )
    with np.errstate(divide="ignore"):
        se_theta = np.minimum(rules.se_ceiling, 1.0 / np.sqrt(info))
    return Placed(placed, se_theta, prepared.tests.slope[at] * se_theta, solved)


def _place(theta: Floats, prepared: Prepared, at: npt.NDArray[np.int32]) -> Placements:
    """The twin of `policies.place`."""
    tests = prepared.tests
    ends = Ends(
        tests.slope[at],
        tests.intercept[at],
        tests.lowest_theta[at],
        tests.highest_theta[at],
        tests.lowest_scale_score[at],
        tests.highest_scale_score[at],
    )
    return place_all(theta, prepared.policy.limits, ends)


def _ratings(placed: Placed, prepared: Prepared, at: npt.NDArray[np.int32]) -> Floats:
    """The twin of `levels.claim_rating`."""
    return claim_ratings(
        placed.on_scale,
        placed.se_scale,
        prepared.tests.scale_cuts[at, 1],
        band=prepared.rules.claim_band,
        is_rounded=prepared.tests.is_rounded[at],
    )


def _measured(measure: str, placed: Placed, chosen: Ints, order: int) -> Block:
    """A block of one measure with everything but ratings."""
    return Block(
        test=chosen,
        order=order,
        text={"measure": measure, "score_status": SCORED, "reason": ""},
        number={
            "theta": placed.on_scale.theta[chosen],
            "se_theta": placed.se_theta[chosen],
            "theta_reported": placed.on_scale.theta_reported[chosen],
            "scale_score_unrounded": placed.on_scale.scale_score_unrounded[chosen],
            "scale_score": placed.on_scale.scale_score[chosen],
            "se_scale": placed.se_scale[chosen],
            "item_count": placed.solved.item_count[chosen].astype(np.float64),
            "raw_score": placed.solved.raw_score[chosen],
            "raw_score_max": placed.solved.raw_score_max[chosen],
        },
    )


def _unscored_block(batch: Batch, prepared: Prepared, decisions: Decisions) -> Block:
    """An overall row for each test without an estimate: not scored, or LOSS."""
    chosen = np.flatnonzero(~decisions.is_scored)
    status, reason = decisions.status[chosen].copy(), decisions.reason[chosen].copy()
    is_lowest = status == LOWEST_SCORE
    if not prepared.policy.bounds_set:
        status[is_lowest], reason[is_lowest] = NOT_SCORED, "no_lowest_score"
        is_lowest = np.zeros(len(chosen), bool)
    loss = prepared.tests.lowest_scale_score[batch.assessment[chosen]]
    return Block(
        test=chosen,
        order=0,
        text={"measure": OVERALL, "score_status": status, "reason": reason},
        number={
            "scale_score": np.where(is_lowest, loss, np.nan),
            "achievement_level": np.where(is_lowest, 1.0, np.nan),
        },
    )


def _overall_block(
    batch: Batch, prepared: Prepared, decisions: Decisions, placed: Placed, chosen: Ints
) -> Block:
    """Overall scores: levels and their quality, or ratings for interim blocks."""
    block = _measured(OVERALL, placed, chosen, 0)
    at = batch.assessment[chosen]
    is_block = prepared.tests.is_block[at]
    cuts = prepared.tests.scale_cuts[at]
    level = 1.0 + np.sum(cuts <= placed.on_scale.scale_score[chosen, None], axis=1)
    ratings = _ratings(placed, prepared, batch.assessment)[chosen]
    accuracy, consistency = _quality(prepared, placed, chosen, at, level)
    incomplete = np.where(decisions.is_incomplete[chosen], CAT_INCOMPLETE, "").astype(object)
    block.text["reason"] = _reasons(incomplete, batch.has_left_out[chosen])
    block.number["achievement_level"] = np.where(is_block, np.nan, level)
    block.number["claim_rating"] = np.where(is_block, ratings, np.nan)
    block.number["accuracy"] = np.where(is_block, np.nan, accuracy)
    block.number["consistency"] = np.where(is_block, np.nan, consistency)
    return block


def _reasons(reason: Texts, has_left_out: Flags) -> Texts:
    """The twin of `one._reasons`."""
    reason[has_left_out & (reason == "")] = LEFT_OUT
    reason[has_left_out & (reason != LEFT_OUT)] += f"; {LEFT_OUT}"
    return reason


def _quality(
    prepared: Prepared, placed: Placed, chosen: Ints, at: npt.NDArray[np.int32], level: Floats
) -> tuple[Floats, Floats]:
    """The twin of `quality.level_probabilities`, `accuracy` and `consistency`."""
    z = (
        prepared.tests.theta_cuts[at] - placed.on_scale.theta_reported[chosen, None]
    ) / placed.se_theta[chosen, None]
    below = normal_cdf(z.ravel()).reshape(z.shape)
    edges = np.column_stack([np.zeros(len(z)), below, np.ones(len(z))])
    chances = np.diff(edges, axis=1)
    places = level.astype(np.int64) - 1
    return chances[np.arange(len(z)), places], np.sum(chances**2, axis=1)


def _part_blocks(
    batch: Batch, tests: kernel.Tests, prepared: Prepared, decisions: Decisions, threads: int
) -> list[Block]:
    """Claims and composites; none when the CAT is incomplete."""
    blocks = []
    for order, (part, rows, has) in enumerate(prepared.parts, start=1):
        which = decisions.is_scored & has[batch.assessment]
        if not which.any():
            continue
        short = np.flatnonzero(which & decisions.is_incomplete)
        blocks.append(_not_scored_part(part, short, order, CAT_INCOMPLETE))
        which &= ~decisions.is_incomplete
        placed = _estimate(batch, _only(tests, which), prepared, rows, threads)
        found = placed.solved.item_count > 0
        blocks.append(_not_scored_part(part, np.flatnonzero(which & ~found), order, NO_ITEMS))
        chosen = np.flatnonzero(which & found)
        block = _measured(part.measure, placed, chosen, order)
        reporting = AGGREGATE_ONLY if part.reporting == "aggregate" else ""
        block.text["reason"] = _reasons(
            np.full(len(chosen), reporting, object), batch.has_left_out[chosen]
        )
        block.number["claim_rating"] = _ratings(placed, prepared, batch.assessment)[chosen]
        blocks.append(block)
    return blocks


def _only(tests: kernel.Tests, which: Flags) -> kernel.Tests:
    """The tests with the rows of all others taken out."""
    enters = np.repeat(which, np.diff(tests.offsets))
    return tests._replace(
        entry=np.where(enters, tests.entry, -1).astype(np.int32),
        extra_count=np.zeros(len(which), np.int64),
    )


def _not_scored_part(part: ScoredPart, chosen: Ints, order: int, reason: str) -> Block:
    text = {"measure": part.measure, "score_status": NOT_SCORED, "reason": reason}
    return Block(test=chosen, order=order, text=dict(text), number={})


_TARGETS, _TRAITS = 1000, 2000  # places of their blocks among a test's measures


def _target_block(
    batch: Batch, tests: kernel.Tests, prepared: Prepared, decisions: Decisions, placed: Placed
) -> Block:
    """Target residuals of complete summative tests."""
    summative = prepared.tests.is_summative[batch.assessment]
    which = np.flatnonzero(decisions.is_scored & summative & ~decisions.is_incomplete)
    standard = prepared.tests.theta_cuts[batch.assessment, 1]
    sums = target_sums(
        which, tests, prepared.target, placed.on_scale.theta, standard, prepared.kernel
    )
    measures = tuple(f"target:{name}" for name in prepared.target_names) or ("",)
    return Block(
        test=sums.test,
        order=_TARGETS,
        text={"measure": Words(sums.target, measures), "score_status": SCORED, "reason": ""},
        number={
            "item_count": sums.item_count.astype(np.float64),
            "raw_score": sums.raw_score,
            "raw_score_max": sums.raw_score_max,
            "target_residual_to_student": sums.to_student,
            "target_residual_to_standard": sums.to_standard,
        },
    )


def _trait_block(batch: Batch, decisions: Decisions) -> Block:
    """Raw traits of full writes, the condition code as the reason."""
    traits = batch.traits
    chosen = np.flatnonzero(decisions.is_scored[traits.test]) if len(traits.test) else traits.test
    has_score = ~np.isnan(traits.score[chosen])
    points = np.array([TRAIT_POINTS[name] for name in TRAITS], np.float64)
    return Block(
        test=traits.test[chosen],
        order=_TRAITS,
        text={
            "measure": _trait_measures(traits, chosen),
            "score_status": Words(has_score.astype(np.int64), (NOT_SCORED, SCORED)),
            "reason": _trait_reasons(traits, chosen, has_score),
        },
        number={
            "raw_score": traits.score[chosen],
            "raw_score_max": points[traits.trait[chosen]],
        },
    )


def _trait_measures(traits: TraitRows, chosen: Ints) -> Words:
    """The measure of each trait row: trait and purpose."""
    purposes = traits.purpose.take(chosen)
    used, place = np.unique(purposes.codes, return_inverse=True)
    words = tuple(
        trait_measure(trait, purposes.words[code]) for code in used.tolist() for trait in TRAITS
    )
    return Words(place * len(TRAITS) + traits.trait[chosen], words or ("",))


def _trait_reasons(traits: TraitRows, chosen: Ints, has_score: Flags) -> Words:
    """The condition code of each trait row, or that it wasn't answered."""
    codes = traits.code.take(chosen)
    blank = np.array([word == "" for word in codes.words])
    unanswered = blank[codes.codes] & ~has_score
    words = (*codes.words, NOT_ANSWERED)
    return Words(np.where(unanswered, len(codes.words), codes.codes), words)
