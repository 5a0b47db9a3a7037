"""Pages of the indicator from figures that have passed the exit door: stories of entities."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl

from scorehouse.accountability.academic.academic import cut_set
from scorehouse.accountability.academic.explain import changes, counted, reasons, signed, sources
from scorehouse.accountability.academic.figure import WORDS, Figure
from scorehouse.accountability.academic.sums import DISTRICT, SCHOOL, STATE
from scorehouse.documents.indicator_page import (
    DistrictStory,
    EntityStory,
    IndicatorAbout,
    Margin,
    PlaneStory,
    SubjectStory,
    write_indicator_pages,
)
from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.reports.charts import Amount, ColorCount, Cuts, Grid, IndicatorRow
from scorehouse.rulebook.dashboard import (
    CHANGE_LEVELS,
    COLORS,
    GRADE_11,
    GRADES_3_8,
    STATUS_LEVELS,
    AcademicRules,
)
from scorehouse.verbs.indicator import STAFF, Computed, IndicatorInput, figure_of

_TYPES = {SCHOOL: "School", DISTRICT: "District", STATE: "State"}
_TENTH = Fraction(1, 10)
_SETS = {GRADES_3_8: "Cuts for grades 3 to 8", GRADE_11: "Cuts for high schools"}
_DEFINITIONS = (
    ("Distance from standard", "A student's scale score less the lowest score of Standard Met "
     "in the grade and subject tested."),
    ("Status", "The mean distance of the students who count, with what participation does to it."),
    ("Change", "Status less the prior year's Status, of other students, before rounding. It is "
     "not growth of single students."),
    ("Color", "What the levels of Status and Change give together in the state's grid."),
)  # fmt: skip
Row = Mapping[str, Any]


def write_pages(
    given: IndicatorInput,
    computed: Computed,
    rules: AcademicRules,
    out: Path,
    made_at: datetime,
    *,
    entities: Sequence[str] = (),
    with_pdf: bool = False,
) -> list[Path]:
    """Write a page for each entity, and a placement report for each district and subject.

    `entities` empty: every district and school of the figures. Raises UsageError for an
    entity that the figures don't have, and when there is nothing to show.
    """
    figures = computed.figures
    known = figures.select("entity_id", "entity_type").unique(maintain_order=True)
    unknown = [one for one in entities if one not in known["entity_id"]]
    if unknown:
        raise UsageError(f"the figures have no entity {unknown[0]}")
    wanted = list(entities) or known["entity_id"].to_list()
    if not wanted:
        raise UsageError("there are no figures to show")
    about = IndicatorAbout(
        computed.dashboard, made_at, computed.profile, f"{computed.dashboard} Dashboard",
        notes=_notes(computed, rules), definitions=_DEFINITIONS,
    )  # fmt: skip
    stories = [_story(given, computed, rules, one) for one in wanted]
    districts = known.filter(pl.col("entity_type") == DISTRICT)["entity_id"].to_list()
    placements = [
        story for one in districts if one in wanted for story in _placements(figures, rules, one)
    ]
    return write_indicator_pages(stories, placements, out, about, with_pdf=with_pdf)


def _notes(computed: Computed, rules: AcademicRules) -> list[str]:
    said = [rules.colors_said] if rules.colors_said else []
    return [*computed.notes, *(f"Colors: {one.title}." for one in said)]


def _story(
    given: IndicatorInput, computed: Computed, rules: AcademicRules, entity: str
) -> EntityStory:
    rows = computed.figures.filter(pl.col("entity_id") == entity).to_dicts()
    first = rows[0]
    subjects = sorted({row["subject"] for row in rows})
    told = [
        _subject(given, computed, rules, [row for row in rows if row["subject"] == subject])
        for subject in subjects
    ]
    return EntityStory(
        entity, first["entity_name"] or entity, _TYPES[first["entity_type"]], told,
        [_equity(rows, subject, rules) for subject in subjects],
    )  # fmt: skip


def _subject(
    given: IndicatorInput, computed: Computed, rules: AcademicRules, rows: Sequence[Row]
) -> SubjectStory:
    whole = next((row for row in rows if row["student_group"] == "ALL"), rows[0])
    figure = figure_of(given, rules, whole["entity_id"], whole["subject"], whole["student_group"])
    shown = not whole["hidden"]
    is_staff = computed.profile == STAFF
    told = [*reasons(figure, rules, is_public=not is_staff), *sources(figure, rules)]
    return SubjectStory(
        whole["subject"],
        indicator_row(whole, rules, whole["entity_name"] or whole["entity_id"]),
        [_group_row(row, rules) for row in rows if row is not whole],
        grid_of(rules),
        cuts_of(rules, whole["subject"], cut_set(figure.row, rules)),
        told if shown else (),
        [(words, f"{n:,}") for words, n in counted(figure.current_sums)] if is_staff else (),
        tuple(_margins(figure, rules)) if shown else (),
        changes(figure, rules) if shown else (),
    )


def _group_row(row: Row, rules: AcademicRules) -> IndicatorRow:
    return indicator_row(row, rules, rules.groups[row["student_group"]].name)


def indicator_row(row: Row, rules: AcademicRules, name: str) -> IndicatorRow:
    """A row of figures as charts take it, with the reason of what isn't there."""
    hidden = {one["column"]: one["why"] for one in row["hidden"] or ()}
    few = f"fewer than {rules.smallest_shown} students"
    why = WORDS.get(row["why_no_color"] or "", "") or (few if hidden else "")
    marked = bool(row.get("marked"))
    return IndicatorRow(
        name,
        _amount(row["status"], row["n"], few, marked),
        _amount(row["change"], row["n"], WORDS.get(row["why_no_change"] or "", few), marked),
        _word(STATUS_LEVELS, row["status_level"]),
        _word(CHANGE_LEVELS, row["change_level"]),
        _word(COLORS, row["color"]),
        row["n"],
        "" if row["color"] else why[:1].upper() + why[1:],
    )


