"""`scorehouse convert`: TRT to the two tables and back."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scorehouse.cli.console import answering, err, finish, out, print_json, progress
from scorehouse.verbs.convert import ConvertRequest, ConvertSummary, convert_file

FINDINGS_SUFFIX = ".findings.csv"


def convert(
    input_path: Annotated[
        Path,
        typer.Argument(
            metavar="INPUT",
            help="TRT (file, folder or zip), or the folder or zip that holds the two tables.",
        ),
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A folder; for TRT a .zip or a folder."),
    ],
    to: Annotated[str, typer.Option(help="trt or csv; default: the other of the two.")] = "",
    optional: Annotated[
        bool, typer.Option("--optional", help="Write the optional columns too.")
    ] = False,
    split_by: Annotated[
        str, typer.Option(help="One pair of tables for each: subject or grade.")
    ] = "",
    sidecar: Annotated[
        Path | None,
        typer.Option(
            help="What the tables can't hold: written beside them, read back on the way to TRT "
            "(.parquet or .jsonl)."
        ),
    ] = None,
    spreadsheet_safe: Annotated[
        bool,
        typer.Option(
            "--spreadsheet-safe", help="Neutralize formulas; such tables don't convert back."
        ),
    ] = False,
    score_codes: Annotated[
        bool,
        typer.Option(
            "--score-codes",
            help="Write Score/@conditionCode, as only the reporting warehouse's schema has it.",
        ),
    ] = False,
    findings: Annotated[
        Path | None, typer.Option(help="Where findings go; default: OUT with .findings.csv.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an output that is there.")
    ] = False,
    show_private: Annotated[
        bool, typer.Option("--show-private", help="Show student ids and names in findings.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Convert results from TRT to the two tables, or from the two tables to TRT.

    Exit code 0: all well; 1: something was left out (see the findings); 2: refused.
    """
    findings = findings or output.with_name(output.name + FINDINGS_SUFFIX)
    with answering(as_json):
        request = ConvertRequest(
            input=input_path,
            output=output,
            to=to.lower(),
            optional_columns=optional,
            split_by=split_by,
            sidecar=sidecar,
            spreadsheet_safe=spreadsheet_safe,
            score_codes=score_codes,
            overwrite=overwrite,
            show_private=show_private,
        )
        with progress("converting", "results", quiet=as_json) as report:
            summary = convert_file(request, findings, report)
    if as_json:
        print_json(_as_json(summary, output, findings))
    else:
        _print(summary, output, findings)
    finish(summary.left_out)


def _as_json(summary: ConvertSummary, output: Path, findings: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "findings_file": str(findings),
        "to": summary.to,
        "results": summary.results,
        "item_rows": summary.item_rows,
        "files": list(summary.files),
        "sidecar_rows": summary.sidecar_rows,
        "findings": summary.findings,
        "left_out": summary.left_out,
    }


def _print(summary: ConvertSummary, output: Path, findings: Path) -> None:
    form = "the two tables" if summary.to == "csv" else "TRT"
    noun = "result" if summary.results == 1 else "results"
    out.print(f"{summary.results:,} {noun} to {form} in {output}", highlight=False)
    if summary.findings:
        table = Table(title="Findings", title_justify="left")
        table.add_column("Rule")
        table.add_column("Count", justify="right")
        for rule, count in summary.findings.items():
            table.add_row(rule, f"{count:,}")
        out.print(table)
    err.print(f"findings in {findings}", highlight=False)
