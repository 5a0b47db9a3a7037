"""`scorehouse rules`: which rule, since when, says who."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from scorehouse.cli.console import answering, out, print_json, say
from scorehouse.rulebook import RuleEntry
from scorehouse.verbs.request import load_rulebook

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
    with answering(as_json):
        entries = load_rulebook(rulebook).show(
            topic, subject=subject, grade=grade, year=year, program=program
        )
    if as_json:
        print_json([_as_json(entry) for entry in entries])
        return
    if not entries:
        say(
            f"The rules of {program} hold nothing on this. Ask with fewer of --subject, --grade "
            "and --year, or of another --program."
        )
        return
    sources = list(dict.fromkeys(map(_source, entries)))
    out.print(_table(topic, entries, sources))
    for number, source in enumerate(sources, 1):
        cells = (Text(f"[{number}]"), Text(source))
        line = Table.grid(padding=(0, 1))
        line.add_row(*cells)
        out.print(line)


@app.command("topics")
def topics(
    rulebook: Annotated[Path | None, _RULEBOOK] = None,
    as_json: Annotated[bool, _JSON] = False,
) -> None:
    """List what can be asked about."""
    with answering(as_json):
        names = load_rulebook(rulebook).topics()
    if as_json:
        print_json(list(names))
    else:
        for name in names:
            out.print(name)


def _as_json(entry: RuleEntry) -> dict[str, str]:
    return {name: str(value) for name, value in vars(entry).items()}


def _source(entry: RuleEntry) -> str:
    """Who says so, with how it was read."""
    page = f", {entry.page}" if entry.page else ""
    end = "." if entry.title and entry.note else ""
    return f"{entry.title}{page}{end} {entry.note}".strip()


def _table(topic: str, entries: list[RuleEntry], sources: list[str]) -> Table:
    """The rules; a number says which of the sources below."""
    table = Table(title=topic, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column("Rule", no_wrap=True)
    table.add_column("Value", overflow="fold", ratio=1)
    table.add_column("Since", overflow="fold", min_width=11)
    table.add_column("Source", no_wrap=True)
    for entry in entries:
        number = Text(f"[{sources.index(_source(entry)) + 1}]")
        value = entry.value.replace("; ", "\n")
        table.add_row(Text(entry.rule), Text(value), _since(entry), number)
    return table


def _since(entry: RuleEntry) -> str:
    """Since when, and what more must be known before it is used."""
    words = [str(entry.since or "")]
    if entry.state != "in_force":
        words.append(entry.state)
    if entry.confidence not in ("published", ""):
        words.append(entry.confidence)
    return "\n".join(filter(None, words))
