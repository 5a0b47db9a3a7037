"""A report on the terminal: one line a row of figures, hidden cells with their reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import out, say
from scorehouse.cli.report_layout import NAMES, column_width, fitting
from scorehouse.reports.statistics import rounded
from scorehouse.warehouse.report import ReleasedReport

Row = Mapping[str, Any]
MOST_ROWS, MOST_SENTENCES = 60, 12
_HIDDEN = "hidden"


def print_report(report: ReleasedReport) -> None:
    """Print the figures, then what comparisons say. What all rows share stands above them."""
    rows = report.figures.to_pylist()
    left_out: dict[str, None] = {}
    for entity in dict.fromkeys(row["entity_id"] for row in rows[:MOST_ROWS]):
        own = [row for row in rows[:MOST_ROWS] if row["entity_id"] == entity]
        left_out |= dict.fromkeys(_print_table(own))
    if left_out:
        say(f"No room here for {', '.join(left_out)}: a wider window shows more, -o FILE writes "
            "every column.")  # fmt: skip
    if len(rows) > MOST_ROWS:
        say(f"{len(rows) - MOST_ROWS:,} rows more; -o FILE writes all of them.")
    for sentence in sentences(report):
        out.print(escape(sentence), highlight=False)
    for note in notes(report):
        say(note)


def _print_table(rows: list[dict[str, Any]]) -> list[str]:
    """Print rows of one entity; return the columns for which there is no room."""
    cells = {head: [cell(row) for row in rows] for head, cell in _COLUMNS}
    shared = [told[0] for head, told in cells.items() if head in NAMES and _is_one(told)]
    title = escape(", ".join(filter(None, shared)))
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    telling = {head: told for head, told in cells.items() if not _is_left_out(head, told)}
    shown = fitting(telling, out.width)
    for head in shown:
        width = column_width(head, telling[head])
        table.add_column(head, width=width, no_wrap=head not in NAMES, overflow="fold")
    for line in zip(*(telling[head] for head in shown), strict=True):
        table.add_row(*map(escape, line))
    out.print(table)
    return [head for head in telling if head not in shown]


def _is_one(told: list[str]) -> bool:
    return len(set(told)) == 1


def _is_left_out(head: str, told: list[str]) -> bool:
    """Whether a column says nothing: the same in all rows, or never anything but a reason."""
    if head in NAMES:
        return _is_one(told) and len(told) > 1
    return all(not cell or cell.startswith("(") for cell in told)


def sentences(report: ReleasedReport) -> list[str]:
    """What comparisons of whole groups say: with other years, and with what holds them."""
    told = report.comparisons.to_pylist()
    main = [row for row in told if row["student_group"] == "ALL" and row["kind"] != "group"]
    asked = set(report.query.entities)
    kept = [row for row in main if not asked or row["entity_id"] in asked]
    return [row["sentence"] for row in kept[:MOST_SENTENCES]]


def notes(report: ReleasedReport) -> Iterator[str]:
    """What a reader must know: years and results left out, hidden cells, small groups."""
    yield from (finding.message for finding in report.findings)
    yield from report.notes
    rows = report.figures.to_pylist()
    hidden = sum(bool(row.get(_HIDDEN)) for row in rows)
    if hidden and not any(row["n_scored"] or row["n_tested"] for row in rows):
        yield (
            f"For this audience ({report.released.profile}) the table shows no number of "
            "students: all are hidden. Ask for fewer groups at once, for larger ones, for all "
            "grades together (no --grade), or without schools."
        )
    elif hidden:
        yield f"In {hidden:,} rows something is hidden, each with its reason."
    marked = sum(bool(row.get("marked")) for row in rows)
    if marked:
        yield f"{marked:,} rows, marked !, hold what the public may not see."
    partial = [row for row in rows if row.get("is_partial")]
    if partial:
        least = min(row["percent_in"] for row in partial)
        told = f"from {least:.1f} percent of those expected"
        yield f"Partial: in {len(partial):,} rows not all results are in ({told})."


def _text(name: str) -> Callable[[Row], str]:
    return lambda row: str(row.get(name) or "")


def _figure(name: str, error: str = "", decimals: int = 1) -> Callable[[Row], str]:
    def cell(row: Row) -> str:
        value = row.get(name)
        if value is None:
            return _why(row, name)
        told = f"{rounded(value, decimals):.{decimals}f}"
        return f"{told} ±{rounded(row[error], 1):.1f}" if row.get(error) is not None else told

    return cell


def _count(name: str) -> Callable[[Row], str]:
    return lambda row: f"{row[name]:,}" if row.get(name) is not None else _why(row, name)


def _why(row: Row, name: str) -> str:
    """Why a cell is hidden; blank when it is only not known."""
    whys = {one["column"]: one["why"] for one in row.get(_HIDDEN) or ()}
    return f"({whys[name]})" if name in whys else ""


def _levels(row: Row) -> str:
    percents = row.get("percent_levels")
    if percents is None:
        return _why(row, "percent_levels")
    return " ".join("·" if percent is None else str(percent) for percent in percents)


def _group(row: Row) -> str:
    return str(row["student_group"]) + (" !" if row.get("marked") else "")


def _measure(row: Row) -> str:
    return "" if row["measure"] == "overall" else str(row["measure"])


_COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("Entity", _text("entity_name")),
    ("Year", _text("school_year")),
    ("Subject", _text("subject")),
    ("Grade", lambda row: row["test_grade"] or "all"),
    ("Test", _text("assessment_id")),
    ("Measure", _measure),
    ("Group", _group),
    ("Enrolled", _count("n_enrolled")),
    ("Tested", _count("n_tested")),
    ("Scored", _count("n_scored")),
    ("Mean", _figure("mean_scale_score", "se_mean")),
    ("Change", _figure("change", "se_change")),
    ("% by level", _levels),
    ("% met", _figure("percent_met")),
    ("Distance", _figure("distance_from_standard", "se_distance")),
    ("Points", _figure("mean_points", decimals=2)),
    ("Difficulty", _figure("difficulty", decimals=2)),
    ("To test", _text("relative_to_test")),
    ("To standard", _text("relative_to_standard")),
)
