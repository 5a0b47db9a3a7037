"""Measure loading a state's OneRoster delivery: seconds, and the peak of memory.

Writes RESULTS-rosters.md beside this file. The delivery is invented: each student in one school
and in several of its classes.
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
from pathlib import Path

import polars as pl

from machine import machine

HERE = Path(__file__).parent
FIRST_ID, STUDENTS_A_SCHOOL, CLASSES_A_SCHOOL = 9_000_000_000, 600, 20


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=1_500_000)
    parser.add_argument("--classes", type=int, default=4, help="of a student")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--task", type=Path, help="load this delivery and print the figures")
    return parser.parse_args()


def texts(count: int, **columns: pl.Expr | str) -> pl.DataFrame:
    """A table of `count` rows; expressions are of the row's number `n`, texts for all rows."""
    numbers = pl.DataFrame({"n": pl.int_range(0, count, eager=True)})
    cells = [
        (pl.lit(cell) if isinstance(cell, str) else cell.cast(pl.String)).alias(name)
        for name, cell in columns.items()
    ]
    return numbers.select(cells)


def make_delivery(folder: Path, students: int, classes: int) -> None:
    """Write the files of a delivery."""
    n, schools = pl.col("n"), max(students // STUDENTS_A_SCHOOL, 1)
    student, place = n // classes, n % classes
    room = (student // schools + place * 3) % CLASSES_A_SCHOOL
    files = {
        "orgs": texts(schools, sourcedId="s" + n.cast(pl.String), name="S" + n.cast(pl.String),
                      type="school", identifier="998" + n.cast(pl.String).str.zfill(11)),
        "academicSessions": texts(1, sourcedId="t", startDate="2018-08-15",
                                  endDate="2019-06-10", schoolYear="2019"),
        "users": texts(
            students, sourcedId="u" + n.cast(pl.String), role="student",
            orgSourcedIds="s" + (n % schools).cast(pl.String),
            userIds="{SSID:" + (FIRST_ID + n).cast(pl.String) + "}",
            givenName="Given" + (n % 5_000).cast(pl.String),
            familyName="Family" + (n % 40_000).cast(pl.String),
            identifier="L" + n.cast(pl.String), grades=(3 + n % 6).cast(pl.String).str.zfill(2),
        ),
        "classes": texts(schools * CLASSES_A_SCHOOL, sourcedId="c" + n.cast(pl.String),
                         title="Class " + n.cast(pl.String), termSourcedIds="t",
                         schoolSourcedId="s" + (n % schools).cast(pl.String)),
        "enrollments": texts(
            students * classes, sourcedId="e" + n.cast(pl.String), role="student",
            classSourcedId="c" + (student % schools + schools * room).cast(pl.String),
            schoolSourcedId="s" + (student % schools).cast(pl.String),
            userSourcedId="u" + student.cast(pl.String), beginDate="2018-08-15",
        ),
        "demographics": texts(students, sourcedId="u" + n.cast(pl.String), sex="female",
                              birthDate="2008-03-04", white="true"),
    }  # fmt: skip
    for name, table in files.items():
        table.write_csv(folder / f"{name}.csv")


def task(delivery: Path) -> dict[str, float]:
    """Load the delivery into an empty warehouse beside it."""
    from scorehouse.warehouse import Warehouse
    from scorehouse.warehouse.load import LoadRequest, load

    house = Warehouse.create(delivery.parent / "house")
    wall, core = time.perf_counter(), time.process_time()
    summary = load(house, LoadRequest((delivery,)))
    counts = summary.files[0].ending.counts
    return {
        "students": counts["student_new"],
        "seats": counts["roster_student_new"],
        "wall": time.perf_counter() - wall,
        "core": time.process_time() - core,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    asked = arguments()
    if asked.task:
        print(json.dumps(task(asked.task)))
        return
    facts = ", ".join(f"{name}: {value}" for name, value in machine().items())
    folder = Path(tempfile.mkdtemp(prefix="scorehouse-rosters-", dir=asked.folder))
    delivery = folder / "delivery"
    delivery.mkdir()
    make_delivery(delivery, asked.students, asked.classes)
    size = sum(file.stat().st_size for file in delivery.iterdir()) / 1e6
    answer = subprocess.run(
        [sys.executable, __file__, "--task", str(delivery)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    found = json.loads(answer.stdout.splitlines()[-1])
    text = (
        "# Loading a state's rosters\n\n"
        f"`python bench/rosters.py --students {asked.students} --classes {asked.classes}`; "
        f"{facts}.\n\n"
        f"- delivery: {size:,.0f} MB of OneRoster CSV, {found['students']:,.0f} students, "
        f"{found['seats']:,.0f} places in classes\n"
        f"- loaded, the index of students made: {found['core']:,.0f} s of the processor, "
        f"{found['wall']:,.0f} s\n"
        f"- peak memory: {found['peak']:,.0f} MB\n"
    )
    (HERE / "RESULTS-rosters.md").write_text(text, encoding="utf-8")
    shutil.rmtree(folder)
    print(text)


if __name__ == "__main__":
    main()
