"""Measure reading results files against plain parsers, on the same bytes in one run.

Writes RESULTS-files.md beside this file. Every figure is taken in a process of its own, with
the compiled code loaded before the clock starts; rates are by second of processor time, so
that a busy machine disturbs them less. Results are invented by `scorehouse simulate`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from statistics import median

from machine import machine

HERE = Path(__file__).parent
TASKS = {
    "read": "Scorehouse: every element, and the two tables",
    "elements": "Scorehouse: every element",
    "responses": "Scorehouse: responses for scoring",
    "two": "Scorehouse: every element, and the two tables, two threads",
    "checked": "Scorehouse: read, and every rule of the reporting load",
    "verdicts": "Scorehouse: read, every rule, and the schema's verdict",
    "two_checked": "Scorehouse: read, and every rule, two threads",
    "unzip": "only unpacking (zipfile)",
    "parse": "lxml: parse, take nothing",
    "loop": "lxml: parse, take every attribute and text",
    "xmllint": "xmllint --stream: parse, take nothing",
}
MEGABYTE = 1 << 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=25_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000, 25_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--year", default="2018-19")
    parser.add_argument("--zip", type=Path, help="result files made before")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_files(folder: Path, files: int, year: str) -> Path:
    """Simulate enough students for this many files; about two tests a student."""
    command = [str(Path(sys.executable).with_name("scorehouse")), "simulate", "-o", str(folder)]
    command += ["--year", year, "--students", str(files * 11 // 20), "--trt", "--verbose-trt"]
    subprocess.run([*command, "--overwrite", "--json"], check=True, capture_output=True)
    return folder / "trt.zip"


def members(path: Path, count: int) -> Iterator[bytes]:
    """Yield members, over again from the first where there aren't enough."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for place in range(count):
            yield archive.read(names[place % len(names)])


def read(path: Path, count: int, threads: int = 1) -> int:
    from scorehouse.intake.findings import FindingLog
    from scorehouse.intake.readers.results import read_trt_results

    found = 0
    for chunk in read_trt_results(sources(path, count), FindingLog(), threads=threads):
        found += chunk.tests.num_rows
    return found


