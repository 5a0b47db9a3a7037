"""What every command shares: the consoles, JSON, progress, and turning errors into exit codes."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from scorehouse.cli.stopping import NOTHING, STOPPED, settle
from scorehouse.errors import ScorehouseError
from scorehouse.intake.whole import asked_name
from scorehouse.stop import STOP

ALL_WELL, SOMETHING_LEFT_OUT, REFUSED = 0, 1, 2
"""Exit codes."""

OPTION_ERRORS: tuple[type[BaseException], ...] = tuple(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
"""All that is wrong with an option."""

_PASSED_ON: tuple[type[BaseException], ...] = (
    *(typer.Exit, typer.Abort, BrokenPipeError),
    *OPTION_ERRORS,
)
"""What the command line itself answers: exits, and all that is wrong with an option."""

TRACEBACK_VARIABLE = "SCOREHOUSE_TRACEBACK"
_PACKAGE = str(Path(__file__).parents[1])


class _PatientConsole(Console):
    """A console that doesn't mind when nobody reads on: `scorehouse rules show cuts | head`."""

    def on_broken_pipe(self) -> None:
        """Print into nothing from here on; the exit code stays the command's own."""
        self.quiet = True
        _close_output()


out = _PatientConsole(soft_wrap=False)
err = _PatientConsole(stderr=True)


def _close_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(sentence: str) -> None:
    """Print a sentence on standard error, whole words a line on a terminal."""
    err.print(escape(sentence), highlight=False, soft_wrap=not err.is_terminal)


def print_json(value: Any) -> None:
    """Print a value as JSON, alone on standard output."""
    try:
        sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()


def refuse(message: str, as_json: bool = False, findings: Sequence[Any] = ()) -> NoReturn:
    """Say why nothing was done, and exit with 2; findings say it one by one."""
    if STOP.is_asked:
        stopped()  # what was refused may be so because of it
    if as_json:
        told = {"findings": [asdict(finding) for finding in findings]} if findings else {}
        print_json({"error": message, **told})
    for sentence in map(_told, findings) if findings else (message,):
        err.print(
            f"[bold red]error:[/] {escape(sentence)}",
            highlight=False,
            soft_wrap=not err.is_terminal,
        )
    raise typer.Exit(REFUSED)


def _told(finding: Any) -> str:
    """A finding in words: where, what, and what to do."""
    where = ", ".join(filter(None, (finding.file, finding.field)))
    return f"{where + ': ' if where else ''}{finding.message} {finding.remedy}"


@contextmanager
def answering(as_json: bool) -> Iterator[None]:
    """Turn whatever goes wrong inside into one clear sentence and its exit code."""
    try:
        yield
    except _PASSED_ON:
        raise
    except KeyboardInterrupt:
        stopped()
    except Exception as error:
        if STOP.is_asked:  # whatever a library made of it
            stopped()
        if isinstance(error, ScorehouseError):
            refuse(str(error), as_json, error.findings)
        if isinstance(error, OSError):
            refuse(_system_refusal(error), as_json)
        if os.environ.get(TRACEBACK_VARIABLE):
            raise
        refuse(_own_fault(error), as_json)


def stopped() -> NoReturn:
    """Say that the run was stopped, and exit as shells expect it."""
    tell_stopped()
    raise typer.Exit(STOPPED) from None


def tell_stopped() -> None:
    """Say once that the run was stopped, and what it leaves."""
    settle()
    if STOP.is_told:
        return
    STOP.is_told = True
    finished = STOP.finished()
    say(f"Stopped. {finished} Nothing else was written." if finished else NOTHING)


def _system_refusal(error: OSError) -> str:
    """What the system wouldn't do, without the names of members, which may be students'."""
    where = f" ({asked_name(Path(os.fsdecode(error.filename)))})" if error.filename else ""
    why = error.strerror or type(error).__name__
    return f"The system refused{where}: {why}. Check the folder, its permissions and free space."


def _own_fault(error: Exception) -> str:
    """Say that it isn't the user's fault, and where it happened; never the data it held."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(_PACKAGE)]
    place = f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else "outside"
    kept = STOP.finished() or "Nothing was written."
    return (
        f"This is a fault of scorehouse, not of your files: {type(error).__name__} at {place}. "
        f"{kept} Please report it; {TRACEBACK_VARIABLE}=1 prints the details, "
        "which may hold student data."
    )


def told_of(error: BaseException) -> str:
    """What the command line says of an option that is wrong."""
    told = getattr(error, "format_message", None)
    return str(told() if told else error)


def finish(left_out: int) -> NoReturn:
    """Exit with 1 if something was left out, else with 0."""
    raise typer.Exit(SOMETHING_LEFT_OUT if left_out else ALL_WELL)


@contextmanager
def progress(title: str, unit: str, *, quiet: bool) -> Iterator[Callable[[int, int | None], None]]:
    """A progress bar on standard error, if that is a terminal.

    The function given takes done and expected.
    """
    if quiet or not err.is_terminal:
        yield lambda _done, _expected: STOP.check()
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(title, total=None)

        def told(done: int, expected: int | None) -> None:
            STOP.check()
            bar.update(task, completed=done, total=expected)

        yield told


def plain(counts: Mapping[Any, int]) -> dict[str, int]:
    """Counts with text keys, most first."""
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return {str(key): count for key, count in ordered}
