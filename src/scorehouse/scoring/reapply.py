"""Put stored thetas under another LOSS/HOSS option, without the responses.

Theta is stored as computed for exactly this. What can't be known without the responses is
left empty, and the reason says so:

- `needs_responses`, the row is no longer scored: a perfect or zero pattern stored as HOT or
  LOT, under an option that takes half a point off or adds it;
- `se_needs_responses`: a score newly at an end of the scale, or no longer there, takes its
  standard error at another theta. Where that leaves the band of a rating open, the rating
  is empty too, and accuracy and consistency are;
- `rating_needs_assessment_type`: claim ratings of interim comprehensive and of summative
  tests are rounded by other rules in the year, the rating hangs on it, and scores don't
  say which test it was;
- `residual_needs_responses`: a target's residual to a student whose theta is another now.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.errors import UsageError
from scorehouse.scoring.attemptedness import LOWEST_SCORE, NOT_SCORED, SCORED
from scorehouse.scoring.blocks import DIGEST_LENGTH
from scorehouse.scoring.incomplete import CAT_INCOMPLETE
from scorehouse.scoring.levels import claim_ratings
from scorehouse.scoring.one import OVERALL
from scorehouse.scoring.policies import Ends, Placements, place_all
from scorehouse.shapes import SCORES
from scorehouse.terms import AssessmentType, Bounds, MeasurementRules, Policy, Subject

NEEDS_RESPONSES = "needs_responses"
SE_NEEDS_RESPONSES = "se_needs_responses"
RATING_NEEDS_TYPE = "rating_needs_assessment_type"
RESIDUAL_NEEDS_RESPONSES = "residual_needs_responses"

_NO_LOWEST_SCORE, _BELOW = "no_lowest_score", "below_threshold"
_NO_BOUNDS = Bounds(-np.inf, np.inf, 0, 0)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Columns = dict[str, pa.ChunkedArray]


def reapply(scores: pa.Table, rules: MeasurementRules, policy: Policy) -> pa.Table:
    """The scores under another policy, as far as they can be known without the responses.

    `scores` has `shapes.SCORES`, the rows of a test in one table; `policy` of each row names
    the policy it was made under. Raises UsageError for scores of another year than the
    rules', for a policy the rules don't know, and between policies that let different
    responses in (the engine's drops what wasn't answered).
    """
    _check_years(scores, rules)
    made_under = scores["policy"].unique().to_pylist()
    before = {name: _known(name, rules) for name in made_under}
    for one in before.values():
        _check_same_responses(one, policy)
    if len(before) == 1:
        return _reapplied(scores, rules, before[made_under[0]], policy)
    places = [
        np.flatnonzero(pc.equal(scores["policy"], name).to_numpy(zero_copy_only=False))
        for name in before
    ]
    parts = [
        _reapplied(scores.take(pa.array(at)), rules, one, policy)
        for at, one in zip(places, before.values(), strict=True)
    ]
    order = np.argsort(np.concatenate([np.zeros(0, np.int64), *places]))
    return pa.concat_tables([SCORES.empty_table(), *parts]).take(pa.array(order))


def _check_years(scores: pa.Table, rules: MeasurementRules) -> None:
    others = set(scores["school_year"].unique().to_pylist()) - {str(rules.year)}
    if others:
        raise UsageError(
            f"the rules are of {rules.year}, the scores of {', '.join(sorted(map(str, others)))}"
        )


def _known(name: str, rules: MeasurementRules) -> Policy:
    if name not in rules.policies:
        raise UsageError(f"the rules don't know the policy {name!r} that scores were made under")
    return rules.policies[name]


def _check_same_responses(before: Policy, after: Policy) -> None:
    same = (
        before.drops_unanswered_when_complete == after.drops_unanswered_when_complete
        and before.single_part_is_participant == after.single_part_is_participant
    )
    if not same:
        raise UsageError(
            f"{before.policy_id} and {after.policy_id} don't take the same responses and tests; "
            "score again from the responses"
        )


def _reapplied(
    scores: pa.Table, rules: MeasurementRules, before: Policy, after: Policy
) -> pa.Table:
    """Scores made under one policy, under another."""
    scores = scores.combine_chunks()
    stored, tests = _Stored.of(scores), _Tests.of(scores)
    ends = tests.ends(rules, after)
    theta, is_lost = _theta_under(after, before, stored, ends)
    was = place_all(stored.theta, before.limits, tests.ends(rules, before))
    now = place_all(theta, after.limits, ends)
    differs = np.any([one != other for one, other in zip(was, now, strict=True)], axis=0)
    rows = np.flatnonzero(stored.is_estimate & differs)
    columns: Columns = {name: scores[name] for name in SCORES.names}
    if len(rows):
        cuts = tests.cuts(rules, rows)
        taken = scores.take(pa.array(rows))
        found = _Found(taken, _of(rows, was), _of(rows, now), is_lost[rows], cuts, rules)
        columns |= _with_rows(columns, rows, found.columns())
        columns |= _residuals(columns, rows[is_lost[rows] | (theta != stored.theta)[rows]])
    columns |= _lowest_scores(columns, ends, after)
    columns["policy"] = _constant(after.policy_id, scores.num_rows)
    columns["rulebook_digest"] = _constant(rules.digest[:DIGEST_LENGTH], scores.num_rows)
    return pa.table({name: columns[name] for name in SCORES.names}, SCORES)


def _of(rows: Rows, placed: Placements) -> Placements:
    theta, reported, for_se, unrounded, rounded, at_lowest, at_highest = placed
    return Placements(
        theta[rows],
        reported[rows],
        for_se[rows],
        unrounded[rows],
        rounded[rows],
        at_lowest[rows],
        at_highest[rows],
    )


class _Stored(NamedTuple):
    """What a policy bears on, one value a row; NaN where there is none."""

    is_estimate: Flags  # scored, with a theta
    is_zero: Flags
    is_perfect: Flags
    theta: Floats

    @classmethod
    def of(cls, scores: pa.Table) -> _Stored:
        """The columns of a table."""
        raw, theta = _numbers(scores["raw_score"]), _numbers(scores["theta"])
        # an average item stands in an incomplete CAT with 0 points: it is never perfect
        is_perfect = raw == _numbers(scores["raw_score_max"])
        if is_perfect.any():
            is_perfect &= ~_flags(pc.match_substring(scores["reason"], CAT_INCOMPLETE))
        is_estimate = _flags(pc.equal(scores["score_status"], SCORED)) & ~np.isnan(theta)
        return cls(is_estimate, raw == 0.0, is_perfect, theta)


def _theta_under(
    after: Policy, before: Policy, stored: _Stored, ends: Ends
) -> tuple[Floats, Flags]:
    """Theta under the new policy, and where it can't be known: perfect and zero patterns."""
    is_extreme = stored.is_estimate & (stored.is_zero | stored.is_perfect)
    if after.extremes == "bounds":
        at_end = np.where(stored.is_zero, ends.lowest_theta, ends.highest_theta)
        return np.where(is_extreme, at_end, stored.theta), np.zeros(len(is_extreme), bool)
    is_lost = is_extreme & (before.extremes == "bounds")
    return np.where(is_lost, np.nan, stored.theta), is_lost


