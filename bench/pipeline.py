"""The whole command, Parquet to Parquet, beside reading and re-writing the responses alone."""

from __future__ import annotations

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SCOREHOUSE = str(Path(sys.executable).parent / "scorehouse")

COPY = """
import sys, pyarrow.parquet as pq
source = pq.ParquetFile(sys.argv[1])
with pq.ParquetWriter(sys.argv[2], source.schema_arrow, compression="zstd") as writer:
    for batch in source.iter_batches(batch_size=262144):
        writer.write_batch(batch)
"""


@dataclass(frozen=True)
class Run:
    """A process that was run: seconds by the clock, of processor time, and peak memory."""

    wall: float
    processor: float
    peak_mib: float


@dataclass(frozen=True)
class PipelineResult:
    tests: int
    responses: int
    rows_written: int
    response_bytes: int
    threads: int
    score: Run
    copy: Run


def run(command: list[str], output: Path) -> Run:
    """Run a command; its standard output goes to a file. Exit code 1 is findings: fine."""
    start = time.perf_counter()
    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Run(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, _mib(usage))


def _mib(usage: resource.struct_rusage) -> float:
    unit = 1 if sys.platform == "darwin" else 1024
    return usage.ru_maxrss * unit / 2**20


def pipeline(folder: Path, tests: int, year: str, threads: int) -> PipelineResult:
    """Simulate a state of about so many tests, score it, copy its responses; then delete it."""
    world, said = folder / "world", folder / "said.json"
    run([SCOREHOUSE, "simulate", "-o", str(world), "--year", year, "--students",
         str(tests // 2), "--seed", "1", "--json"], said)  # fmt: skip
    made = json.loads(said.read_text(encoding="utf-8"))
    responses, scores = world / "responses.parquet", folder / "scores.parquet"
    score = run([SCOREHOUSE, "score", str(responses), "--package", str(world), "--year", year,
                 "--threads", str(threads), "-o", str(scores), "--json"], said)  # fmt: skip
    scored = json.loads(said.read_text(encoding="utf-8"))
    copy = run([sys.executable, "-c", COPY, str(responses), str(folder / "copy.parquet")], said)
    result = PipelineResult(
        scored["tests"],
        made["responses"],
        scored["rows"],
        responses.stat().st_size,
        threads,
        score,
        copy,
    )
    shutil.rmtree(folder)
    return result
