"""Report pages from figures that passed the exit door, as HTML and as PDF."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from scorehouse import __version__
from scorehouse.disclosure import Released
from scorehouse.documents import report_items, report_longitudinal, report_overall, report_parts
from scorehouse.documents.figure_rows import Figures, figures_of
from scorehouse.documents.labels import Labels, why_meaning, why_words
from scorehouse.documents.page import Block, Definitions, Page, Section, Words
from scorehouse.documents.report_longitudinal import COHORT
from scorehouse.documents.report_shared import View, compared_rows
from scorehouse.documents.write import write_pages
from scorehouse.reports.charts.words import MARK, counted, heading, listed
from scorehouse.rulebook.counting import counting
from scorehouse.rulebook.statistic import statistics

_UNSAFE = re.compile(r"[^A-Za-z0-9]+")
SIDE_BY_SIDE = "side-by-side"
_MAKERS = {
    "overall": report_overall.sections,
    "claims": report_parts.claim_sections,
    "targets": report_parts.target_sections,
    "longitudinal": report_longitudinal.sections,
    "items": report_items.sections,
    "traits": report_items.sections,
}


@dataclass(frozen=True)
class ReportAbout:
    """What a page says besides the figures.

    `labels` turn codes into words before the package's own words do: entities aside, any code.
    `level_names` by "subject/measure" or by a measure's first word ("overall", "claim"),
    lowest level first. `notes` are sentences of the whole report: filters, settings of
    uncertain facts, who was left out.
    """

    made_at: datetime
    asked: Sequence[tuple[str, str]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    level_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notes: Sequence[str] = ()


def write_report_pages(
    released: Released,
    out_dir: Path,
    about: ReportAbout,
    *,
    comparisons: pa.Table | None = None,
    with_pdf: bool = False,
) -> list[Path]:
    """Write a page for each entity and report, and one with entities side by side.

    `comparisons` are those of `reports.compare`, made of the released figures. File names hold
    the report's and the entity's id, nothing of any student. Gives the files written; the
    first is the list of all, where there are several.
    """
    return write_pages(
        list(report_pages(released, about, comparisons)),
        out_dir,
        about.made_at,
        with_pdf=with_pdf,
    )


def report_pages(
    released: Released, about: ReportAbout, comparisons: pa.Table | None = None
) -> Iterator[Page]:
    """The pages of what was released, before they are HTML or PDF."""
    figures = figures_of(released.figures)
    labels = Labels(about.labels, about.level_names)
    compared = compared_rows(comparisons)
    for report in figures.values("report"):
        rows = figures.where(report=report)
        beside = _beside(rows)
        if len(beside.values("entity_id")) > 1:
            yield _side_by_side(report, beside, released, about, labels)
        for entity_id in rows.values("entity_id"):
            view = View(rows, entity_id, labels, counting().met_levels, compared)
            yield _entity_page(report, view, released, about)


def _beside(rows: Figures) -> Figures:
    """Rows of the kind of entity of which there are most."""
    types = [rows.where(entity_type=one) for one in rows.values("entity_type")]
    return max(types, key=lambda found: len(found.values("entity_id")), default=rows)


def _entity_page(report: str, view: View, released: Released, about: ReportAbout) -> Page:
    name, kind = view.name, view.labels.say("entity_type", view.entity_type)
    title = _title(report, view.own, view.labels)
    lead = f"{title} in {_scope(view.own, view.labels)}."
    made = _MAKERS[report](view)
    return _page(
        f"{report}-{_slug(view.entity_id)}", name, kind, lead, view.own, made, released, about
    )


def _side_by_side(
    report: str, rows: Figures, released: Released, about: ReportAbout, labels: Labels
) -> Page:
    entities = rows.values("entity_id")
    kind = labels.say("entity_type", rows.values("entity_type")[0]).lower()
    many = counted(len(entities), kind, f"{kind}s")
    title = f"{many} side by side"
    lead = f"{_title(report, rows, labels)} in {_scope(rows, labels)}."
    view = View(rows, entities[0], labels, counting().met_levels)
    made = report_overall.side_by_side(view)
    stem = f"{report}-{SIDE_BY_SIDE}"
    return _page(stem, title, "Comparison", lead, rows, made, released, about)


def _title(report: str, rows: Figures, labels: Labels) -> str:
    """What a report is called; a longitudinal one by who is in its rows."""
    cohorts = [name.startswith(COHORT) for name in rows.values("population")]
    if report != "longitudinal" or all(cohorts):
        return labels.say("report", report)
    return labels.say("report", f"{report}/{'both' if any(cohorts) else 'grades'}")


def _scope(rows: Figures, labels: Labels) -> str:
    subjects = [labels.say("subject", code) for code in rows.values("subject")]
    years = sorted(rows.values("school_year"))
    span = years[0] if len(years) == 1 else f"{years[0]} to {years[-1]}"
    return f"{listed(subjects, 'and in')}, {span}"


def _page(
    stem: str,
    title: str,
    kind: str,
    lead: str,
    rows: Figures,
    sections: Sequence[Section],
    released: Released,
    about: ReportAbout,
) -> Page:
    audience = str(Labels().say("audience", released.profile))
    made_at = about.made_at.strftime("%Y-%m-%d %H:%M %Z").strip()
    asked = [(heading(name), said) for name, said in about.asked]
    return Page(
        stem=stem,
        title=title,
        kicker=f"{kind} · {audience}",
        lead=lead,
        facts=report_overall.head_facts(rows.where(report="overall"), Labels(about.labels)),
        sections=[*sections, *_notes(rows, about)],
        asked=[*asked, ("Audience", audience), ("Made", made_at)],
        made_by=f"Made by Scorehouse {__version__}, {made_at}, {audience}.",
        keywords=("assessment results", title),
    )


def _notes(rows: Figures, about: ReportAbout) -> Iterator[Section]:
    blocks: list[Block] = []
    notes = list(about.notes)
    if any(row["is_partial"] for row in rows.rows):
        notes.append("Results are partial: not all that are expected have come in.")
    if any(row["marked"] for row in rows.rows):
        notes.append(f"{MARK} The public doesn't see this number.")
    if notes:
        blocks.append(Words(notes))
    hidden = [(f"Not shown: {why_words(code)}", why_meaning(code)) for code in rows.reasons()]
    meanings = [*hidden, *_definitions(rows)]
    if meanings:
        blocks.append(Definitions(meanings))
    if blocks:
        yield Section("notes", "What the words and numbers mean", blocks)


def _definitions(rows: Figures) -> Iterator[tuple[str, str]]:
    """What the statistics of the page mean, who is counted, and how they are rounded."""
    for statistic in statistics().values():
        if rows.has(*statistic.columns):
            yield statistic.label, f"{statistic.words} {statistic.formula} {statistic.counted}"


def _slug(text: str) -> str:
    return _UNSAFE.sub("-", text).strip("-") or "all"
