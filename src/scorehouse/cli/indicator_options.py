"""The options of `scorehouse indicator`, and the input that they name."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from scorehouse.cli.console import answering
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.verbs.indicator import PROFILES
from scorehouse.verbs.indicator_given import Sources

_FILE = "FILE"
_FIRST_FEW = 3
_POINTS = re.compile(r"[+-]?(\d{1,9}(\.\d{0,20})?|\.\d{1,20}|\d{1,9}/0*[1-9]\d{0,8})")
DashboardOption = Annotated[
    str, typer.Option("--dashboard", "-d", help="Whose rules hold, as in 2024 or 2017-fall.")
]
AuditDashboardOption = Annotated[
    str, typer.Option("--dashboard", "-d", help="Where rows don't say which Dashboard they are of.")
]
ScoresOption = Annotated[
    Path | None, typer.Option("--scores", metavar=_FILE, help="Scores of this year: CSV, Parquet.")
]
RosterOption = Annotated[
    Path | None, typer.Option("--roster", metavar=_FILE, help="Roster of this year, with dates.")
]
PriorScoresOption = Annotated[
    Path | None, typer.Option("--prior-scores", metavar=_FILE, help="Scores of the prior year.")
]
PriorRosterOption = Annotated[
    Path | None,
    typer.Option("--prior-roster", metavar=_FILE, help="Roster of the prior year, if by itself."),
]
EntitiesOption = Annotated[
    Path | None,
    typer.Option("--entities", metavar=_FILE, help="Schools: names, LEA, charter, cuts, window."),
]
SumsOption = Annotated[
    Path | None, typer.Option("--sums", metavar=_FILE, help="Sums of this year, made before.")
]
PriorSumsOption = Annotated[
    Path | None, typer.Option("--prior-sums", metavar=_FILE, help="Sums of the prior year.")
]
PrintedOption = Annotated[
    Path | None,
    typer.Option("--printed", metavar=_FILE, help="Printed Status and Change, or a state's file."),
]
WarehouseOption = Annotated[
    Path | None,
    typer.Option("--warehouse", "-w", metavar="FOLDER", envvar="SCOREHOUSE_WAREHOUSE",
                 help="A warehouse with results and enrollments of both years."),
]  # fmt: skip
EngineOption = Annotated[
    str,
    typer.Option("--engine", metavar="URL", envvar="SCOREHOUSE_ENGINE",
                 help="Cluster to compute on, as in sc://host:15002; default: this machine."),
]  # fmt: skip
AsOfOption = Annotated[
    str, typer.Option(metavar="WHEN", help="As it was after an import (its number), or on a day.")
]
SettingsOption = Annotated[
    list[str] | None,
    typer.Option("--setting", metavar="NAME=VALUE", help="Another value of a setting of who "
                 "counts, as in testing_day=window."),
]  # fmt: skip
ProfileOption = Annotated[str, typer.Option(help=f"For whom: {' or '.join(PROFILES)}.")]
UncertainOption = Annotated[
    bool, typer.Option("--accept-uncertain", help="Use values that are known by recollection only.")
]
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar=_FILE, help="A .csv, .xlsx or .parquet file."),
]
StateFilesOption = Annotated[
    Path | None,
    typer.Option("--state-files", metavar="FOLDER", help="Also the state's own file layout."),
]
FindingsOption = Annotated[
    Path | None, typer.Option(metavar=_FILE, help="Write findings as CSV, JSON or Parquet.")
]
FiguresOption = Annotated[
    Path | None,
    typer.Option("--figures", metavar=_FILE, help="Figures of your own, as compute -o wrote them."),
]
SubjectOption = Annotated[str, typer.Option(help="ELA or Math.")]
AuditSubjectOption = Annotated[str, typer.Option(help="ELA or Math, where rows don't say it.")]
GroupOption = Annotated[str, typer.Option("--group", "-g", help="Student group, as in ALL or EL.")]
PointsOption = Annotated[str, typer.Option(help="Points more (or fewer) a student.")]
StudentsOption = Annotated[
    int | None, typer.Option(help="How many students get these points; default: all.")
]
MoreTestedOption = Annotated[int, typer.Option(help="Students tested beside the others.")]
MoreDistanceOption = Annotated[str, typer.Option(help="Their distance from standard.")]
WithoutOption = Annotated[int, typer.Option(help="Students that would not count.")]
WithoutPointsOption = Annotated[str, typer.Option(help="The sum of their distances.")]
ChancesOption = Annotated[
    bool, typer.Option("--chances", help="How likely each color is: students are drawn again.")
]
SeedOption = Annotated[int, typer.Option(help="The same seed draws the same students.")]
HtmlOption = Annotated[Path, typer.Option("--html", metavar="FOLDER", help="Where pages go.")]
PdfOption = Annotated[bool, typer.Option("--pdf", help="Also as tagged PDF.")]
ShownEntitiesOption = Annotated[
    list[str] | None,
    typer.Option("--entity", "-e", metavar="ID", help="Only these; default: all districts and "
                 "schools."),
]  # fmt: skip


_SOURCES: Mapping[str, tuple[Any, Any]] = {
    "scores": (ScoresOption, None),
    "roster": (RosterOption, None),
    "prior_scores": (PriorScoresOption, None),
    "prior_roster": (PriorRosterOption, None),
    "entities": (EntitiesOption, None),
    "sums": (SumsOption, None),
    "prior_sums": (PriorSumsOption, None),
    "warehouse": (WarehouseOption, None),
    "engine": (EngineOption, ""),
    "as_of": (AsOfOption, ""),
    "settings": (SettingsOption, None),
}
"""The options that name students or their sums, with what they are when left out."""

Command = Callable[..., None]


def takes_sources(command: Command) -> Command:
    """Give a command the options that name students; it gets `sources` in their place."""
    own = inspect.signature(command, eval_str=True)
    keyword = inspect.Parameter.KEYWORD_ONLY
    kept = [one.replace(kind=keyword) for one in own.parameters.values() if one.name != "sources"]
    added = [
        inspect.Parameter(name, keyword, default=default, annotation=annotation)
        for name, (annotation, default) in _SOURCES.items()
    ]

    def asked(**named: Any) -> None:
        told = {name: named.pop(name) for name in _SOURCES}
        with answering(bool(named.get("as_json"))):
            sources = _sources_of(told)
        command(**named, sources=sources)

    asked.__doc__ = command.__doc__
    asked.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    asked.__annotations__ = {one.name: one.annotation for one in (*kept, *added)}
    return asked


def _sources_of(named: Mapping[str, Any]) -> Sources:
    """Where students come from; a warehouse of the environment only gives way to files."""
    told = dict(named)
    told["settings"] = changed_settings(told["settings"])
    by_environment = Path(os.environ.get("SCOREHOUSE_WAREHOUSE", ""))
    has_files = told["sums"] is not None or told["scores"] is not None
    if has_files and told["warehouse"] == by_environment:
        told["warehouse"] = None
    return Sources(**told)


def changed_settings(texts: list[str] | None) -> Mapping[str, Any]:
    """Settings as NAME=VALUE; a value is a number, or words."""
    found: dict[str, Any] = {}
    for text in texts or ():
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--setting takes NAME=VALUE, not {text!r}")
        found[name.strip()] = int(value) if value.strip().lstrip("-").isdigit() else value.strip()
    return found


def exact(text: str) -> Fraction:
    """A number of points, exactly.

    >>> exact("-2.5"), exact("1/3")
    (Fraction(-5, 2), Fraction(1, 3))
    >>> exact("1e999999999")
    Traceback (most recent call last):
    scorehouse.errors.UsageError: '1e999999999' is not a number of points
    """
    if not _POINTS.fullmatch(text.strip()):
        raise UsageError(f"{text[:20]!r} is not a number of points")
    return Fraction(text)


@contextmanager
def findings_told(log: FindingLog, path: Path | None) -> Iterator[None]:
    """Write the findings where they are wanted; a refusal tells the first of them itself."""
    try:
        yield
    except InputRefusedError as error:
        raise InputRefusedError(" ".join(_refusal(str(error), log, path))) from None
    finally:
        if path is not None:
            log.write(path)


def _refusal(sentence: str, log: FindingLog, path: Path | None) -> Iterator[str]:
    yield f"{sentence.rstrip('.')}."
    for finding in islice(log, _FIRST_FEW):
        row = "" if finding.row is None else f"Row {finding.row}: "
        yield f"{row}{finding.message} {finding.remedy}"
    if more := max(len(log) - _FIRST_FEW, 0):
        yield f"There {'is' if more == 1 else 'are'} {more:,} more."
    if len(log):
        yield f"All is in {path.name}." if path else "--findings FILE writes all of it to a file."
