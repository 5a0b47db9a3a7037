"""Items and tests as scoring sees them: one `Item` a scored dimension, one `Sitting` a test.

An item's maximum is its number of steps; a 2PL item is the one-step case of GPCM, so one
code path serves both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scorehouse.errors import DegenerateItemError
from scorehouse.terms import AssessmentType, Part, Subject


@dataclass(frozen=True)
class Item:
    """One scored dimension of one item, with its parameters in step form.

    `steps` are the GPCM step difficulties b_1 … b_m (one for 2PL); they may be disordered.
    `dimension` is blank, or C or D on a writing item.

    >>> Item("200-1", 0.6, (0.5,)).points
    1
    >>> Item("200-2", 0.0, (0.5,))
    Traceback (most recent call last):
        ...
    scorehouse.errors.DegenerateItemError: item 200-2: a is 0.0; it must be finite and above 0
    """

    item_id: str
    discrimination: float
    steps: tuple[float, ...]
    dimension: str = ""
    part: Part = Part.FIXED
    claim: str = ""
    target: str = ""
    operational: bool = True
    item_type: str = ""
    purpose: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.discrimination) and self.discrimination > 0):
            raise DegenerateItemError(
                f"item {self.item_id}: a is {self.discrimination}; it must be finite and above 0"
            )
        if not self.steps or not all(math.isfinite(step) for step in self.steps):
            raise DegenerateItemError(
                f"item {self.item_id}: steps are {self.steps}; at least one, all finite, are needed"
            )

    @property
    def points(self) -> int:
        """The most points the item gives: its number of steps."""
        return len(self.steps)

    @property
    def is_writing(self) -> bool:
        """Whether this is a dimension of a writing (WER) item."""
        return bool(self.dimension)

    @property
    def label(self) -> str:
        """How tables name the item: its id, with the dimension of a writing item."""
        return f"{self.item_id}/{self.dimension}" if self.dimension else self.item_id


def steps_from_deviations(location: float, deviations: Sequence[float]) -> tuple[float, ...]:
    """Turn the location/deviation form into steps: b_k = b - d_k.

    The 2023 edition of the scoring specification prints items so; the r = 0 term of its
    formula is in every category and cancels.

    >>> steps_from_deviations(0.2, (0.8, -0.8))
    (-0.6000000000000001, 1.0)
    """
    return tuple(location - deviation for deviation in deviations)


@dataclass(frozen=True)
class Assessment:
    """A defined test. `minimum_cat_items` is the blueprint's least number of CAT items."""

    assessment_id: str
    subject: Subject
    test_grade: str
    assessment_type: AssessmentType
    name: str = ""
    school_year: str = ""
    minimum_cat_items: int | None = None


@dataclass(frozen=True)
class ScoredResponse:
    """A response as it enters the likelihood: unanswered is 0 points, codes are recoded."""

    item: Item
    score: float
    answered: bool = True


@dataclass(frozen=True)
class TraitScore:
    """One trait of a writing item as raters gave it, with the condition code if any."""

    trait: str
    score: float | None
    condition_code: str = ""
    purpose: str = ""


@dataclass(frozen=True)
class Sitting:
    """One student's opportunity at one assessment, ready to be scored.

    `responses` are the operational ones; `blocked` is why the whole test can't be scored
    (blank: it can). `pt_is_field_test` says that the PT holds no operational item,
    `has_left_out` that operational items were left out on request.
    """

    opportunity_id: str
    assessment: Assessment
    responses: tuple[ScoredResponse, ...]
    student_id: str = ""
    logged_on_cat: bool | None = None
    logged_on_pt: bool | None = None
    status: str = ""
    completeness: str = ""
    force_completed: bool = False
    pt_is_field_test: bool = False
    traits: tuple[TraitScore, ...] = ()
    blocked: str = ""
    has_left_out: bool = False
