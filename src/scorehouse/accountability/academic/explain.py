"""A figure in plain words: from students to color, step by step, and what would change it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fractions import Fraction

from scorehouse.accountability.academic.academic import cut_set, smallest_colored
from scorehouse.accountability.academic.figure import WORDS, Figure, cuts_said
from scorehouse.accountability.academic.sums import Sums
from scorehouse.accountability.academic.what_if import (
    Bar,
    Margins,
    Step,
    margins,
    next_year,
    steps,
    still_to_test,
)
from scorehouse.errors import RuleNotInForceError
from scorehouse.rulebook.dashboard import (
    CHANGE_LEVELS,
    COLORS,
    GRADE_11,
    LOWEST_SCORES,
    POINTS,
    STATUS_LEVELS,
    AcademicRules,
)

REASONS: Mapping[str, str] = {
    "other_grade": "tested in a grade that isn't rated",
    "medical": "significant medical emergency",
    "recent_english_learner": "English learner in a school of the United States under 12 months",
    "exempt": "exempt",
    "opt_out": "a parent's exemption",
    "no_score": "not tested, or without a score",
    "invalid": "invalid test",
    "lowest_score": "too few items answered for a score that counts",
    "alternate": "alternate assessment, shown apart on this Dashboard",
    "no_distance": "alternate assessment without a distance in the input",
    "out_of_range": "score outside of the test's range",
    "enrollment_unknown": "enrollment not known",
    "not_continuously_enrolled": "not continuously enrolled since Census Day",
    "duplicate": "further results of a student",
}
"""Why students are left out, in words."""


def signed(value: Fraction | None) -> str:
    """A number of points to a tenth, with its sign.

    >>> signed(Fraction(3)), signed(Fraction(-1, 2)), signed(Fraction(0))
    ('+3.0', '-0.5', '0.0')
    """
    if value is None:
        return "none"
    return f"{float(value):+.1f}" if value else "0.0"


def exact(value: Fraction) -> str:
    """A number as exactly as six digits say.

    >>> exact(Fraction(1, 3)), exact(Fraction(-5))
    ('0.333333', '-5')
    """
    return f"{float(value):.6f}".rstrip("0").rstrip(".")


def counted(sums: Sums) -> list[tuple[str, int]]:
    """Who was in, and who was left out by which rule, with the students of each."""
    found = [("with a distance from standard", sums.scores)]
    if sums.caa_scores:
        found.append(("of whom with an alternate assessment", sums.caa_scores))
    found += [(REASONS[name], n) for name, n in sums.left_out.items() if n]
    if sums.enrolled is not None and sums.tested is not None:
        found += [("enrolled, for participation", sums.enrolled), ("of whom tested", sums.tested)]
    return found


def reasons(found: Figure, rules: AcademicRules, *, is_public: bool = False) -> list[str]:
    """Sentences from the students of both years to the color, in order.

    The public is told of printed values only: no sums, nothing before rounding.
    """
    told: list[str] = []
    if not is_public:
        told += _year("This year", found.current_sums, found, rules, is_current=True)
    if not is_public and found.prior_sums is not None and rules.has_change:
        told += _year("The prior year", found.prior_sums, found, rules, is_current=False)
    told += _status(found, rules)
    told += _change(found, rules, is_public)
    told += _color(found, rules)
    return [*told, *(f"Uncertain: {said.note}" for said in found.uncertain)]


def _year(
    when: str, sums: Sums, found: Figure, rules: AcademicRules, *, is_current: bool
) -> Iterator[str]:
    status = found.current if is_current else found.prior
    if sums.mean is None or status is None:
        yield f"{when} nobody has a score that counts."
        return
    yield (
        f"{when} {sums.scores:,} students have distances that add up to "
        f"{exact(sums.distance_sum)} points, a mean of {exact(sums.mean)}."
    )
    if status.rate is None:
        yield f"{when} participation changes nothing: {_no_participation(sums, rules)}."
    elif rules.participation == POINTS:
        yield _points(when, sums, status.rate, status.adjustment, rules)
    elif rules.participation == LOWEST_SCORES:
        lowest = rules.lowest_distance[found.row.subject]
        effect = (
            f"{status.loss_count} records of {lowest} points are added, so that {status.n:,} "
            f"have a mean of {exact(status.value or Fraction(0))}"
            if status.loss_count
            else "nothing is added"
        )
        yield f"{when} {sums.tested:,} of {sums.enrolled:,} were tested, {status.rate}%: {effect}."


def _no_participation(sums: Sums, rules: AcademicRules) -> str:
    if rules.participation not in (POINTS, LOWEST_SCORES):
        return "this Dashboard doesn't count it"
    return "nobody was enrolled" if sums.enrolled == 0 else "enrollment isn't known"


def _points(when: str, sums: Sums, rate: int, adjustment: Fraction, rules: AcademicRules) -> str:
    below = max(0, rules.participation_target - rate)
    effect = (
        f"{below} percent below {rules.participation_target} take {exact(-adjustment)} points"
        if adjustment
        else "nothing is taken"
    )
    return f"{when} {sums.tested:,} of {sums.enrolled:,} were tested, {rate}%: {effect}."


def _status(found: Figure, rules: AcademicRules) -> Iterator[str]:
    decision = found.decision
    if decision.status is None:
        yield f"No Status: {WORDS[decision.why_not['status']]} ({found.current.n})."
        return
    text = f"Status is {signed(decision.status)}"
    if decision.status_level:
        cuts = rules.status_cuts_of(found.row.subject, cut_set(found.row, rules))
        which = "high schools" if cut_set(found.row, rules) == GRADE_11 else "grades 3 to 8"
        lows = ", ".join(signed(low) for low in cuts.lows)
        text += f", which is {STATUS_LEVELS[decision.status_level]} (cuts for {which}: {lows})."
    else:
        text += f", without a level: {decision.refused or WORDS[decision.why_not['status_level']]}."
    yield text


def _change(found: Figure, rules: AcademicRules, is_public: bool) -> Iterator[str]:
    decision = found.decision
    if decision.status is None:
        return
    if decision.change is None:
        yield f"No Change: {WORDS[decision.why_not['change']]}."
        return
    assert found.exact_change is not None
    before = "" if is_public else f"{exact(found.exact_change)} before rounding, "
    text = f"Change is {before}{signed(decision.change)}{'' if is_public else ' shown'}"
    if decision.change_level:
        cuts = rules.change_cuts_of(found.row.subject)
        text += (
            f", which is {CHANGE_LEVELS[decision.change_level]} (Declined from "
            f"{signed(cuts.declined_from)}, Maintained above {signed(cuts.maintained_above)}, "
            f"Increased from {signed(cuts.increased_from)}, Increased Significantly from "
            f"{signed(cuts.increased_significantly_from)})."
        )
    else:
        text += f", without a level: {decision.refused}."
    yield text


def _color(found: Figure, rules: AcademicRules) -> Iterator[str]:
    decision = found.decision
    if decision.color:
        yield (
            f"{STATUS_LEVELS[decision.status_level]} and {CHANGE_LEVELS[decision.change_level]} "
            f"meet in box {decision.box}: {COLORS[decision.color]}."
        )
    elif decision.status is not None:
        wanted = smallest_colored(found.row, rules)
        why = decision.why_not.get("color", "")
        takes = f" A color takes {wanted} students in both years." if "color" in why else ""
        yield f"No color: {WORDS[why]}.{takes}"


# --- what would change it ---


def changes(found: Figure, rules: AcademicRules) -> list[str]:
    """Sentences on what would change the color, now and next year."""
    told = [_step(step, found) for step in steps(found, rules)]
    beside = margins(found, rules)
    if beside.may_flip:
        told.append(
            "The exact value stands within half a tenth of where rounding passes a cut: one "
            "student more or less could change a level."
        )
    lacking = still_to_test(found.current_sums, rules)
    if lacking:
        told.append(f"{lacking:,} more students tested would end what participation takes.")
    return [*told, *_bars(found, rules)]


def _step(step: Step, found: Figure) -> str:
    way = "more" if step.points > 0 else "fewer"
    return (
        f"{COLORS[step.color]} at {float(abs(step.points)):.1f} points {way} a student, counted "
        f"from the printed figures (to Status {signed(step.status)}, Change "
        f"{signed(step.change)}); counted before rounding, {abs(step.total):,} points over "
        f"{found.current.n:,} students (to Status {signed(step.status_by_total)}, Change "
        f"{signed(step.change_by_total)})."
    )


def _bars(found: Figure, rules: AcademicRules) -> Iterator[str]:
    try:
        bars = next_year(found, rules)
    except RuleNotInForceError:
        return
    told = [_bar(bar) for bar in bars if bar.color > 1]
    if told:
        yield f"Next year, under the same rules: {'; '.join(told)}."


def _bar(bar: Bar) -> str:
    return f"{COLORS[bar.color]} from a Status of {signed(bar.status)}"


def margin_words(beside: Margins) -> list[tuple[str, str]]:
    """How far the printed values are from the cuts beside them."""
    pairs = (
        ("Status to the next level", beside.status_above),
        ("Status down to its level's cut", beside.status_below),
        ("Change to the next level", beside.change_above),
        ("Change down to its level's cut", beside.change_below),
    )
    return [(name, f"{float(value):.1f}") for name, value in pairs if value is not None]


def sources(found: Figure, rules: AcademicRules) -> list[str]:
    """Who says the cuts and the grid that the row is judged by."""
    told = []
    for said in cuts_said(found.row, rules):
        sure = "" if said.confidence == "published" else f" ({said.confidence})"
        note = f" {said.note}" if said.note else ""
        told.append(f"{said.title}{sure}.{note}")
    return list(dict.fromkeys(told))
