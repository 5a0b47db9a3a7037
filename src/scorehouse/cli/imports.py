"""`scorehouse imports`: what was loaded, when, by whom, and how it ended."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import answering, out, print_json, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.warehouse.imports import imports_listed, waiting_listed


def imports(
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    status: Annotated[str, typer.Option(help="Only those of a status, as in UNKNOWN_SCHOOL.")] = "",
    content: Annotated[str, typer.Option(help="Only those of a kind, as in results.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    waiting: Annotated[
        bool, typer.Option("--waiting", help="What results wait for, and how many.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """List imports: what was loaded, when, by whom, and how it ended."""
    with answering(as_json):
        house = opened(warehouse)
        rows = waiting_listed(house) if waiting else imports_listed(house, status, content, limit)
        house.close()
    if as_json:
        print_json(rows)
    elif rows:
        _print(rows)
    else:
        say("There are none.")


_SHOWN = {
    "import_id": "Import",
    "created_at": "When (UTC)",
    "who": "Who",
    "file": "File",
    "content": "Kind",
    "status": "Status",
    "message": "What happened",
}
_MINUTE = 16  # characters of a moment up to its minute


def _print(rows: list[dict[str, object]]) -> None:
    """The columns that people ask for; JSON has all."""
    shown = {name: label for name, label in _SHOWN.items() if name in rows[0]}
    shown = shown or {name: name.replace("_", " ") for name in rows[0]}
    table = Table()
    for label in shown.values():
        table.add_column(label, overflow="fold")
    for row in rows:
        cells = {**row, "created_at": str(row.get("created_at"))[:_MINUTE].replace("T", " ")}
        table.add_row(*(escape(str(cells[name])) for name in shown))
    out.print(table)
