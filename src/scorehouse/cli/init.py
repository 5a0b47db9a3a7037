"""`scorehouse init`: an empty warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scorehouse.cli.console import answering, print_json, say
from scorehouse.cli.warehouse_options import DEFAULT_FOLDER, JsonOption
from scorehouse.warehouse import Warehouse


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
    as_json: JsonOption = False,
) -> None:
    """Make an empty warehouse."""
    with answering(as_json):
        Warehouse.create(folder, catalog).close()
        if as_json:
            print_json({"warehouse": str(folder)})
        else:
            say(f"An empty warehouse stands in {folder}. Next: scorehouse load FILE... -w {folder}")
