"""A year's rules laid out as arrays over the tests of a bank, once for a whole administration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scorehouse.scoring.attemptedness import LOWEST_SCORE
from scorehouse.scoring.bank import ItemBank
from scorehouse.scoring.kernel import KernelBank, kernel_bank
from scorehouse.scoring.models import Assessment
from scorehouse.scoring.targets import has_target_score
from scorehouse.terms import (
    AssessmentType,
    Bounds,
    Cuts,
    MeasurementRules,
    Policy,
    ScoredPart,
    Subject,
)

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]
NO_MINIMUM = -1


@dataclass(frozen=True)
class PreparedTests:
    """One value an assessment in every array; the last stands for an unknown assessment."""

    slope: Floats
    intercept: Floats
    theta_cuts: Floats  # (n, 3)
    scale_cuts: Floats  # (n, 3)
    lowest_theta: Floats
    highest_theta: Floats
    lowest_scale_score: Floats
    highest_scale_score: Floats
    is_summative: Flags
    is_block: Flags
    is_rounded: Flags  # claim ratings round before comparing
    minimum_cat: npt.NDArray[np.int64]  # NO_MINIMUM: not known
    average: npt.NDArray[np.int32]  # bank row of the average item
    minimum_answered: npt.NDArray[np.int64]
    minimum_cat_answered: npt.NDArray[np.int64]
    minimum_pt_answered: npt.NDArray[np.int64]
    needs_both: Flags
    gives_lowest: Flags
    gives_lowest_to_nothing: Flags
    force_is_nonparticipant: Flags


@dataclass(frozen=True)
class Prepared:
    """Everything that doesn't depend on the responses."""

    bank: ItemBank  # with the average items appended
    kernel: KernelBank
    rules: MeasurementRules
    policy: Policy
    tests: PreparedTests
    parts: tuple[tuple[ScoredPart, Flags, Flags], ...]  # part, its bank rows, its assessments
    target_names: tuple[str, ...]
    target: npt.NDArray[np.int32]  # by bank row; -1: none


def prepare(bank: ItemBank, rules: MeasurementRules, policy: Policy) -> Prepared:
    """Lay out a bank and the rules of a year for scoring under a policy."""
    whole, average = bank.with_averages(rules.average_items)
    kernel = kernel_bank(whole.discrimination, whole.steps, rules.model_constant)
    names, target = _targets(whole, rules)
    tests = _tests(whole, rules, policy, average)
    return Prepared(whole, kernel, rules, policy, tests, _parts(whole, rules), names, target)


def _parts(bank: ItemBank, rules: MeasurementRules) -> tuple[tuple[ScoredPart, Flags, Flags], ...]:
    """Each claim and composite with the bank rows it pools and the tests it is for."""
    claims = np.array(bank.claim, object)
    return tuple(
        (part, np.isin(claims, part.strands), _has_parts(bank, subject))
        for subject, parts in rules.parts.items()
        for part in parts
    )


def _has_parts(bank: ItemBank, subject: Subject) -> Flags:
    """Which assessments report the parts of a subject; the last stands for an unknown one."""
    has = [
        test.subject is subject and test.assessment_type is not AssessmentType.IAB
        for test in bank.assessments
    ]
    return np.array([*has, False])


def _targets(
    bank: ItemBank, rules: MeasurementRules
) -> tuple[tuple[str, ...], npt.NDArray[np.int32]]:
    """The targets reported, in order, and each bank row's."""
    enters = []
    for row in range(len(bank)):
        subject = bank.assessments[bank.assessment[row]].subject
        strands = rules.target_strands.get(subject)
        enters.append(has_target_score(bank.item(row), strands))
    names = sorted({t for t, e in zip(bank.target, enters, strict=True) if e})
    code = {name: number for number, name in enumerate(names)}
    rows = [code[t] if e else -1 for t, e in zip(bank.target, enters, strict=True)]
    return tuple(names), np.array(rows, np.int32)


_NO_CUTS = Cuts((np.nan,) * 3, (0, 0, 0))
_NO_BOUNDS = Bounds(-np.inf, np.inf, 0, 0)


def _tests(
    bank: ItemBank, rules: MeasurementRules, policy: Policy, average: npt.NDArray[np.int32]
) -> PreparedTests:
    tests = bank.assessments
    cuts = [rules.cuts.get((t.subject, t.test_grade), _NO_CUTS) for t in tests]
    bounds = [
        rules.bounds.get((policy.bounds_set, t.subject, t.test_grade), _NO_BOUNDS) for t in tests
    ]
    attempted = [rules.attemptedness[t.assessment_type] for t in tests]
    minimum = [_minimum(test, rules) for test in tests]
    kinds = [t.assessment_type for t in tests]
    return PreparedTests(
        slope=np.array([rules.scales[t.subject].slope for t in tests] + [0.0]),
        intercept=np.array([rules.scales[t.subject].intercept for t in tests] + [0.0]),
        theta_cuts=np.array([c.theta for c in cuts] + [_NO_CUTS.theta]),
        scale_cuts=np.array([c.scale for c in cuts] + [_NO_CUTS.scale], np.float64),
        lowest_theta=np.array([b.lowest_theta for b in bounds] + [-np.inf]),
        highest_theta=np.array([b.highest_theta for b in bounds] + [np.inf]),
        lowest_scale_score=np.array([b.lowest_scale_score for b in bounds] + [0], np.float64),
        highest_scale_score=np.array([b.highest_scale_score for b in bounds] + [0], np.float64),
        is_summative=np.array([k is AssessmentType.SUMMATIVE for k in kinds] + [False]),
        is_block=np.array([k is AssessmentType.IAB for k in kinds] + [False]),
        is_rounded=np.array([rules.claim_rounding[k] for k in kinds] + [True]),
        minimum_cat=np.array([*minimum, NO_MINIMUM], np.int64),
        average=np.append(average, -1).astype(np.int32),
        minimum_answered=np.array([r.minimum_answered for r in attempted] + [0]),
        minimum_cat_answered=np.array([r.minimum_cat_answered for r in attempted] + [0]),
        minimum_pt_answered=np.array([r.minimum_pt_answered for r in attempted] + [0]),
        needs_both=np.array([r.needs_both_parts for r in attempted] + [False]),
        gives_lowest=np.array([r.below_threshold == LOWEST_SCORE for r in attempted] + [False]),
        gives_lowest_to_nothing=np.array(
            [r.nothing_answered == LOWEST_SCORE for r in attempted] + [False]
        ),
        force_is_nonparticipant=np.array(
            [r.force_completed == "nonparticipant" for r in attempted] + [False]
        ),
    )


def _minimum(test: Assessment, rules: MeasurementRules) -> int:
    if test.minimum_cat_items is not None:
        return test.minimum_cat_items
    return rules.minimum_cat_items.get((test.subject, test.test_grade), NO_MINIMUM)
