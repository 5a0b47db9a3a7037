"""Checking a state's published rows: what agrees, and why what differs does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from scorehouse.accountability.academic.academic import (
    loss_count_2022,
    participation_rate,
    points_2018,
    rounded,
    smallest_colored,
)
from scorehouse.accountability.academic.figure import CUTS_UNKNOWN, Decision, decide
from scorehouse.accountability.academic.printed import Printed
from scorehouse.errors import ScorehouseError
from scorehouse.rulebook.dashboard import (
    CHANGE_LEVELS,
    COLORS,
    LOWEST_SCORES,
    POINTS,
    STATUS_LEVELS,
    AcademicRules,
)

AGREES, EXPLAINED, UNEXPLAINED = "agrees", "explained", "unexplained"
_HALF_A_TENTH = Fraction(1, 20)
_TENTH = Fraction(1, 10)

WORDS: Mapping[str, str] = {
    "pair_and_share": "The row has another entity's prior year, by a method that isn't known.",
    "cuts_unknown": "The cuts that hold for the row aren't known, so its level can't be checked.",
    "cut_set_unknown": "The file doesn't say which Status cuts hold; by the other set it agrees.",
    "older_change_label": "The label of Change is that of the Dashboard before, the color is not.",
    "other_students": "Other students were counted.",
    "group_unknown": "The Dashboard has no such student group.",
    "by_test_row": "Rows of one test have colors by a setting that isn't certain for the year.",
}
"""What explains a difference, by its code."""


@dataclass(frozen=True)
class Difference:
    """One value that differs: what was printed, what the rules give, and what explains it.

    `explanation` is a code of `WORDS`; blank: nothing does.
    """

    what: str
    printed: str
    ours: str
    explanation: str = ""


@dataclass(frozen=True)
class Audited:
    """A row that was checked: which values were compared, and those that differ."""

    printed: Printed
    compared: tuple[str, ...]
    differences: tuple[Difference, ...]

    @property
    def result(self) -> str:
        """Whether all agrees, all that differs is explained, or something is not."""
        if not self.differences:
            return AGREES
        explained = all(difference.explanation for difference in self.differences)
        return EXPLAINED if explained else UNEXPLAINED


def audit_row(printed: Printed, rules: AcademicRules) -> Audited:
    """Check everything that a printed row lets one check."""
    try:
        decision = decide(printed.row, printed.evidence, rules)
    except ScorehouseError as error:
        group = printed.row.student_group
        return Audited(printed, (), (Difference("student_group", group, str(error),
                                                "group_unknown"),))  # fmt: skip
    compared: list[str] = []
    found: list[Difference] = []
    for what, theirs, ours in _values(printed, decision, rules):
        compared.append(what)
        if theirs != ours:
            found.append(Difference(what, _text(what, theirs), _text(what, ours)))
    for what, theirs, low, high in _ranges(printed, rules):
        compared.append(what)
        if not low <= theirs <= high:
            found.append(Difference(what, _text(what, theirs), _text(what, low)))
    explained = tuple(_explained(one, printed, decision, rules) for one in found)
    return Audited(printed, tuple(compared), explained)


def _values(
    printed: Printed, decision: Decision, rules: AcademicRules
) -> Iterator[tuple[str, Any, Any]]:
    """Values that must be the same: what, as printed, and as the rules give it."""
    ours = {"status_level": decision.status_level, "change_level": decision.change_level,
            "color": decision.color, "box": decision.box}  # fmt: skip
    has_cell_only = "status" not in printed.points and printed.codes.get("status_level", 0) > 0
    if has_cell_only:
        yield from _cell_only(printed, rules)
        return
    for what, value in ours.items():
        if what in printed.codes:
            yield what, printed.codes[what], value
    if printed.counts.get("n", 0) < rules.smallest_shown and "n" in printed.counts:
        yield "status_shown", "status" in printed.points, False
    yield from _participation(printed, "", rules)
    if rules.has_change:
        yield from _participation(printed, "prior_", rules)
    yield from _sizes(printed, rules)


def _cell_only(printed: Printed, rules: AcademicRules) -> Iterator[tuple[str, Any, Any]]:
    """A page that prints levels and no numbers: the color of its cell."""
    cell = printed.codes["status_level"], printed.codes.get("change_level", 0)
    if printed.codes.get("color"):
        yield "color", printed.codes["color"], rules.colors.get(cell, 0)


def _participation(
    printed: Printed, prefix: str, rules: AcademicRules
) -> Iterator[tuple[str, Any, Any]]:
    counts = printed.counts
    enrolled, tested = counts.get(f"{prefix}enrolled"), counts.get(f"{prefix}tested")
    without = counts.get(f"{prefix}n_without_loss")
    adds = rules.participation == LOWEST_SCORES and without is not None
    taken = printed.points.get(f"{prefix}adjustment")
    if not enrolled or tested is None:
        if adds and f"{prefix}n" in counts:
            added = counts.get(f"{prefix}loss_count", 0)
            yield f"{prefix}n", counts[f"{prefix}n"], (without or 0) + added
        if rules.participation == POINTS and taken is not None:
            yield f"{prefix}adjustment", taken, _possible_points(taken, rules)
        return
    rate = participation_rate(tested, enrolled)
    if f"{prefix}participation" in counts:
        yield f"{prefix}participation", counts[f"{prefix}participation"], rate
    if adds:
        added = loss_count_2022(enrolled, tested, rules)
        yield f"{prefix}loss_count", counts.get(f"{prefix}loss_count", 0), added
        yield f"{prefix}n", counts.get(f"{prefix}n"), (without or 0) + added
    if rules.participation == POINTS and taken is not None:
        yield f"{prefix}adjustment", taken, points_2018(rate, rules)


def _possible_points(taken: Fraction, rules: AcademicRules) -> Fraction:
    """The nearest points that any rate could take."""
    below = round(-taken / rules.points_per_percent)
    rate = rules.participation_target - max(0, below)
    return points_2018(max(0, rate), rules)


def _sizes(printed: Printed, rules: AcademicRules) -> Iterator[tuple[str, Any, Any]]:
    """The flags that say whether a row has the students of a color."""
    wanted, flags, counts = smallest_colored(printed.row, rules), printed.flags, printed.counts
    group = rules.groups[printed.row.student_group]
    if not group.is_rated:
        return
    n, prior = counts.get("n", 0) >= wanted, counts.get("prior_n", 0) >= wanted
    for what, ours in (("is_n_enough", n), ("is_prior_n_enough", prior),
                       ("is_accountable", n and prior)):  # fmt: skip
        if what in flags:
            yield what, flags[what], ours


def _ranges(
    printed: Printed, rules: AcademicRules
) -> Iterator[tuple[str, Fraction, Fraction, Fraction]]:
    """Values that hang on rounded ones: what, as printed, and the ends of what is possible."""
    points, counts = printed.points, printed.counts
    for prefix in ("", "prior_") if rules.has_change else ("",):
        without, value = points.get(f"{prefix}status_without_loss"), points.get(f"{prefix}status")
        n, rest = counts.get(f"{prefix}n"), counts.get(f"{prefix}n_without_loss")
        if None in (without, value, n, rest) or rules.participation != LOWEST_SCORES or not n:
            continue
        assert without is not None
        assert value is not None
        assert rest is not None
        added = (n - rest) * rules.lowest_distance[printed.row.subject]
        ends = [(rest * (without + half) + added) / n for half in (-_HALF_A_TENTH, _HALF_A_TENTH)]
        yield f"{prefix}status", value, rounded(ends[0], rules), rounded(ends[1], rules)
    if {"change", "status", "prior_status"} <= {*points} and not printed.recomputed_change:
        apart = points["status"] - points["prior_status"]
        yield "change", points["change"], apart - _TENTH, apart + _TENTH


def _text(what: str, value: Any) -> str:
    words = {"status_level": STATUS_LEVELS, "change_level": CHANGE_LEVELS, "color": COLORS}
    if what in words and isinstance(value, int) and 0 <= value < len(words[what]):
        return words[what][value]
    if isinstance(value, Fraction):
        return f"{float(value):g}"
    return "" if value is None else str(value)


# --- what explains a difference ---


def _explained(
    found: Difference, printed: Printed, decision: Decision, rules: AcademicRules
) -> Difference:
    for code, explains in _EXPLANATIONS.items():
        if explains(found, printed, decision, rules):
            return replace(found, explanation=code)
    return found


def _by_pair_and_share(
    found: Difference, printed: Printed, _decision: Decision, rules: AcademicRules
) -> bool:
    """By a method that isn't known; a known one explains nothing."""
    is_about_prior = found.what in ("change", "change_level", "color", "box", "is_prior_n_enough",
                                    "is_accountable", "prior_n")  # fmt: skip
    is_unknown = printed.pair_and_share not in ("", *rules.shared_prior)
    return is_unknown and is_about_prior


