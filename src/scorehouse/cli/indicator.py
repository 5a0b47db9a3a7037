"""`scorehouse indicator`: the Academic Indicator computed, explained, changed, audited, shown."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.accountability.academic.explain import (
    changes,
    counted,
    margin_words,
    reasons,
    signed,
)
from scorehouse.accountability.academic.explain import (
    sources as who_says,
)
from scorehouse.accountability.academic.figure import WORDS, Figure
from scorehouse.accountability.academic.what_if import (
    Scenario,
    margins,
    next_year,
    steps,
    still_to_test,
    what_if,
)
from scorehouse.cli import indicator_options as options
from scorehouse.cli.console import (
    SOMETHING_LEFT_OUT,
    answering,
    finish,
    out,
    print_json,
    say,
)
from scorehouse.cli.warehouse_options import JsonOption
from scorehouse.errors import UsageError
from scorehouse.exports.files import check_suffix, write_file
from scorehouse.exports.workbook import Notes
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import CHANGE_LEVELS, COLORS, STATUS_LEVELS, AcademicRules
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator import (
    MEANINGS,
    Computed,
    compute_printed,
    figure_of,
    uncertain_notes,
    with_words,
    write_state_files,
)
from scorehouse.verbs.indicator import (
    compute as compute_figures,
)
from scorehouse.verbs.indicator_audit import audit_beside, audit_file
from scorehouse.verbs.indicator_chances import chances_of
from scorehouse.verbs.indicator_files import read_printed
from scorehouse.verbs.indicator_given import Sources
from scorehouse.verbs.indicator_given import given as given_input
from scorehouse.verbs.indicator_pages import write_pages
from scorehouse.verbs.indicator_sums import typed_figures
from scorehouse.warehouse.academic_files import table_of

app = typer.Typer(
    help="The Academic Indicator: distance from standard, Status, Change, color, and why.",
    no_args_is_help=True,
)
_MOST_ROWS = 60
_EntityArgument = Annotated[str, typer.Argument(metavar="ENTITY", help="School or district id.")]


@app.command("compute")
@options.takes_sources
def compute(
    *,
    sources: Sources,
    dashboard: options.DashboardOption,
    printed: options.PrintedOption = None,
    profile: options.ProfileOption = "staff",
    accept_uncertain: options.UncertainOption = False,
    output: options.OutputOption = None,
    state_files: options.StateFilesOption = None,
    findings: options.FindingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute every entity and student group of a Dashboard.

    From a warehouse, from scores and rosters of two years, or from printed Status and Change.
    """
    with answering(as_json), ExitStack() as held:
        if output is not None:
            check_suffix(output)
        if printed is not None and state_files is not None:
            raise UsageError("--state-files needs students or sums, not printed values")
        rules = academic_rules(dashboard, accept_uncertain=accept_uncertain)
        log = FindingLog()
        with options.findings_told(log, findings):
            if printed is not None:
                made = _printed(printed, rules, log)
            else:
                given = given_input(rules, log, sources, held)
                made = compute_figures(given, rules, profile)
            _write(made, output, state_files)
    _show_figures(made, as_json, log)
    finish(log.left_out)


def _printed(path: Path, rules: AcademicRules, log: FindingLog) -> Computed:
    """Printed values have been published; there is nothing to hide in them."""
    rows = read_printed(path, log, dashboard=rules.dashboard, compute_change=True)
    made = compute_printed(rows, rules, log)
    notes = [*uncertain_notes(rules, {row.row.subject for row in rows})]
    if any(row.recomputed_change for row in rows):
        notes.append("Change was taken from printed Statuses: ±0.1 beside the state's.")
    if not all(row.has_cut_set for row in rows):
        notes.append(
            "Without a column high_school_cuts, the Status cuts of grades 3 to 8 were taken."
        )
    return Computed(rules.dashboard, "printed", made, tuple(notes))


