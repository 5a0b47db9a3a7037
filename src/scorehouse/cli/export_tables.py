"""`scorehouse export tables`: tables out of the warehouse, as they are or without identities."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scorehouse.cli.console import answering, out, print_json, progress, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.intake.whole import working_folder
from scorehouse.transmit.hashing import Hasher, Method
from scorehouse.transmit.key import read_key
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.deidentified import Choices, Copied, deidentified_copy
from scorehouse.warehouse.export import Exported, ExportRequest, check_new
from scorehouse.warehouse.export import export as export_tables
from scorehouse.warehouse.loading import Progress


class Form(StrEnum):
    """What is written."""

    PARQUET = "parquet"
    CSV = "csv"
    WAREHOUSE = "warehouse"


class Headers(StrEnum):
    """Names of columns."""

    OWN = "own"
    CEDS = "ceds"


def export_as_tables(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="FOLDER", help="A new folder.")],
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE...]", help="The tables to write.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Write every table.")] = False,
    form: Annotated[
        Form,
        typer.Option(help="The files' form; warehouse: a de-identified copy with its history."),
    ] = Form.PARQUET,
    headers: Annotated[
        Headers, typer.Option(help="ceds: the standards' names where they have one.")
    ] = Headers.OWN,
    deidentified: Annotated[
        bool, typer.Option("--deidentified", help="Without identities; needs a key.")
    ] = False,
    key_file: Annotated[
        Path | None, typer.Option(help="File that holds the secret key; the same every year.")
    ] = None,
    key_env: Annotated[
        str, typer.Option(help="Environment variable that holds the secret key.")
    ] = "",
    method: Annotated[
        Method, typer.Option(help="hmac-sha256 is stronger, and incompatible with other files.")
    ] = Method.HMAC_SHA1,
    keep_responses: Annotated[
        bool, typer.Option("--keep-responses", help="Keep answers that name no student.")
    ] = False,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    engine: EngineOption = "",
    as_of: AsOfOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write tables into a new folder, with a data dictionary beside them.

    The folder is there when all of it is, or not at all.
    """
    with answering(as_json):
        _check(tables, everything, form, deidentified)
        house = opened(warehouse, engine)
        request = ExportRequest(output, tuple(tables or ()), form.value, as_of, headers.value)
        with progress("exporting", "files", quiet=as_json) as report:
            if not deidentified:
                done: list[Exported] | Copied = export_tables(house, request, report)
            else:
                hasher = Hasher(read_key(key_file, key_env).passphrase, method)
                choices = Choices(keeps_responses=keep_responses)
                done = _without_identities(house, request, hasher, choices, report)
        house.note("export", "", f"{'deidentified, ' if deidentified else ''}{_named(request)}")
        house.close()
    _print(done, output, as_json)


def _check(tables: list[str] | None, everything: bool, form: Form, deidentified: bool) -> None:
    if form is Form.WAREHOUSE:
        if not deidentified or tables:
            raise UsageError("a copy of the whole warehouse is de-identified: add --deidentified")
    elif bool(tables) == everything:
        raise UsageError("name tables, or say --all")


def _without_identities(
    house: Warehouse, request: ExportRequest, hasher: Hasher, choices: Choices, report: Progress
) -> list[Exported] | Copied:
    if request.form == Form.WAREHOUSE:
        return deidentified_copy(house, request.out, hasher, choices, report)
    check_new(request.out)
    with working_folder(request.out.resolve()) as folder:
        place = folder / "copy"
        deidentified_copy(house, place, hasher, choices, report)
        copy = Warehouse.open(place)
        try:
            return export_tables(copy, request)
        finally:
            copy.close()


def _named(request: ExportRequest) -> str:
    return ", ".join(request.tables) or "every table"


def _print(done: list[Exported] | Copied, output: Path, as_json: bool) -> None:
    if isinstance(done, Copied):
        if as_json:
            print_json({"output": str(output), **done._asdict()})
            return
        say(
            f"{done.rows:,} rows in {output}; none of {done.identifiers:,} identifiers is in it. "
            f"Answers left out because they name a student: {done.answers_left_out:,}."
        )
        return
    if as_json:
        print_json({"output": str(output), "tables": [one._asdict() for one in done]})
        return
    table = Table()
    table.add_column("Table")
    table.add_column("Rows", justify="right")
    for one in done:
        table.add_row(one.table, f"{one.rows:,}")
    out.print(table)
    say(f"The tables and what their columns mean are in {output}.")