def _by_unknown_cuts(
    found: Difference, _printed: Printed, decision: Decision, _rules: AcademicRules
) -> bool:
    lacking = {name for name, why in decision.why_not.items() if why == CUTS_UNKNOWN}
    hangs = {"status_level": {"status_level"}, "change_level": {"change_level"},
             "color": {"status_level", "change_level", "color"},
             "box": {"status_level", "change_level", "color"}}  # fmt: skip
    return bool(hangs.get(found.what, set()) & lacking)


def _by_other_cuts(
    found: Difference, printed: Printed, _decision: Decision, rules: AcademicRules
) -> bool:
    """Without a column that says whose cuts hold, those of high schools may."""
    if printed.has_cut_set or found.what not in ("status_level", "color", "box"):
        return False
    row = replace(printed.row, high_school_cuts=not printed.row.high_school_cuts)
    other = decide(row, printed.evidence, rules)
    codes = {"status_level": other.status_level, found.what: getattr(other, found.what)}
    return all(printed.codes.get(what, code) == code for what, code in codes.items())


def _by_older_label(
    found: Difference, printed: Printed, decision: Decision, rules: AcademicRules
) -> bool:
    """The method page's example: Maintained by the cuts of spring, the color by those of fall."""
    if rules.dashboard != "2017-fall" or found.what not in ("change_level", "box"):
        return False
    change = printed.points.get("change")
    is_between = change is not None and Fraction(3) <= change < Fraction(7)
    return is_between and printed.codes.get("color") == decision.color


