"""Incomplete tests: what stands for the items a student never reached.

Presented but unanswered items score 0 with their own parameters. An adaptive test below
its blueprint's minimum gets, for each item never presented, an average 2PL item of its
subject and grade with score 0; then there is a total score only, no claim scores. Standard
errors use the answered items alone. Source: Scoring Specification 2014-15 and Test Scoring
Specifications 2015-16, section 3.1.3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from scorehouse.scoring.models import Item, ScoredResponse, Sitting
from scorehouse.terms import AssessmentType, AverageItem, MeasurementRules, Part

UNKNOWN_MINIMUM = "minimum_cat_unknown"
CAT_INCOMPLETE = "cat_incomplete"


@dataclass(frozen=True)
class Completion:
    """Whether the CAT is complete, and how many average items stand for the rest.

    `problem` is set when the test says it is partial and no minimum is known.
    """

    is_incomplete: bool
    simulated: int = 0
    problem: str = ""


def minimum_cat_items(sitting: Sitting, rules: MeasurementRules) -> int | None:
    """The blueprint's minimum: the package's, else the rulebook's for the year, else None."""
    own = sitting.assessment.minimum_cat_items
    if own is not None:
        return own
    return rules.minimum_cat_items.get((sitting.assessment.subject, sitting.assessment.test_grade))


def completion(sitting: Sitting, rules: MeasurementRules) -> Completion:
    """Compare the CAT items answered with the minimum; fixed forms are never simulated."""
    cat = [r for r in sitting.responses if r.item.part is Part.CAT]
    is_adaptive = bool(cat) and sitting.assessment.assessment_type is AssessmentType.SUMMATIVE
    if not is_adaptive:
        return Completion(is_incomplete=False)
    minimum = minimum_cat_items(sitting, rules)
    if minimum is None:
        is_partial = sitting.completeness.lower() == "partial"
        return Completion(is_partial, problem=UNKNOWN_MINIMUM if is_partial else "")
    if _items([r for r in cat if r.answered]) >= minimum:
        return Completion(is_incomplete=False)
    return Completion(is_incomplete=True, simulated=max(0, minimum - _items(cat)))


def _items(responses: Sequence[ScoredResponse]) -> int:
    """Distinct items; the dimensions of a writing item are one."""
    return len({response.item.item_id for response in responses})


def average_responses(average: AverageItem, count: int) -> list[ScoredResponse]:
    """The average items that stand, unanswered, for those never presented."""
    item = Item("average", average.discrimination, (average.difficulty,), part=Part.CAT)
    return [ScoredResponse(item, float(average.score), answered=False)] * count
