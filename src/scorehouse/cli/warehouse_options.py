"""What every command of the warehouse asks in the same words."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from scorehouse.warehouse import Warehouse

WarehouseOption = Annotated[
    Path,
    typer.Option(
        "--warehouse", "-w", metavar="FOLDER", envvar="SCOREHOUSE_WAREHOUSE",
        help="The warehouse's folder.",
    ),
]  # fmt: skip
AsOfOption = Annotated[
    str,
    typer.Option(metavar="WHEN", help="As it was after an import (its number), or on a day."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the same as JSON.")]
EngineOption = Annotated[
    str,
    typer.Option(
        "--engine", metavar="URL", envvar="SCOREHOUSE_ENGINE",
        help="Cluster to compute on, as in sc://host:15002; default: this machine.",
    ),
]  # fmt: skip
DEFAULT_FOLDER = Path("warehouse")


def opened(folder: Path, engine: str = "") -> Warehouse:
    """Open a warehouse. Raises UsageError with what to do when there is none."""
    return Warehouse.open(folder, engine_url=engine)