def _amount(value: float | None, n: int | None, why: str, is_marked: bool) -> Amount:
    if value is None:
        return Amount(n=n, why=why)
    return Amount(value, n=n, is_marked=is_marked)


def _word(words: Sequence[str], code: int | None) -> str:
    return words[code] if code else ""


def grid_of(rules: AcademicRules) -> Grid:
    """The colors of a Dashboard as charts take them, best Status first."""
    cells = [
        [COLORS[rules.colors.get((status, change), 0)] for change in range(1, 6)]
        for status in range(5, 0, -1)
    ]
    return Grid(STATUS_LEVELS[:0:-1], CHANGE_LEVELS[1:], cells)


def cuts_of(rules: AcademicRules, subject: str, name: str) -> Cuts:
    """Where levels begin; without Change, or known cuts, there are none to draw."""
    try:
        status = [float(low) for low in rules.status_cuts_of(subject, name).lows]
        cuts = rules.change_cuts_of(subject)
    except RuleNotInForceError:
        return Cuts((), ())
    change = (
        cuts.declined_from, cuts.maintained_above, cuts.increased_from,
        cuts.increased_significantly_from,
    )  # fmt: skip
    return Cuts(status, [float(low) for low in change])


def _margins(found: Figure, rules: AcademicRules) -> Iterator[Margin]:
    """How far each cut of Status, then of Change, is from the printed values."""
    decision = found.decision
    try:
        lows = rules.status_cuts_of(found.row.subject, cut_set(found.row, rules)).lows
    except RuleNotInForceError:
        return
    if decision.status is not None:
        for level, low in enumerate(lows, start=2):
            yield _margin(f"Status {STATUS_LEVELS[level]}", low, decision.status)
    if decision.change is not None:
        cuts = rules.change_cuts_of(found.row.subject)
        change = (cuts.declined_from, cuts.maintained_above + _TENTH, cuts.increased_from,
                  cuts.increased_significantly_from)  # fmt: skip
        for level, low in enumerate(change, start=2):
            yield _margin(f"Change {CHANGE_LEVELS[level]}", low, decision.change)


def _margin(level: str, low: Fraction, value: Fraction) -> Margin:
    remark = "reached" if value >= low else "not reached"
    return Margin(level, signed(low), signed(low - value), remark)


def _equity(rows: Sequence[Row], subject: str, rules: AcademicRules) -> ColorCount:
    """How many rated groups have each color."""
    groups = [
        row
        for row in rows
        if row["subject"] == subject
        and row["student_group"] != "ALL"
        and rules.groups[row["student_group"]].is_rated
    ]
    codes = [row["color"] or 0 for row in groups]
    counts = [(COLORS[code], codes.count(code)) for code in range(1, 6) if code in codes]
    return ColorCount(subject, counts, codes.count(0))


def _placements(
    figures: pl.DataFrame, rules: AcademicRules, district: str
) -> Iterator[DistrictStory]:
    """A district's schools, by subject; charter schools are not in its report."""
    own = figures.filter(
        (pl.col("entity_type") == SCHOOL)
        & (pl.col("student_group") == "ALL")
        & ~pl.col("is_charter").fill_null(value=False)
        & ((pl.col("parent_id") == district)
           | (pl.col("entity_id").str.slice(0, 7) == district[:7]))
    )  # fmt: skip
    name = figures.filter(pl.col("entity_id") == district)["entity_name"].first() or district
    for (subject,), rows in own.group_by(["subject"], maintain_order=True):
        yield DistrictStory(
            district, str(name), str(subject), grid_of(rules),
            list(_planes(rows.to_dicts(), str(subject), rules)),
        )  # fmt: skip


def _planes(rows: Sequence[Row], subject: str, rules: AcademicRules) -> Iterator[PlaneStory]:
    has_own = (subject, GRADE_11) in rules.status_cuts
    for which, heading in _SETS.items():
        mine = [row for row in rows if bool(row["high_school_cuts"] and has_own) ==
                (which == GRADE_11)]  # fmt: skip
        if mine:
            drawn = [indicator_row(row, rules, row["entity_name"] or row["entity_id"])
                     for row in mine]  # fmt: skip
            yield PlaneStory(heading, cuts_of(rules, subject, which), drawn)