def _write(made: Computed, output: Path | None, state_files: Path | None) -> None:
    if output is not None:
        rows = with_words(made.figures)
        columns = tuple((name, MEANINGS.get(name, "")) for name in rows.columns)
        title = f"Academic Indicator, {made.dashboard} Dashboard"
        sentences = (f"For the audience: {made.profile}.", *made.notes)
        write_file(output, [rows], rows.schema, Notes(title, sentences, columns))
    if state_files is not None:
        write_state_files(made, state_files)


def _show_figures(made: Computed, as_json: bool, log: FindingLog) -> None:
    rows = with_words(made.figures).to_dicts()
    if as_json:
        print_json(
            {
                "dashboard": made.dashboard,
                "profile": made.profile,
                "figures": rows,
                "notes": list(made.notes),
                "findings": log.counts(),
            }
        )
        return
    whole = [row for row in rows if row["student_group"] == "ALL"] or rows
    table = Table(title=f"Academic Indicator, {made.dashboard} Dashboard", title_justify="left")
    for name in ("Entity", "Subject", "Group"):
        table.add_column(name, overflow="fold")
    for name in ("Students", "Status", "Change"):
        table.add_column(name, justify="right")
    table.add_column("Color")
    for row in whole[:_MOST_ROWS]:
        table.add_row(*map(escape, _cells(row)))
    out.print(table)
    if len(rows) > len(whole[:_MOST_ROWS]):
        say(f"{len(rows) - len(whole[:_MOST_ROWS]):,} rows more; -o FILE writes all of them.")
    _say_all(made, log)


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    color = row["color_name"] if row["color"] else WORDS.get(row["why_no_color"] or "", "hidden")
    return (
        row.get("entity_name") or row["entity_id"],
        row["subject"],
        row["student_group"],
        "" if row["n"] is None else f"{row['n']:,}",
        "" if row["status"] is None else f"{row['status']:+.1f}",
        "" if row["change"] is None else f"{row['change']:+.1f}",
        color,
    )


def _say_all(made: Computed, log: FindingLog) -> None:
    for note in made.notes:
        say(note)
    _say_findings(log)


def _say_findings(log: FindingLog) -> None:
    for rule, count in log.counts().items():
        say(f"{count:,} findings: {rule}")


# --- one row ---


