"""`scorehouse doctor`: whether the warehouse is well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from scorehouse.cli.console import answering, finish, out, print_json, progress, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.warehouse.doctor import FIXED, Health, examine


def doctor(
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    fix: Annotated[
        bool, typer.Option("--fix", help="Put right what can be without losing data.")
    ] = False,
    engine: EngineOption = "",
    as_json: JsonOption = False,
) -> None:
    """Look at every file, the catalog, the index and the disk, and say what is wrong.

    Exit code 0: all is well; 1: something is wrong; 2: the warehouse can't be opened.
    """
    with answering(as_json):
        house = opened(warehouse, engine)
        with progress("looking", "checks", quiet=as_json) as report:
            health = examine(house, fix=fix, say=say, progress=report)
        house.note("doctor", "", "with --fix" if fix else "")
        house.close()
    if as_json:
        troubles = [trouble._asdict() for trouble in health.troubles]
        print_json({"checks": list(health.checks), "troubles": troubles})
    else:
        _print(health)
        for sentence in _advice(health, fix):
            say(sentence)
    finish(0 if health.is_well else 1)


def _print(health: Health) -> None:
    wrong = {trouble.check for trouble in health.troubles}
    for name in health.checks:
        if name not in wrong:
            out.print(f"[green]well[/]   {name}", highlight=False)
    for trouble in health.troubles:
        word = "[green]fixed[/]" if trouble.is_fixed else "[red]wrong[/]"
        out.print(f"{word}  {trouble.check}: {trouble.sentence}", highlight=False)


def _advice(health: Health, was_fixed: bool) -> Iterator[str]:
    """What to do about what is still wrong."""
    wrong = {trouble.check: trouble for trouble in health.troubles if not trouble.is_fixed}
    fixable = ", ".join(name for name in wrong if name in FIXED)
    if fixable and was_fixed:
        yield f"Still wrong ({fixable}): another run may be at work; try --fix when it has ended."
    elif fixable:
        yield f"`scorehouse doctor --fix` puts this right without losing data: {fixable}."
    if "space" in wrong:
        yield "Free some space on the disk, or move the warehouse."
    if lost := ", ".join(name for name in wrong if name not in {*FIXED, "space"}):
        yield (
            f"--fix can't put this right: {lost}. Restore it from a backup, or load the "
            "deliveries again."
        )
