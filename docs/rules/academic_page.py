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
from scorehouse.rulebook.load import PACKAGED

PAGE = Path(__file__).parent / "academic-indicator.md"
SETS = {GRADES_3_8: "grades 3 to 8", GRADE_11: "high schools"}
WORDS = PACKAGED.parents[1] / "accountability" / "academic" / "academic.md"
HEAD = """\
# The Academic Indicator, rule by rule

This page is made from the words beside the code and from the rulebook
(`python docs/rules/academic_page.py`). Rules are keyed by Dashboard, never by the year of the data:
rules of any Dashboard can be applied to data of any year.

"""


def page() -> str:
    """The whole page."""
    _, words = WORDS.read_text(encoding="utf-8").split("\n## ", 1)
    sections = {
        "What is uncertain": _uncertain,
        "Status cuts": _status,
        "Change cuts": _change,
        "Colors": _colors,
        "Settings by Dashboard": _settings,
        "Sources": _sources,
    }
    parts = [f"\n## {title}\n\n{''.join(made())}" for title, made in sections.items()]
    return "".join([HEAD, f"## {words}", *parts])


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
