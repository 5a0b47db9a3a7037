"""Measure reports of groups on a state: its cube, a load after it, one school's page.

Writes RESULTS-reports.md beside this file. The cube is measured beside SQL written by hand
and beside polars, on the same files in the same run, each in a process of its own; seconds are
of processor time, so that a busy machine disturbs them less. `--students` and `--years` say how
large a state; the page is measured on all years, the cube year by year.
"""

from __future__ import annotations

import argparse
import json
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
import polars as pl

import state
from machine import machine

HERE = Path(__file__).parent
RACES = {
    "AI": "american_indian_or_alaska_native", "AS": "asian", "AA": "black_or_african_american",
    "FI": "filipino", "PI": "native_hawaiian_or_other_pacific_islander", "WH": "white",
}  # fmt: skip
KEYS = ("school_id", "subject", "test_grade")
MEMORY = 6_000


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--students", type=int, default=3_000_000, help="tested in a year")
    parser.add_argument("--years", type=int, default=10)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--task", default="", help="run one task here and print its figures")
    return parser.parse_args()


def clocked(task: Callable[[], Any]) -> dict[str, float]:
    """Seconds of processor and of the clock of a task."""
    wall, core = time.perf_counter(), time.process_time()
    task()
    return {"core": time.process_time() - core, "wall": time.perf_counter() - wall}


def opened(folder: Path) -> Any:
    from scorehouse.warehouse import Warehouse

    return Warehouse.open(folder, memory_megabytes=MEMORY)


def files(folder: Path, year: str) -> list[str]:
    with opened(folder).snapshot() as snapshot:
        return [f.path for f in snapshot.files if f.table == "result" and f.slice == year]


# --- the cube, three ways; each gives a row for a school, grade, subject and group ---


def by_scorehouse(folder: Path, year: str) -> pl.DataFrame:
    from scorehouse.warehouse import cube
    from scorehouse.warehouse.cube_files import folder_of, read_parts

    shutil.rmtree(folder_of(folder, year), ignore_errors=True)
    house = opened(folder)
    with house.snapshot() as snapshot:
        held = cube.up_to_date(house, snapshot, year)
        return read_parts(folder_of(folder, year), held.parts[cube.OVERALL])


SEX = "CASE sex WHEN 'Female' THEN 'F' WHEN 'Male' THEN 'M' WHEN 'Nonbinary' THEN 'X' ELSE '?' END"
RACE = (
    "CASE WHEN hispanic_or_latino THEN 'HI' WHEN two_or_more_races OR "
    + " + ".join(f"CAST(coalesce({name}, false) AS INT)" for name in RACES.values())
    + " > 1 THEN 'MR' "
    + " ".join(f"WHEN {name} THEN '{code}'" for code, name in RACES.items())
    + " ELSE '?' END"
)
YES_NO = "CASE WHEN {0} THEN '{1}' WHEN NOT {0} THEN 'N{1}' ELSE '?' END"
DIMENSIONS = {
    "sex_g": SEX,
    "race_g": RACE,
    "lang_g": "coalesce(el_status, '?')",
    "sed_g": YES_NO.format("economically_disadvantaged", "SED"),
    "swd_g": YES_NO.format("student_with_disabilities", "SWD"),
    "mig_g": YES_NO.format("migrant", "MIG"),
}


