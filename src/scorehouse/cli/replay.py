"""`scorehouse replay`: bring what waited for a school or a test."""

from __future__ import annotations

import typer

from scorehouse.cli.console import answering, print_json, progress, say
from scorehouse.cli.load import as_plain, exit_code, show
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.warehouse.load import replay as replay_all


def replay(
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    engine: EngineOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring results that waited for a school or a test that is known now.

    Each load does so at its end; this is for asking without loading anything.
    """
    with answering(as_json):
        house = opened(warehouse, engine)
        with progress("replaying", "results", quiet=as_json) as report:
            summary = replay_all(house, progress=report, say=say)
        house.close()
    if as_json:
        print_json(as_plain(summary))
    elif summary.replayed:
        show(summary)
    else:
        say("Nothing waits for what is known now.")
    raise typer.Exit(exit_code(summary))