@app.command("explain")
@options.takes_sources
def explain(
    *,
    sources: Sources,
    entity: _EntityArgument,
    dashboard: options.DashboardOption,
    subject: options.SubjectOption = "ELA",
    group: options.GroupOption = "ALL",
    accept_uncertain: options.UncertainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say where one color is from: students in and out, sums, rounding, levels, cell, margins."""
    with answering(as_json), ExitStack() as held:
        rules = academic_rules(dashboard, accept_uncertain=accept_uncertain)
        log = FindingLog()
        given = given_input(rules, log, sources, held)
        found = figure_of(given, rules, entity, subject, group)
        if as_json:
            print_json(_explained(found, rules) | {"findings": log.counts()})
            return
    for number, sentence in enumerate(reasons(found, rules), start=1):
        out.print(f"{number:>2}. {escape(sentence)}", highlight=False)
    _two_columns("Students of this year", counted(found.current_sums))
    _two_columns("Points", margin_words(margins(found, rules)))
    for sentence in changes(found, rules):
        out.print(f"  - {escape(sentence)}", highlight=False)
    for source in who_says(found, rules):
        say(f"Source: {source}")
    _say_findings(log)


def _two_columns(title: str, rows: list[tuple[str, Any]]) -> None:
    if rows:
        table = Table(title=title, title_justify="left", show_header=False)
        for words, value in rows:
            table.add_row(escape(words), f"{value:,}" if isinstance(value, int) else value)
        out.print(table)


def _explained(found: Figure, rules: AcademicRules) -> dict[str, Any]:
    decision, beside = found.decision, margins(found, rules)
    return {
        "dashboard": found.dashboard,
        "entity_id": found.row.entity_id,
        "subject": found.row.subject,
        "student_group": found.row.student_group,
        "n": found.current.n,
        "status": _float(decision.status),
        "status_exact": _float(found.current.value),
        "status_level": STATUS_LEVELS[decision.status_level],
        "change": _float(decision.change),
        "change_exact": _float(found.exact_change),
        "change_level": CHANGE_LEVELS[decision.change_level],
        "color": COLORS[decision.color],
        "box": decision.box,
        "why_not": {what: WORDS[why] for what, why in decision.why_not.items()},
        "students": dict(counted(found.current_sums)),
        "students_prior": {} if found.prior_sums is None else dict(counted(found.prior_sums)),
        "participation": {
            "rate": found.current.rate,
            "adjustment": _float(found.current.adjustment),
            "loss_count": found.current.loss_count,
        },
        "margins": dict(margin_words(beside)),
        "rounding_may_flip": beside.may_flip,
        "reasons": reasons(found, rules),
        "changes": changes(found, rules),
        "sources": who_says(found, rules),
    }


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


@app.command("what-if")
@options.takes_sources
def what_if_command(
    *,
    sources: Sources,
    entity: _EntityArgument,
    dashboard: options.DashboardOption,
    subject: options.SubjectOption = "ELA",
    group: options.GroupOption = "ALL",
    points: options.PointsOption = "0",
    students: options.StudentsOption = None,
    more_tested: options.MoreTestedOption = 0,
    more_distance: options.MoreDistanceOption = "0",
    without: options.WithoutOption = 0,
    without_points: options.WithoutPointsOption = "0",
    chances: options.ChancesOption = False,
    seed: options.SeedOption = 1,
    accept_uncertain: options.UncertainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Say what would change a color: points, tests still to take, a scenario, chance."""
    with answering(as_json), ExitStack() as held:
        rules = academic_rules(dashboard, accept_uncertain=accept_uncertain)
        log = FindingLog()
        given = given_input(rules, log, sources, held)
        found = figure_of(given, rules, entity, subject, group)
        scenario = Scenario(
            options.exact(points), students, more_tested, options.exact(more_distance), without,
            options.exact(without_points),
        )  # fmt: skip
        then = None if scenario == Scenario() else what_if(found, scenario, rules)
        told = chances_of(given, found, rules, seed) if chances else []
        if as_json:
            told_json = _what_if(found, then, rules, [one.as_json() for one in told])
            print_json(told_json | {"findings": log.counts()})
            return
    out.print(f"Now: {_line(found)}", highlight=False)
    if then is not None:
        out.print(f"Then: {_line(then)}", highlight=False)
    for sentence in changes(found, rules):
        out.print(f"  - {escape(sentence)}", highlight=False)
    for one in told:
        out.print(f"  - {escape(one.sentence)}", highlight=False)
    _say_findings(log)


def _line(found: Figure) -> str:
    decision = found.decision
    if decision.status is None:
        return WORDS[decision.why_not["status"]]
    color = COLORS[decision.color] if decision.color else WORDS[decision.why_not["color"]]
    return (
        f"{found.current.n:,} students, Status {signed(decision.status)} "
        f"({STATUS_LEVELS[decision.status_level]}), Change {signed(decision.change)} "
        f"({CHANGE_LEVELS[decision.change_level]}): {color}"
    )


def _what_if(
    found: Figure, then: Figure | None, rules: AcademicRules, told: list[dict[str, Any]]
) -> dict[str, Any]:
    return {
        "now": _explained(found, rules),
        "then": None if then is None else _explained(then, rules),
        "steps": [
            {"color": COLORS[step.color], "points": float(step.points), "total": step.total,
             "status": float(step.status), "change": float(step.change),
             "status_by_total": float(step.status_by_total),
             "change_by_total": float(step.change_by_total)}
            for step in steps(found, rules)
        ],
        "still_to_test": still_to_test(found.current_sums, rules),
        "next_year": [
            {"color": COLORS[bar.color], "status": float(bar.status), "change": float(bar.change)}
            for bar in next_year(found, rules)
        ],
        "chances": told,
    }  # fmt: skip


# --- the state's file, and pages ---


@app.command("audit")
def audit(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The state's published file.")],
    dashboard: options.AuditDashboardOption = "",
    subject: options.AuditSubjectOption = "",
    figures: options.FiguresOption = None,
    accept_uncertain: options.UncertainOption = False,
    findings: options.FindingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Recompute every row of a published file, and explain every difference.

    With figures of your own, also compare the file with them. Exit code 1: a row was left
    out, or a difference has no explanation.
    """
    with answering(as_json):
        if not file.is_file():
            raise UsageError(f"there is no file {file.name}")
        log = FindingLog()
        with options.findings_told(log, findings):
            found = audit_file(
                file, log, dashboard=dashboard, subject=subject, accept_uncertain=accept_uncertain
            )
        beside = None
        if figures is not None:
            own = typed_figures(table_of(figures))
            beside = audit_beside(file, own, FindingLog(), dashboard=dashboard, subject=subject)
    told = found.as_json()
    if as_json:
        also = {} if beside is None else {"beside": beside.as_json()}
        print_json(told | also | {"findings": log.counts()})
    else:
        _show_audit(told, log)
        if beside is not None:
            _show_beside(beside.as_json())
    raise typer.Exit(SOMETHING_LEFT_OUT if found.left_out or told["unexplained"] else 0)


def _show_beside(told: dict[str, Any]) -> None:
    say(
        f"Beside your figures: {told['rows']:,} rows in both, {told['agree']:,} agree, "
        f"{told['explained']:,} differ because other students were counted, "
        f"{told['unexplained']:,} differ without an explanation; {told['only_state']:,} rows "
        f"are the state's only, {told['only_ours']:,} yours only."
    )


def _show_audit(told: dict[str, Any], log: FindingLog) -> None:
    table = Table(title="Audit of published rows", title_justify="left")
    table.add_column("Dashboard")
    for name in ("Rows", "Agree", "Explained", "Unexplained"):
        table.add_column(name, justify="right")
    for name, counts in sorted(told["by_dashboard"].items()):
        parts = [counts.get(key, 0) for key in ("agrees", "explained", "unexplained")]
        table.add_row(name, f"{sum(parts):,}", *(f"{part:,}" for part in parts))
    out.print(table)
    kinds = Counter((d["what"], d["explanation"] or "not explained") for d in told["differences"])
    for (what, why), count in kinds.most_common():
        out.print(f"{count:,} x {what}: {escape(why)}", highlight=False)
    compared = sum(told["compared"].values())
    say(f"{compared:,} values compared in {told['rows']:,} rows.")
    if told["nothing_compared"]:
        say(f"{told['nothing_compared']:,} rows had nothing to compare; they count as agreeing.")
    _say_findings(log)


@app.command("show")
@options.takes_sources
def show(
    *,
    sources: Sources,
    dashboard: options.DashboardOption,
    html: options.HtmlOption,
    pdf: options.PdfOption = False,
    entity: options.ShownEntitiesOption = None,
    profile: options.ProfileOption = "staff",
    accept_uncertain: options.UncertainOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write pages: why each color, the grid, groups on the plane, placement of schools."""
    with answering(as_json), ExitStack() as held:
        rules = academic_rules(dashboard, accept_uncertain=accept_uncertain)
        log = FindingLog()
        given = given_input(rules, log, sources, held)
        made = compute_figures(given, rules, profile)
        written = write_pages(
            given, made, rules, html, datetime.now(UTC), entities=tuple(entity or ()),
            with_pdf=pdf,
        )  # fmt: skip
    if as_json:
        print_json({"files": [str(path) for path in written], "findings": log.counts()})
    else:
        say(f"{len(written):,} files in {html}; begin with {written[0].name}.")
    finish(log.left_out)
