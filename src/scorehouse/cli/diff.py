"""`scorehouse diff`: what changed between two moments, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scorehouse.cli.console import answering, out, print_json, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.verbs.output import SUFFIXES, write_table
from scorehouse.warehouse.diff import Difference, difference


def diff(
    earlier: Annotated[
        str, typer.Argument(metavar="A", help="The first moment: an import's number, or a day.")
    ],
    later: Annotated[
        str, typer.Argument(metavar="[B]", help="The second moment; default: now.")
    ] = "",
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write every row: .csv or .parquet."),
    ] = None,
    engine: EngineOption = "",
    as_json: JsonOption = False,
) -> None:
    """Say who and what appeared, changed or went between two moments, and why.

    The terminal shows counts; the rows themselves, with their keys, go to a file.
    """
    with answering(as_json):
        if output is not None and output.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{output.name} can't be written; write .csv or .parquet")
        house = opened(warehouse, engine)
        found = difference(house, earlier, later)
        house.note("diff", "", f"{earlier} to {later or 'now'}")
        house.close()
        if output is not None:
            write_table(found.rows, output)
    if as_json:
        print_json(_plain(found))
    elif found.rows.num_rows:
        _print(found)
    else:
        say("Nothing changed.")


def _plain(found: Difference) -> list[dict[str, object]]:
    return [
        {"table": table, "change": change, "why": why, "rows": count}
        for (table, change, why), count in found.counts().items()
    ]


def _print(found: Difference) -> None:
    table = Table()
    for name in ("Table", "Change", "Why"):
        table.add_column(name)
    table.add_column("Rows", justify="right")
    for (name, change, why), count in found.counts().items():
        table.add_row(name, change, why, f"{count:,}")
    out.print(table)
