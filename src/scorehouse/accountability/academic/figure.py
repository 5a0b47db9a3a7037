"""A figure of the Dashboard: Status, Change, their levels, the color, and every reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from scorehouse.accountability.academic.academic import (
    NO_BOX,
    NO_COLOR,
    NO_LEVEL,
    Status,
    box_of,
    change_level,
    color_n,
    color_of,
    cut_set,
    is_rated,
    rounded,
    smallest_colored,
    status,
    status_level_of,
)
from scorehouse.accountability.academic.sums import Row, Sums
from scorehouse.errors import RuleNotInForceError
from scorehouse.rulebook.dashboard import AcademicRules, Said

TOO_FEW = "too_few_students"
NO_PRIOR = "too_few_students_in_prior_year"
NO_CHANGE = "no_change_on_this_dashboard"
NOT_RATED = "group_not_rated"
TOO_FEW_FOR_COLOR = "too_few_students_for_color"
TOO_FEW_PRIOR_FOR_COLOR = "too_few_students_in_prior_year_for_color"
TOO_FEW_FOR_LEVEL = "too_few_students_for_level"
CUTS_UNKNOWN = "cuts_unknown"

WORDS: Mapping[str, str] = {
    TOO_FEW: "fewer students than are shown",
    NO_PRIOR: "no Status of the prior year, or of fewer students than are shown",
    NO_CHANGE: "this Dashboard has no Change",
    NOT_RATED: "the group is shown for information and has no color",
    TOO_FEW_FOR_COLOR: "fewer students than a color takes",
    TOO_FEW_PRIOR_FOR_COLOR: "fewer students in the prior year than a color takes",
    TOO_FEW_FOR_LEVEL: "fewer students than a level takes on this Dashboard",
    CUTS_UNKNOWN: "the cuts are not known, or not well enough",
}
"""Why something isn't there, by its code."""


@dataclass(frozen=True)
class Evidence:
    """What a row's levels and color are decided by: counts, and values as printed.

    `color_n` and `prior_color_n` are the counts of the color's minimum; None: `n` and
    `prior_n`. `pair_and_share` names the method by which a row without a prior year of its
    own has another's; blank: none.
    """

    n: int
    status: Fraction | None
    prior_n: int = 0
    prior_status: Fraction | None = None
    change: Fraction | None = None
    color_n: int | None = None
    prior_color_n: int | None = None
    pair_and_share: str = ""


@dataclass(frozen=True)
class Decision:
    """Levels by code, color and box; 0: none, and `why_not` says why by what is lacking."""

    status: Fraction | None = None
    change: Fraction | None = None
    status_level: int = NO_LEVEL
    change_level: int = NO_LEVEL
    color: int = NO_COLOR
    box: int = NO_BOX
    why_not: Mapping[str, str] = field(default_factory=dict)
    refused: str = ""


@dataclass(frozen=True)
class Figure:
    """A row of the Dashboard with all that led to it.

    `exact_change` is the difference of exact Statuses; what is printed of it stands in
    `decision`. `uncertain` are settings that were used and aren't sure.
    """

    row: Row
    dashboard: str
    current_sums: Sums
    prior_sums: Sums | None
    current: Status
    prior: Status | None
    exact_change: Fraction | None
    decision: Decision
    uncertain: tuple[Said, ...]


def figure(row: Row, current: Sums, prior: Sums | None, rules: AcademicRules) -> Figure:
    """The figure of a row from its sums of two years, both under one Dashboard's rules.

    Errors as for `decide`; a cut that isn't known is a reason in the decision instead.
    """
    now = status(current, row, rules)
    before = None if prior is None else status(prior, row, rules)
    change = _change(now, before)
    evidence = Evidence(
        n=now.n,
        status=None if now.value is None else rounded(now.value, rules),
        prior_n=0 if before is None else before.n,
        prior_status=_printed(before, rules),
        change=None if change is None else rounded(change, rules),
        color_n=color_n(current.color_scores, now.n, row, rules),
        prior_color_n=None
        if prior is None or before is None
        else color_n(prior.color_scores, before.n, row, rules),
    )
    return Figure(
        row, rules.dashboard, current, prior, now, before, change,
        decide(row, evidence, rules), _uncertain(row, now, change, rules),
    )  # fmt: skip


