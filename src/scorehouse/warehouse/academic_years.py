"""Sums of both years of a Dashboard from one roster and its results, and who stands behind them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.accountability.academic.members import Setting
from scorehouse.accountability.academic.students import (
    CURRENT_SWD,
    GROUPS,
    Place,
    Range,
    days_of,
    recent_after,
)
from scorehouse.accountability.academic.sums import DISTRICT, POINT, SCHOOL, SUMS, Row
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard import AcademicRules
from scorehouse.rulebook.dashboard_students import StudentRules
from scorehouse.rulebook.load import load
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.academic import SumsRun
from scorehouse.warehouse.engine import Engine, quoted

SUBJECTS = ("ELA", "Math")
PROGRAM = "california"
Points = NDArray[np.float64]
Window = tuple[date, date]


@dataclass(frozen=True)
class School:
    """A school of one year, as its row and its students' rows need it.

    `high_school_cuts` None: told by the grades of its students.
    """

    school_id: str
    lea_id: str
    name: str = ""
    is_charter: bool = False
    is_dass: bool = False
    is_nonpublic: bool = False
    is_special: bool = False
    high_school_cuts: bool | None = None


@dataclass(frozen=True)
class Year:
    """What is known of one school year besides students: schools, windows, the census day.

    `windows` by LEA and subject; a blank LEA is the whole state, a blank subject both.
    """

    year: SchoolYear
    schools: Mapping[str, School]
    windows: Mapping[tuple[str, str], Window] = field(default_factory=dict)
    census_on: date | None = None

    def window(self, lea_id: str, subject: str) -> Window | None:
        """The testing window of an LEA in a subject; None: not known."""
        for key in ((lea_id, subject), (lea_id, ""), ("", subject), ("", "")):
            if key in self.windows:
                return self.windows[key]
        return None


def with_taken_windows(
    year: Year, days_of_tests: Callable[[], Mapping[str, Window]], log: FindingLog
) -> Year:
    """The year with windows for LEAs that tell none in a subject: first to last of their tests.

    `days_of_tests` gives these days by LEA, and is asked only where a window is lacking. An
    LEA without window and tests is told: its students can't be judged.
    """
    leas = sorted({school.lea_id for school in year.schools.values()})
    lacking = {lea: [one for one in SUBJECTS if year.window(lea, one) is None] for lea in leas}
    if not any(lacking.values()):
        return year
    days, windows = days_of_tests(), dict(year.windows)
    for lea, subjects in lacking.items():
        if subjects:
            rule = "academic_window" if lea in days else "academic_no_window"
            log.add(rule, value=f"{lea} in {year.year}")
            windows |= {(lea, subject): days[lea] for subject in subjects if lea in days}
    return replace(year, windows=windows)


class Years:
    """Sums of a Dashboard's two years on an engine that names the roster and the results."""

    def __init__(
        self,
        engine: Engine,
        rules: AcademicRules,
        who: StudentRules,
        current: Year,
        prior: Year | None,
        leas: Iterable[str] = (),
    ) -> None:
        """`leas` are LEAs that stand on the roster besides those of the schools."""
        self._engine = engine
        self._rules = rules
        self._who = who
        self._years = {True: current, False: prior}
        known = [year for year in (current, prior) if year is not None]
        schools = [school for year in known for school in year.schools.values()]
        ids = {one for school in schools for one in (school.school_id, school.lea_id)}
        groups = [code for code in GROUPS if code in rules.groups and code != CURRENT_SWD]
        self._run = SumsRun(engine, who, {*ids, *leas}, groups)
        self._settings: dict[tuple[str, SchoolYear], Setting] = {}
        self._grades: dict[tuple[str, str], tuple[str, str]] | None = None

    def sums(self) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
        """The sums of the year and of the one before, in the shape of `sums.SUMS`.

        Rows stand by entity, its type, subject and group; None without that year. While the
        engine is busy with the next subject, a thread puts together what it gave before.
        """
        with ThreadPoolExecutor(1) as pool:
            current, prior = (
                None if year is None else pool.submit(_in_order, list(self._begun(year, pool)))
                for year in (self._years[True], self._years[False])
            )
            return _waited(current), _waited(prior)

    def _begun(self, year: Year, pool: ThreadPoolExecutor) -> Iterator[Future[pl.DataFrame]]:
        flags = _flags(year, _high_schools(self._grades_of_schools(), year))
        for subject in SUBJECTS:
            about = self._setting(subject, year)
            if about.places:
                cells = self._run.cells(about, str(year.year))
                yield pool.submit(self._of_subject, cells, subject, year, flags)

    def _of_subject(
        self, cells: pa.Table, subject: str, year: Year, flags: pl.DataFrame
    ) -> pl.DataFrame:
        frame = pl.from_arrow(self._run.sums_of(cells))
        assert isinstance(frame, pl.DataFrame)
        return frame.join(flags, on="entity_id", how="left", maintain_order="left").with_columns(
            pl.col("is_charter", "is_dass", "high_school_cuts").fill_null(value=False),
            subject=pl.lit(subject), school_year=pl.lit(str(year.year)),
        )  # fmt: skip

    def _grades_of_schools(self) -> Mapping[tuple[str, str], tuple[str, str]]:
        """The lowest and the highest grade of the students, by school year and school."""
        if self._grades is None:
            rows = self._engine.sql(
                "SELECT school_year, school_id, min(grade_enrolled) AS lowest, "
                "max(grade_enrolled) AS highest FROM academic_roster "
                "WHERE grade_enrolled BETWEEN '01' AND '12' GROUP BY school_year, school_id"
            ).to_pylist()
            self._grades = {
                (row["school_year"], row["school_id"]): (row["lowest"], row["highest"])
                for row in rows
            }
        return self._grades

    def _read(self) -> None:
        """Read the students of both years and subjects, once."""
        if not self._settings:
            known = [year for year in self._years.values() if year is not None]
            made = {(subject, year.year): self._setting_of(subject, year)
                    for year in known for subject in SUBJECTS}  # fmt: skip
            self._run.prepare([(str(year), about) for (_, year), about in made.items()])
            self._settings = made

    def _setting(self, subject: str, year: Year) -> Setting:
        self._read()
        return self._settings[subject, year.year]

    def _setting_of(self, subject: str, year: Year) -> Setting:
        places = dict(self._places(subject, year))
        ranges = {
            grade: one
            for grade, one in ranges_of(year.year, subject).items()
            if grade in self._rules.grades
        }
        days = days_of(year.year, self._who, year.census_on)
        return Setting(subject, self._who, days, places, ranges)

    def _places(self, subject: str, year: Year) -> Iterator[tuple[str, Place]]:
        windows = {lea: year.window(lea, subject)
                   for lea in {school.lea_id for school in year.schools.values()}}  # fmt: skip
        days = {
            lea: (*window, recent_after(year.year, self._who, *window))
            for lea, window in windows.items()
            if window is not None
        }
        for school in year.schools.values():
            if school.lea_id in days:
                yield school.school_id, Place(
                    school.school_id, school.lea_id, *days[school.lea_id], school.is_charter,
                    school.is_nonpublic, school.is_special,
                )  # fmt: skip

    def distances(self, row: Row, *, is_current: bool) -> tuple[Points, Points | None]:
        """Distances of the students of a row in points, and standard errors where all have one."""
        year = self._years[is_current]
        if year is None:
            return np.empty(0), None
        column = {SCHOOL: "school_id", DISTRICT: "lea_id"}.get(row.entity_type, "")
        where = f"{column} = {quoted(row.entity_id)}" if column else "true"
        about = self._setting(row.subject, year)
        members = self._run.members(about, str(year.year), where)
        frame = pl.from_arrow(members)
        assert isinstance(frame, pl.DataFrame)
        reason = {SCHOOL: "school_reason", DISTRICT: "lea_reason"}.get(
            row.entity_type, "state_reason"
        )
        kept = frame.filter(
            (pl.col(reason) == "") & pl.col("student_groups").list.contains(row.student_group)
        )
        errors = self._errors(kept, row.subject, str(year.year))
        return kept["distance"].to_numpy() / POINT, errors

    def _errors(self, kept: pl.DataFrame, subject: str, year: str) -> Points | None:
        found = pl.from_arrow(
            self._engine.sql(
                "SELECT student_id, max(se_scale) AS se_scale FROM academic_errors "
                f"WHERE subject = {quoted(subject)} AND school_year = {quoted(year)} "
                "GROUP BY student_id"
            )
        )
        assert isinstance(found, pl.DataFrame)
        joined = kept.join(found, on="student_id", how="left", maintain_order="left")["se_scale"]
        return None if joined.null_count() else joined.to_numpy()


