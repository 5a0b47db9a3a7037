"""Checking one package item: its model, its parameters, and why it can't be scored.

Pure: a row of text in, values and findings out. What forbids scoring an item is kept on
its row as `unscorable`, the id of the finding.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

from scorehouse.shapes import STEP_COLUMNS

TWO_PARAMETER, PARTIAL_CREDIT = "2PL", "GPCM"
MODELS = {
    "2PL": TWO_PARAMETER,
    "IRT3PLN": TWO_PARAMETER,
    "GPCM": PARTIAL_CREDIT,
    "IRTGPC": PARTIAL_CREDIT,
}
UNMARKED = "IRT3PL"
PURPOSES = {
    "argumentative": "ARGU",
    "explanatory": "EXPL",
    "informational": "INFO",
    "informative": "INFO",
    "narrative": "NARR",
    "opinion": "OPIN",
    **{code.lower(): code for code in ("ARGU", "EXPL", "INFO", "NARR", "OPIN")},
}
DIMENSIONS = {
    "": "",
    "c": "C",
    "conventions": "C",
    "d": "D",
    "organization_evidence": "D",
    "organization/evidence": "D",
}


@dataclass(frozen=True)
class Fault:
    """Why an item can't be scored: a rule of the catalogue and what its message needs."""

    rule: str
    field: str = ""
    value: str = ""
    words: dict[str, object] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class Calibration:
    """Model, discrimination and steps as read; `fault` forbids scoring."""

    model: str
    discrimination: float | None = None
    steps: tuple[float, ...] = ()
    fault: Fault | None = None


def number(text: str) -> float | None:
    """Read a finite number exactly as written; None for anything else.

    >>> number("0.38189"), number("NaN"), number("1_0"), number("")
    (0.38189, None, None, None)
    """
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def calibration(model: str, a: str, steps: Sequence[str], points: int | None = None) -> Calibration:
    """Read an item's parameters from text.

    `steps` are the cells from the first step on; blanks may only follow the last step.
    `points` is the number of steps when the source states it. Steps may be disordered,
    that is legal.

    >>> calibration("GPCM", "0.5", ["3.8811", "-2.96168", ""]).steps
    (3.8811, -2.96168)
    >>> calibration("2PL", "0", ["1.0"]).fault.rule
    'item_parameter'
    """
    family = MODELS.get(model.strip().upper(), "")
    if not family:
        return Calibration("", fault=_model_fault(model))
    discrimination = number(a)
    given = _given(steps if points is None else steps[:points])
    values = [number(text) for text in given]
    fault = (
        _count_fault(family, given, steps, points)
        or _discrimination_fault(a, discrimination)
        or _step_fault(given, values)
    )
    read = tuple(value for value in values if value is not None)
    return Calibration(family, discrimination, read, fault)


def _given(steps: Sequence[str]) -> list[str]:
    """Cut the blank cells after the last step; a blank between steps stays."""
    cells = [text.strip() for text in steps]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _model_fault(model: str) -> Fault:
    if model.strip().upper() == UNMARKED:
        return Fault("item_model_unmarked_metric", "model", model)
    return Fault("item_model_unknown", "model", model)


def _count_fault(
    family: str, given: Sequence[str], steps: Sequence[str], points: int | None
) -> Fault | None:
    expected = 1 if family == TWO_PARAMETER else points or max(len(given), 1)
    is_too_wide = points is not None and points > len(steps)
    if points is not None and family == TWO_PARAMETER and points != 1:
        return _wrong_count(points, 1)
    if len(given) != expected or len(given) > len(STEP_COLUMNS) or is_too_wide:
        return _wrong_count(len(given), expected)
    return None


def _wrong_count(found: int, expected: int) -> Fault:
    words: dict[str, object] = {"found": found, "expected": expected}
    return Fault("item_step_count", "steps", str(found), words)


def _discrimination_fault(text: str, value: float | None) -> Fault | None:
    if value is None:
        return Fault("item_parameter", "a", text, {"reason": "not a finite number"})
    if value <= 0:
        return Fault("item_parameter", "a", text, {"reason": "not positive"})
    return None


def _step_fault(given: Sequence[str], values: Sequence[float | None]) -> Fault | None:
    for name, text, value in zip(STEP_COLUMNS, given, values, strict=False):
        if value is None:
            reason = "not a finite number" if text else "a step is missing"
            return Fault("item_parameter", name, text, {"reason": reason})
    return None
