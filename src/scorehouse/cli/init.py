"""`scorehouse init`: an empty warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scorehouse.cli.console import answering, print_json, say
from scorehouse.cli.warehouse_options import DEFAULT_FOLDER, JsonOption
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.move import move_catalog


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder that isn't there yet, or is empty.")
    ] = DEFAULT_FOLDER,
    catalog: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="Keep the catalog on a PostgreSQL server: postgresql+psycopg://user@host/name. "
            "Default: a file in the folder.",
        ),
    ] = "",
    is_moving: Annotated[
        bool,
        typer.Option(
            "--move", help="Move the catalog of the warehouse that is there to --catalog."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Make an empty warehouse, or move the catalog of one to a database server."""
    with answering(as_json):
        if is_moving:
            move_catalog(folder, catalog, say).close()
        else:
            Warehouse.create(folder, catalog).close()
        if as_json:
            print_json({"warehouse": str(folder)})
        elif is_moving:
            say(f"The catalog of {folder} is on the server now; nothing has to be loaded again.")
        else:
            say(f"An empty warehouse stands in {folder}. Next: scorehouse load FILE... -w {folder}")