def by_hand(folder: Path, year: str) -> pl.DataFrame:
    """As an analyst with DuckDB would write it for this one purpose."""
    connection = duckdb.connect(config={"memory_limit": f"{MEMORY}MB"})
    names = ", ".join(f"'{path}'" for path in files(folder, year))
    dims = ", ".join(f"{text} AS {name}" for name, text in DIMENSIONS.items())
    sets = ", ".join(
        [f"({', '.join(KEYS)})", *(f"({', '.join(KEYS)}, {name})" for name in DIMENSIONS)]
    )
    text = f"""
    WITH r AS (
      SELECT row_id, student_id, {", ".join(KEYS)}, scale_score AS x, se_scale AS e,
        achievement_level AS l, completed_at, {dims},
        CASE WHEN special_condition IN ('NTE', 'PGE', 'NT') THEN 'N' WHEN special_condition = 'NEL'
          THEN 'E' WHEN validity = 'invalid' OR administration_condition = 'IN' THEN 'R'
          WHEN special_condition = 'LOSS' OR scale_score IS NULL THEN 'T' ELSE 'Y' END AS i
      FROM read_parquet([{names}]) WHERE assessment_type = 'summative'),
    d AS (SELECT student_id, subject FROM r GROUP BY ALL HAVING count(*) > 1),
    gone AS (SELECT row_id FROM (SELECT row_id, row_number() OVER (
      PARTITION BY student_id, subject ORDER BY i <> 'Y', completed_at DESC) AS p
      FROM r JOIN d USING (student_id, subject)) WHERE p > 1)
    SELECT {", ".join(KEYS)}, coalesce({", ".join(DIMENSIONS)}, 'ALL') AS student_group,
      count(*) AS n_in, count(*) FILTER (i IN ('Y', 'T', 'R')) AS n_tested,
      count(*) FILTER (i = 'Y') AS n_scored,
      count(*) FILTER (i = 'Y' AND l = 1) AS l1, count(*) FILTER (i = 'Y' AND l = 2) AS l2,
      count(*) FILTER (i = 'Y' AND l = 3) AS l3, count(*) FILTER (i = 'Y' AND l = 4) AS l4,
      sum(x) FILTER (i = 'Y') AS s, sum(x * x) FILTER (i = 'Y') AS ss,
      sum(e * e) FILTER (i = 'Y') AS es
    FROM r WHERE row_id NOT IN (FROM gone)
    GROUP BY GROUPING SETS ({sets})"""
    return connection.sql(text).pl()


def by_polars(folder: Path, year: str) -> pl.DataFrame:
    """The same in polars: one scan, a group-by for each dimension."""
    some = pl.sum_horizontal(pl.col(name).fill_null(False) for name in RACES.values())
    race = pl.when(pl.col("hispanic_or_latino")).then(pl.lit("HI"))
    race = race.when(pl.col("two_or_more_races").fill_null(False) | (some > 1)).then(pl.lit("MR"))
    for code, name in RACES.items():
        race = race.when(pl.col(name)).then(pl.lit(code))
    condition, i = pl.col("special_condition"), pl.col("i")
    include = (
        pl.when(condition.is_in(["NTE", "PGE", "NT"]))
        .then(pl.lit("N"))
        .when(condition == "NEL")
        .then(pl.lit("E"))
        .when((pl.col("validity") == "invalid") | (pl.col("administration_condition") == "IN"))
        .then(pl.lit("R"))
        .when((condition == "LOSS") | pl.col("scale_score").is_null())
        .then(pl.lit("T"))
        .otherwise(pl.lit("Y"))
    )
    rows = (
        pl.scan_parquet(files(folder, year))
        .filter(pl.col("assessment_type") == "summative")
        .select(
            "student_id", "completed_at", *KEYS, include.alias("i"),
            pl.col("sex").replace({"Female": "F", "Male": "M", "Nonbinary": "X"}).fill_null("?")
            .alias("sex_g"),
            race.otherwise(pl.lit("?")).alias("race_g"),
            pl.col("el_status").fill_null("?").alias("lang_g"),
            *(_yes_no(name, code).alias(new) for name, code, new in (
                ("economically_disadvantaged", "SED", "sed_g"),
                ("student_with_disabilities", "SWD", "swd_g"), ("migrant", "MIG", "mig_g"))),
            x="scale_score", e="se_scale", l="achievement_level",
        )
        .collect(engine="streaming")
    )  # fmt: skip
    several = rows.group_by("student_id", "subject").len().filter(pl.col("len") > 1)
    odd = rows.join(several, on=["student_id", "subject"], how="semi")
    if len(odd):
        kept = odd.sort(i != "Y", "completed_at", descending=[False, True])
        kept = kept.unique(["student_id", "subject"], keep="first")
        rows = pl.concat([rows.join(several, on=["student_id", "subject"], how="anti"), kept])
    is_scored = i == "Y"
    figures = [
        pl.len().alias("n_in"), i.is_in(["Y", "T", "R"]).sum().alias("n_tested"),
        is_scored.sum().alias("n_scored"),
        *((is_scored & (pl.col("l") == n)).sum().alias(f"l{n}") for n in (1, 2, 3, 4)),
        pl.col("x").filter(is_scored).sum().alias("s"),
        (pl.col("x") ** 2).filter(is_scored).sum().alias("ss"),
        (pl.col("e") ** 2).filter(is_scored).sum().alias("es"),
    ]  # fmt: skip
    lazy = rows.lazy()
    plans = [lazy.group_by(KEYS).agg(figures).with_columns(student_group=pl.lit("ALL"))]
    plans += [
        lazy.group_by(*KEYS, name).agg(figures).rename({name: "student_group"})
        for name in DIMENSIONS
    ]
    return pl.concat(frame.select(sorted(frame.columns)) for frame in pl.collect_all(plans))


