"""Write statistics.md from the registry: python docs/reference/statistics_page.py."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scorehouse.rulebook.counting import Group, groups
from scorehouse.rulebook.small_groups import Profile, profiles
from scorehouse.rulebook.statistic import Statistic, statistics

PAGE = Path(__file__).parent / "statistics.md"
HEAD = """\
# Statistics

Every statistic of every report, page and file: what it means, how it is computed, who is
counted, how it is rounded, and how small a group may be. How to ask for them is in
[Make a report](../how-to/make-a-report.md). This page is made from the registry
(`python docs/reference/statistics_page.py`).

Results are counted once for each student and test: the latest of those that count most, in
the order Y, T, R, E, N of the include indicators. Demographics are those locked at testing,
unless a query asks for what is known now. Unknown is a group of its own.
"""
SETTINGS = {
    "smallest_group": "all results",
    "smallest_group_claim": "claims",
    "smallest_group_target": "targets",
}


def entry(statistic: Statistic) -> str:
    """One statistic."""
    lines = [
        f"### {statistic.label}",
        "",
        statistic.words,
        "",
        f"- **Formula.** {statistic.formula}",
        f"- **Who is counted.** {statistic.counted}",
        f"- **Rounding.** {statistic.rounding}",
        f"- **Smallest group.** That of {SETTINGS[statistic.smallest]}; see below.",
    ]
    if statistic.columns:
        named = ", ".join(f"`{name}`" for name in statistic.columns)
        lines.append(f"- **Columns.** {named}")
    source = statistic.source
    lines.append(f"- **Source.** {source.title} ({source.publisher}, {source.date}).")
    lines += [f"- **Note.** {statistic.note}"] if statistic.note else []
    return "\n".join(lines) + "\n"


def smallest() -> Iterator[str]:
    """The smallest group by audience and year."""
    yield "## Smallest groups\n"
    yield "Fewer students than this: hidden, with the reason; `staff` see them marked.\n"
    yield "| audience | statistic | since | students | source | confidence |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for profile in profiles().values():
        yield from _smallest_of(profile)
    yield ""


def _smallest_of(profile: Profile) -> Iterator[str]:
    for setting, named in SETTINGS.items():
        for dated in profile.settings.get(setting, ()):
            origin = dated.origin
            yield (
                f"| `{profile.name}` | {named} | {dated.since} | {dated.value} "
                f"| {origin.title} | {origin.confidence} |"
            )


def group_table() -> Iterator[str]:
    """The student groups."""
    yield "## Student groups\n"
    yield "A dimension shares out all students; a union pools some of its groups.\n"
    yield "| code | name | dimension | who | code in research files | note |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for group in groups().values():
        code = group.research_code
        yield (
            f"| `{group.code}` | {group.name} | `{group.dimension}` | {_who(group)} | {code} "
            f"| {group.note} |"
        )
    yield ""


def _who(group: Group) -> str:
    if group.kind == "union":
        return " or ".join(f"`{code}`" for code in group.members)
    if group.kind == "category":
        return f"`{group.field}` is {' or '.join(group.values)}"
    return {"all": "everybody", "unknown": "everybody else of the dimension"}[group.kind]


def render() -> str:
    """The whole page."""
    entries = [entry(statistic) for statistic in statistics().values()]
    body = [HEAD, "## The statistics\n", *entries, *smallest(), *group_table()]
    return "\n".join(body)


if __name__ == "__main__":
    PAGE.write_text(render(), encoding="utf-8")
