"""`scorehouse send`: a package to an SFTP server."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scorehouse.cli.console import answering, err, out, print_json, progress
from scorehouse.transmit.audit import audit_path
from scorehouse.transmit.sftp import SendOptions, SendReport
from scorehouse.verbs.send import SendRequest
from scorehouse.verbs.send import send as send_folder


def send(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A package made by scorehouse package.")
    ],
    address: Annotated[str, typer.Argument(metavar="ADDRESS", help="sftp://user@host[:port]/path")],
    identity: Annotated[
        Path | None, typer.Option(help="Private key file; default: the agent, or your own keys.")
    ] = None,
    passphrase_env: Annotated[
        str, typer.Option(help="Environment variable with the key file's passphrase.")
    ] = "",
    known_hosts: Annotated[
        Path | None, typer.Option(help="Known host keys; default: ~/.ssh/known_hosts.")
    ] = None,
    trust: Annotated[
        str, typer.Option(help="Fingerprint the server's operator told you: SHA256:...")
    ] = "",
    tries: Annotated[
        int, typer.Option(min=1, help="Connections in a row that may bring nothing further.")
    ] = 5,
    verify: Annotated[
        bool, typer.Option(help="Read everything back and compare digests, not only sizes.")
    ] = True,
    replace: Annotated[
        bool, typer.Option(help="Replace files of the same name on the server.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option(help="Log in and say what would be sent; write nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Send a package; called again after a break it goes on where it stopped.

    Exit code 0: everything arrived and was verified; 2: refused or broken off.
    """
    request = SendRequest(
        folder=folder,
        address=address,
        known_hosts=known_hosts,
        identity=identity,
        passphrase_variable=passphrase_env,
        trusted_fingerprint=trust,
        options=SendOptions(tries=tries, by_reading=verify, replace=replace, dry_run=dry_run),
    )
    with answering(as_json), progress("sending", "bytes", quiet=as_json) as report_progress:
        report = send_folder(request, report_progress)
    if as_json:
        print_json(_as_json(report, folder, dry_run))
    else:
        _print(report, folder, dry_run)


def _as_json(report: SendReport, folder: Path, dry_run: bool) -> dict[str, Any]:
    return {
        "target": report.target,
        "host_key": report.fingerprint,
        "connections": report.connections,
        "bytes": report.size,
        "files": [file._asdict() for file in report.files],
        "audit_record": None if dry_run else str(audit_path(folder)),
    }


def _print(report: SendReport, folder: Path, dry_run: bool) -> None:
    table = Table(title=report.target, title_justify="left")
    table.add_column("File")
    table.add_column("State")
    table.add_column("Verified by")
    table.add_column("Bytes", justify="right")
    for file in report.files:
        words = file.state.replace("_", " ")
        since = f" from byte {file.resumed_from:,}" if file.resumed_from else ""
        table.add_row(file.name, words + since, file.verified_by, f"{file.size:,}")
    out.print(table)
    where = "nothing was written" if dry_run else f"on record in {audit_path(folder)}"
    err.print(f"server key {report.fingerprint}; {where}", highlight=False)
