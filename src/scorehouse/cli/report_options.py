"""The options of `scorehouse report`, and the query that they and a saved file make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import make
from scorehouse.reports.query import ReportQuery, as_dict, query_json, query_toml, read_query
from scorehouse.reports.refusal import QueryRefusedError

EntityOption = Annotated[
    list[str] | None,
    typer.Option("--entity", "-e", metavar="ID", help="State, district or school; default: the "
                 "state. Several stand side by side."),
]  # fmt: skip
CompareOption = Annotated[
    list[str] | None,
    typer.Option("--compare", metavar="WITH", help="Also what each belongs to: district, state."),
]
ChildrenOption = Annotated[
    str | None, typer.Option("--children", help="Also the districts or schools of each.")
]
YearOption = Annotated[
    list[str] | None, typer.Option("--year", help="School year, as in 2018-19; default: all.")
]
SubjectOption = Annotated[list[str] | None, typer.Option("--subject", help="Default: all.")]
GradeOption = Annotated[
    list[str] | None, typer.Option("--grade", help="Grade of the test; default: all.")
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--type", help="summative, ICA or IAB; default: summative."),
]
AssessmentOption = Annotated[
    list[str] | None, typer.Option("--assessment", metavar="ID", help="One test, by its id.")
]
GroupOption = Annotated[
    list[str] | None,
    typer.Option("--group", "-g", help="Student group, as in EL, or a crossing: 'EL&SED'."),
]
ByOption = Annotated[
    list[str] | None,
    typer.Option("--by", metavar="DIMENSION", help="Every group of a dimension, as in race; "
                 "several are crossed."),
]  # fmt: skip
FilterOption = Annotated[
    list[str] | None,
    typer.Option("--filter", metavar="NAME=VALUES", help="Only results with one of the values, "
                 "as in economic=SED or completeness=Complete,Partial."),
]  # fmt: skip
StepOption = Annotated[
    list[str] | None,
    typer.Option("--step", metavar="YEAR:GRADE", help="A step of a longitudinal report, as in "
                 "2017-18:03; two or more."),
]  # fmt: skip
FollowOption = Annotated[
    str | None,
    typer.Option(help="cohort: the same students; grades: whoever was in the grade; both."),
]
CountedAtOption = Annotated[
    str | None, typer.Option(help="tested, enrolled or accountable: for whom a result counts.")
]
DemographicsOption = Annotated[
    str | None, typer.Option(help="locked at testing, or current: what is known now.")
]
ScoresOption = Annotated[
    str | None, typer.Option(help="delivered, scored (here), or either, delivered first.")
]
PercentilesOption = Annotated[
    bool | None, typer.Option("--percentiles/--no-percentiles", help="Percentiles too.")
]
PooledOption = Annotated[
    bool | None, typer.Option("--pooled/--no-pooled", help="A row of all grades together.")
]
NonpublicOption = Annotated[
    bool | None,
    typer.Option("--nonpublic-schools/--no-nonpublic-schools",
                 help="Rows of nonpublic schools too."),
]  # fmt: skip
AvailabilityOption = Annotated[
    str | None,
    typer.Option("--availability", help="Only results that are this far: released, reviewing or "
                 "loading; default: released, for staff all."),
]  # fmt: skip
ProgramOption = Annotated[str | None, typer.Option(help="Whose cuts: california or consortium.")]
QueryOption = Annotated[
    Path | None,
    typer.Option("--query", metavar="FILE", help="A saved query; options given change it."),
]
SaveOption = Annotated[
    Path | None,
    typer.Option("--save", metavar="FILE", help="Save the query: .toml or .json."),
]
ProfileOption = Annotated[
    str,
    typer.Option("--profile", help="For whom: staff (nothing hidden, small groups marked), "
                 "public, research-file, dashboard."),
]  # fmt: skip
OutputOption = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="Write .csv, .xlsx or .parquet."),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option("--html", metavar="FOLDER", help="Write pages with charts, one an entity."),
]
PdfOption = Annotated[bool, typer.Option("--pdf", help="With --html: each page as PDF too.")]
_JSON, _TOML = ".json", ".toml"


def asked_query(
    report: str, told: Mapping[str, Any], saved: Path | None, as_of: str
) -> ReportQuery:
    """The query of a saved file, changed by the options that were given."""
    given = {name: _value(name, value) for name, value in told.items() if value is not None}
    if as_of:
        given["as_of"] = as_of
    if saved is None:
        return ReportQuery(report, **given)
    query = read_saved(saved)
    if query.report != report:
        why = f"{saved.name} is a query for scorehouse report {query.report}"
        raise QueryRefusedError(
            [make("query_contradiction", file=saved.name, field="report", why=why)]
        )
    return replace(query, **given)


def _value(name: str, value: Any) -> Any:
    if name == "filters":
        return parsed_filters(value)
    return tuple(value) if isinstance(value, list) else value


def parsed_filters(told: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Filters as they are written on a command line.

    >>> parsed_filters(["economic=SED", "completeness=Complete,Partial"])
    {'economic': ('SED',), 'completeness': ('Complete', 'Partial')}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in told:
        name, equals, values = text.partition("=")
        if not equals or not values:
            reason = "write a name and values"
            raise QueryRefusedError(
                [make("query_value", field="filters", value=text, what="filter", reason=reason)]
            )
        found[name] = (*found.get(name, ()), *values.split(","))
    return found


def read_saved(path: Path) -> ReportQuery:
    """The query of a file; its form is told by its suffix."""
    suffix = path.suffix.lower()
    if suffix not in (_JSON, _TOML):
        raise UsageError(f"{path.name}: a query file ends in {_TOML} or {_JSON}")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        form = suffix.lstrip(".").upper()
        reason = "it is not text in UTF-8"
        raise QueryRefusedError(
            [make("query_broken", file=path.name, form=form, reason=reason)]
        ) from None
    return read_query(text, is_json=suffix == _JSON, file=path.name)


def save_query(query: ReportQuery, path: Path) -> None:
    """Write a query as a file, in the form of its suffix."""
    suffix = path.suffix.lower()
    if suffix not in (_JSON, _TOML):
        raise UsageError(f"{path.name}: a query file ends in {_TOML} or {_JSON}")
    text = query_json(query) if suffix == _JSON else query_toml(query)
    path.write_text(text, encoding="utf-8")


def told_query(query: ReportQuery) -> list[tuple[str, str]]:
    """What was asked, as pairs of words for a page."""
    told = [(k, v) for k, v in as_dict(query).items() if k not in ("version", "report", "name")]
    return [(name.replace("_", " "), _words(value)) for name, value in told]


def _words(value: Any) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {', '.join(values)}" for name, values in value.items())
    if isinstance(value, tuple | list):
        return ", ".join(value)
    return {True: "yes", False: "no"}.get(value, str(value))
