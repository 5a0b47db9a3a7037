"""`scorehouse rescale`: the scores of several years under one LOSS/HOSS option."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scorehouse.cli.console import answering, err, finish, out, print_json, progress, say
from scorehouse.cli.score_tables import plain_table

if TYPE_CHECKING:
    from rich.table import Table

    from scorehouse.verbs.rescale import RescaleFiles, RescaleSummary

_OVERALL = "overall"


def rescale(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="INPUT...",
            help="Scores tables that score wrote, or results: TRT or the two tables. Any years.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="OUT",
            help="Of scores tables: one .parquet or .csv; of results: a folder for two tables.",
        ),
    ],
    policy: Annotated[
        str, typer.Option(help="The option: its name, as scorehouse rules show policies has it.")
    ] = "",
    as_in: Annotated[
        str, typer.Option("--as-in", help="Or: the program's own option of a year, as in 2018-19.")
    ] = "",
    program: Annotated[
        str, typer.Option(help="Whose rules: consortium or california.")
    ] = "consortium",
    changes: Annotated[
        Path | None,
        typer.Option(help="Each score that changes: .csv or .parquet; default: OUT.changes.csv."),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(help="How many change, by how much: default: OUT.report.csv."),
    ] = None,
    levels: Annotated[
        Path | None, typer.Option(help="From which level to which: default: OUT.levels.csv.")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(help="Findings: .csv, .parquet or .json; OUT.findings.csv.")
    ] = None,
    keep_errors: Annotated[
        bool,
        typer.Option(
            "--keep-errors", help="Results only: keep standard errors that belong to another theta."
        ),
    ] = False,
    optional: Annotated[
        bool, typer.Option(help="Results only: write the optional columns too.")
    ] = True,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the tables in a folder that is there.")
    ] = False,
    rulebook: Annotated[
        Path | None, typer.Option(help="A rulebook folder of your own, in place of the packaged.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Scores tables only: threads that rescale.")
    ] = 2,
    show_private: Annotated[
        bool, typer.Option("--show-private", help="Show student ids and names in findings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Recompute scale scores of several years from theta, under one LOSS/HOSS option.

    Exit code 0: every score is under the option; 1: some stayed as they were, or were left
    out (see the findings); 2: refused.
    """  # fmt: skip
    with answering(as_json):
        from scorehouse.verbs.rescale import RescaleFiles, RescaleRequest, rescale_files

        usual = RescaleFiles.beside(output)
        files = RescaleFiles(
            findings or usual.findings,
            changes or usual.changes,
            report or usual.report,
            levels or usual.levels,
        )
        request = RescaleRequest(
            inputs=tuple(inputs),
            output=output,
            policy=policy,
            as_in=as_in,
            program=program,
            rulebook=rulebook,
            keeps_errors=keep_errors,
            with_optional=optional,
            overwrite=overwrite,
            show_private=show_private,
            threads=threads,
        )
        with progress("rescaling", "rows", quiet=as_json) as told:
            summary = rescale_files(request, files, told)
    if as_json:
        print_json(_as_json(summary, output, files))
    else:
        _print(summary, output, files)
    finish(not summary.is_whole)


def _as_json(summary: RescaleSummary, output: Path, files: RescaleFiles) -> dict[str, Any]:
    counts = ("n_scores", "n_changed", "n_up", "n_down", "n_left", "n_level_changed")
    return {
        "output": str(output),
        "findings_file": str(files.findings),
        "changes_file": str(files.changes),
        "report_file": str(files.report),
        "levels_file": str(files.levels),
        "form": summary.form,
        "policy": summary.policy,
        "rulebook_digest": summary.rulebook_digest,
        "rows": summary.rows,
        **{name: summary.total(name) for name in counts},
        "report": summary.report.to_pylist(),
        "findings": summary.findings,
        "left_out": summary.left_out,
    }


def _print(summary: RescaleSummary, output: Path, files: RescaleFiles) -> None:
    """The report of whole tests and what was found; where the files are on standard error."""
    out.print(_report_table(summary))
    if summary.findings:
        table = plain_table("Findings", ("Rule",), ("Count",))
        for rule, count in summary.findings.items():
            table.add_row(rule, f"{count:,}")
        out.print(table)
    what = "results" if summary.form == "results" else "rows"
    say(f"{summary.rows:,} {what} in {output}, by policy {summary.policy}.")
    say(
        f"{summary.total('n_changed'):,} of {summary.total('n_scores'):,} scores changed, claims "
        f"among them: each is in {files.changes}, their sums in {files.report}, their levels in "
        f"{files.levels}."
    )
    if summary.findings:
        say(f"What was found, and what to do about it, is in {files.findings}.")
    if not summary.is_whole:
        left = summary.total("n_left")
        err.print(
            f"[yellow]Scores that stayed as they were: {left:,}; records left out: "
            f"{summary.left_out:,}[/]; exit code 1.",
            highlight=False,
            soft_wrap=not err.is_terminal,
        )


def _report_table(summary: RescaleSummary) -> Table:
    """Whole tests only, and of the shares at the ends only those after: the rest is in a file."""
    numbers = ("Scores", "Up", "Down", "Mean", "Most", "Levels", "LOSS", "HOSS")
    table = plain_table("Overall scores that change", ("Tests",), numbers)
    for row in summary.report.to_pylist():
        if row["measure"] == _OVERALL:
            tests = " ".join(row[name] for name in ("school_year", "subject", "test_grade"))
            table.add_row(tests, *_cells(row))
    return table


def _cells(row: dict[str, Any]) -> list[str]:
    most = max(row["largest_rise"] or 0, row["largest_fall"] or 0, key=abs)
    return [
        *(f"{row[name]:,}" for name in ("n_scores", "n_up", "n_down")),
        "" if row["mean_change"] is None else f"{row['mean_change']:+.1f}",
        f"{most:+d}" if most else "",
        f"{row['n_level_changed']:,}",
        *(f"{row[f'share_at_{end}_after']:.1%}" for end in ("lowest", "highest")),
    ]
