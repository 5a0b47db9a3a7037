"""The `scorehouse` command."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from scorehouse import __version__
from scorehouse.cli.console import OPTION_ERRORS, answering, print_json, tell_stopped, told_of
from scorehouse.cli.stopping import STOPPED, settle, watch
from scorehouse.stop import STOP

COMMANDS = {
    **{name: name for name in ("score", "check", "convert", "deidentify", "package", "send")},
    "rescale": "rescale",
    **{name: name for name in ("explain", "simulate", "rules")},
    **{name: name for name in ("init", "load", "imports", "replay", "find", "history", "diff")},
    **{name: name for name in ("report", "indicator", "purge", "export", "doctor", "audit")},
    "releases": "releases",
}
"""Command -> the module of this package that has it, as a function of its name or an `app`."""


class _Commands(TyperGroup):
    """Commands that are imported when they are asked for: one needs not what others need.

    None of them ends in a traceback, whatever goes wrong in it.
    """

    def list_commands(self, ctx: Any) -> list[str]:
        """Every command, in the order of `COMMANDS`."""
        return [*COMMANDS, *(name for name in super().list_commands(ctx) if name not in COMMANDS)]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Import a command; None: there is none of this name."""
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module = importlib.import_module(f"scorehouse.cli.{COMMANDS[cmd_name]}")
        group = getattr(module, "app", None)
        if group is None:
            group = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
            group.command(cmd_name)(getattr(module, cmd_name))
        found = typer.main.get_command(group)
        found.name = cmd_name
        return found

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for; what is wrong with an option is told as JSON too."""
        as_json = "--json" in ctx.args
        with answering(as_json=False):
            try:
                return super().invoke(ctx)
            except OPTION_ERRORS as error:
                if as_json:
                    print_json({"error": told_of(error)})
                raise


app = typer.Typer(
    name="scorehouse",
    cls=_Commands,
    help="From item responses to reported results, each number with its reason.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
    watch()
    try:
        app()
    except KeyboardInterrupt:  # outside of any command
        tell_stopped()
        sys.exit(STOPPED)
    finally:
        settle()
        if STOP.is_asked:
            tell_stopped()
            sys.exit(STOPPED)
