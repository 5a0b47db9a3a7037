"""The `scorehouse` command."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from scorehouse import __version__
from scorehouse.cli import (
    check,
    convert,
    deidentify,
    explain,
    package,
    rules,
    score,
    send,
    simulate,
)
from scorehouse.cli.console import answering, end_like_interrupt


class _Commands(TyperGroup):
    """Commands of which none ends in a traceback, whatever goes wrong in it."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        with answering(as_json=False):
            return super().invoke(ctx)


app = typer.Typer(
    name="scorehouse",
    cls=_Commands,
    help="From item responses to reported results, each number with its reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command("score")(score.score)
app.command("check")(check.check)
app.command("convert")(convert.convert)
app.command("deidentify")(deidentify.deidentify)
app.command("package")(package.package)
app.command("send")(send.send)
app.command("explain")(explain.explain)
app.command("simulate")(simulate.simulate)
app.add_typer(rules.app, name="rules")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"scorehouse {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    """From item responses to reported results, each number with its reason.

    Exit codes: 0 all well, 1 something was left out, 2 usage or input refused.
    """


def main() -> None:
    """Run the command line."""
    end_like_interrupt()
    app()
