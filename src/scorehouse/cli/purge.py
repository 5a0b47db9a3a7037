"""`scorehouse purge`: a student or a school year really gone, and the certificate of it."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from scorehouse.cli.console import answering, finish, out, print_json, progress, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.intake.findings import replacing
from scorehouse.warehouse import Warehouse, retention
from scorehouse.warehouse.certificates import certificate as certificate_of
from scorehouse.warehouse.certificates import certificates
from scorehouse.warehouse.purge import PurgeRequest, PurgeSummary, of_student, of_year, would_go
from scorehouse.warehouse.purge import purge as purge_now


def purge(
    student: Annotated[
        str, typer.Option(metavar="ID", help="The student, by the statewide identifier.")
    ] = "",
    student_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the identifier, so that no shell keeps it."),
    ] = None,
    year: Annotated[str, typer.Option(metavar="YEAR", help="A school year, as 2018-19.")] = "",
    rules: Annotated[
        Path | None,
        typer.Option("--retention", metavar="RULES", help="What rules of retention say (.toml)."),
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do it; without, a year or rules only say what would go.")
    ] = False,
    now: Annotated[
        bool, typer.Option("--now", help="Don't wait for readers; say what is left on disk.")
    ] = False,
    certificate: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the certificate (.json).")
    ] = None,
    number: Annotated[
        int, typer.Option(metavar="N", help="Only write the certificate of purge N.")
    ] = 0,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    engine: EngineOption = "",
    as_json: JsonOption = False,
) -> None:
    """Take a student or a school year out of everything: tables, past moments, index, archive.

    Exit code 0: nothing of it is left; 1: something is, and the answer says what; 2: refused.
    """
    with answering(as_json):
        house = opened(warehouse, engine)
        if number:
            _write(house, number, certificate, as_json)
            return
        request = _request(house, student, student_file, year, rules, waits=not now)
        if not (student or student_file or yes):
            _preview(house, request, as_json)
            return
        with progress("purging", "files", quiet=as_json) as report:
            summary = purge_now(house, request, say=say, progress=report)
        if certificate is not None and _newest(house, summary):
            _save(house, _newest(house, summary), certificate)
        house.close()
    _print(summary, as_json)
    finish(0 if summary.is_complete else 1)


def _request(
    house: Warehouse, student: str, file: Path | None, year: str, rules: Path | None, *, waits: bool
) -> PurgeRequest:
    if sum(map(bool, (student, file, year, rules))) != 1:
        raise UsageError("say what goes: one of --student, --student-file, --year, --retention")
    if rules is not None:
        planned = retention.due(house, retention.read_rules(rules), date.today())
        return retention.request_of(planned, waits=waits)
    if year:
        return of_year(year, waits=waits)
    return of_student(student or _read(file), waits=waits)


def _read(file: Path | None) -> str:
    assert file is not None
    try:
        return file.read_text(encoding="utf-8-sig").strip()
    except (OSError, UnicodeDecodeError):
        raise UsageError(f"the file {file} can't be read as text") from None


def _preview(house: Warehouse, request: PurgeRequest, as_json: bool) -> None:
    """Say what would go: rows held, by table and school year."""
    rows = would_go(house, request)
    house.close()
    if as_json:
        print_json({"would_go": rows, "archive_years": sorted(request.payload_years)})
        return
    table = Table()
    for column in ("Table", "School year", "Rows"):
        table.add_column(column, justify="right" if column == "Rows" else "left")
    for row in rows:
        table.add_row(row["table_name"], row["school_year"], f"{row['n']:,}")
    out.print(table)
    told = ", ".join(sorted(request.payload_years)) or "none"
    say(f"Years whose records would go from the archive: {told}. Nothing was done; --yes does it.")


def _newest(house: Warehouse, summary: PurgeSummary) -> int:
    """The certificate of this purge, or of the one that this run completed; 0: none."""
    if summary.certificate or not summary.completed:
        return summary.certificate
    return max(int(one["certificate_id"]) for one in certificates(house))


def _write(house: Warehouse, number: int, file: Path | None, as_json: bool) -> None:
    if file is None:
        print_json(certificate_of(house, number))
    else:
        _save(house, number, file)
        say(f"The certificate is in {file}.")
    house.close()


def _save(house: Warehouse, number: int, file: Path) -> None:
    text = json.dumps(certificate_of(house, number), indent=2, ensure_ascii=False) + "\n"
    with replacing(file) as stream:
        stream.write(text.encode())


def _print(summary: PurgeSummary, as_json: bool) -> None:
    if as_json:
        print_json(_plain(summary))
        return
    if summary.completed:
        say(f"Interrupted purges completed: {summary.completed}.")
    if summary.is_nothing:
        say("Nothing of it is held.")
    else:
        table = Table()
        table.add_column("Table")
        table.add_column("Rows gone", justify="right")
        for name, count in summary.rows.items():
            table.add_row(name, f"{count:,}")
        out.print(table)
        changed = len(summary.payloads.payloads)
        say(f"Payloads written anew or removed: {changed}. Certificate {summary.certificate}.")
    _print_rest(summary)


def _print_rest(summary: PurgeSummary) -> None:
    remains, proof = summary.remains, summary.proof
    if remains.files:
        say(
            f"{len(remains.files)} data files are still on disk, for {remains.readers} readers; "
            "the next load or purge after they end removes them."
        )
    for place, count in proof.found.items():
        say(f"An identifier is still found in {place}: {count} times.")
    if proof.unsearchable:
        say(f"{proof.unsearchable} damaged payloads can't be opened to be searched.")
    if proof.is_clean:
        say(f"Searched {proof.files:,} files ({proof.size:,} bytes): no identifier is left.")


def _plain(summary: PurgeSummary) -> dict[str, Any]:
    return {
        "certificate": summary.certificate,
        "rows": summary.rows,
        "payloads": [change._asdict() for change in summary.payloads.payloads],
        "completed": summary.completed,
        "remains": list(summary.remains.files),
        "searched": {"files": summary.proof.files, "bytes": summary.proof.size},
        "found": summary.proof.found,
        "not_opened": summary.proof.unsearchable,
    }
