"""Measure loading the warehouse beside COPY of the same rows into a PostgreSQL server.

The server is a private one on a socket of its own, with its usual settings and tables without
indexes or keys: the least that such a load can cost. Ours checks keys, gives every sitting a
fate, keeps the delivery and flushes its files. Seconds are of processor time (of the server's
process for COPY) and of the clock, medians of `--runs`; bytes are those on disk. Writes
RESULTS-warehouse-postgres.md beside this file; says so and ends when there is no server.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import duckdb

from machine import machine
from warehouse import KEPT, clocked, fresh, loading

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tests"))

from postgres_server import NO_POSTGRES, is_possible, server  # noqa: E402

TICKS = os.sysconf("SC_CLK_TCK")
TYPES = {
    "text": "text", "int8": "smallint", "int32": "integer", "int64": "bigint",
    "real": "double precision", "flag": "boolean", "day": "date", "instant": "timestamp",
}  # fmt: skip


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    return parser.parse_args()


def prepare(folder: Path, students: int) -> None:
    """Invent what is loaded."""
    scorehouse = str(Path(sys.executable).with_name("scorehouse"))
    source = folder / "parquet"
    for words in (
        ["simulate", "-o", source, "--year", "2018-19", "--preset", "state",
         "--students", students],
        ["score", source / "responses.parquet", "--package", source, "--year", "2018-19",
         "--no-targets", "-o", folder / "scores.parquet"],
    ):  # fmt: skip
        subprocess.run(
            [scorehouse, *map(str, words)], check=words[0] == "simulate", stdout=subprocess.DEVNULL
        )


def ours(folder: Path) -> tuple[dict[str, float], Any]:
    """Load into a new warehouse; return what it took, and the warehouse."""
    source = folder / "parquet"
    house = fresh(folder / "house", source)
    return clocked(loading(house, source / "responses.parquet", folder / "scores.parquet")), house


def as_text(house: Any, folder: Path) -> dict[str, tuple[Path, int, int]]:
    """Write each table as CSV for COPY; return its file, rows, and bytes of our own files."""
    found = {}
    with house.snapshot() as snapshot:
        for name in KEPT:
            files = [file for file in snapshot.files if file.table == name]
            path = folder / f"{name}.csv"
            listed = [file.path for file in files]
            duckdb.sql(f"COPY (SELECT * FROM read_parquet({listed})) TO '{path}' (HEADER false)")
            held = sum(Path(file.path).stat().st_size for file in files)
            found[name] = (path, sum(file.rows for file in files), held)
    return found


def columns(name: str) -> str:
    from scorehouse.warehouse.schema import TABLES

    own = ", ".join(f'"{field.name}" {TYPES[field.type]}' for field in TABLES[name].fields)
    return f"row_id bigint, import_id bigint, {own}"


def copied(url: str, tables: dict[str, tuple[Path, int, int]]) -> dict[str, float]:
    """COPY every table into an empty database in one transaction; what it took."""
    import psycopg

    with psycopg.connect(url) as connection:
        for name in tables:
            connection.execute(f'DROP TABLE IF EXISTS "{name}"')
            connection.execute(f'CREATE TABLE "{name}" ({columns(name)})')
        connection.commit()
        began, core = time.perf_counter(), used(connection.info.backend_pid)
        for name, (path, _, _) in tables.items():
            text = f'COPY "{name}" FROM STDIN (FORMAT csv)'
            with path.open("rb") as stream, connection.cursor().copy(text) as copy:
                while piece := stream.read(1 << 20):
                    copy.write(piece)
        connection.commit()
        wall = time.perf_counter() - began
        core = used(connection.info.backend_pid) - core
        size = "SELECT " + " + ".join(f"pg_total_relation_size('{name}')" for name in tables)
        row = connection.execute(size).fetchone()
    return {"core": core, "wall": wall, "bytes": float(row[0]) if row else 0.0}


def used(process: int) -> float:
    """Seconds of processor time of a process."""
    cells = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(cells[11]) + int(cells[12])) / TICKS


def medians(runs: list[dict[str, float]]) -> dict[str, float]:
    return {key: median(run[key] for run in runs) for key in runs[0]}


def report(
    mine: dict[str, float],
    theirs: dict[str, float],
    tables: dict[str, tuple[Path, int, int]],
    runs: int,
) -> str:
    held = sum(size for _, _, size in tables.values())
    lines = [
        "# Loading the warehouse beside COPY into PostgreSQL",
        "",
        f"`python bench/warehouse_postgres.py`; medians of {runs} runs.",
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        "",
        "| | processor seconds | seconds | bytes on disk |",
        "|---|---|---|---|",
        f"| Scorehouse loads Parquet: keys, fates, delivery kept, files flushed "
        f"| {mine['core']:.1f} | {mine['wall']:.1f} | {held:,} |",
        f"| COPY into tables without keys or indexes | {theirs['core']:.1f} "
        f"| {theirs['wall']:.1f} | {theirs['bytes']:,.0f} |",
        f"| ratio | {mine['core'] / theirs['core']:.2f} | {mine['wall'] / theirs['wall']:.2f} "
        f"| {held / theirs['bytes']:.2f} |",
        "",
        "| table | rows | bytes | bytes a row |",
        "|---|---|---|---|",
        *(
            f"| {name} | {rows:,} | {size:,} | {size / max(rows, 1):.1f} |"
            for name, (_, rows, size) in tables.items()
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = arguments()
    if not is_possible():
        print(f"Nothing measured beside PostgreSQL: {NO_POSTGRES}.")
        return
    folder = Path(tempfile.mkdtemp(prefix="scorehouse-bench-", dir=asked.folder))
    try:
        prepare(folder, asked.students)
        loads = [ours(folder) for _ in range(asked.runs)]
        tables = as_text(loads[-1][1], folder)
        with server() as url:
            plain = url.replace("postgresql+psycopg", "postgresql")
            theirs = medians([copied(plain, tables) for _ in range(asked.runs)])
        text = report(medians([took for took, _ in loads]), theirs, tables, asked.runs)
    finally:
        shutil.rmtree(folder)
    (HERE / "RESULTS-warehouse-postgres.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