def _yes_no(name: str, code: str) -> pl.Expr:
    flag = pl.col(name)
    return (
        pl.when(flag).then(pl.lit(code)).when(~flag).then(pl.lit(f"N{code}")).otherwise(pl.lit("?"))
    )


WAYS = {"scorehouse": by_scorehouse, "SQL by hand": by_hand, "polars": by_polars}


def task_cube(folder: Path, name: str) -> dict[str, float]:
    """One way of making the cube of one year; what it gives, so that ways can be held equal."""
    way, _, year = name.partition("/")
    found: dict[str, pl.DataFrame] = {}
    told = clocked(lambda: found.setdefault("rows", WAYS[way](folder, year)))
    rows = found["rows"]
    totals = {column: int(rows[column].sum()) for column in ("n_in", "n_tested", "n_scored")}
    return told | totals | {"rows": len(rows)}


def task_refresh(folder: Path, name: str) -> dict[str, float]:
    """A load of a year, then the cube's following it, and what making it anew would take."""
    from scorehouse.warehouse import cube

    students, _, rest = name.partition("/")
    year, place, base = rest.split("/")
    house = opened(folder)
    cube.refresh(house, [year])
    loaded = clocked(lambda: state.load_more(house, year, int(place), int(students), int(base)))
    followed = clocked(lambda: cube.refresh(house, [year]))
    return followed | {"load": loaded["core"], "results": 4 * int(students)}


def task_page(folder: Path, name: str) -> dict[str, float]:
    """One school's page, warm: the newest year by group, all years for all students."""
    from scorehouse.reports.query import ReportQuery
    from scorehouse.rulebook.counting import groups
    from scorehouse.warehouse.report import figures_of, opened_for_reports, released

    house = opened(folder)
    shown = tuple(code for code, group in groups().items() if group.is_in_cube)
    took, core, out = [], [], []
    newest = max(file.name for file in (folder / "cube").iterdir())
    with opened_for_reports(house) as reading:
        for turn in range(int(name)):
            school = (f"99{turn % 900:05d}{turn % 900 + 1:07d}",)
            now = ReportQuery(
                "aggregate", entities=school, student_groups=shown, school_years=(newest,)
            )
            trend = ReportQuery("aggregate", entities=school)
            start, busy = time.perf_counter(), time.process_time()
            reports = [figures_of(reading, query) for query in (now, trend)]
            took.append(time.perf_counter() - start)
            core.append(time.process_time() - busy)
            start = time.perf_counter()
            for report in reports:
                released(report, "staff")
            out.append(time.perf_counter() - start)
    return {
        "first": took[0], "median": median(took[2:]), "worst": max(took[2:]),
        "core": median(core[2:]), "exit": median(out[2:]),
        "rows": sum(report.figures.num_rows for report in reports),
    }  # fmt: skip


TASKS = {"cube": task_cube, "refresh": task_refresh, "page": task_page}