@dataclass(frozen=True)
class _Found:
    """What is known, under the new policy, of rows on which it bears."""

    scores: pa.Table
    was: Placements
    placed: Placements
    is_lost: Flags
    cuts: Floats
    rules: MeasurementRules

    def columns(self) -> dict[str, pa.Array]:
        """The columns that may be others now."""
        rating, lacks_type = self._rating()
        return {**self._numbers(rating), **self._texts(lacks_type)}

    @cached_property
    def _has_same_error(self) -> Flags:
        """The standard error is taken where it was."""
        same: Flags = self.was.theta_for_se == self.placed.theta_for_se
        return same

    @cached_property
    def _level(self) -> Floats:
        """Achievement levels, where the row had one."""
        level = 1.0 + np.sum(self.cuts <= self.placed.scale_score[:, None], axis=1)
        return np.where(np.isnan(self._stored_number("achievement_level")), np.nan, level)

    def _stored_number(self, name: str) -> Floats:
        return _numbers(self.scores[name])

    def _rating(self) -> tuple[Floats, Flags]:
        """Ratings, where the row had one; and where only the assessment type is missing."""
        now, stored = self.placed, self._stored_number("claim_rating")
        error = np.where(self._has_same_error, self._stored_number("se_scale"), np.nan)
        one, other = (
            claim_ratings(
                now, error, self.cuts[:, 1], band=self.rules.claim_band, is_rounded=is_rounded
            )
            for is_rounded in self._roundings()
        )
        is_open = np.isnan(error) & ~(now.at_lowest | now.at_highest)
        lacks_type = ~np.isnan(stored) & ~self.is_lost & ~is_open & (one != other)
        is_unknown = np.isnan(stored) | is_open | lacks_type
        return np.where(is_unknown, np.nan, one), lacks_type

    def _roundings(self) -> tuple[Flags, Flags]:
        """By the two rules a rating may fall under; an interim block's is known."""
        level, rating = (self._stored_number(k) for k in ("achievement_level", "claim_rating"))
        is_overall = _flags(pc.equal(self.scores["measure"], OVERALL))
        is_block = is_overall & np.isnan(level) & ~np.isnan(rating)
        rounds = self.rules.claim_rounding
        of_block = np.full(len(level), rounds[AssessmentType.IAB])
        return (
            np.where(is_block, of_block, rounds[AssessmentType.SUMMATIVE]),
            np.where(is_block, of_block, rounds[AssessmentType.ICA]),
        )

    def _numbers(self, rating: Floats) -> dict[str, pa.Array]:
        now = self.placed
        same_level = self._level == self._stored_number("achievement_level")
        same_level &= self._has_same_error & (self.was.theta_reported == now.theta_reported)
        values = {
            "theta": now.theta,
            "theta_reported": now.theta_reported,
            "scale_score_unrounded": now.scale_score_unrounded,
            "scale_score": now.scale_score,
            "achievement_level": self._level,
            "claim_rating": rating,
        }
        for name in ("se_theta", "se_scale"):
            values[name] = np.where(self._has_same_error, self._stored_number(name), np.nan)
        for name in ("accuracy", "consistency"):
            values[name] = np.where(same_level, self._stored_number(name), np.nan)
        return {
            name: _array(np.where(self.is_lost, np.nan, value), SCORES.field(name).type)
            for name, value in values.items()
        }

    def _texts(self, lacks_type: Flags) -> dict[str, pa.Array]:
        """Status and reason: what is not known, and why."""
        lost_error = ~self.is_lost & ~self._has_same_error
        lost_error &= ~np.isnan(self._stored_number("se_scale"))
        reason = self.scores["reason"].combine_chunks()
        reason = _with_reason(reason, self.is_lost, NEEDS_RESPONSES)
        reason = _with_reason(reason, lost_error, SE_NEEDS_RESPONSES)
        reason = _with_reason(reason, lacks_type, RATING_NEEDS_TYPE)
        status = pc.if_else(pa.array(self.is_lost), NOT_SCORED, SCORED)
        return {"reason": reason, "score_status": status}


