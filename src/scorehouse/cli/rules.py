"""`scorehouse rules`: which rule, since when, says who."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from scorehouse.cli.console import out, print_json, refuse
from scorehouse.errors import ScorehouseError
from scorehouse.rulebook import RuleEntry, load

app = typer.Typer(help="Ask the rulebook.", no_args_is_help=True)

_RULEBOOK = typer.Option(help="A rulebook folder of your own, in place of the packaged.")
_JSON = typer.Option("--json", help="Print as JSON.")


@app.command("show")
def show(
    topic: Annotated[str, typer.Argument(help="What to ask about; see `rules topics`.")],
    subject: Annotated[str | None, typer.Option(help="ELA or Math.")] = None,
    grade: Annotated[str | None, typer.Option(help="3 to 8 or 11.")] = None,
    year: Annotated[
        str | None, typer.Option(help="Only what holds in this year; default: the history.")
    ] = None,
    program: Annotated[str, typer.Option(help="consortium or california.")] = "consortium",
    rulebook: Annotated[Path | None, _RULEBOOK] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """Show a topic's rules: the value, since when, in which state, and who says so."""
    try:
        entries = load(rulebook).show(
            topic, subject=subject, grade=grade, year=year, program=program
        )
    except ScorehouseError as error:
        refuse(str(error), as_json)
    if as_json:
        print_json([_as_json(entry) for entry in entries])
    else:
        out.print(_table(topic, entries))


@app.command("topics")
def topics(
    rulebook: Annotated[Path | None, _RULEBOOK] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """List what can be asked about."""
    try:
        names = load(rulebook).topics()
    except ScorehouseError as error:
        refuse(str(error), as_json)
    if as_json:
        print_json(list(names))
    else:
        for name in names:
            out.print(name)


def _as_json(entry: RuleEntry) -> dict[str, str]:
    return {name: str(value) for name, value in vars(entry).items()}


def _table(topic: str, entries: list[RuleEntry]) -> Table:
    table = Table(title=topic, title_justify="left")
    for name in ("Rule", "Value", "Since", "State", "Source"):
        table.add_column(name, overflow="fold")
    for entry in entries:
        page = f", {entry.page}" if entry.page else ""
        note = f"\n{entry.note}" if entry.note else ""
        doubt = "" if entry.confidence in ("published", "") else f" ({entry.confidence})"
        table.add_row(
            entry.rule,
            entry.value,
            str(entry.since or ""),
            entry.state + doubt,
            f"{entry.title}{page}{note}",
        )
    return table
