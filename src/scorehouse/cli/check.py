"""`scorehouse check`: a results delivery against every published rule."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn

import pyarrow as pa
import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import (
    ALL_WELL,
    REFUSED,
    SOMETHING_LEFT_OUT,
    answering,
    err,
    out,
    print_json,
    progress,
)
from scorehouse.errors import UsageError
from scorehouse.verbs.check import CheckRequest, CheckSummary, check_file, compat_lines

_EXAMPLES = 3
_COLORS = {"stop": "red", "file_refused": "red", "record_left_out": "red", "warning": "yellow"}


def check(
    input_path: Annotated[
        Path,
        typer.Argument(metavar="INPUT", help="Results: TRT or the two tables; file, folder, zip."),
    ],
    profile: Annotated[
        str,
        typer.Option(help="annual-2015-16, annual-later, reporting-load or paper."),
    ],
    year: Annotated[
        str, typer.Option(help="School year whose rules hold; default: each record's own.")
    ] = "",
    program: Annotated[
        str, typer.Option(help="Whose rules: consortium or california.")
    ] = "consortium",
    policy: Annotated[
        str, typer.Option(help="LOSS/HOSS policy of the member; default: either is accepted.")
    ] = "",
    package: Annotated[
        list[Path] | None,
        typer.Option(help="Test package that the items must belong to. Repeatable."),
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all findings: .csv or .json.")
    ] = None,
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page that can be sent.")
    ] = None,
    show_private: Annotated[
        bool, typer.Option("--show-private", help="Show student ids, names and responses.")
    ] = False,
    require: Annotated[
        list[str] | None,
        typer.Option(
            help="With reporting-load: the fields required besides the minimum (also: "
            "ethnicity, items). Repeatable."
        ),
    ] = None,
    schema: Annotated[bool, typer.Option(help="Validate TRT against the published schema.")] = True,
    deidentified: Annotated[
        bool, typer.Option("--deidentified", help="The delivery should name nobody: check that.")
    ] = False,
    compat: Annotated[
        str, typer.Option(help="rdw: print the incumbent warehouse's own messages instead.")
    ] = "",
    rulebook: Annotated[
        Path | None, typer.Option(help="A rulebook folder of your own, in place of the packaged.")
    ] = None,
    threads: Annotated[
        int, typer.Option(min=1, help="Processes that check a large delivery of TRT.")
    ] = 2,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Check a results delivery against every published rule.

    Exit code 0: nothing would be left out; 1: something would be; 2: refused.
    """
    request = CheckRequest(
        input=input_path,
        profile=profile,
        year=year,
        program=program,
        policy=policy,
        packages=tuple(package or ()),
        required=tuple(require or ()),
        rulebook=rulebook,
        with_schema=schema,
        is_deidentified=deidentified,
        show_private=show_private,
        threads=threads,
    )
    pa.set_memory_pool(pa.system_memory_pool())  # keeps less of what was given back
    with answering(as_json):
        if compat:
            _compat(request, compat, as_json)
        with progress("checking", "results", quiet=as_json) as report:
            summary = check_file(request, findings, html, report)
    if as_json:
        print_json(as_plain(summary))
    else:
        _print(summary, findings, html)
    raise typer.Exit(_exit_code(summary))


def _exit_code(summary: CheckSummary) -> int:
    if summary.is_refused:
        return REFUSED
    return SOMETHING_LEFT_OUT if summary.leaves_out else ALL_WELL


def _compat(request: CheckRequest, compat: str, as_json: bool) -> NoReturn:
    """Print the incumbent's messages and exit: 1 when there are any."""
    if compat != "rdw":
        raise UsageError(f"unknown --compat {compat!r}; known is rdw")
    if not request.input.exists():
        raise UsageError(f"there is no {request.input.name}")
    lines = list(compat_lines(request))
    if as_json:
        print_json([line._asdict() for line in lines])
    else:
        for line in lines:
            said = f"result {line.result}: {line.element} [{line.value}]: {line.error}"
            out.print(escape(said), highlight=False, soft_wrap=True)
        err.print(f"{len(lines):,} messages", highlight=False)
    raise typer.Exit(SOMETHING_LEFT_OUT if lines else ALL_WELL)


def as_plain(summary: CheckSummary) -> dict[str, Any]:
    """A summary as JSON has it."""
    totals = summary.totals
    return {
        "profile": summary.profile,
        "year": summary.year,
        "results": totals.results,
        "item_rows": totals.item_rows,
        "left_out": totals.left_out,
        "item_rows_without_test": totals.orphans,
        "findings": summary.by_consequence,
        "years_without_rules": totals.years_without_rules,
        "rules": [
            {
                "rule": told.rule,
                "title": told.title,
                "consequence": told.consequence,
                "count": told.count,
                "examples": [
                    dict(zip(finding.__match_args__, finding.columns(), strict=True))
                    for finding in told.examples[:_EXAMPLES]
                ],
            }
            for told in summary.rules
        ],
        "coverage": {
            name: [
                {
                    "field": field.field,
                    "filled": field.filled,
                    "rows": field.rows,
                    "distinct": field.distinct,
                    "is_estimate": field.is_estimate,
                }
                for field in fields
            ]
            for name, fields in (("test", totals.tests), ("item", totals.items))
        },
    }


def _print(summary: CheckSummary, findings: Path | None, html: Path | None) -> None:
    totals = summary.totals
    if summary.rules:
        out.print(_rules_table(summary))
    said = f"{totals.results:,} results, {totals.item_rows:,} item rows; "
    err.print(said + f"{totals.left_out:,} results left out by rules", highlight=False)
    if totals.years_without_rules:
        years = ", ".join(totals.years_without_rules)
        err.print(f"no scale in the rulebook for {years}: scores not compared", highlight=False)
    for path in (findings, html):
        if path is not None:
            err.print(f"written: {path}", highlight=False)


def _rules_table(summary: CheckSummary) -> Table:
    table = Table(title=f"Findings, profile {summary.profile}", title_justify="left")
    table.add_column("Rule")
    table.add_column("What follows")
    table.add_column("Count", justify="right")
    table.add_column("What it asks, and examples", overflow="fold")
    for told in summary.rules:
        color = _COLORS.get(told.consequence, "blue")
        lines = [f"[bold]{escape(told.title)}[/]"]
        lines += [
            escape(f"{finding.record or finding.file}: {finding.message}")
            for finding in told.examples[:_EXAMPLES]
        ]
        follows = f"[{color}]{told.consequence.replace('_', ' ')}[/]"
        table.add_row(told.rule, follows, f"{told.count:,}", "\n".join(lines))
    return table
