"""`scorehouse export`: what leaves as files. Without a name of these it writes tables."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from scorehouse.cli.export_research import research_file
from scorehouse.cli.export_results import results
from scorehouse.cli.export_tables import export_as_tables

_DEFAULT = "tables"


class _TablesUnlessNamed(TyperGroup):
    """`scorehouse export TABLE… -o FOLDER` is `scorehouse export tables TABLE… -o FOLDER`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default's name before arguments that name no command."""
        if args and args[0] not in (*self.commands, "--help"):
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_TablesUnlessNamed,
    help="Write tables, results of students or research files. TABLE… alone: tables.",
    no_args_is_help=True,
)
app.command(_DEFAULT)(export_as_tables)
app.command("results")(results)
app.command("research-file")(research_file)
