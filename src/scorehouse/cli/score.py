"""`scorehouse score`: responses and packages in, scores and findings out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scorehouse.cli.console import err, finish, out, plain, print_json, progress, refuse
from scorehouse.errors import ScorehouseError
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import ScoreSummary, score_file

FINDINGS_SUFFIX = ".findings.csv"
_MOST_FINDINGS = 12


def score(
    input_path: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="Responses: a TRT file, folder or zip; a long-form CSV or Parquet file or folder.",
        ),
    ],
    package: Annotated[
        list[Path],
        typer.Option(help="Test package: tabulator CSV, or a folder with items.csv. Repeatable."),
    ],
    year: Annotated[str, typer.Option(help="School year whose rules hold, as in 2018-19.")],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="OUT", help="Scores: .parquet or .csv.")
    ],
    program: Annotated[
        str, typer.Option(help="Whose rules: consortium or california.")
    ] = "consortium",
    policy: Annotated[
        str, typer.Option(help="LOSS/HOSS policy; default: the program's own for the year.")
    ] = "",
    leave_out: Annotated[
        list[str] | None,
        typer.Option(help="Item type (WER) or item id to leave out. Repeatable."),
    ] = None,
    opportunities: Annotated[
        Path | None, typer.Option(help="Opportunities table, if it isn't beside the responses.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(help="Where findings go; default: OUT with .findings.csv.")
    ] = None,
    item_fit: Annotated[
        Path | None,
        typer.Option(help="Write observed against expected scores by item: .csv or .parquet."),
    ] = None,
    rulebook: Annotated[
        Path | None, typer.Option(help="A rulebook folder of your own, in place of the packaged.")
    ] = None,
    targets: Annotated[bool, typer.Option(help="Write target residuals too.")] = True,
    merge_parts: Annotated[
        bool,
        typer.Option(help="Score a student's paper and online sittings of one test as one."),
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that score.")] = 2,
    show_private: Annotated[
        bool, typer.Option(help="Show student ids and names in findings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Score the tests of INPUT by the rules of a year.

    Exit code 0: all well; 1: something was left out (see the findings); 2: refused.
    """
    request = ScoreRequest(
        input=input_path,
        packages=tuple(package),
        year=year,
        program=program,
        policy=policy,
        leave_out=frozenset(leave_out or ()),
        opportunities=opportunities,
        rulebook=rulebook,
        with_targets=targets,
        merge_parts=merge_parts,
        item_fit=item_fit,
        threads=threads,
        show_private=show_private,
    )
    findings = findings or output.with_name(output.name + FINDINGS_SUFFIX)
    try:
        with progress("scoring", "tests", quiet=as_json) as report:
            summary = score_file(request, output, findings, report)
    except ScorehouseError as error:
        refuse(str(error), as_json)
    if as_json:
        print_json(_as_json(summary, output, findings))
    else:
        _print(summary, output, findings)
    finish(summary.left_out)


def _as_json(summary: ScoreSummary, output: Path, findings: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "findings_file": str(findings),
        "tests": summary.tests,
        "rows": summary.rows,
        "by_status": plain(summary.by_status),
        "by_level": {str(level): n for level, n in sorted(summary.by_level.items())},
        "by_rating": {str(rating): n for rating, n in sorted(summary.by_rating.items())},
        "not_scored_why": plain(summary.by_reason),
        "findings": summary.findings,
        "left_out": summary.left_out,
        "policy": summary.policy,
        "rulebook_digest": summary.rulebook_digest,
    }


def _print(summary: ScoreSummary, output: Path, findings: Path) -> None:
    """The closing tables."""
    out.print(_status_table(summary))
    if summary.by_test:
        out.print(_level_table(summary))
    if summary.findings:
        out.print(_findings_table(summary))
    err.print(
        f"{summary.rows:,} rows in {output}; findings in {findings}; policy {summary.policy}, "
        f"rulebook {summary.rulebook_digest[:12]}",
        highlight=False,
    )


def _status_table(summary: ScoreSummary) -> Table:
    table = Table(
        title=f"{summary.tests:,} test{'' if summary.tests == 1 else 's'}", title_justify="left"
    )
    table.add_column("Status")
    table.add_column("Why")
    table.add_column("Tests", justify="right")
    table.add_row("scored", "", f"{summary.by_status['scored']:,}")
    status = {"below_threshold": "lowest_score"}
    for reason, count in plain(summary.by_reason).items():
        table.add_row(status.get(reason, "not_scored"), reason, f"{count:,}")
    return table


def _level_table(summary: ScoreSummary) -> Table:
    levels = (1, 2, 3, 4)
    table = Table(title="Achievement levels (unprotected counts)", title_justify="left")
    table.add_column("Subject")
    table.add_column("Grade")
    for level in levels:
        table.add_column(f"Level {level}", justify="right")
    table.add_column("Met standard", justify="right")
    for subject, grade in sorted({key[:2] for key in summary.by_test}):
        counts = [summary.by_test[subject, grade, level] for level in levels]
        met = sum(counts[2:]) / sum(counts)
        table.add_row(subject, grade, *(f"{n:,}" for n in counts), f"{met:.1%}")
    return table


def _findings_table(summary: ScoreSummary) -> Table:
    table = Table(title="Findings", title_justify="left")
    table.add_column("Rule")
    table.add_column("Count", justify="right")
    for rule, count in list(summary.findings.items())[:_MOST_FINDINGS]:
        table.add_row(rule, f"{count:,}")
    if len(summary.findings) > _MOST_FINDINGS:
        table.add_row(f"and {len(summary.findings) - _MOST_FINDINGS} more rules", "")
    return table
