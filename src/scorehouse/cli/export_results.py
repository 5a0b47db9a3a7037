"""`scorehouse export results`: students' results, a row each, as districts know them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Annotated

import polars as pl
import typer

from scorehouse.cli.console import SOMETHING_LEFT_OUT, answering, print_json, progress, say
from scorehouse.cli.warehouse_options import (
    DEFAULT_FOLDER,
    AsOfOption,
    EngineOption,
    JsonOption,
    WarehouseOption,
    opened,
)
from scorehouse.exports.files import check_suffix, write_file
from scorehouse.exports.workbook import Notes
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.result_export import SCHEMA, ResultsAsked, exported_results, meanings

_NOTES = Notes(
    "Results of students",
    [
        "Confidential: results of single students, for staff with a right to see them.",
        "The columns up to AssignedAccommodationList are those of the reporting system's district "
        "and school export, in its order; those after it are added.",
        "An empty cell is a value that is not known.",
    ],
    tuple(meanings().items()),
)


def results(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .csv, .xlsx or .parquet file.")
    ],
    entity: Annotated[
        list[str] | None,
        typer.Option("--entity", metavar="ID", help="A school, district or group; default: all."),
    ] = None,
    year: Annotated[str, typer.Option("--year", help="School year, as in 2018-19.")] = "",
    subject: Annotated[str, typer.Option("--subject", help="Subject.")] = "",
    kind: Annotated[
        list[str] | None,
        typer.Option("--type", metavar="TYPE", help="summative, ICA or IAB; default: all."),
    ] = None,
    completeness: Annotated[str, typer.Option(help="Complete or Partial; default: all.")] = "",
    condition: Annotated[str, typer.Option(help="Valid, SD, NS or IN; default: all.")] = "",
    warehouse: WarehouseOption = DEFAULT_FOLDER,
    engine: EngineOption = "",
    as_of: AsOfOption = "",
    as_json: JsonOption = False,
) -> None:
    """Write results of students in the columns of the district and school export."""
    asked = ResultsAsked(
        year, subject, tuple(kind or ()), tuple(entity or ()), completeness, condition
    )
    with answering(as_json):
        check_suffix(output)
        with closing(opened(warehouse, engine)) as house:
            rows, lost = _write(house, output, asked, as_of, as_json)
            house.note("export", "", f"results of students: {rows:,} rows")
    if as_json:
        print_json({"output": str(output), "rows": rows, "cells_without_column": lost})
    else:
        say(f"{rows:,} results are in {output}; what the columns mean stands beside it.")
        if lost:
            say(f"{lost:,} cells of parts beyond the sixth have no column and are left out.")
    if lost:
        raise typer.Exit(SOMETHING_LEFT_OUT)


def _write(
    house: Warehouse, output: Path, asked: ResultsAsked, as_of: str, quiet: bool
) -> tuple[int, int]:
    schema = pl.Schema({name: pl.String() for name in SCHEMA.names})
    lost = 0
    with house.snapshot(as_of) as snapshot, progress("exporting", "results", quiet=quiet) as report:

        def pieces() -> Iterator[pl.DataFrame]:
            nonlocal lost
            done = 0
            for piece in exported_results(snapshot, asked):
                frame = pl.from_arrow(piece.rows)
                assert isinstance(frame, pl.DataFrame)
                yield frame
                done, lost = done + len(frame), lost + piece.without_column
                report(done, piece.expected)

        rows = write_file(output, pieces(), schema, _NOTES)
    return rows, lost