def _lowest_scores(columns: Columns, ends: Ends, after: Policy) -> Columns:
    """LOSS assigned without an estimate: the new policy's, or none where it has none."""
    is_lowest = _flags(pc.equal(columns["score_status"], LOWEST_SCORE))
    had_none = _flags(pc.equal(columns["reason"], _NO_LOWEST_SCORE))
    rows = np.flatnonzero(is_lowest | had_none)
    has_one = bool(after.bounds_set)
    status, reason = (LOWEST_SCORE, _BELOW) if has_one else (NOT_SCORED, _NO_LOWEST_SCORE)
    loss = ends.lowest_scale_score[rows] if has_one else np.full(len(rows), np.nan)
    level = np.full(len(rows), 1.0 if has_one else np.nan)
    values = {
        "score_status": pa.array([status] * len(rows), pa.string()),
        "reason": pa.array([reason] * len(rows), pa.string()),
        "scale_score": _array(loss, SCORES.field("scale_score").type),
        "achievement_level": _array(level, SCORES.field("achievement_level").type),
    }
    return _with_rows(columns, rows, values)


def _residuals(columns: Columns, changed: Rows) -> Columns:
    """Empty the residuals to students whose overall theta is another now."""
    measures = columns["measure"].take(pa.array(changed))
    is_overall = _flags(pc.equal(measures, OVERALL))
    tests = columns["opportunity_id"].take(pa.array(changed[is_overall]))
    if not len(tests):
        return {}
    name = "target_residual_to_student"
    concerned = _flags(pc.is_in(columns["opportunity_id"], value_set=tests.combine_chunks()))
    concerned &= _flags(columns[name].is_valid())
    rows = np.flatnonzero(concerned)
    reason = columns["reason"].take(pa.array(rows)).combine_chunks()
    values = {
        name: pa.nulls(len(rows), pa.float64()),
        "reason": _with_reason(reason, np.ones(len(rows), bool), RESIDUAL_NEEDS_RESPONSES),
    }
    return _with_rows(columns, rows, values)


