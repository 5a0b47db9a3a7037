"""`scorehouse releases`: what was let out of the house, and to whom."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import answering, out, print_json
from scorehouse.cli.warehouse_options import DEFAULT_FOLDER, JsonOption, WarehouseOption, opened
from scorehouse.warehouse.releases import releases as listed

_MINUTE = len("YYYY-MM-DDThh:mm")


def releases(
    audience: Annotated[str, typer.Option(help="Only to this audience.")] = "",
    profile: Annotated[
        str, typer.Option(help="Only under this profile: public, research-file and so on.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Say what was released to whom, newest first; later releases are checked against it."""
    with answering(as_json):
        house = opened(warehouse)
        rows = listed(house, audience=audience, profile=profile, limit=limit)
        house.note("releases")
        house.close()
    if as_json:
        print_json(rows)
        return
    table = Table()
    for name in ("No.", "When (UTC)", "Who", "Report", "Profile", "Audience", "Snapshot"):
        table.add_column(name, overflow="fold")
    for name in ("Rows", "With something hidden"):
        table.add_column(name, justify="right")
    for row in rows:
        moment = str(row["created_at"])[:_MINUTE].replace("T", " ")
        cells = (row["number"], moment, row["who"], row["query"]["name"], row["profile"])
        rest = (row["audience"], row["snapshot_id"], row["rows"], row["hidden_rows"])
        table.add_row(*(escape(str(cell)) for cell in (*cells, *rest)))
    out.print(table)
