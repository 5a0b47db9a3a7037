"""Measure reading results files against plain parsers, on the same bytes in one run.

Writes RESULTS-files.md beside this file. Every figure is taken in a process of its own, with
the compiled code loaded before the clock starts; rates are by second of processor time, so
that a busy machine disturbs them less. Results are invented by `scorehouse simulate`, or
given as zips. Packages that another package would load although the product doesn't need them
(pandas, SciPy) are out of reach of what is measured, as they are in an installation.
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
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib.abc import MetaPathFinder
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from machine import machine

if TYPE_CHECKING:
    from scorehouse.verbs.check_workers import CheckWorkers

HERE = Path(__file__).parent
TASKS = {
    "read": "Scorehouse: every element, and the two tables",
    "elements": "Scorehouse: every element",
    "responses": "Scorehouse: responses for scoring",
    "two": "Scorehouse: every element, and the two tables, two threads",
    "checked": "Scorehouse: read, and every rule of the reporting load",
    "annual": "Scorehouse: read, and every rule of the annual submission (later years)",
    "first_annual": "Scorehouse: read, and every rule of the annual submission of 2015-16",
    "verdicts": "Scorehouse: read, every rule of the reporting load, and the schema's verdict",
    "annual_verdicts": "Scorehouse: read, every annual rule (later years), and the verdict",
    "two_checked": "Scorehouse: read, and every rule of the reporting load, two processes",
    "two_annual": "Scorehouse: read, and every annual rule (later years), two processes",
    "unzip": "only unpacking (zipfile)",
    "parse": "lxml: parse, take nothing",
    "loop": "lxml: parse, take every attribute and text",
    "xmllint": "xmllint --stream: parse, take nothing",
}
MEMORY = {
    ("read", "peak"): "reading",
    ("annual_verdicts", "peak"): "checking, verdicts included",
    ("two_annual", "peak"): "checking by two processes, the largest",
    (
        "two_annual",
        "peaks",
    ): "both together, what they share counted twice",
}
BESIDE = ("two_checked", "two_annual")
MEGABYTE = 1 << 20
NOT_NEEDED = ("pandas", "scipy", "numexpr")
VERSIONS = ("polars", "lxml", "isal")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=25_000)
    parser.add_argument("--memory", type=int, nargs="*", default=[1_000, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--year", default="2018-19")
    parser.add_argument("--zip", type=Path, nargs="*", help="zips of result files made before")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    return parser.parse_args()


def make_files(folder: Path, files: int, year: str) -> list[Path]:
    """Simulate enough students for this many files; about two tests a student."""
    command = [str(Path(sys.executable).with_name("scorehouse")), "simulate", "-o", str(folder)]
    command += ["--year", year, "--students", str(files * 11 // 20), "--trt"]
    subprocess.run([*command, "--overwrite", "--json"], check=True, capture_output=True)
    return sorted(folder.glob("trt*.zip"))


def members(path: Path, count: int) -> Iterator[bytes]:
    """Yield members, over again from the first where there aren't enough."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for place in range(count):
            yield archive.read(names[place % len(names)])


def read(path: Path, count: int, threads: int = 1) -> int:
    from scorehouse.intake.findings import FindingLog
    from scorehouse.intake.readers.results import Reading, read_trt_results

    found, reading = 0, Reading(threads=threads)
    for chunk in read_trt_results(sources(path, count), FindingLog(), reading):
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


def checked(
    path: Path,
    _count: int,
    profile: str = "reporting-load",
    *,
    with_schema: bool = False,
    threads: int = 1,
) -> int:
    """Check as the command does: all of one zip."""
    import pyarrow as pa

    from scorehouse.verbs.check import CheckRequest, check_file

    pa.set_memory_pool(pa.system_memory_pool())
    request = CheckRequest(input=path, profile=profile, with_schema=with_schema)
    return check_file(request, workers=workers(threads) if threads > 1 else None).totals.results


