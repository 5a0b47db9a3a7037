"""`scorehouse find`: students by identifier, or by parts of their names."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import SOMETHING_LEFT_OUT, answering, out, print_json, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.warehouse.find import LIMIT
from scorehouse.warehouse.find import find as find_students
from scorehouse.warehouse.found import Found

_HEADINGS = ("Identifier", "Last name", "First name", "Middle name", "Born", "Sex")
_LAST_SEEN = ("School", "Grade", "Last year")


def find(
    text: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TEXT]...", help="An identifier, or words of a name."),
    ] = None,
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    school: Annotated[
        str, typer.Option(metavar="ID", help="Only students who were last at this school.")
    ] = "",
    roster: Annotated[
        str, typer.Option(metavar="NAME", help="Only students on this roster, in its newest year.")
    ] = "",
    grade: Annotated[str, typer.Option(help="Only students who were last in this grade.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many to show.")] = LIMIT,
    as_of: AsOfOption = "",
    as_json: JsonOption = False,
) -> None:
    """Find students by statewide or local identifier, or by parts of their names.

    Accents don't matter, and a typo or two is forgiven. An identifier that was replaced finds
    the one in force. Who was shown is written into the audit. Exit code 1: nobody was found.
    """
    with answering(as_json):
        house = opened(warehouse)
        try:
            found = find_students(
                house, " ".join(text or ()),
                school=school, roster=roster, grade=grade, limit=limit, as_of=as_of,
            )  # fmt: skip
        finally:
            house.close()
    if as_json:
        print_json(asdict(found))
    elif found.students:
        _print(found)
    else:
        say("Nobody was found.")
    raise typer.Exit(0 if found.students else SOMETHING_LEFT_OUT)


def _print(found: Found) -> None:
    table = Table()
    for name in (*_HEADINGS, *_LAST_SEEN):
        table.add_column(name, overflow="fold", no_wrap=name == _HEADINGS[0])
    for student in found.students:
        table.add_row(*(escape(str(cell)) for cell in asdict(student).values()))
    out.print(table)
    if found.how == "replaced_id":
        say("The identifier asked for was replaced; shown is the one in force.")
    if found.is_cut:
        say("There are more; ask for more words, a school or a grade, or give --limit.")
