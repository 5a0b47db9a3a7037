"""Write academic-indicator.md from the rulebook: python docs/rules/academic_page.py."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from scorehouse.rulebook.dashboard import (
    CHANGE_LEVELS,
    COLORS,
    GRADE_11,
    GRADES_3_8,
    STATUS_LEVELS,
    AcademicRules,
    Said,
)
from scorehouse.rulebook.dashboard_load import academic_rules, dashboards
from scorehouse.rulebook.dashboard_load import sources as cited_sources

PAGE = Path(__file__).parent / "academic-indicator.md"
SETS = {GRADES_3_8: "grades 3 to 8", GRADE_11: "high schools"}
HEAD = """\
# The Academic Indicator, rule by rule

This page is made from the rulebook (`python docs/rules/academic_page.py`). Rules are keyed by
Dashboard, never by the year of the data: rules of any Dashboard can be applied to data of any year.

## In words

1. **Distance.** A student's scale score less the lowest score of Standard Met (level 3) in the
   grade and subject tested. Grade by grade, before anything is averaged.
2. **Who counts.** Students in the grades that the Dashboard rates, with a valid score, enrolled
   without a long gap from Census Day to the first day of testing: in the school for the school's
   row, in the district for the district's, anywhere for the state's. Left out, with the reason
   counted: English learners in their first year, medical emergencies, exemptions, scores that don't
   count. Charter schools are not in their district's row.
3. **Status** is the sum of distances divided by the students, with what participation does to it:
   nothing (2017), a quarter of a point off for each whole percent under 95 (2018, 2019), or as many
   lowest scores as bring the rate to one that rounds to 95 (from 2022 on).
4. **Change** is this year's Status less the prior year's, the prior year computed again under the
   same rules, before anything is rounded. It is about two sets of students and is not growth.
5. **Levels** are of Status and Change rounded to a tenth. Cuts are inclusive below, with two
   exceptions by design: -15.0 is still Declined, and -3.0 and +3.0 both leave Maintained.
6. **Color** is the cell of the grid. It takes 30 students in both years; on rows of districts 15
   for the groups named below. From 11 students on, Status and Change are shown without a color.
7. **Every row is computed from students.** A district is never the average of its schools.

## What is uncertain

"""


def page() -> str:
    """The whole page."""
    parts = [HEAD, *_uncertain(), "\n## Status cuts\n\n", *_status(), "\n## Change cuts\n\n",
             *_change(), "\n## Colors\n\n", *_colors(), "\n## Settings by Dashboard\n\n",
             *_settings(), "\n## Sources\n\n", *_sources()]  # fmt: skip
    return "".join(parts)


def _uncertain() -> Iterator[str]:
    told: dict[str, list[str]] = {}
    for name in dashboards():
        for said in _all_said(academic_rules(name)):
            if said.confidence in ("uncertain", "low"):
                told.setdefault(f"{said.rule}: {said.note} ({said.confidence})", []).append(name)
    for text, names in told.items():
        yield f"- {', '.join(names)}: {text}\n"
    yield (
        "\nValues of low confidence are refused unless they are accepted (`--accept-uncertain`). "
        "Alternative (DASS) schools' Status cuts of 2019 are unknown: their levels are refused. "
        "How an alternate assessment's score becomes a distance isn't published: distances are an "
        "input.\n"
    )


def _all_said(rules: AcademicRules) -> Iterator[Said]:
    yield from rules.said.values()
    yield from (cuts.said for cuts in rules.status_cuts.values())
    yield from (cuts.said for cuts in rules.change_cuts.values())


def _number(value: Fraction) -> str:
    return f"{float(value):+g}" if value else "0"


def _status() -> Iterator[str]:
    yield f"| Dashboard | subject | cuts for | {' | '.join(STATUS_LEVELS[2:])} | sure |\n"
    yield "|---|---|---|---:|---:|---:|---:|---|\n"
    for name in dashboards():
        for (subject, of), cuts in academic_rules(name).status_cuts.items():
            lows = " | ".join(_number(low) for low in cuts.lows)
            yield f"| {name} | {subject} | {SETS[of]} | {lows} | {cuts.said.confidence} |\n"
    yield "\nThe lowest Status of each level; below the first is Very Low.\n"


def _change() -> Iterator[str]:
    yield f"| Dashboard | subject | {' | '.join(CHANGE_LEVELS[2:])} | sure |\n"
    yield "|---|---|---:|---:|---:|---:|---|\n"
    for name in dashboards():
        for subject, cuts in academic_rules(name).change_cuts.items():
            numbers = (
                f"from {_number(cuts.declined_from)}",
                f"above {_number(cuts.maintained_above)}",
                f"from {_number(cuts.increased_from)}",
                f"from {_number(cuts.increased_significantly_from)}",
            )
            yield f"| {name} | {subject} | {' | '.join(numbers)} | {cuts.said.confidence} |\n"
    yield "\nThe 2022 Dashboard has no Change; in 2020 and 2021 there was no Dashboard.\n"


def _colors() -> Iterator[str]:
    grids: dict[tuple[str, ...], list[str]] = {}
    for name in dashboards():
        rules = academic_rules(name)
        lines = tuple(
            f"| {STATUS_LEVELS[status]} | "
            + " | ".join(COLORS[rules.colors[status, change]] for change in range(1, 6))
            + " |\n"
            for status in range(5, 0, -1)
            if rules.colors
        )
        if lines:
            grids.setdefault(lines, []).append(name)
    for lines, names in grids.items():
        yield f"{', '.join(names)}:\n\n| Status | {' | '.join(CHANGE_LEVELS[1:])} |\n"
        yield "|---|---|---|---|---|---|\n"
        yield from lines
        yield "\n"


def _settings() -> Iterator[str]:
    yield "| setting | since | value | sure | note |\n|---|---|---|---|---|\n"
    seen = set()
    for name in dashboards():
        rules = academic_rules(name)
        for setting, said in rules.said.items():
            key = (setting, said.since)
            if key not in seen and said.source:
                seen.add(key)
                value = _told(getattr(rules, setting))
                yield f"| {setting} | {said.since} | {value} | {said.confidence} | {said.note} |\n"


def _told(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items())
    return str(value)


def _sources() -> Iterator[str]:
    for source in cited_sources().values():
        date = f", {source['date']}" if source["date"] else ""
        yield f"- {source['title']}. {source['publisher']}{date}; {source['where']}.\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