@cache
def workers(count: int) -> CheckWorkers:
    """Processes that stay from one check to the next, as what a process loads does."""
    from scorehouse.verbs.check_workers import CheckWorkers

    return CheckWorkers(count)


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
    "annual": lambda path, count: checked(path, count, "annual-later"),
    "first_annual": lambda path, count: checked(path, count, "annual-2015-16"),
    "verdicts": lambda path, count: checked(path, count, with_schema=True),
    "annual_verdicts": lambda path, count: checked(path, count, "annual-later", with_schema=True),
    "two_checked": lambda path, count: checked(path, count, threads=2),
    "two_annual": lambda path, count: checked(path, count, "annual-later", threads=2),
    "unzip": unzip,
    "parse": parse,
    "loop": loop,
    "xmllint": xmllint,
}


class Absent(MetaPathFinder):
    """Lets nobody find the packages that aren't needed."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name.partition(".")[0] in NOT_NEEDED:
            raise ModuleNotFoundError(name)


def one_task(task: str, path: Path, count: int) -> None:
    """Run one task in this process and print what it took."""
    sys.meta_path.insert(0, Absent())
    if TASKS[task].startswith("Scorehouse"):
        warm_up(path, RUN[task])
    beside = [one.process for one in workers(2).all if one.process] if task in BESIDE else []
    wall, used = time.perf_counter(), processor_seconds(beside)
    found = RUN[task](path, count)
    peaks = [resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, *map(peak, beside)]
    taken = {
        "files": found,
        "wall": time.perf_counter() - wall,
        "processor": processor_seconds(beside) - used,
        "peak": max(peaks),
        "peaks": sum(peaks),
    }
    if beside:
        workers(2).close()
    print(json.dumps(taken))


def peak(process: int) -> int:
    """The most memory that another process has had, what it shares included."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) * 1024


def warm_up(path: Path, run: Callable[[Path, int], int]) -> None:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(path) as archive:
        small = Path(folder) / "small.zip"
        with zipfile.ZipFile(small, "w", zipfile.ZIP_DEFLATED) as copy:
            for name in islice(archive.namelist(), 20):
                copy.writestr(name, archive.read(name))
        run(small, 1)


def processor_seconds(beside: Sequence[int] = ()) -> float:
    """What this process took, its children that ended, and some processes beside it."""
    own, other = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    used = own.ru_utime + own.ru_stime + other.ru_utime + other.ru_stime
    return used + sum(map(ticks, beside)) / os.sysconf("SC_CLK_TCK")


def ticks(process: int) -> int:
    """What another process took, in the system's measure."""
    told = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return int(told[11]) + int(told[12])


