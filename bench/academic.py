"""Measure the Academic Indicator of a state: from students to every color, both years.

Writes RESULTS-academic.md beside this file. Beside it in the same run: the same arithmetic as
plain SQL on the same engine, without reasons, several enrollments or participation by rule.
`--scores` says how many results there are over two years and two subjects.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
import pyarrow as pa

from machine import machine
from scorehouse.accountability.academic.shapes import RESULTS, ROSTER
from scorehouse.accountability.academic.table import indicator_table
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.rulebook.dashboard_students import student_rules
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.academic_files import ERRORS
from scorehouse.warehouse.academic_years import School, Year, Years, ranges_of
from scorehouse.warehouse.engine import Local

DASHBOARD = "2019"
GRADES = ("03", "04", "05", "06", "07", "08", "11")
RACES = ("AA", "AI", "AS", "FI", "HI", "PI", "WH", "MR")
MOVERS = 0.06
GROUPS_OF_SQL = {
    "ALL": "true", **{race: f"race_ethnicity = '{race}'" for race in RACES},
    "EL": "el_status = 'EL' OR reclassified_on >= DATE '{since}'", "ELO": "el_status = 'EL'",
    "EO": "el_status = 'EO'", "RFP": "reclassified_on >= DATE '{since}'",
    "SED": "economically_disadvantaged", "SWD": "student_with_disabilities",
    "FOS": "foster_youth", "HOM": "homeless", "SBA": "true",
}  # fmt: skip


def tables(students: int, ends: int, seed: int) -> tuple[pa.Table, pa.Table]:
    """A roster with movers, and results in both subjects, of one school year."""
    rng = np.random.default_rng(seed)
    year = str(SchoolYear(ends))
    schools = np.array([f"99{n // 10:05}{n:07}" for n in range(max(10, students // 150))])
    ids = np.char.add("9", np.char.zfill(np.arange(students).astype(str), 9))
    grade = np.array(GRADES)[rng.integers(0, len(GRADES), students)]
    home = schools[rng.integers(0, len(schools), students)]
    movers = np.flatnonzero(rng.random(students) < MOVERS)
    where = np.concatenate([home, schools[rng.integers(0, len(schools), len(movers))]])
    who = np.concatenate([np.arange(students), movers])
    first = date(ends - 1, 8, 15).toordinal() - date(1970, 1, 1).toordinal()
    entered = np.concatenate([np.full(students, first), first + rng.integers(30, 200, len(movers))])
    left = np.full(len(who), np.iinfo(np.int32).max, np.int64)
    left[movers] = entered[students:] - rng.integers(1, 60, len(movers))
    exited = pa.array(np.where(left == np.iinfo(np.int32).max, 0, left).astype(np.int32),
                      pa.date32(), mask=left == np.iinfo(np.int32).max)  # fmt: skip

    def flag(share: float) -> pa.Array:
        return pa.array((rng.random(students) < share)[who])

    el = np.array(["EO", "EL", "RFEP", "IFEP"])[rng.choice(4, students, p=[0.6, 0.2, 0.15, 0.05])]
    reclassified = first - rng.integers(100, 3_000, students)
    columns = {
        "student_id": pa.array(ids[who]), "school_year": pa.array([year]).take(
            pa.array(np.zeros(len(who), np.int64))), "school_id": pa.array(where),
        "entered_on": pa.array(entered.astype(np.int32), pa.date32()), "exited_on": exited,
        "grade_enrolled": pa.array(grade[who]),
        "race_ethnicity": pa.array(np.array(RACES)[rng.integers(0, len(RACES), students)][who]),
        "el_status": pa.array(el[who]),
        "reclassified_on": pa.array(reclassified[who].astype(np.int32), pa.date32(),
                                    mask=(el != "RFEP")[who]),
        "student_with_disabilities": flag(0.13), "long_term_english_learner": flag(0.05),
        "economically_disadvantaged": flag(0.6), "foster_youth": flag(0.01),
        "homeless": flag(0.04),
    }  # fmt: skip
    roster = pa.table(
        [columns.get(name, pa.nulls(len(who), kind))
         for name, kind in zip(ROSTER.names, ROSTER.types, strict=True)], schema=ROSTER,
    )  # fmt: skip
    return roster, pa.concat_tables(
        [_results(rng, ids, grade, home, year, ends, subject) for subject in ("ELA", "Math")]
    )


def _results(
    rng: np.random.Generator,
    ids: np.ndarray,
    grade: np.ndarray,
    home: np.ndarray,
    year: str,
    ends: int,
    subject: str,
) -> pa.Table:
    kept = np.flatnonzero(rng.random(len(ids)) < 0.97)
    zeros = pa.array(np.zeros(len(kept), np.int64))
    tested = date(ends, 4, 1).toordinal() - date(1970, 1, 1).toordinal()
    columns = {
        "student_id": pa.array(ids[kept]), "school_year": pa.array([year]).take(zeros),
        "subject": pa.array([subject]).take(zeros), "test_program": pa.array(["SBA"]).take(zeros),
        "test_grade": pa.array(grade[kept]),
        "scale_score": pa.array(np.clip(rng.normal(2500, 90, len(kept)), 2300, 2600).astype(int)),
        "include_indicator": pa.array(["Y"]).take(zeros),
        "completed_on": pa.array((tested + rng.integers(0, 50, len(kept))).astype(np.int32),
                                 pa.date32()),
        "tested_school": pa.array(home[kept]),
    }  # fmt: skip
    return pa.table(
        [columns.get(name, pa.nulls(len(kept), kind))
         for name, kind in zip(RESULTS.names, RESULTS.types, strict=True)], schema=RESULTS,
    )  # fmt: skip


def clocked(tasks: Mapping[str, Callable[[], object]], runs: int) -> dict[str, tuple[float, float]]:
    """Middle seconds of the clock and of the processor; tasks take turns, as loads change."""
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in tasks}
    for _ in range(runs):
        for name, task in tasks.items():
            wall, core = time.perf_counter(), time.process_time()
            task()
            seconds[name].append((time.perf_counter() - wall, time.process_time() - core))
    return {
        name: (median(wall for wall, _ in each), median(core for _, core in each))
        for name, each in seconds.items()
    }


def plain_sql(engine: Local, year: SchoolYear, subject: str) -> None:
    """Distances summed by school, district and state and by group, for students who stayed."""
    cuts = " ".join(
        f"WHEN '{grade}' THEN {one.standard_met}" for grade, one in ranges_of(year, subject).items()
    )
    since = f"{year.ends - 4}-06-15"
    flags = ", ".join(
        f"CASE WHEN {condition.format(since=since)} THEN 1 ELSE 0 END AS in_{code}"
        for code, condition in GROUPS_OF_SQL.items()
    )
    sums = ", ".join(
        f"sum(in_{code}) AS n_{code}, sum(in_{code} * distance) AS sum_{code}, "
        f"sum(in_{code} * enrolled) AS enrolled_{code}"
        for code in GROUPS_OF_SQL
    )
    engine.sql(
        "WITH scored AS (SELECT o.school_id, substr(o.school_id, 1, 7) AS lea, "
        f"r.scale_score - CASE r.test_grade {cuts} END AS distance, 1 AS enrolled, {flags} "
        "FROM academic_roster AS o JOIN academic_results AS r ON r.student_id = o.student_id "
        f"AND r.school_year = o.school_year WHERE r.school_year = '{year}' "
        f"AND r.subject = '{subject}' AND o.entered_on <= DATE '{year.ends - 1}-10-03' "
        "AND coalesce(o.exited_on, DATE '2999-12-31') >= r.completed_on) "
        f"SELECT school_id, lea, {sums} FROM scored "
        "GROUP BY GROUPING SETS ((school_id), (lea), ())"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scores", type=int, default=6_000_000)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    students = asked.scores // 4
    about = machine()
    rules, who = academic_rules(DASHBOARD), student_rules(DASHBOARD)
    last = rules.school_year.ends
    made = {ends: tables(students, ends, ends) for ends in (last, last - 1)}
    with tempfile.TemporaryDirectory() as scratch:
        engine = Local(Path(scratch), memory_megabytes=8_000)
        engine.register("academic_roster", pa.concat_tables([one[0] for one in made.values()]))
        engine.register("academic_results", pa.concat_tables([one[1] for one in made.values()]))
        engine.register("academic_errors", ERRORS.empty_table())
        years = {ends: _year(ends, one[0]) for ends, one in made.items()}
        ends = rules.school_year.ends
        rows: list[int] = []

        def ours() -> None:
            run = Years(engine, rules, who, years[ends], years[ends - 1])
            current, prior = run.sums()
            assert current is not None
            rows.append(len(indicator_table(current, prior, rules)))

        def theirs() -> None:
            for year in (SchoolYear(ends), SchoolYear(ends - 1)):
                for subject in ("ELA", "Math"):
                    plain_sql(engine, year, subject)

        results = clocked({"scorehouse": ours, "plain SQL": theirs}, asked.runs)
        engine.close()
    _write(asked.scores, len(years[ends].schools), rows[-1], results, about)


def _year(ends: int, roster: pa.Table) -> Year:
    codes = pl.Series(roster["school_id"].unique()).to_list()
    schools = {code: School(code, code[:7] + "0000000") for code in codes}
    return Year(SchoolYear(ends), schools, {("", ""): (date(ends, 3, 1), date(ends, 6, 1))})


def _write(
    scores: int,
    schools: int,
    rows: int,
    results: dict[str, tuple[float, float]],
    about: dict[str, str],
) -> None:
    best = results["plain SQL"]
    lines = [
        "# The Academic Indicator: measured\n",
        f"`python bench/academic.py`; {', '.join(f'{k}: {v}' for k, v in about.items())}.\n",
        f"{scores:,} results of two subjects over two years, {schools:,} schools, districts and "
        f"the state, every student group: {rows:,} rows with Status, Change, color and reasons.\n",
        "| way | seconds | of processor | beside plain SQL (processor) |\n|---|---:|---:|---:|",
    ]
    for name, (wall, core) in results.items():
        lines.append(f"| {name} | {wall:.2f} | {core:.2f} | {core / best[1]:.2f} |")
    lines.append(
        "\nPlain SQL sums distances by group for students who were in one school from Census Day "
        "to their test. Scorehouse also joins enrollments over gaps for each level, finds the "
        "result that counts, gives every student left out a reason, counts participation, and "
        "computes Status, Change, levels and colors of both years.\n"
    )
    (Path(__file__).parent / "RESULTS-academic.md").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
