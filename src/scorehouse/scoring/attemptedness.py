"""Whether a test was attempted, and what is done with it: score, LOSS, or no score.

Sources: Test Scoring Specifications 2015-16, section 3.1; CAASPP student data file
layouts 2016-17 to 2021-22 (California's thresholds and the LOSS condition code).
"""

from __future__ import annotations

from dataclasses import dataclass

from scorehouse.scoring.models import Sitting
from scorehouse.terms import AttemptednessRule, Part, Policy

SCORED, LOWEST_SCORE, NOT_SCORED = "scored", "lowest_score", "not_scored"
"""Values of the `score_status` column."""

NOT_SCORED_STATUSES = ("reset", "pending")
"""Opportunity statuses whose earlier report is to be deleted, or whose parts aren't all in."""

INCOMPLETE_STATUSES = (
    "partial", "paused", "denied", "expired", "started", "suspended", "review",
)  # fmt: skip
"""Statuses at which the consortium's engine scores a test as incomplete."""


@dataclass(frozen=True)
class Answered:
    """How many items were answered; both dimensions of a writing item are one item."""

    cat: int
    pt: int
    total: int


@dataclass(frozen=True)
class Decision:
    """N, P or Y, what is done (a `score_status`), and why where it isn't plainly scored."""

    attemptedness: str
    status: str
    reason: str = ""


def answered(sitting: Sitting) -> Answered:
    """Count the answered operational items; a fixed form stands where a CAT would."""
    items = {(r.item.item_id, r.item.part) for r in sitting.responses if r.answered}
    pt = sum(part is Part.PT for _item, part in items)
    return Answered(len(items) - pt, pt, len(items))


def logged_on(sitting: Sitting) -> tuple[bool, bool]:
    """Log-ons to CAT and PT: as delivered, else taken from the items presented."""
    has_pt = sitting.pt_is_field_test or any(r.item.part is Part.PT for r in sitting.responses)
    has_cat = any(r.item.part is not Part.PT for r in sitting.responses)
    cat, pt = sitting.logged_on_cat, sitting.logged_on_pt
    return (has_cat if cat is None else cat), (has_pt if pt is None else pt)


def attemptedness(sitting: Sitting, rule: AttemptednessRule, policy: Policy) -> str:
    """N (did not take part), P (took part) or Y (attempted)."""
    counts = answered(sitting)
    if not rule.needs_both_parts:
        return "Y" if counts.total >= rule.minimum_answered else "P"
    if sitting.force_completed and rule.force_completed == "nonparticipant":
        return "N"
    if not all(logged_on(sitting)):
        return "P" if policy.single_part_is_participant else "N"
    return "Y" if counts.cat >= 1 and counts.pt >= 1 else "P"


def decide(sitting: Sitting, rule: AttemptednessRule, policy: Policy) -> Decision:
    """Decide what is done with a test that nothing else blocks.

    Below the threshold California assigns LOSS; the consortium gives no score. Students
    whose PT is a field test need only have logged on to it.
    """
    letter = attemptedness(sitting, rule, policy)
    counts = answered(sitting)
    if sitting.blocked:
        return Decision(letter, NOT_SCORED, sitting.blocked)
    if sitting.status in NOT_SCORED_STATUSES:
        return Decision(letter, NOT_SCORED, f"status_{sitting.status}")
    if not rule.needs_both_parts:
        return Decision(letter, SCORED) if letter == "Y" else _nothing(letter)
    if letter == "N" or not all(logged_on(sitting)):
        return Decision(letter, NOT_SCORED, f"attemptedness_{letter}")
    if counts.total == 0 and rule.nothing_answered == NOT_SCORED:
        return _nothing(letter)
    minimum_pt = 0 if sitting.pt_is_field_test else rule.minimum_pt_answered
    if counts.cat >= rule.minimum_cat_answered and counts.pt >= minimum_pt:
        return Decision(letter, SCORED)
    if rule.below_threshold == LOWEST_SCORE:
        return Decision(letter, LOWEST_SCORE, "below_threshold")
    return Decision(letter, NOT_SCORED, f"attemptedness_{letter}")


def _nothing(letter: str) -> Decision:
    return Decision(letter, NOT_SCORED, "nothing_answered")
