"""`scorehouse audit`: who read and wrote what."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import answering, out, print_json
from scorehouse.cli.warehouse_options import DEFAULT_FOLDER, JsonOption, WarehouseOption, opened
from scorehouse.errors import UsageError
from scorehouse.warehouse.audit import audited

_MINUTE = len("YYYY-MM-DDThh:mm")


def audit(
    who: Annotated[str, typer.Option(metavar="ACCOUNT", help="Only of this account.")] = "",
    verb: Annotated[
        str, typer.Option(help="Only of this command: find, history, load, purge and so on.")
    ] = "",
    student: Annotated[
        str, typer.Option(metavar="ID", help="Only about this student, who isn't named in it.")
    ] = "",
    since: Annotated[str, typer.Option(metavar="DAY", help="Only from this day on (UTC).")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 100,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    as_json: JsonOption = False,
) -> None:
    """Say who read and wrote what, newest first."""
    with answering(as_json):
        if since and not since[:4].isdecimal():
            raise UsageError(f"--since {since!r} is not a day as in 2019-06-30")
        house = opened(warehouse)
        rows = audited(house, who=who, verb=verb, student_id=student, since=since, limit=limit)
        house.note("audit")
        house.close()
    if as_json:
        print_json(rows)
        return
    table = Table()
    for name in ("When (UTC)", "Who", "What", "About", "Details"):
        table.add_column(name, overflow="fold")
    for row in rows:
        moment = str(row["created_at"])[:_MINUTE].replace("T", " ")
        cells = (moment, row["who"], row["verb"], row["about"], row["details"])
        table.add_row(*(escape(str(cell)) for cell in cells))
    out.print(table)
