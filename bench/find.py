"""Measure finding students, and the history of one, in a large invented warehouse.

Writes RESULTS-find.md beside this file. Names are invented from syllables; a few are very
common and most are rare, as names are. The floor is SQLite's look-up of one row by its primary
key in the same index. Every look-up of ours asks the catalog whether the index is the newest,
and writes the audit, as the command does; the process has the index open, as a server does.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from machine import machine
from scorehouse.warehouse.find import find
from scorehouse.warehouse.history import history
from scorehouse.warehouse.index import rebuild_index, update_index
from scorehouse.warehouse.index_file import connect
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.places import INDEX_FILE
from scorehouse.warehouse.store import Warehouse

HERE = Path(__file__).parent
SEED = 20
FIRST_ID = 9_000_000_000
SCHOOLS, LAST_NAMES, FIRST_NAMES = 10_000, 250_000, 60_000
YEARS = ("2015-16", "2016-17", "2017-18", "2018-19", "2019-20")
ONSETS = [
    "b",
    "c",
    "ch",
    "d",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "st",
    "t",
    "tr",
    "v",
    "w",
    "y",
    "z",
]
VOWELS = ["a", "e", "i", "o", "u", "á", "é", "ía", "ue"]
CODAS = ["", "", "n", "r", "s", "l", "ñ", "z", "tt"]
PIECE = 500_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=3_000_000)
    parser.add_argument("--results", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--changed", type=int, default=10_000, help="students of a second load")
    parser.add_argument("--folder", type=Path, help="where the warehouses stand meanwhile")
    return parser.parse_args()


class Names:
    """Names with the frequencies that names have."""

    def __init__(self, random: np.random.Generator) -> None:
        self._random = random
        self.last = self._words(LAST_NAMES, 3)
        self.first = self._words(FIRST_NAMES, 2)
        self._last_odds = self._odds(LAST_NAMES, 12)
        self._first_odds = self._odds(FIRST_NAMES, 20)

    def _words(self, count: int, most: int) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < count:
            syllables = self._random.integers(2, most + 2)
            parts = [
                self._random.choice(ONSETS) + self._random.choice(VOWELS)
                + (self._random.choice(CODAS) if place + 1 == syllables else "")
                for place in range(syllables)
            ]  # fmt: skip
            found["".join(parts).capitalize()] = None
        return list(found)

    def _odds(self, count: int, flat: int) -> np.ndarray:
        odds = 1.0 / (np.arange(count) + flat)
        return np.cumsum(odds / odds.sum())

    def draw(self, names: Sequence[str], count: int) -> list[str]:
        odds = self._last_odds if names is self.last else self._first_odds
        places = np.minimum(np.searchsorted(odds, self._random.random(count)), len(names) - 1)
        return [names[place] for place in places.tolist()]

    def full_last(self, count: int) -> list[str]:
        one, two = self.draw(self.last, count), self.draw(self.last, count)
        double = self._random.random(count) < 0.1
        pairs = zip(one, two, double.tolist(), strict=True)
        return [f"{a}-{b}" if is_double else a for a, b, is_double in pairs]


def school(number: int) -> str:
    return f"999{number:011d}"


def students(random: np.random.Generator, names: Names, first: int, count: int) -> pa.Table:
    middles = [
        name if has else None
        for name, has in zip(
            names.draw(names.first, count), (random.random(count) < 0.4).tolist(), strict=True
        )
    ]
    return pa.table(
        {
            "student_id": [str(FIRST_ID + number) for number in range(first, first + count)],
            "last_or_surname": names.full_last(count),
            "first_name": names.draw(names.first, count),
            "middle_name": pa.array(middles, pa.string()),
            "sex": random.choice(["Female", "Male"], count),
        }
    )


def enrollments(random: np.random.Generator, first: int, count: int) -> pa.Table:
    return pa.table(
        {
            "student_id": [str(FIRST_ID + number) for number in range(first, first + count)],
            "school_id": [school(one) for one in random.integers(0, SCHOOLS, count).tolist()],
            "school_year": [YEARS[-1]] * count,
            "grade_enrolled": [f"{one:02d}" for one in random.integers(3, 12, count).tolist()],
        }
    )


def make_people(folder: Path, count: int) -> Warehouse:
    """A warehouse of students, each with a local identifier and an enrollment."""
    random = np.random.default_rng(SEED)
    names, house = Names(random), Warehouse.create(folder)
    with house.transaction("people") as transaction:
        number = transaction.begin_import("students", "", "invented")
        for first in range(0, count, PIECE):
            few = min(PIECE, count - first)
            table = students(random, names, first, few)
            transaction.add("student", table, number)
            transaction.add("enrollment", enrollments(random, first, few), number)
            local = [f"L{one}" for one in range(first, first + few)]
            transaction.add(
                "local_id",
                pa.table({"student_id": table["student_id"], "entity_id": [""] * few,
                          "local_id": local}),
                number,
            )  # fmt: skip
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("people")
    return house


def make_results(folder: Path, count: int) -> Warehouse:
    """A warehouse of results: two tests a year over all years, four parts and eight responses."""
    house, people = Warehouse.create(folder), count // (2 * len(YEARS))
    random = np.random.default_rng(SEED)
    with house.transaction("results") as transaction:
        number = transaction.begin_import("results", "", "invented")
        transaction.add("student", students(random, Names(random), 0, people), number)
        for place, year in enumerate(YEARS):
            first = transaction.reserve(number, 2 * people)
            transaction.add_select("result", _results(people, year, place, first), _RESULT, number)
            for table, owner, many, cells in _PARTS:
                transaction.add_select(
                    table,
                    f"SELECT {first} + n // {many} AS {owner}, '{year}' AS school_year, {cells} "
                    f"FROM range({2 * people * many}) AS r(n)",
                    [owner, "school_year", *_PART_COLUMNS[table]],
                    number,
                    [year],
                )
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("results")
    return house


_RESULT = (
    "row_id", "opportunity_id", "assessment_id", "student_id", "school_year", "subject",
    "assessment_type", "school_id", "scale_score", "achievement_level", "completed_at",
)  # fmt: skip
_PARTS = (
    ("score", "owner_row", 4, "'claim:' || CAST(n % 4 AS VARCHAR) AS measure, "
     "'delivered' AS origin, 2400.0 + n % 300 AS scale_score, 1 + n % 3 AS level"),
    ("response", "result_row", 8, "'200-' || CAST(n % 800 AS VARCHAR) AS item_id, "
     "'' AS dimension, n % 8 AS position, 1.0 AS score, 'B' AS response_value"),
)  # fmt: skip
_PART_COLUMNS = {
    "score": ("measure", "origin", "scale_score", "level"),
    "response": ("item_id", "dimension", "position", "score", "response_value"),
}


def _results(people: int, year: str, place: int, first: int) -> str:
    return (
        f"SELECT {first} + n AS row_id, '{year}-' || CAST(n AS VARCHAR) AS opportunity_id, "
        f"'INV-' || CAST(n % 2 AS VARCHAR) || '-{year}' AS assessment_id, "
        f"CAST({FIRST_ID} + n // 2 AS VARCHAR) AS student_id, '{year}' AS school_year, "
        "CASE WHEN n % 2 = 0 THEN 'ELA' ELSE 'Math' END AS subject, "
        "'summative' AS assessment_type, "
        f"'999' || lpad(CAST((n // 2 + {place} // 3) % 700 AS VARCHAR), 11, '0') AS school_id, "
        f"2400.0 + n % 300 + 20 * {place} AS scale_score, 1 + n % 4 AS achievement_level, "
        f"TIMESTAMP '20{year[-2:]}-05-01 10:00:00' AS completed_at "
        f"FROM range({2 * people}) AS r(n)"
    )


@dataclass(frozen=True)
class Measured:
    """Milliseconds of the middle run, of the slowest of twenty, and of the slowest.

    `busy` are those of the processor, which a busy machine disturbs less.
    """

    what: str
    middle: float
    p95: float
    slowest: float
    busy: float
    busy_p95: float
    runs: int
    answers: float  # mean number


def measured(what: str, asked: Sequence[str], ask: Callable[[str], int]) -> Measured:
    took, busy, answers = [], [], []
    for text in asked:
        start, worked = time.perf_counter(), time.process_time()
        answers.append(ask(text))
        took.append((time.perf_counter() - start) * 1000)
        busy.append((time.process_time() - worked) * 1000)
    return Measured(
        what=what,
        middle=float(np.median(took)),
        p95=float(np.quantile(took, 0.95)),
        slowest=max(took),
        busy=float(np.median(busy)),
        busy_p95=float(np.quantile(busy, 0.95)),
        runs=len(took),
        answers=float(np.mean(answers)),
    )


def floor(house: Warehouse, asked: Sequence[str]) -> Measured:
    """One row by its primary key, from an open connection."""
    with closing(connect(house.root / INDEX_FILE)) as connection:
        query = "SELECT * FROM student WHERE number = ?"

        def look(text: str) -> int:
            return len(connection.execute(query, (int(text),)).fetchall())

        return measured("SQLite: a row by its primary key", asked, look)


def with_typo(random: np.random.Generator, word: str) -> str:
    place = int(random.integers(1, len(word) - 1))
    how = random.integers(0, 3)
    if how == 0:
        return word[:place] + word[place + 1 :]
    if how == 1:
        return word[: place - 1] + word[place] + word[place - 1] + word[place + 1 :]
    return word[:place] + "x" + word[place + 1 :]


def questions(random: np.random.Generator, count: int, runs: int) -> dict[str, list[str]]:
    """What is asked: names as they occur among students, so common ones come more often."""
    names = Names(np.random.default_rng(SEED))
    numbers = random.integers(0, count, runs).tolist()
    last, first = names.draw(names.last, runs), names.draw(names.first, runs)
    pairs = list(zip(last, first, strict=True))
    long = [name for name in last if len(name) >= 5]
    rare = [names.last[int(place)] for place in random.integers(50_000, LAST_NAMES, runs)]
    return {
        "by statewide identifier": [str(FIRST_ID + number) for number in numbers],
        "by local identifier": [f"L{number}" for number in numbers],
        "by an identifier that is none": [f"8{number:09d}" for number in numbers],
        "by last name": last,
        "by a rare last name": rare,
        "by last and first name": [f"{a} {b}" for a, b in pairs],
        "by the beginning of a last name (4 letters)": [name[:4] for name in long],
        "by three letters": [name[:3] for name in last],
        "by one letter": [name[:1] for name in last],
        "by a part from inside (4 letters)": [name[1:5] for name in long],
        "by three letters of each name": [f"{a[:3]} {b[:3]}" for a, b in pairs],
        "by a last name with a typo": [with_typo(random, name) for name in long],
        "by both names, each with a typo": [
            f"{with_typo(random, a)} {with_typo(random, b)}"
            for a, b in pairs
            if min(len(a), len(b)) >= 5
        ],
        "by the most common names": [
            f"{names.last[place % 10]} {names.first[place % 7]}" for place in range(runs)
        ],
    }


def look_ups(house: Warehouse, asked: dict[str, list[str]]) -> list[Measured]:
    find(house, "nobody")  # the words are read once a process
    return [
        measured(what, texts, lambda text: len(find(house, text).students))
        for what, texts in asked.items()
    ]


def histories(house: Warehouse, results: int, runs: int) -> list[Measured]:
    people = results // (2 * len(YEARS))
    random = np.random.default_rng(SEED)
    asked = [str(FIRST_ID + one) for one in random.integers(0, people, runs).tolist()]

    def ask(text: str, with_responses: bool = False) -> int:
        found = history(house, text, with_responses=with_responses)
        return len(found.sittings) if found else 0

    return [
        measured("history of a student", asked, ask),
        measured("history with responses", asked, lambda text: ask(text, True)),
    ]


def timed(task: Callable[[], object]) -> str:
    """How long a task takes: by the clock, and of the processor."""
    start, worked = time.perf_counter(), time.process_time()
    task()
    took, busy = time.perf_counter() - start, time.process_time() - worked
    return f"{took:,.1f} s ({busy:,.1f} s of the processor)"


def change(house: Warehouse, count: int) -> None:
    """A second load: students who have another name now."""
    random = np.random.default_rng(SEED + 1)
    table = students(random, Names(np.random.default_rng(SEED)), 0, count)
    ids = [str(FIRST_ID + one * 7) for one in range(count)]
    table = table.set_column(0, "student_id", pa.array(ids))
    with house.transaction("change") as transaction:
        number = transaction.begin_import("students", "", "invented")
        merge(transaction, "student", table, number)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("change")


def report(
    asked: argparse.Namespace, facts: str, lines: Sequence[str], rows: Sequence[Measured]
) -> str:
    base = rows[0]
    table = [
        f"| {row.what} | {row.middle:.2f} | {row.p95:.2f} | {row.slowest:.2f} | "
        f"{row.busy:.2f} | {row.busy_p95:.2f} | "
        f"{row.p95 / base.p95:,.0f} | {row.answers:.1f} | {row.runs} |"
        for row in rows
    ]
    return "\n".join(
        [
            "# Finding students", "",
            f"`python bench/find.py --students {asked.students} --results {asked.results}`; "
            f"{facts}.",
            "", *(f"- {line}" for line in lines), "",
            "| look-up | p50 ms | p95 ms | slowest ms | processor p50 ms | processor p95 ms "
            "| p95 beside the floor's | answers | runs |",
            "|---|---:|---:|---:|---:|---:|---:|---:|---:|", *table, "",
        ]
    )  # fmt: skip


def main() -> None:
    asked = arguments()
    facts = ", ".join(f"{name}: {value}" for name, value in machine().items())
    folder = Path(tempfile.mkdtemp(prefix="scorehouse-find-", dir=asked.folder))
    random = np.random.default_rng(SEED + 2)
    lines = []
    house = make_people(folder / "people", asked.students)
    lines.append(
        f"index of {asked.students:,} students made in {timed(lambda: update_index(house))}"
    )
    size = (house.root / INDEX_FILE).stat().st_size
    lines.append(f"the index takes {size / asked.students:.0f} bytes a student")
    numbers = [str(one) for one in random.integers(1, asked.students, asked.runs).tolist()]
    rows = [floor(house, numbers)]
    rows += look_ups(house, questions(random, asked.students, asked.runs))
    change(house, asked.changed)
    lines.append(f"brought up to date after {asked.changed:,} students changed in "
                 f"{timed(lambda: update_index(house))}")  # fmt: skip
    results = make_results(folder / "results", asked.results)
    took = timed(lambda: rebuild_index(results))
    lines.append(f"index of {asked.results:,} results made in {took}")
    rows += histories(results, asked.results, max(20, asked.runs // 4))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)
    lines.append(f"other work on the machine meanwhile: load {os.getloadavg()[2]:.1f} at the end")
    lines.append(f"peak memory of the whole run, inventing students included: {peak:.1f} GB")
    text = report(asked, facts, lines, rows)
    (HERE / "RESULTS-find.md").write_text(text, encoding="utf-8")
    print(text)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
