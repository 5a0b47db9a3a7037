"""Measure loading the warehouse beside the bare engine and beside reading and checking.

Writes RESULTS-warehouse.md beside this file. Every figure is taken in a process of its own;
seconds are of processor time, so that a busy machine disturbs them less, medians of `--runs`.
Results are invented by `scorehouse simulate`.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from machine import machine

HERE = Path(__file__).parent
KEPT = ("result", "response", "scoring", "score", "submission")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=500_000, help="of the Parquet load")
    parser.add_argument("--trt-students", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--task", default="", help="run one task here and print its figures")
    return parser.parse_args()


def clocked(task: Callable[[], object]) -> dict[str, float]:
    """Seconds of processor and of the clock, and the peak of memory, of a task."""
    wall, core = time.perf_counter(), time.process_time()
    task()
    return {
        "core": time.process_time() - core,
        "wall": time.perf_counter() - wall,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def fresh(folder: Path, source: Path) -> Any:
    """An empty warehouse that knows the tests and schools of a simulation."""
    from scorehouse.warehouse import Warehouse
    from scorehouse.warehouse.load import LoadRequest, load

    shutil.rmtree(folder, ignore_errors=True)
    house = Warehouse.create(folder)
    names = ("assessments.csv", "items.csv", "entities.parquet")
    load(house, LoadRequest(tuple(source / name for name in names)))
    return house


def loading(house: Any, *paths: Path) -> Callable[[], object]:
    from scorehouse.warehouse.load import LoadRequest, load

    return lambda: load(house, LoadRequest(paths))


def task_parquet(folder: Path) -> dict[str, float]:
    """Responses and scores from Parquet; then the bare engine's write of the same tables."""
    source = folder / "parquet"
    house = fresh(folder / "house", source)
    found = clocked(loading(house, source / "responses.parquet", folder / "scores.parquet"))
    with house.snapshot() as snapshot:
        files = {name: [f.path for f in snapshot.files if f.table == name] for name in KEPT}
        count = snapshot.sql("SELECT count(*) AS n FROM result")["n"][0].as_py()
    found["results"] = count
    found["bare"] = clocked(lambda: bare(folder, files))["core"]
    return found


def bare(folder: Path, files: dict[str, list[str]]) -> None:
    """Read the tables and write them, with the engine alone and the same settings."""
    connection = duckdb.connect()
    for paths in files.values():
        if paths:
            connection.execute(
                f"COPY (SELECT * FROM read_parquet({paths})) TO '{folder / 'bare.parquet'}' "
                "(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE 122880)"
            )


def task_correction(folder: Path) -> dict[str, float]:
    """A correction of one result in a hundred, in the warehouse that `parquet` left."""
    from scorehouse.warehouse import Warehouse

    house = Warehouse.open(folder / "house")
    return clocked(loading(house, folder / "correction" / "responses.parquet"))


def task_trt(folder: Path) -> dict[str, float]:
    """Results files into the warehouse."""
    source = folder / "trt"
    house = fresh(folder / "trt-house", source)
    return clocked(loading(house, source / "trt.zip"))


def task_check(folder: Path) -> dict[str, float]:
    """The same results files read and checked only."""
    from scorehouse.verbs.check import CheckRequest, check_file

    request = CheckRequest(
        input=folder / "trt" / "trt.zip", profile="reporting-load", with_schema=False
    )
    return clocked(lambda: check_file(request))


TASKS = {
    "parquet": task_parquet, "correction": task_correction, "trt": task_trt, "check": task_check,
}  # fmt: skip


def prepare(folder: Path, students: int, trt_students: int) -> None:
    """Invent what is loaded."""
    scorehouse = str(Path(sys.executable).with_name("scorehouse"))
    for name, count, more in (
        ("parquet", students, ()),
        ("trt", trt_students, ("--trt", "--verbose-trt")),
    ):
        subprocess.run(
            [scorehouse, "simulate", "-o", str(folder / name), "--year", "2018-19",
             "--preset", "state", "--students", str(count), *more],
            check=True, stdout=subprocess.DEVNULL,
        )  # fmt: skip
    source = folder / "parquet"
    subprocess.run(
        [scorehouse, "score", str(source / "responses.parquet"), "--package", str(source),
         "--year", "2018-19", "--no-targets", "-o", str(folder / "scores.parquet")],
        check=False, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    correct(source, folder / "correction")


def correct(source: Path, target: Path) -> None:
    """Every hundredth sitting, with a longer sitting and each answer's score one point lower."""
    target.mkdir()
    sittings = pq.read_table(source / "opportunities.parquet")
    chosen = sittings.take(pa.array(range(0, sittings.num_rows, 100)))
    place = chosen.schema.get_field_index("submitted_at")
    later = pc.binary_join_element_wise(
        pc.utf8_slice_codeunits(chosen["submitted_at"], 0, 10), "23:59:59", "T"
    )
    pq.write_table(
        chosen.set_column(place, "submitted_at", later), target / "opportunities.parquet"
    )
    responses = pq.read_table(source / "responses.parquet")
    wanted = pc.is_in(responses["opportunity_id"], chosen["opportunity_id"].combine_chunks())
    pq.write_table(responses.filter(wanted), target / "responses.parquet")


def measured(folder: Path, name: str, runs: int) -> dict[str, float]:
    """The medians of several runs of a task."""
    found = []
    for _ in range(runs):
        answer = subprocess.run(
            [sys.executable, __file__, "--task", name, "--folder", str(folder)],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        found.append(json.loads(answer.stdout.splitlines()[-1]))
    return {key: median(run[key] for run in found) for key in found[0]}


def report(figures: dict[str, dict[str, float]], asked: argparse.Namespace) -> str:
    """The figures as a page."""
    parquet, trt, check = figures["parquet"], figures["trt"], figures["check"]
    correction = figures["correction"]
    lines = [
        "# Loading the warehouse",
        "",
        f"`python bench/warehouse.py --students {asked.students} --trt-students "
        f"{asked.trt_students} --runs {asked.runs}`; seconds of processor time, medians of the "
        "runs (one of the correction).",
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        "",
        "| what | seconds | beside | ratio | peak MB |",
        "|---|---|---|---|---|",
        f"| {parquet['results']:,.0f} results with responses and scores, from Parquet "
        f"| {parquet['core']:.1f} | the bare engine reads and writes the same tables in "
        f"{parquet['bare']:.1f} | {parquet['core'] / parquet['bare']:.2f} "
        f"| {parquet['peak']:,.0f} |",
        f"| a correction of 1 % of them | {correction['core']:.1f} | the first load "
        f"| {correction['core'] / parquet['core']:.3f} | {correction['peak']:,.0f} |",
        f"| results files of {asked.trt_students:,} students | {trt['core']:.1f} "
        f"| reading and checking them takes {check['core']:.1f} "
        f"| {trt['core'] / check['core']:.2f} | {trt['peak']:,.0f} |",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    asked = arguments()
    if asked.task:
        print(json.dumps(TASKS[asked.task](asked.folder)))
        return
    folder = Path(tempfile.mkdtemp(prefix="scorehouse-bench-", dir=asked.folder))
    prepare(folder, asked.students, asked.trt_students)
    figures = {
        name: measured(folder, name, 1 if name == "correction" else asked.runs) for name in TASKS
    }
    text = report(figures, asked)
    (HERE / "RESULTS-warehouse.md").write_text(text, encoding="utf-8")
    shutil.rmtree(folder)
    print(text)


if __name__ == "__main__":
    main()
