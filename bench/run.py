"""Measure scoring against other packages and against the machine, in one run.

Writes RESULTS.md and results.json beside this file. `make bench` runs it as it is;
`--ten-million` adds ten million simulated tests, Parquet to Parquet (a quarter of an hour or so).
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clock import Timing, measure
from floors import floors
from machine import machine
from peers import catsim_2pl, girth_2pl, mirt_2pl, mirt_mixed
from pipeline import pipeline
from report import report
from scorehouse.scoring import kernel, reference
from scorehouse.scoring.fixed_form import FormTable
from students import GPCM_SHARE, MODEL_CONSTANT, Pool, Students, make_pool, make_students

HERE = Path(__file__).parent
HALF_POINT = 0.5
SEED = 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=200_000)
    parser.add_argument("--tests", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--ten-million", action="store_true")
    parser.add_argument("--year", default="2018-19", help="the rules that the pipeline uses")
    parser.add_argument("--folder", type=Path, help="where the pipeline keeps its files meanwhile")
    return parser.parse_args()


def ours(pool: Pool, students: Students) -> dict[str, Timing]:
    """Our kernel on one and on two threads."""
    bank, tests, everything = pool.bank(), students.tests(), np.ones(len(pool.discrimination), bool)

    def solve(threads: int) -> kernel.Solved:
        return kernel.solve(tests, everything, bank, half_point=HALF_POINT, threads=threads)

    return {
        "1": measure(lambda: solve(1), len(students), runs=11),
        "2": measure(lambda: solve(2), len(students), runs=11),
    }


def matrix(pool: Pool, students: Students) -> Timing:
    """A fixed form's dense scores through its table, the table built each time."""
    bank, rows, n = pool.bank(), students.entry[0], len(students)

    def solve() -> kernel.Solved:
        table = FormTable.build(rows, bank, HALF_POINT)
        assert table is not None
        return table.solve(students.score)

    return measure(solve, n, runs=11)


def peers(mixed: Pool, single: Pool, drawn: dict[str, Students]) -> dict[str, Timing]:
    """Other packages, each on as many students as it takes to measure it."""
    fixed, ragged = drawn["fixed"].first(10_000), drawn["ragged"].first(200)
    fixed_2pl, ragged_2pl = drawn["fixed_2pl"].first(10_000), drawn["ragged_2pl"].first(300)
    few = fixed_2pl.first(1_000)
    whole = np.arange(len(mixed.discrimination), dtype=np.int32)
    rows, rows_2pl = fixed.entry[0], fixed_2pl.entry[0]

    def dense(students: Students) -> Any:
        return students.score.astype(np.int64)

    return {
        "mirt mixed, dense": measure(mirt_mixed(mixed, rows, dense(fixed)), len(fixed), 5),
        "mirt mixed, ragged": measure(
            mirt_mixed(mixed, whole, ragged.matrix(len(whole))), len(ragged), 3
        ),
        "mirt 2PL, dense": measure(mirt_2pl(single, rows_2pl, dense(fixed_2pl)), len(fixed_2pl), 5),
        "girth 2PL, dense": measure(girth_2pl(single, rows_2pl, dense(few)), len(few), 3),
        "catsim 2PL, ragged": measure(catsim_2pl(single, ragged_2pl), len(ragged_2pl), 3),
    }


def agreement(pool: Pool, drawn: dict[str, Students]) -> dict[str, float]:
    """Largest differences of theta from `mirt` (its bounds aside) and from the reference."""
    fixed, ragged = drawn["fixed"].first(10_000), drawn["ragged"].first(500)
    found = solved(pool, fixed)
    theirs = mirt_mixed(pool, fixed.entry[0], fixed.score.astype(np.int64))()
    inside = (found.extreme == kernel.NORMAL) & (np.abs(found.theta) < 7.5)
    return {
        "mirt": float(np.max(np.abs(theirs - found.theta)[inside])),
        "reference, ragged": from_reference(pool, ragged),
        "reference, fixed form": from_reference(pool, fixed, at_most=500),
    }


def solved(pool: Pool, students: Students) -> kernel.Solved:
    everything = np.ones(len(pool.discrimination), bool)
    return kernel.solve(students.tests(), everything, pool.bank(), half_point=HALF_POINT)


def from_reference(pool: Pool, students: Students, at_most: int | None = None) -> float:
    """The largest difference from the plain-Python implementation, all students solved at once."""
    theta, items, worst = solved(pool, students).theta, pool.items(), 0.0
    for student in range(min(len(students), at_most or len(students))):
        pattern = students.pattern(student, items)
        if reference.is_zero(pattern) or reference.is_perfect(pattern):
            pattern = reference.with_half_point(pattern, HALF_POINT)
        right = reference.maximum_likelihood(pattern, MODEL_CONSTANT)
        worst = max(worst, abs(right - float(theta[student])))
    return worst


def main() -> None:
    asked = arguments()
    random = np.random.default_rng(SEED)
    mixed, single = make_pool(random, GPCM_SHARE), make_pool(random, 0.0)
    drawn = {
        "ragged": make_students(random, mixed, asked.students, is_fixed=False),
        "fixed": make_students(random, mixed, asked.students, is_fixed=True),
        "ragged_2pl": make_students(random, single, asked.students // 4, is_fixed=False),
        "fixed_2pl": make_students(random, single, asked.students // 4, is_fixed=True),
    }
    results: dict[str, Any] = {"machine": machine(), "students": asked.students}
    results["floors"] = {name: asdict(t) for name, t in floors().items()}
    results["ours"] = {
        name: {threads: asdict(t) for threads, t in ours(pool, drawn[name]).items()}
        for name, pool in {
            "ragged": mixed, "fixed": mixed, "ragged_2pl": single, "fixed_2pl": single,
        }.items()
    }  # fmt: skip
    results["matrix"] = asdict(matrix(mixed, drawn["fixed"]))
    results["peers"] = {n: asdict(t) for n, t in peers(mixed, single, drawn).items()}
    results["agreement"] = agreement(mixed, drawn)
    results["pipeline"] = []
    for tests in [*asked.tests, *([10_000_000] if asked.ten_million else [])]:
        folder = Path(tempfile.mkdtemp(prefix="scorehouse-bench-", dir=asked.folder))
        results["pipeline"].append(asdict(pipeline(folder, tests, asked.year, threads=2)))
    text = report(results)
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
