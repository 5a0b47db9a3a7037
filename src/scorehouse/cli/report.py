"""`scorehouse report`: results of groups, for an audience, with small groups protected."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
import typer

from scorehouse.cli import report_options as options
from scorehouse.cli.console import SOMETHING_LEFT_OUT, answering, print_json, say
from scorehouse.cli.report_mistakes import with_all_mistakes
from scorehouse.cli.report_tables import notes, print_report
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.exports.files import check_suffix, write_file
from scorehouse.exports.workbook import Notes
from scorehouse.reports.query import as_dict
from scorehouse.reports.refusal import QueryRefusedError
from scorehouse.rulebook.small_groups import profile_named
from scorehouse.rulebook.statistic import meanings
from scorehouse.warehouse.report import STAFF, ReleasedReport, make

_HELP = {
    "aggregate": "Overall results: levels, means, distance from standard, participation.",
    "claims": "Claims and composites, as the year reports them for groups.",
    "targets": "Assessment targets, relative to the test and to Standard Met.",
    "longitudinal": "The same students over years (--follow cohort), or successive grades.",
    "items": "Interim results by item, and writing traits.",
}
app = typer.Typer(
    help="Report results of groups, with small groups protected.", no_args_is_help=True
)


def _command(kind: str) -> Callable[..., None]:
    def command(
        entity: options.EntityOption = None,
        compare: options.CompareOption = None,
        children: options.ChildrenOption = None,
        year: options.YearOption = None,
        subject: options.SubjectOption = None,
        grade: options.GradeOption = None,
        assessment_type: options.TypeOption = None,
        assessment: options.AssessmentOption = None,
        group: options.GroupOption = None,
        by: options.ByOption = None,
        only: options.FilterOption = None,
        step: options.StepOption = None,
        follow: options.FollowOption = None,
        counted_at: options.CountedAtOption = None,
        demographics: options.DemographicsOption = None,
        scores: options.ScoresOption = None,
        program: options.ProgramOption = None,
        percentiles: options.PercentilesOption = None,
        pooled: options.PooledOption = None,
        nonpublic_schools: options.NonpublicOption = None,
        availability: options.AvailabilityOption = None,
        query: options.QueryOption = None,
        save: options.SaveOption = None,
        profile: options.ProfileOption = STAFF,
        output: options.OutputOption = None,
        html: options.HtmlOption = None,
        pdf: options.PdfOption = False,
        warehouse: WarehouseOption = DEFAULT_FOLDER,
        engine: EngineOption = "",
        as_of: AsOfOption = "",
        as_json: JsonOption = False,
    ) -> None:
        told = {
            "entities": entity, "compare": compare, "children": children, "school_years": year,
            "subjects": subject, "grades": grade, "assessment_types": assessment_type,
            "assessments": assessment, "student_groups": group, "by": by, "filters": only,
            "steps": step, "follow": follow, "counted_at": counted_at,
            "demographics": demographics, "scores": scores, "program": program,
            "percentiles": percentiles, "pooled": pooled, "nonpublic_schools": nonpublic_schools,
            "availability": availability,
        }  # fmt: skip
        files = _Files(query, save, output, html, pdf)
        found = _run(kind, told, files, profile, (warehouse, engine), as_of, as_json)
        is_whole = found.figures.num_rows and not found.findings
        raise typer.Exit(0 if is_whole else SOMETHING_LEFT_OUT)

    command.__doc__ = (
        f"{_HELP[kind]}\n\nExit code 1: there is nothing of what was asked for, or not of every "
        "year, or nobody to follow; 2: the query can't be answered, and findings say why."
    )
    return command


class _Files(NamedTuple):
    """The files of a report: the query read and saved, the table and the pages written."""

    query: Path | None
    save: Path | None
    output: Path | None
    html: Path | None
    with_pdf: bool


def _run(
    kind: str,
    told: Mapping[str, Any],
    files: _Files,
    profile: str,
    where: tuple[Path, str],
    as_of: str,
    as_json: bool,
) -> ReleasedReport:
    with answering(as_json):
        profile_named(profile)
        try:
            query = options.asked_query(kind, told, files.query, as_of)
        except QueryRefusedError as refused:
            raise with_all_mistakes(refused, kind, told, where, as_of) from None
        if files.output is not None:
            check_suffix(files.output)
        if files.with_pdf and files.html is None:
            raise UsageError("--pdf goes with --html FOLDER")
        if files.save is not None:
            options.save_query(query, files.save)
        house = opened(*where)
        try:
            found = make(house, query, profile)
        finally:
            house.close()
        if files.output is not None:
            _write(found, files.output)
        if files.html is not None and found.figures.num_rows:
            _write_pages(found, files.html, with_pdf=files.with_pdf)
    _show(found, as_json)
    return found


def _write_pages(found: ReleasedReport, folder: Path, *, with_pdf: bool) -> None:
    from scorehouse.documents.report_page import ReportAbout, write_report_pages

    about = ReportAbout(
        made_at=datetime.now(UTC).replace(microsecond=0),
        asked=options.told_query(found.query),
        notes=list(notes(found)),
    )
    written = write_report_pages(
        found.released, folder, about, comparisons=found.comparisons, with_pdf=with_pdf
    )
    say(f"Written to {folder.name}: {len(written):,} pages, first {written[0].name}.")


def _show(found: ReleasedReport, as_json: bool) -> None:
    rows = found.figures.to_pylist()
    if as_json:
        print_json(
            {
                "query": as_dict(found.query),
                "profile": found.released.profile,
                "last_import": found.released.snapshot,
                "figures": rows,
                "comparisons": found.comparisons.to_pylist(),
                "notes": list(notes(found)),
                "findings": [asdict(finding) for finding in found.findings],
            }
        )
    elif rows:
        print_report(found)
    else:
        say("There are no results of what was asked for.")
        for note in notes(found):
            say(note)


def _write(found: ReleasedReport, output: Path) -> None:
    """Write the figures, and what each column means."""
    rows = pl.DataFrame(found.figures)
    known = meanings()
    columns = tuple((name, known.get(name, _PLAIN.get(name, ""))) for name in rows.columns)
    sentences = [
        f"For the audience: {profile_named(found.released.profile).label}.",
        f"As of import {found.released.snapshot} of the warehouse.",
        *notes(found),
        *found.comparisons["sentence"].to_pylist(),
    ]
    about = Notes(f"Report: {found.query.name or found.query.report}", sentences, columns)
    write_file(output, [rows], rows.schema, about)
    say(f"Written to {output.name}: {rows.height:,} rows.")


_PLAIN = {
    "entity_id": "The entity the row is about.",
    "entity_type": "state, district_group, district, school_group or school.",
    "entity_name": "Name of the entity.",
    "parent_id": "What the entity belongs to.",
    "school_year": "School year of the results.",
    "subject": "Subject of the test.",
    "test_grade": "Grade of the test; empty: all grades together.",
    "assessment_type": "summative, ICA or IAB.",
    "assessment_id": "The test; empty: all of the subject, grade and year.",
    "measure": "overall, or the claim, composite, target, trait or item.",
    "student_group": "Code of the group; crossings are joined by &.",
    "report": "Which report the row belongs to.",
    "population": "Who is followed; empty: everybody who counts.",
    "hidden": "Which columns are hidden, and why.",
    "marked": "Whether the public may not see all of the row.",
    "percent_met_coded": "Stands in place of an extreme percentage.",
}
for _kind in _HELP:
    app.command(_kind)(_command(_kind))
