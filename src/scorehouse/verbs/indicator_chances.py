"""How likely each color of a row is, from the distances of its students."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scorehouse.accountability.academic.chances import Chances, chances
from scorehouse.accountability.academic.figure import Figure
from scorehouse.errors import UsageError
from scorehouse.rulebook.dashboard import COLORS, AcademicRules
from scorehouse.verbs.indicator import IndicatorInput


@dataclass(frozen=True)
class ToldChances:
    """Chances with the sentence that says them."""

    found: Chances
    sentence: str

    def as_json(self) -> dict[str, object]:
        """The chances as JSON has them."""
        return {
            "colors": {COLORS[code]: share for code, share in self.found.colors.items()},
            "status_95": list(self.found.status),
            "change_95": list(self.found.change),
            "draws": self.found.draws,
            "with_measurement_error": self.found.with_measurement_error,
            "sentence": self.sentence,
        }


def chances_of(
    given: IndicatorInput, found: Figure, rules: AcademicRules, seed: int
) -> list[ToldChances]:
    """Chances with the error of measurement, and without where errors are known.

    The same seed gives the same chances. Empty where the row has no color. Raises UsageError
    when only sums are known: chances need students.
    """
    if given.distances is None:
        raise UsageError("chances need students: give scores and rosters, or a warehouse")
    if not found.decision.color:
        return []
    now, now_errors = given.distances(found.row, is_current=True)
    before, before_errors = given.distances(found.row, is_current=False)
    told: list[ToldChances] = []
    for errors in ((None, None), (now_errors, before_errors)):
        if told and (errors[0] is None or errors[1] is None):
            continue
        rng = np.random.default_rng(seed)
        made = chances(found, now, before, rules, rng, se_current=errors[0], se_prior=errors[1])
        if made is not None:
            sentence = made.sentence(found.decision.color, COLORS)
            if not made.with_measurement_error:
                sentence = f"Without the error of measurement: {sentence}"
            told.append(ToldChances(made, sentence))
    return told