def _change(now: Status, before: Status | None) -> Fraction | None:
    if before is None or now.value is None or before.value is None:
        return None
    return now.value - before.value


def _printed(before: Status | None, rules: AcademicRules) -> Fraction | None:
    return None if before is None or before.value is None else rounded(before.value, rules)


def _uncertain(
    row: Row, now: Status, change: Fraction | None, rules: AcademicRules
) -> tuple[Said, ...]:
    """Uncertain settings, cuts and cells on which the row really hangs."""
    negative = [value for value in (now.value, change) if value is not None and value < 0]
    hangs = {
        "rounding": any((20 * value).denominator == 1 and (20 * value) % 2 for value in negative),
        "colors_by_test": row.student_group in ("SBA", "CAA"),
        "alternative_schools": row.is_dass,
    }
    settings = rules.uncertain(*(name for name, does in hangs.items() if does))
    return (*settings, *(said for said in cuts_said(row, rules) if said.is_uncertain))


def decide(row: Row, evidence: Evidence, rules: AcademicRules) -> Decision:
    """Levels and color of a row, from counts and from values as they are printed.

    Raises UsageError for a group that the Dashboard doesn't have.
    """
    rated = is_rated(row, rules)
    why: dict[str, str] = {}
    if evidence.n < rules.smallest_shown or evidence.status is None:
        return Decision(why_not=dict.fromkeys(("status", "change", "color"), TOO_FEW))
    level, refused = _status_level(evidence, row, rules, why)
    change = _shown_change(evidence, rules, why)
    change_code = 0
    if change is not None:
        try:
            change_code = change_level(change, rules.change_cuts_of(row.subject))
        except RuleNotInForceError as error:
            why["change_level"], refused = CUTS_UNKNOWN, refused or str(error)
    color = _color(level, change_code, rated, row, evidence, rules, why)
    return Decision(
        evidence.status, change, level, change_code, color,
        box_of(level, change_code) if color else NO_BOX, why, refused,
    )  # fmt: skip


def _status_level(
    evidence: Evidence, row: Row, rules: AcademicRules, why: dict[str, str]
) -> tuple[int, str]:
    assert evidence.status is not None
    if evidence.n < rules.smallest_leveled:
        why["status_level"] = TOO_FEW_FOR_LEVEL
        return NO_LEVEL, ""
    try:
        return status_level_of(evidence.status, row, rules), ""
    except RuleNotInForceError as error:
        why["status_level"] = CUTS_UNKNOWN
        return NO_LEVEL, str(error)


def _shown_change(evidence: Evidence, rules: AcademicRules, why: dict[str, str]) -> Fraction | None:
    """Change is there exactly when both years have enough students, or another's year does."""
    if not rules.has_change:
        why["change"] = NO_CHANGE
    elif evidence.change is None or not (
        evidence.prior_n >= rules.smallest_shown or evidence.pair_and_share
    ):
        why["change"] = NO_PRIOR
    else:
        return evidence.change
    return None


def _color(
    level: int,
    change_code: int,
    rated: bool,
    row: Row,
    evidence: Evidence,
    rules: AcademicRules,
    why: dict[str, str],
) -> int:
    wanted = smallest_colored(row, rules)
    n = evidence.n if evidence.color_n is None else evidence.color_n
    prior = evidence.prior_n if evidence.prior_color_n is None else evidence.prior_color_n
    if not (level and change_code):
        why["color"] = why.get("status_level") or why.get("change") or why["change_level"]
    elif not rated:
        why["color"] = NOT_RATED
    elif n < wanted:
        why["color"] = TOO_FEW_FOR_COLOR
    elif prior < wanted and not evidence.pair_and_share:
        why["color"] = TOO_FEW_PRIOR_FOR_COLOR
    else:
        return color_of(level, change_code, rules)
    return NO_COLOR


def cuts_said(row: Row, rules: AcademicRules) -> tuple[Said, ...]:
    """Who says the cuts and colors that a row is judged by."""
    said = (
        [rules.status_cuts[row.subject, cut_set(row, rules)].said]
        if ((row.subject, cut_set(row, rules)) in rules.status_cuts)
        else []
    )
    if row.subject in rules.change_cuts:
        said.append(rules.change_cuts[row.subject].said)
    return (*said, rules.colors_said) if rules.colors_said else tuple(said)