def measure(task: str, path: Path, count: int) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", task, "--zip", str(path), "--files", str(count)]
    environment = {**os.environ, "POLARS_MAX_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


def rates(path: Path, count: int, runs: int) -> Iterator[tuple[Taken, list[float]]]:
    """Measure all tasks in turn, several times, so that a busy minute hits them alike.

    Yields all that is known after each turn.
    """
    tasks = [task for task in TASKS if task != "xmllint" or shutil.which("xmllint")]
    taken: Taken = {task: [] for task in tasks}
    loads = []
    for _ in range(runs):
        for task in tasks:
            taken[task].append(measure(task, path, count))
            loads.append(os.getloadavg()[0])
        yield taken, loads


Taken = dict[str, list[dict[str, float]]]
Peaks = dict[int, dict[tuple[str, str], float]]


def report(taken: Taken, peaks: Peaks, path: Path, loads: Sequence[float]) -> str:
    with zipfile.ZipFile(path) as archive:
        sizes = [entry.file_size for entry in archive.infolist()]
    runs = len(taken["read"])
    lines = [
        "# Reading results files",
        "",
        f"{len(sizes):,} TRT files of {sum(sizes) / len(sizes) / 1000:.1f} kB on average in one "
        f"zip, unpacking included; medians of {runs} turn{'s' * (runs > 1)} at all of them. "
        "Made by `bench/results.py`.",
        "",
        *rate_lines(taken),
        "",
        f"{speedups(taken)} {busyness(taken, loads)}",
        "",
        f"| files | {' | '.join(f'{what}: peak memory, MB' for what in MEMORY.values())} |",
        f"|---|{'---|' * len(MEMORY)}",
        *(memory_line(files, peak) for files, peak in peaks.items()),
        "",
        *(f"- {name}: {value}" for name, value in machine().items()),
        *(f"- {name}: {version(name)}" for name in VERSIONS),
        "",
    ]
    return "\n".join(lines)


def rate_lines(taken: Taken) -> Iterator[str]:
    yield "| what | files per processor second | files per second | × the lxml loop |"
    yield "|---|---|---|---|"
    for task, runs in taken.items():
        usual = median(one["files"] / one["processor"] for one in runs)
        wall = median(one["files"] / one["wall"] for one in runs)
        ratio = median(
            (one["files"] / one["processor"]) / (loop["files"] / loop["processor"])
            for one, loop in zip(runs, taken["loop"], strict=True)
        )
        yield f"| {TASKS[task]} | {usual:,.0f} | {wall:,.0f} | {ratio:.2f} |"


def speedups(taken: Taken) -> str:
    pairs = (("read", "two"), ("checked", "two_checked"), ("annual", "two_annual"))
    reading, checking, annual = (
        median(
            one["wall"] / two["wall"] for one, two in zip(taken[name], taken[double], strict=True)
        )
        for name, double in pairs
    )
    return (
        f"Two threads, by the clock: reading {reading:.2f} × one. Two processes that check, of "
        f"which one also unpacks and collects: {checking:.2f} × one for the reporting load, "
        f"{annual:.2f} × for the annual submission."
    )


def busyness(taken: Taken, loads: Sequence[float]) -> str:
    """Say what share of a processor one thread got, and how many wanted one."""
    alone = [
        one["processor"] / one["wall"]
        for task, runs in taken.items()
        for one in runs
        if not task.startswith("two") and task != "xmllint"
    ]
    return (
        f"The machine was shared: {min(loads):.1f} to {max(loads):.1f} processes wanted its "
        f"{os.cpu_count()} processors (load average of a minute, looked at after each figure), "
        f"and one thread got {100 * median(alone):.0f} % of a processor; figures by the clock "
        "say as much of the others as of the product."
    )


def memory_line(files: int, peaks: dict[tuple[str, str], float]) -> str:
    return f"| {files:,} | {' | '.join(f'{peaks[key] / MEGABYTE:,.0f}' for key in MEMORY)} |"


def main() -> None:
    given = arguments()
    if given.task:
        one_task(given.task, given.zip[0], given.files)
        return
    with tempfile.TemporaryDirectory(prefix="scorehouse-bench-") as name:
        folder = Path(name)
        most = max([given.files, *given.memory])
        paths = given.zip or make_files(folder, most, given.year)
        peaks: Peaks = {}
        for count in given.memory:
            path = first_files(paths, count, folder)
            once = {task: measure(task, path, count) for task in {task for task, _ in MEMORY}}
            peaks[count] = {(task, which): once[task][which] for task, which in MEMORY}
        path = first_files(paths, given.files, folder)
        for taken, loads in rates(path, given.files, given.runs):
            text = report(taken, peaks, path, loads)
            (HERE / "RESULTS-files.md").write_text(text, encoding="utf-8")
    print(text)


def first_files(paths: Sequence[Path], count: int, folder: Path) -> Path:
    """Make a zip of the first files."""
    made = folder / f"first-{count}.zip"
    wanted = count
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as copy:
        for path in paths:
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist()[:wanted]:
                    copy.writestr(name, archive.read(name))
                    wanted -= 1
    return made


if __name__ == "__main__":
    main()
