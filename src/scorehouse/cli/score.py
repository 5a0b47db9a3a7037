"""`scorehouse score`: responses and packages in, scores and findings out."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scorehouse.cli.compiled import is_compiled
from scorehouse.cli.console import answering, err, finish, out, plain, print_json, progress, say
from scorehouse.cli.score_tables import closing_tables
from scorehouse.cli.warehouse_options import EngineOption

if TYPE_CHECKING:
    from scorehouse.verbs.request import ScoreRequest
    from scorehouse.verbs.score import ScoreAll
    from scorehouse.verbs.summary import ScoreSummary

FINDINGS_SUFFIX = ".findings.csv"


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
        Path | None,
        typer.Option(help="Findings: .csv, .parquet or .json; default: OUT with .findings.csv."),
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
    engine: EngineOption = "",
    show_private: Annotated[
        bool, typer.Option(help="Show student ids and names in findings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Score the tests of INPUT by the rules of a year.

    Exit code 0: all well; 1: something was left out (see the findings); 2: refused.
    """
    findings = findings or output.with_name(output.name + FINDINGS_SUFFIX)
    with answering(as_json):
        from scorehouse.verbs.request import ScoreRequest

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
        with _spread(engine, output) as score_all:
            summary = _run(request, output, findings, as_json, score_all)
    if as_json:
        print_json(_as_json(summary, output, findings))
    else:
        _print(summary, output, findings)
    finish(summary.left_out)


@contextmanager
def _spread(engine: str, output: Path) -> Iterator[ScoreAll | None]:
    """Scoring on the cluster that is named; None: on this machine."""
    if not engine:
        yield None
        return
    from scorehouse.verbs.score_spread import Spread
    from scorehouse.warehouse.spark import connect

    session = connect(engine, output.parent)
    try:
        yield Spread(session.map_batches, output.parent)
    finally:
        session.close()


def _run(
    request: ScoreRequest,
    output: Path,
    findings: Path,
    quiet: bool,
    score_all: ScoreAll | None,
) -> ScoreSummary:
    """Score, with a bar; say so when the machine must first be waited for."""
    from scorehouse.scoring.solver import solve_range
    from scorehouse.verbs.score import score_file

    if not quiet and score_all is None and not is_compiled(solve_range):
        say("Compiling the scoring kernel: once on this machine, about 20 seconds.")
    with progress("scoring", "tests", quiet=quiet) as report:
        return score_file(request, output, findings, report, score_all)


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
        "other_years": list(summary.other_years),
        "policy": summary.policy,
        "rulebook_digest": summary.rulebook_digest,
    }


def _print(summary: ScoreSummary, output: Path, findings: Path) -> None:
    """The closing tables on standard output, where the files are on standard error."""
    for table in closing_tables(summary):
        out.print(table)
    rows = "1 row" if summary.rows == 1 else f"{summary.rows:,} rows"
    say(
        f"{rows} in {output}, by policy {summary.policy} and rulebook "
        f"{summary.rulebook_digest[:12]}."
    )
    for sentence in summary.other_years:
        say(sentence)
    if summary.findings:
        say(f"What was found, and what to do about it, is in {findings}.")
    if summary.left_out:
        err.print(
            "[yellow]Something was left out[/]: exit code 1.",
            highlight=False,
            soft_wrap=not err.is_terminal,
        )