def ranges_of(year: SchoolYear, subject: str) -> dict[str, Range]:
    """The lowest Level 3 score and the widest ends of the scale, by grade, in a school year."""
    rules = load().at(year, PROGRAM)
    found: dict[str, Range] = {}
    for (_, of, grade), bounds in rules.bounds.items():
        if str(of) != subject or (of, grade) not in rules.cuts:
            continue
        cut = rules.cuts[of, grade].standard_met
        before = found.get(grade, Range(cut, cut, cut))
        found[grade] = Range(
            cut, min(before.lowest, bounds.lowest_scale_score),
            max(before.highest, bounds.highest_scale_score),
        )  # fmt: skip
    return found


_HIGH_FROM, _GRADE_11 = "07", "11"


def _high_schools(grades: Mapping[tuple[str, str], tuple[str, str]], year: Year) -> dict[str, bool]:
    """Whether each school has the cuts of high schools: as told, else by its students' grades.

    High schools, and schools of grades 7 to 12, have them; schools that begin lower don't.
    """
    school_year = str(year.year)
    by_grades = {
        school: lowest >= _HIGH_FROM and highest >= _GRADE_11
        for (of, school), (lowest, highest) in grades.items()
        if of == school_year
    }
    return {
        school.school_id: by_grades.get(school.school_id, False)
        if school.high_school_cuts is None
        else school.high_school_cuts
        for school in year.schools.values()
    }