def run(folder: Path, task: str) -> dict[str, float]:
    """Run a task in a process of its own."""
    command = [sys.executable, __file__, "--folder", str(folder), "--task", task]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    print(task, {name: round(value, 3) for name, value in found.items()}, flush=True)
    return found


def measure(folder: Path, args: argparse.Namespace) -> str:
    names = state.years(args.years)
    cubes = {
        way: [run(folder, f"cube:{way}/{names[turn % len(names)]}") for turn in range(args.runs)]
        for way in WAYS
    }
    for column in ("n_in", "n_tested", "n_scored"):
        told = {way: found[0][column] for way, found in cubes.items()}
        if len(set(told.values())) > 1:
            raise SystemExit(f"the ways differ in {column}: {told}")
    sizes = [args.students // 3_000, args.students // 300, args.students // 30]
    base = 4 * args.students
    loads = []
    for size in sizes:
        loads.append(run(folder, f"refresh:{size}/{names[-1]}/{args.years - 1}/{base}"))
        base += 2 * size
    subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(HERE)!r}); import reports; "
         f"from scorehouse.warehouse.cube import refresh; from pathlib import Path; "
         f"refresh(reports.opened(Path({str(folder)!r})))"],
        check=True,
    )  # fmt: skip
    return page(args, cubes, loads, run(folder, "page:30"))


def page(
    args: argparse.Namespace,
    cubes: dict[str, list[dict[str, float]]],
    loads: list[dict[str, float]],
    school: dict[str, float],
) -> str:
    """The results as a page."""
    core = {way: median(one["core"] for one in found) for way, found in cubes.items()}
    wall = {way: median(one["wall"] for one in found) for way, found in cubes.items()}
    best = min(seconds for way, seconds in core.items() if way != "scorehouse")
    lines = [
        "# Reports of groups: measured",
        "",
        f"A state of {args.students:,} students × {args.years} years × 2 subjects "
        f"({2 * args.students * args.years:,} results, {state.SCHOOLS:,} schools), invented as "
        "rows. Made by `python bench/reports.py`.",
        "",
        ", ".join(f"{name} {value}" for name, value in machine().items()) + ".",
        "",
        "## The cube of a year",
        "",
        "School × grade × subject × group (sex, race, language, economic status, disability, "
        f"migrant: {int(cubes['scorehouse'][0]['rows']):,} rows), counts by level and sums, of "
        "the result that holds of each student. A year's cube; a state's is one for each year.",
        "",
        "| way | processor seconds | of the best other | seconds of the clock |",
        "| --- | --- | --- | --- |",
        *(
            f"| {way} | {core[way]:.1f} | {core[way] / best:.2f} | {wall[way]:.1f} |"
            for way in cubes
        ),
        "",
        "Scorehouse's is kept on disk, sorted by school, and holds enrollments too.",
        "",
        "## Following a load",
        "",
        "Of one year's results so many are corrected, and as many are new.",
        "",
        "| results in the load | processor seconds of the load | of following it |",
        "| --- | --- | --- |",
        *(f"| {int(one['results']):,} | {one['load']:.2f} | {one['core']:.2f} |" for one in loads),
        "",
        "## One school's page",
        "",
        "The newest year by grade, subject and group, and all students by year: "
        f"{int(school['rows']):,} rows of figures in {1000 * school['median']:.0f} ms warm "
        f"({1000 * school['core']:.0f} ms of processor; median of different schools; worst "
        f"{1000 * school['worst']:.0f} ms, the first {1000 * school['first']:.0f} ms), and "
        f"{1000 * school['exit']:.0f} ms at the exit door "
        "for staff, comparisons included.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    args = arguments()
    if args.task:
        name, _, rest = args.task.partition(":")
        print(json.dumps(TASKS[name](args.folder, rest)))
        return
    folder = args.folder or Path(tempfile.mkdtemp(prefix="scorehouse-reports-"))
    house = folder / "house"
    if not house.exists():
        state.make(house, args.students, args.years).close()
    text = measure(house, args)
    (HERE / "RESULTS-reports.md").write_text(text, encoding="utf-8")
    print(text)
    if args.folder is None:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