def _by_test(
    found: Difference, printed: Printed, _decision: Decision, rules: AcademicRules
) -> bool:
    group = rules.groups[printed.row.student_group]
    uncertain = rules.said["colors_by_test"].is_uncertain
    return group.category == "test" and uncertain and found.what in ("color", "box")


_Explains = Callable[[Difference, Printed, Decision, AcademicRules], bool]
_EXPLANATIONS: Mapping[str, _Explains] = {
    "pair_and_share": _by_pair_and_share,
    "cuts_unknown": _by_unknown_cuts,
    "cut_set_unknown": _by_other_cuts,
    "older_change_label": _by_older_label,
    "by_test_row": _by_test,
}


# --- beside figures of one's own ---


def compare_row(printed: Printed, own: Mapping[str, Any]) -> Audited:
    """A state's row beside the row of `table.indicator_table` with the same key.

    Where counts differ, other students were counted, and that explains what follows from
    them; where they don't, a difference has no explanation here.
    """
    pairs = list(_pairs(printed, own))
    differ = [(what, theirs, ours) for what, theirs, ours in pairs if theirs != ours]
    counts = any(what in _WHOSE for what, _, _ in differ)
    found = tuple(
        Difference(what, _text(what, theirs), _text(what, ours), "other_students" if counts else "")
        for what, theirs, ours in differ
    )
    return Audited(printed, tuple(what for what, _, _ in pairs), found)


_WHOSE = ("n", "prior_n", "enrolled", "tested", "prior_enrolled", "prior_tested")


def _pairs(printed: Printed, own: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for what in _WHOSE:
        if what in printed.counts and own.get(what) is not None:
            yield what, printed.counts[what], own[what]
    for what in ("status", "prior_status", "change"):
        ours = own.get(what)
        if what in printed.points and ours is not None:
            yield what, printed.points[what], Fraction(str(ours))
    for what, theirs in printed.codes.items():
        yield what, theirs, own[what] or 0