def _flags(year: Year, high: Mapping[str, bool]) -> pl.DataFrame:
    """Flags of schools; a district has the cuts of high schools when all of its schools do."""
    rows = [
        (s.school_id, s.is_charter, s.is_dass, high[s.school_id]) for s in year.schools.values()
    ]
    by_lea: dict[str, list[bool]] = {}
    for school in year.schools.values():
        if not school.is_charter and not school.is_nonpublic:
            by_lea.setdefault(school.lea_id, []).append(high[school.school_id])
    rows += [(lea, False, False, all(some)) for lea, some in by_lea.items() if lea]
    schema = {"entity_id": pl.String, "is_charter": pl.Boolean, "is_dass": pl.Boolean,
              "high_school_cuts": pl.Boolean}  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row").unique("entity_id", keep="last")


def _in_order(made: Iterable[Future[pl.DataFrame]]) -> pl.DataFrame:
    """The sums of all subjects, by entity; in the one thread they were made before."""
    found = pl.concat([one.result() for one in made] or [_empty()])
    in_order = np.argsort(found["place"].to_numpy(), kind="stable")
    return found.select(SUMS.names)[in_order]


def _waited(made: Future[pl.DataFrame] | None) -> pl.DataFrame | None:
    return None if made is None else made.result()


def _empty() -> pl.DataFrame:
    frame = pl.from_arrow(SUMS.append(pa.field("place", pa.int64())).empty_table())
    assert isinstance(frame, pl.DataFrame)
    return frame
