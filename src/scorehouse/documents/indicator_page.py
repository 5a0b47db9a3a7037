"""Pages of the Academic Indicator: a school or district, and all schools of a district."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from scorehouse import __version__
from scorehouse.documents.labels import Labels
from scorehouse.documents.page import (
    Block,
    Definitions,
    Fact,
    Page,
    PlacementCells,
    Section,
    Steps,
    Words,
)
from scorehouse.documents.write import write_pages
from scorehouse.reports.charts import (
    Amount,
    ColorCount,
    Cuts,
    Grid,
    IndicatorRow,
    Table,
    cell_of,
    color_grid,
    equity,
    gauge,
    placement_counts,
    plane,
)
from scorehouse.reports.charts.words import MARK, NOTHING, counted, students, told

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")


@dataclass(frozen=True)
class IndicatorAbout:
    """What every page of a run says: Dashboard, rules, and notes on uncertain settings.

    `audience` is a profile's name, `rules` are words; `asked` what else was asked for.
    `definitions` are of the words used (Status, Change, a color), `notes` sentences of the
    whole run.
    """

    dashboard: str
    made_at: datetime
    audience: str
    rules: str
    asked: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
    definitions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Margin:
    """How far a figure stands from a cut: the level that begins there, and points to it."""

    level: str
    cut: str
    points: str
    remark: str = ""


@dataclass(frozen=True)
class SubjectStory:
    """One subject of an entity: its row, its groups, and why the color is what it is.

    `reasons` are sentences from students to color, in order; `counted` says who was in and
    out by rule (words, students); `margins` are of Status, then of Change; `what_if` are
    sentences on what would change the color.
    """

    subject: str
    row: IndicatorRow
    groups: Sequence[IndicatorRow]
    grid: Grid
    cuts: Cuts
    reasons: Sequence[str] = ()
    counted: Sequence[tuple[str, str]] = ()
    margins: Sequence[Margin] = ()
    what_if: Sequence[str] = ()


@dataclass(frozen=True)
class EntityStory:
    """A school or district, the subjects that it is rated in, and its groups by color.

    `entity_type` in words ("School").
    """

    entity_id: str
    name: str
    entity_type: str
    subjects: Sequence[SubjectStory]
    equity: Sequence[ColorCount] = ()


@dataclass(frozen=True)
class PlaneStory:
    """Schools that are judged by the same cuts, under a heading that says which."""

    heading: str
    cuts: Cuts
    rows: Sequence[IndicatorRow]


@dataclass(frozen=True)
class DistrictStory:
    """The schools of a district in one subject: the placement report and the planes.

    All schools stand in one grid; each set of cuts has a plane of its own.
    """

    entity_id: str
    name: str
    subject: str
    grid: Grid
    planes: Sequence[PlaneStory]

    @property
    def schools(self) -> list[IndicatorRow]:
        """All schools."""
        return [row for one in self.planes for row in one.rows]


def write_indicator_pages(
    entities: Sequence[EntityStory],
    districts: Sequence[DistrictStory],
    out_dir: Path,
    about: IndicatorAbout,
    *,
    with_pdf: bool = False,
) -> list[Path]:
    """Write a page for each entity, and a placement report for each district and subject.

    File names hold entities' ids. Gives the files written; the list of all comes first,
    where there are several.
    """
    pages = [entity_page(one, about) for one in entities]
    pages += [placement_page(one, about) for one in districts]
    return write_pages(pages, out_dir, about.made_at, with_pdf=with_pdf)


# --- a school or district ---


def entity_page(story: EntityStory, about: IndicatorAbout) -> Page:
    """The page of one entity."""
    sections = [_subject(one, f"s{number}") for number, one in enumerate(story.subjects, start=1)]
    if story.equity:
        counts = [ColorCount(_named(c.name), c.counts, c.without) for c in story.equity]
        chart = equity("equity", "Student groups by color", counts)
        sections.append(Section("colors", "How many groups have each color", [chart]))
    facts = [
        Fact(_named(one.subject), one.row.color or "No color", _figures(one.row))
        for one in story.subjects
    ]
    rows = [row for one in story.subjects for row in (one.row, *one.groups)]
    lead = f"The Academic Indicator on the {about.dashboard} Dashboard, and why it is what it is."
    stem = f"indicator-{_slug(story.entity_id)}"
    return _page(stem, story.name, story.entity_type, lead, facts, sections, rows, about)


def _figures(row: IndicatorRow) -> str:
    if row.status.value is None:
        return told(row.status)
    parts = [
        _figure("Status", row.status, row.status_level),
        _figure("Change", row.change, row.change_level),
    ]
    return ", ".join([*parts, f"{students(row.n)} students"])


def _figure(name: str, amount: Amount, level: str) -> str:
    said = f"{name} {told(amount, 1, is_signed=True)}"
    return f"{said} ({level})" if level else said


def _subject(one: SubjectStory, key: str) -> Section:
    subject = _named(one.subject)
    title = f"{subject}: {one.row.name}"
    pictures: list[Block] = [gauge(f"{key}-gauge", title, one.row)]
    if one.row.status.value is not None:
        grid = color_grid(
            f"{key}-grid", f"Where the color is from: {one.subject}", one.grid, one.row
        )
        pictures.append(grid)
    parts = [
        Section(f"{key}-why", "Why this color" if one.row.color else "Why no color", _why(one)),
        Section(f"{key}-change", "What would change it", _steps(one.what_if)),
        Section(f"{key}-groups", "Student groups", _groups(one, key)),
    ]
    return Section(key, subject, pictures, [part for part in parts if part.blocks])


def _steps(sentences: Sequence[str]) -> list[Block]:
    return [Steps(sentences)] if sentences else []


def _why(one: SubjectStory) -> list[Block]:
    blocks = _steps(one.reasons)
    if one.row.remark and not one.row.color:
        blocks.insert(0, Words([f"{one.row.remark}"]))
    if one.counted:
        caption = f"Who was counted: {_named(one.subject)}"
        blocks.append(Table(caption, ("Students", "How many"), tuple(one.counted)))
    if one.margins:
        body = tuple((m.level, m.cut, m.points, m.remark) for m in one.margins)
        columns = ("Level", "Begins at", "Points away", "Remark")
        caption = f"How far each cut is: {_named(one.subject)}"
        blocks.append(Table(caption, columns, body, frozenset({3})))
    return blocks


def _groups(one: SubjectStory, key: str) -> list[Block]:
    if not one.groups:
        return []
    title = f"Student groups by Status and Change: {_named(one.subject)}"
    rows = [one.row, *one.groups]
    chart = plane(f"{key}-plane", title, rows, one.grid, one.cuts, one="group")
    reasons = tuple((row.name, row.remark) for row in rows if not row.color and row.remark)
    why = Table("Why a group has no color", ("Group", "Why"), reasons, frozenset({1}))
    return [chart, why] if reasons else [chart]


# --- the schools of a district ---


def placement_page(story: DistrictStory, about: IndicatorAbout) -> Page:
    """The placement report of a district in one subject: names in the cells, and the planes."""
    schools = story.schools
    grid = placement_counts(
        "placement", f"Schools by color: {_named(story.subject)}", story.grid, schools
    )
    sections = [
        Section("cells", "Schools in the grid", [grid, _cells(story), *_uncolored(schools)])
    ]
    for number, one in enumerate(story.planes, start=1):
        chart = plane(f"plane-{number}", one.heading, one.rows, story.grid, one.cuts)
        sections.append(Section(f"cuts-{number}", one.heading, [chart]))
    colored = sum(cell_of(story.grid, row) is not None for row in schools)
    facts = [
        Fact("Schools", students(len(schools))),
        Fact("With a color", students(colored)),
    ]
    lead = f"{_named(story.subject)}: where each school stands on the {about.dashboard} Dashboard."
    stem = f"placement-{_slug(story.entity_id)}-{_slug(story.subject.lower())}"
    return _page(stem, story.name, "District", lead, facts, sections, schools, about)


def _cells(story: DistrictStory) -> PlacementCells:
    placed = [(cell_of(story.grid, row), row.name) for row in story.schools]
    rows = [
        (
            level,
            [
                (color, sorted(name for place, name in placed if place == (status, change)))
                for change, color in enumerate(story.grid.colors[status])
            ],
        )
        for status, level in enumerate(story.grid.status_levels)
    ]
    caption = f"Names of the schools in each cell, {_named(story.subject)}"
    return PlacementCells(caption, ("Status", *story.grid.change_levels), rows)


def _reason(row: IndicatorRow) -> str:
    return row.remark or row.status.why or row.change.why or NOTHING


def _uncolored(schools: Sequence[IndicatorRow]) -> Iterator[Table]:
    rows = [row for row in schools if not row.color]
    body = tuple(
        (row.name, row.remark or row.status.why or row.change.why or NOTHING) for row in rows
    )
    if body:
        many = counted(len(rows), "school")
        yield Table(f"{many} without a color", ("School", "Why"), body, frozenset({1}))


# --- what all pages share ---


def _page(
    stem: str,
    title: str,
    kind: str,
    lead: str,
    facts: Sequence[Fact],
    sections: Sequence[Section],
    rows: Sequence[IndicatorRow],
    about: IndicatorAbout,
) -> Page:
    made_at = about.made_at.strftime("%Y-%m-%d %H:%M %Z").strip()
    audience = Labels().say("audience", about.audience)
    asked = [("Dashboard", about.dashboard), ("Rules", about.rules), *about.asked]
    return Page(
        stem=stem,
        title=title,
        kicker=f"{kind} · Academic Indicator {about.dashboard} · {audience}",
        lead=lead,
        facts=facts,
        sections=[*sections, *_notes(rows, about)],
        asked=[*asked, ("Made", made_at)],
        made_by=f"Made by Scorehouse {__version__}, {made_at}, {audience}.",
        keywords=("Academic Indicator", about.dashboard, title),
    )


def _notes(rows: Sequence[IndicatorRow], about: IndicatorAbout) -> Iterator[Section]:
    notes = list(about.notes)
    if any(row.status.is_marked or row.change.is_marked for row in rows):
        notes.append(f"{MARK} The public doesn't see this number.")
    blocks: list[Block] = [Words(notes)] if notes else []
    if about.definitions:
        blocks.append(Definitions(about.definitions))
    if blocks:
        yield Section("notes", "What the words and numbers mean", blocks)


def _named(subject: str) -> str:
    return Labels().say("subject", subject)


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-") or "all"
