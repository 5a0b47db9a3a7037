"""`scorehouse package`: results made ready for sending."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scorehouse.cli.console import answering, err, finish, out, print_json, progress, say
from scorehouse.verbs.package import MOST_BYTES, PackageSummary, package_results

FINDINGS_SUFFIX = ".findings.csv"
_MEGABYTE = 1_000_000
_CUT_OFF = "zip_truncated"


def package(
    input_path: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="Results: TRT file, folder or zip; the two tables."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="A new folder.")],
    most_megabytes: Annotated[
        float, typer.Option(min=0.001, help="Largest size of one zip, in millions of bytes.")
    ] = MOST_BYTES / _MEGABYTE,
    findings: Annotated[
        Path | None, typer.Option(help="Where findings go; default: DIR with .findings.csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the manifest as JSON.")] = False,
) -> None:
    """Split results by subject and grade into zips, with a manifest of rows and digests.

    Exit code 0: all well; 1: something was left out (see the findings); 2: refused.
    """
    findings = findings or output.with_name(output.name + FINDINGS_SUFFIX)
    most = int(most_megabytes * _MEGABYTE)
    with answering(as_json), progress("packing", "results", quiet=as_json) as report:
        summary = package_results(input_path, output, findings, most_bytes=most, progress=report)
    if as_json:
        told = summary.manifest.as_json() | {"output": str(output), "findings": summary.findings}
        print_json(told | {"findings_file": str(findings), "left_out": summary.left_out})
    else:
        out.print(_table(summary))
        err.print(f"package in {output}; findings in {findings}", highlight=False)
    if _CUT_OFF in summary.findings:
        count = summary.manifest.results
        packed = (
            "1 result that could be read was"
            if count == 1
            else (f"{count:,} results that could be read were")
        )
        say(
            f"{input_path.name} is cut off or damaged: {packed} packed, and what follows is lost. "
            "Transfer it again and compare its size with the sender's."
        )
    finish(summary.left_out)


def _table(summary: PackageSummary) -> Table:
    table = Table(title=f"{summary.manifest.results:,} results", title_justify="left")
    table.add_column("File")
    for name in ("Results", "Item rows", "Bytes"):
        table.add_column(name, justify="right")
    for file in map(asdict, summary.manifest.files):
        counts = (file["results"], file["item_rows"], file["size"])
        table.add_row(file["name"], *(f"{count:,}" for count in counts))
    return table
