"""`scorehouse history`: everything about one student."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from scorehouse.cli.console import SOMETHING_LEFT_OUT, answering, print_json, say
from scorehouse.cli.history_tables import print_history
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.errors import UsageError
from scorehouse.verbs.output import SUFFIXES, scores_sink
from scorehouse.warehouse.history import History
from scorehouse.warehouse.history import history as history_of
from scorehouse.warehouse.history_rows import history_table


def history(
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help="Statewide, replaced or local identifier.")
    ],
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    responses: Annotated[bool, typer.Option("--responses", help="With item responses.")] = False,
    replaced: Annotated[
        bool, typer.Option("--replaced", help="With results that were corrected or withdrawn.")
    ] = False,
    as_of: AsOfOption = "",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write a row for each figure: "
                     ".csv or .parquet."),
    ] = None,
    as_json: JsonOption = False,
) -> None:  # fmt: skip
    """Show everything about a student: results of all years, enrollments, programs.

    The reading is written into the audit. Exit code 1: there is no such student.
    """
    with answering(as_json):
        if output is not None and output.suffix.lower() not in SUFFIXES:
            raise UsageError(f"{output.name} can't be written; write .csv or .parquet")
        house = opened(warehouse)
        try:
            found = history_of(
                house, student, as_of=as_of, with_responses=responses, with_replaced=replaced
            )
        finally:
            house.close()
        if found is not None and output is not None:
            _write(found, output)
    if as_json:
        print_json(None if found is None else _plain(asdict(found)))
    elif found is None:
        say("There is no such student.")
    else:
        print_history(found)
    raise typer.Exit(SOMETHING_LEFT_OUT if found is None else 0)


def _write(found: History, output: Path) -> None:
    table = history_table(found)
    with scores_sink(output, table.schema) as sink:
        sink.write_table(table)


def _plain(value: Any) -> Any:
    """A history as JSON has it."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, date | datetime):
        return value.isoformat()
    return value