@dataclass(frozen=True)
class _Tests:
    """The distinct subjects and grades of a table, and which each row is of."""

    known: tuple[tuple[str, str], ...]
    row: npt.NDArray[np.int64]

    @classmethod
    def of(cls, scores: pa.Table) -> _Tests:
        subject, subjects = _codes(scores["subject"])
        grade, grades = _codes(scores["test_grade"])
        pairs = tuple((s, g) for s in subjects for g in grades)
        return cls(pairs, subject * max(1, len(grades)) + grade)

    def ends(self, rules: MeasurementRules, policy: Policy) -> Ends:
        """The scale and the bounds under a policy, row by row."""
        none = (0.0,) * len(Ends._fields)
        values = [_ends(Subject(s), g, rules, policy) if s else none for s, g in self.known]
        table = np.array(values or [none], np.float64)
        return Ends(*(column[self.row] for column in table.T))

    def cuts(self, rules: MeasurementRules, rows: Rows) -> Floats:
        """The scale cuts of levels 2, 3 and 4, of some rows."""
        none = (0, 0, 0)
        known = {(str(subject), grade): cuts.scale for (subject, grade), cuts in rules.cuts.items()}
        table = np.array([known.get(pair, none) for pair in self.known] or [none], np.float64)
        found: Floats = table[self.row[rows]]
        return found


def _ends(
    subject: Subject, grade: str, rules: MeasurementRules, policy: Policy
) -> tuple[float, ...]:
    scale = rules.scales[subject]
    bounds = rules.bounds.get((policy.bounds_set, subject, grade), _NO_BOUNDS)
    return (
        scale.slope,
        scale.intercept,
        bounds.lowest_theta,
        bounds.highest_theta,
        bounds.lowest_scale_score,
        bounds.highest_scale_score,
    )


def _codes(column: pa.ChunkedArray) -> tuple[npt.NDArray[np.int64], list[str]]:
    coded = column.combine_chunks().dictionary_encode()
    codes = coded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, coded.dictionary.to_pylist()


def _numbers(column: pa.ChunkedArray) -> Floats:
    """A number column; NaN where it is null."""
    found: Floats = column.cast(pa.float64()).to_numpy()
    return found


def _flags(mask: pa.ChunkedArray) -> Flags:
    found: Flags = mask.fill_null(False).to_numpy()
    return found


def _array(numbers: Floats, kind: pa.DataType) -> pa.Array:
    """Numbers as a column; NaN becomes null."""
    return pa.array(numbers, mask=np.isnan(numbers)).cast(kind)


def _with_rows(columns: Columns, rows: Rows, values: dict[str, pa.Array]) -> Columns:
    """Columns with other values in some rows."""
    if not len(rows):
        return {}
    mask = np.zeros(len(columns["measure"]), bool)
    mask[rows] = True
    is_row = pa.array(mask)
    return {
        name: pa.chunked_array(
            [pc.replace_with_mask(columns[name].combine_chunks(), is_row, value)]
        )
        for name, value in values.items()
    }


def _with_reason(column: pa.Array, rows: Flags, reason: str) -> pa.Array:
    """Add a reason in some rows; several are parted by `; `."""
    if not rows.any():
        return column
    joined = pc.binary_join_element_wise(column, reason, "; ")
    added = pc.if_else(pc.equal(column, ""), reason, joined)
    return pc.if_else(pa.array(rows), added, column)


def _constant(text: str, length: int) -> pa.ChunkedArray:
    return pa.chunked_array([pa.repeat(text, length)], pa.string())
