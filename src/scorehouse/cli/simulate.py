"""`scorehouse simulate`: an invented district or state."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from scorehouse.cli.console import answering, out, print_json, progress, say
from scorehouse.errors import UsageError
from scorehouse.terms import Subject

if TYPE_CHECKING:
    from scorehouse.simulate import SimulationConfig, SimulationSummary


class Preset(StrEnum):
    """Sizes of the invented world."""

    DISTRICT = "district"
    STATE = "state"


class Form(StrEnum):
    """Forms of the tables."""

    PARQUET = "parquet"
    CSV = "csv"


def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write.")],
    year: Annotated[list[str], typer.Option(help="School year, as in 2018-19. Repeatable.")],
    preset: Annotated[Preset, typer.Option(help="How large a world.")] = Preset.DISTRICT,
    seed: Annotated[int, typer.Option(min=0, help="The same seed, the same world.")] = 1,
    students: Annotated[
        int | None, typer.Option(min=1, help="Tested students a year; default: the preset's.")
    ] = None,
    subject: Annotated[
        list[str] | None, typer.Option(help="ELA or Math; default: both. Repeatable.")
    ] = None,
    grade: Annotated[
        list[str] | None, typer.Option(help="Default: all tested grades. Repeatable.")
    ] = None,
    interim: Annotated[bool, typer.Option(help="Interim tests too (ICA, IAB).")] = False,
    form: Annotated[Form, typer.Option(help="Form of the tables.")] = Form.PARQUET,
    trt: Annotated[bool, typer.Option(help="Result files too: trt.zip.")] = False,
    verbose_trt: Annotated[
        bool,
        typer.Option(help="Result files with raters' reads and targets: 32 kB each, not 20 kB."),
    ] = False,
    overwrite: Annotated[bool, typer.Option(help="Replace a folder that holds files.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Make an invented district or state: students, packages, responses that follow from them."""
    with answering(as_json):
        _check_place(output)
        changes: dict[str, Any] = {
            "include_interim": interim,
            "form": _form(form),
            "trt": trt or verbose_trt,
            "verbose_trt": verbose_trt,
        }
        if students is not None:
            changes["students"] = students
        if subject:
            changes["subjects"] = tuple(_subject(text) for text in subject)
        if grade:
            changes["grades"] = tuple(grade)
        summary = _run(preset, seed, year, changes, output, overwrite, as_json)
    _tell(summary, as_json)


def _run(
    preset: Preset,
    seed: int,
    year: list[str],
    changes: dict[str, Any],
    output: Path,
    overwrite: bool,
    quiet: bool,
) -> SimulationSummary:
    """Simulate, with a bar; the packages it needs are heavy, so they come in here."""
    from scorehouse.simulate import SimulationConfig, simulate
    from scorehouse.verbs.request import parse_year

    years = tuple(parse_year(text) for text in year)
    make = SimulationConfig.district if preset is Preset.DISTRICT else SimulationConfig.state
    config = _made(make, seed, years, changes)
    with progress("simulating", "tests", quiet=quiet) as report:
        return simulate(config, output, progress=report, overwrite=overwrite)


def _check_place(folder: Path) -> None:
    """Refuse a folder that can't be made where it should be."""
    there = next(parent for parent in folder.absolute().parents if parent.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        raise UsageError(f"{folder} can't be made: {there} may not be written; choose another")


def _made(make: Any, seed: int, years: Any, changes: dict[str, Any]) -> SimulationConfig:
    try:
        config: SimulationConfig = make(seed, years, **changes)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return config


def _form(form: Form) -> Literal["parquet", "csv"]:
    return "csv" if form is Form.CSV else "parquet"


def _subject(text: str) -> Subject:
    try:
        return Subject.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _tell(summary: SimulationSummary, as_json: bool) -> None:
    counts = {
        name: getattr(summary, name)
        for name in ("students", "tests", "responses", "entities", "assessments", "items")
    }
    if as_json:
        print_json({"folder": str(summary.folder), "files": list(summary.files), **counts})
        return
    words = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    out.print(f"{words}.", highlight=False, soft_wrap=not out.is_terminal)
    say(f"Written to {summary.folder}: {', '.join(summary.files)}")
