"""`scorehouse deidentify`: results without identities, and the proof."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from scorehouse.cli.console import answering, err, finish, out, print_json, progress
from scorehouse.transmit.deidentify import Choices
from scorehouse.transmit.hashing import Method
from scorehouse.verbs.deidentify import DeidentifyRequest, DeidentifySummary, deidentify_file

FINDINGS_SUFFIX = ".findings.csv"


def deidentify(
    input_path: Annotated[
        Path, typer.Argument(metavar="INPUT", help="Results: TRT file, folder or zip; two tables.")
    ],
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="OUT", help="A new .zip of TRT, or a new folder."),
    ],
    key_file: Annotated[
        Path | None, typer.Option(help="File that holds the secret key; the same every year.")
    ] = None,
    key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the secret key.")
    ] = "",
    method: Annotated[
        Method, typer.Option(help="hmac-sha256 is stronger, and incompatible with other files.")
    ] = Method.HMAC_SHA1,
    keep_schools: Annotated[
        bool, typer.Option(help="Keep district and school ids and names.")
    ] = False,
    keep_groups: Annotated[bool, typer.Option(help="Keep names of student groups.")] = False,
    findings: Annotated[
        Path | None, typer.Option(help="Where findings go; default: OUT with .findings.csv.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Take out who the students are, and keep everything that their results are.

    Exit code 0: all well; 1: something was left out (see the findings); 2: refused.
    """
    request = DeidentifyRequest(
        input=input_path,
        key_file=key_file,
        key_variable=key_env,
        method=method,
        choices=Choices(keep_schools=keep_schools, keep_groups=keep_groups),
    )
    findings = findings or output.with_name(output.name + FINDINGS_SUFFIX)
    with answering(as_json), progress("de-identifying", "results", quiet=as_json) as report:
        summary = deidentify_file(request, output, findings, report)
    if as_json:
        print_json(_as_json(summary, output, findings))
    else:
        _print(summary, output, findings)
    finish(summary.left_out)


def _as_json(summary: DeidentifySummary, output: Path, findings: Path) -> dict[str, Any]:
    return {
        "output": str(output),
        "findings_file": str(findings),
        "results": summary.results,
        "left_out": summary.left_out,
        "findings": summary.findings,
        "proof": {
            "identifiers": summary.identifiers,
            "files": summary.proof.files,
            "bytes": summary.proof.size,
            "leaks": summary.proof.leaks,
            "in_responses": summary.proof.in_responses,
            "coincidences": summary.proof.coincidences,
        },
    }


def _print(summary: DeidentifySummary, output: Path, findings: Path) -> None:
    proof = summary.proof
    out.print(f"{summary.results:,} results in {output}", highlight=False)
    out.print(
        f"none of {summary.identifiers:,} identifiers is left in {proof.files:,} files "
        f"({proof.size:,} bytes), responses aside: {proof.in_responses:,} there",
        highlight=False,
    )
    for rule, count in summary.findings.items():
        out.print(f"  {rule}: {count:,}", highlight=False)
    err.print(f"findings in {findings}", highlight=False)