def sources(path: Path, count: int) -> list[tuple[Path, str]]:
    with zipfile.ZipFile(path) as archive:
        times = -(-count // len(archive.namelist()))
    return [(path, "trt.zip")] * times


def elements(path: Path, count: int) -> int:
    from scorehouse.intake.findings import FindingLog
    from scorehouse.intake.readers.trt_stream import each_batch, elements_of

    batches = each_batch(
        sources(path, count), FindingLog(), elements_of, size=2_000, limits=None, threads=1,
        progress=None,
    )  # fmt: skip
    return sum(batch.tables["result"].num_rows for batch in batches)


def responses(path: Path, count: int) -> int:
    from scorehouse.intake.findings import FindingLog
    from scorehouse.intake.readers.trt import read_trt

    chunks = read_trt(sources(path, 1), FindingLog())
    return sum(chunk.opportunities.num_rows for chunk in chunks)


def checked(path: Path, count: int, *, with_schema: bool = False, threads: int = 1) -> int:
    """Check as the command does; only whole zips, since a check is of one input."""
    from scorehouse.verbs.check import CheckRequest, check_file

    request = CheckRequest(
        input=path, profile="reporting-load", with_schema=with_schema, threads=threads
    )
    return check_file(request).totals.results


def parse(path: Path, count: int) -> int:
    from lxml import etree

    return sum(etree.fromstring(content) is not None for content in members(path, count))


def loop(path: Path, count: int) -> int:
    """Take every attribute and text into lists by element, as a simple program would."""
    from lxml import etree

    found = 0
    for content in members(path, count):
        columns: dict[str, list[object]] = {}
        for element in etree.fromstring(content).iter():
            columns.setdefault(element.tag, []).append((element.items(), element.text))
        found += 1
    return found


def unzip(path: Path, count: int) -> int:
    return sum(len(content) > 0 for content in members(path, count))


def xmllint(path: Path, count: int) -> int:
    """Parse the members as one stream in one process; their declarations are cut off."""
    process = subprocess.Popen(["xmllint", "--stream", "--noout", "-"], stdin=subprocess.PIPE)
    assert process.stdin
    process.stdin.write(b"<TDSReports>")
    for content in members(path, count):
        process.stdin.write(content[content.index(b"<TDSReport>") :])
    process.stdin.write(b"</TDSReports>")
    process.stdin.close()
    assert process.wait() == 0
    return count


RUN: dict[str, Callable[[Path, int], int]] = {
    "read": read,
    "elements": elements,
    "responses": responses,
    "two": lambda path, count: read(path, count, threads=2),
    "checked": checked,
    "verdicts": lambda path, count: checked(path, count, with_schema=True),
    "two_checked": lambda path, count: checked(path, count, threads=2),
    "unzip": unzip,
    "parse": parse,
    "loop": loop,
    "xmllint": xmllint,
}


def one_task(task: str, path: Path, count: int) -> None:
    """Run one task in this process and print what it took."""
    if TASKS[task].startswith("Scorehouse"):
        warm_up(path, RUN[task])
    wall, used = time.perf_counter(), processor_seconds()
    found = RUN[task](path, count)
    taken = {
        "files": found,
        "wall": time.perf_counter() - wall,
        "processor": processor_seconds() - used,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(taken))


def warm_up(path: Path, run: Callable[[Path, int], int]) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        small = Path(folder) / "small.zip"
        with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as copy:
            for name in islice(archive.namelist(), 20):
                copy.writestr(name, archive.read(name))
        run(small, 1)


def processor_seconds() -> float:
    own, other = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + other.ru_utime + other.ru_stime


def measure(task: str, path: Path, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", task, "--zip", str(path), "--files", str(count)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def rates(path: Path, count: int, runs: int) -> dict[str, list[dict[str, float]]]:
    """Measure all tasks in turn, several times, so that a busy minute hits them alike."""
    tasks = [task for task in TASKS if task != "xmllint" or shutil.which("xmllint")]
    taken: dict[str, list[dict[str, float]]] = {task: [] for task in tasks}
    for _ in range(runs):
        for task in tasks:
            taken[task].append(measure(task, path, count))
    return taken


def report(
    taken: dict[str, list[dict[str, float]]], peaks: dict[int, float], path: Path, count: int
) -> str:
    with zipfile.ZipFile(path) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
    usual = {task: median(t["files"] / t["processor"] for t in r) for task, r in taken.items()}
    wall = {task: median(t["files"] / t["wall"] for t in r) for task, r in taken.items()}
    lines = [
        "# Reading results files",
        "",
        f"{count:,} TRT files of {sum(sizes) / len(sizes) / 1000:.1f} kB on average in one zip, "
        "unpacking included; medians of several runs, taken in turn. Made by "
        "`bench/results.py`.",
        "",
        "| what | files per processor second | files per second | × the lxml loop |",
        "|---|---|---|---|",
    ]
    for task in taken:
        ratio = usual[task] / usual["loop"]
        lines.append(f"| {TASKS[task]} | {usual[task]:,.0f} | {wall[task]:,.0f} | {ratio:.2f} |")
    speedups = {
        name: median(
            one["wall"] / two["wall"] for one, two in zip(taken[name], taken[double], strict=True)
        )
        for name, double in (("read", "two"), ("checked", "two_checked"))
    }
    lines += [
        "",
        f"Two threads, by the clock ({os.cpu_count()} processors): reading "
        f"{speedups['read']:.2f} × one, checking {speedups['checked']:.2f} ×.",
        "",
        "| files | peak memory, MB |",
        "|---|---|",
        *(f"| {files:,} | {peak / MEGABYTE:,.0f} |" for files, peak in peaks.items()),
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    given = arguments()
    if given.task:
        one_task(given.task, given.zip, given.files)
        return
    with tempfile.TemporaryDirectory(prefix="scorehouse-bench-") as folder:
        path = given.zip or make_files(Path(folder), given.files, given.year)
        taken = rates(path, given.files, given.runs)
        peaks = {}
        for count in given.memory:
            peaks[count] = measure("read", first_files(path, count, Path(folder)), count)["peak"]
        text = report(taken, peaks, path, given.files)
    (HERE / "RESULTS-files.md").write_text(text, encoding="utf-8")
    print(text)


def first_files(path: Path, count: int, folder: Path) -> Path:
    """Return a zip of the first files; the whole one where it hasn't more."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if count >= len(names):
            return path
        small = folder / f"{count}.zip"
        with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as copy:
            for name in names[:count]:
                copy.writestr(name, archive.read(name))
    return small


if __name__ == "__main__":
    main()
