"""`scorehouse load`: bring files of any kind into the warehouse."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from scorehouse.cli.console import (
    ALL_WELL,
    REFUSED,
    SOMETHING_LEFT_OUT,
    answering,
    out,
    print_json,
    progress,
    say,
)
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Consequence
from scorehouse.verbs.output import write_table
from scorehouse.verbs.rule_titles import title_of
from scorehouse.warehouse.load import FileLoaded, LoadRequest, LoadSummary, reconcile
from scorehouse.warehouse.load import load as load_files

_GRAVEST = tuple(consequence.value for consequence in Consequence)
_COLORS = {"PROCESSED": "green", "NO_UPDATE": "blue"}


def load(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="Files, zips or folders, of any kind, in any order."
        ),
    ],
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    as_kind: Annotated[
        str, typer.Option("--as", metavar="KIND", help="The kind of all files, when it isn't told.")
    ] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and keep nothing.")
    ] = False,
    year: Annotated[str, typer.Option(help="School year of files that name none.")] = "",
    effective: Annotated[
        str, typer.Option(metavar="DAY", help="Day since which undated rows hold.")
    ] = "",
    mapping: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Declared columns of a roster (.toml).")
    ] = None,
    findings: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write all findings: .csv, .json, .parquet.")
    ] = None,
    reconciliation: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the fate of every result: .csv or .parquet."),
    ] = None,
    show_private: Annotated[
        bool, typer.Option("--show-private", help="Show student ids, names and responses.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Threads that read.")] = 2,
    engine: EngineOption = "",
    as_json: JsonOption = False,
) -> None:
    """Bring files into the warehouse: all of a load is there at the end, or nothing of it.

    Exit code 0: all is held; 1: something was left out or waits; 2: nothing could be taken.
    """
    request = LoadRequest(
        paths=tuple(inputs),
        as_kind=as_kind,
        school_year=year,
        effective=effective,
        mapping=mapping,
        is_dry=dry_run,
        threads=threads,
        show_private=show_private,
    )
    with answering(as_json):
        _check_places(findings, reconciliation)
        house = opened(warehouse, engine)
        with progress("loading", "results", quiet=as_json) as report:
            summary = load_files(house, request, progress=report, say=say)
        if findings is not None:
            summary.log.write(findings)
        if reconciliation is not None:
            write_table(reconcile(house, summary), reconciliation)
        house.close()
    _print(summary, dry_run, as_json)
    if len(summary.log) and findings is None and not as_json:
        say("--findings FILE writes each of these, with its place and what to do.")
    raise typer.Exit(exit_code(summary))


def _check_places(findings: Path | None, reconciliation: Path | None) -> None:
    for path, suffixes in (
        (findings, (".csv", ".json", ".parquet")),
        (reconciliation, (".csv", ".parquet")),
    ):
        if path is not None and path.suffix.lower() not in suffixes:
            raise UsageError(f"{path.name} can't be written; write {' or '.join(suffixes)}")
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} does not exist")


def exit_code(summary: LoadSummary) -> int:
    """The exit code of a load or a replay."""
    if summary.files and summary.is_refused:
        return REFUSED
    return SOMETHING_LEFT_OUT if summary.leaves_out else ALL_WELL


def as_plain(summary: LoadSummary) -> dict[str, Any]:
    """A summary as JSON has it."""
    return {
        "snapshot": summary.snapshot,
        "files": [_plain_file(loaded) for loaded in summary.files],
        "replayed": [_plain_file(loaded) for loaded in summary.replayed],
        "findings": summary.log.counts(),
    }


def _plain_file(loaded: FileLoaded) -> dict[str, Any]:
    return {
        "file": loaded.file,
        "kind": loaded.content,
        "told_by": loaded.why,
        "sureness": loaded.sureness,
        "import": loaded.import_id,
        "status": loaded.ending.status,
        "message": loaded.ending.message,
        "counts": dict(loaded.ending.counts),
    }


def _print(summary: LoadSummary, is_dry: bool, as_json: bool) -> None:
    if as_json:
        print_json(as_plain(summary))
        return
    show(summary)
    if is_dry:
        say("A dry run: nothing was kept.")


def _told(summary: LoadSummary) -> list[str]:
    """What was found, gravest first: how often, what becomes of it, and what the rule says."""
    found = sorted(
        summary.log.by_consequence().items(),
        key=lambda one: (-_GRAVEST.index(one[0][1]), -one[1], one[0][0]),
    )
    return [
        f"{count:,} x {rule} ({consequence.replace('_', ' ')}): {title_of(rule)}"
        for (rule, consequence), count in found
    ]


def show(summary: LoadSummary) -> None:
    """Print what became of each file, and what was found."""
    table = Table(title="Loaded", title_justify="left")
    for name in ("Import", "File", "Kind", "Status", "What happened"):
        table.add_column(name, overflow="fold")
    for loaded in (*summary.files, *summary.replayed):
        status = loaded.ending.status
        table.add_row(
            str(loaded.import_id or ""),
            escape(loaded.file),
            f"{loaded.content or 'unknown'} ({loaded.sureness:.0%})",
            f"[{_COLORS.get(status, 'yellow')}]{status}[/]",
            escape(loaded.ending.message),
        )
    out.print(table)
    for sentence in _told(summary):
        say(sentence)
    if summary.snapshot:
        say(f"Held as snapshot {summary.snapshot}.")
