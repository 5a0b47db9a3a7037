"""What every command shares: the consoles, JSON, progress, and turning errors into exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

ALL_WELL, SOMETHING_LEFT_OUT, REFUSED = 0, 1, 2
"""Exit codes."""

out = Console(soft_wrap=False)
err = Console(stderr=True)


def print_json(value: Any) -> None:
    """Print a value as JSON, alone on standard output."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def refuse(message: str, as_json: bool) -> NoReturn:
    """Say why nothing was done, and exit with 2."""
    if as_json:
        print_json({"error": message})
    err.print(f"[bold red]error:[/] {message}", highlight=False, markup=True)
    raise typer.Exit(REFUSED)


def finish(left_out: int) -> NoReturn:
    """Exit with 1 if something was left out, else with 0."""
    raise typer.Exit(SOMETHING_LEFT_OUT if left_out else ALL_WELL)


@contextmanager
def progress(title: str, unit: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error; the function given takes done and expected."""
    if quiet:
        yield lambda _done, _expected: None
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, expected: bar.update(task, completed=done, total=expected)


def plain(counts: Mapping[Any, int]) -> dict[str, int]:
    """Counts with text keys, most first."""
    return {str(key): count for key, count in sorted(counts.items(), key=lambda item: -item[1])}
