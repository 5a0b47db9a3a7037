"""Rescaling results files: theta to scores, levels and ratings, in the two tables' columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.identify import FileKind, identify
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.readers.two_tables import read_two_tables
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.writers.two_tables import TableWriter
from scorehouse.scoring.policies import Ends
from scorehouse.scoring.rescale import (
    NO_TEST,
    NO_YEAR,
    Flags,
    Floats,
    Places,
    ScaleRules,
    cuts_of,
    ends_of,
    scale_rules,
)
from scorehouse.scoring.rescale_report import COMPARED, KEY, ChangeReport, changes_of
from scorehouse.scoring.rescale_written import Option, RescaledWritten, WrittenScores
from scorehouse.terms import (
    AssessmentType,
    MeasurementRules,
    Policy,
    SchoolYear,
    Subject,
    parse_grade,
)
from scorehouse.verbs.output import TableSink
from scorehouse.verbs.rescale_twice import SeenTests

Progress = Callable[[int, int | None], None]
_HIGH_SCHOOL = {"HS": "11"}
_KEYS = ("SchoolYear", "Subject", "TestGrade")


@dataclass(frozen=True)
class Columns:
    """The columns of one measure in the test table; `number` 0 is the whole test."""

    number: int

    @property
    def scale_score(self) -> str:
        """Where the scale score stands."""
        return f"Claim{self.number}Score" if self.number else "ScaleScore"

    @property
    def theta(self) -> str:
        """Where theta stands."""
        return f"Claim{self.number}Theta" if self.number else "OverallTheta"

    @property
    def se_scale(self) -> str:
        """Where the standard error stands."""
        return f"{self.scale_score}StandardError"

    @property
    def level(self) -> str:
        """Where the level or rating stands."""
        return f"{self.scale_score}AchievementLevel"


class NoTheta(NamedTuple):
    """Scores without a theta: how many, and where the first stands."""

    number: int
    record: str
    row: int | None


MEASURES = tuple(Columns(number) for number in range(5))


@dataclass(frozen=True)
class ResultsRun:
    """Everything a run writes to, and what it counts on the way."""

    rules: Mapping[str, MeasurementRules]
    policy_id: str
    changes: TableSink
    report: ChangeReport
    log: FindingLog
    keeps_errors: bool = False
    with_optional: bool = True
    scales: dict[tuple[str, str, str], Scales] = field(default_factory=dict)
    obstacles: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    no_theta: dict[tuple[str, str], NoTheta] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    seen: SeenTests = field(default_factory=SeenTests)

    def with_options(self, keeps_errors: bool, with_optional: bool) -> ResultsRun:
        """The run as it was asked for."""
        return replace(self, keeps_errors=keeps_errors, with_optional=with_optional)

    def scales_of(self, key: tuple[str, str, str]) -> Scales:
        """What holds for a year, subject and grade as they are written."""
        if key not in self.scales:
            self.scales[key] = _scales(*key, self.rules, self.policy_id)
        return self.scales[key]

    def tell(self) -> None:
        """Say what was only counted."""
        for (file, what, why), count in sorted(self.obstacles.items()):
            self.log.add("rescale_impossible", file=file, what=what, count=count, reason=why)
        for (file, name), (count, record, row) in sorted(self.no_theta.items()):
            where = {"file": file, "record": record, "field": name}
            self.log.add("rescale_theta_missing", **where, row=row, count=count)
        rule = "rescale_error_kept" if self.keeps_errors else "rescale_error_unknown"
        if self.counts["errors"]:
            self.log.add(rule, count=self.counts["errors"])
        self.seen.tell(self.log)
        if self.counts["trt"]:
            self.log.add("rescale_beyond_tables", count=self.counts["trt"])


@dataclass(frozen=True)
class Scales:
    """What holds for the tests of a year, subject and grade."""

    names: tuple[str, str, str]  # year, subject and grade as scores tables write them
    now: ScaleRules
    known: tuple[ScaleRules, ...] = ()  # one for each set of bounds there is
    measures: tuple[str, ...] = ("overall",)  # by the number of the claim


def rescale_results(
    run: ResultsRun, paths: Sequence[Path], folder: Path, progress: Progress | None = None
) -> int:
    """Rescale results into the two tables in `folder`; gives the number of results."""
    done = 0
    with TableWriter(folder, optional_columns=run.with_optional, log=run.log) as writer:
        for together in read_together(paths):
            shown = ", ".join(path.name for path in together)
            with closing(_chunks(together, run.log)) as chunks:
                for chunk in chunks:
                    run.seen.add(chunk.tests["TestOpportunityId"])
                    tests = rescaled_tests(run, chunk.tests, shown)
                    writer.write(chunk._replace(tests=tests))
                    done += tests.num_rows
                    run.counts["trt"] += tests.num_rows if chunk.is_xml else 0
                    if progress:
                        progress(done, None)
    run.tell()
    return done


def read_together(paths: Sequence[Path]) -> list[list[Path]]:
    """The inputs, loose tables of one folder together: a test table needs its item table."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        place = path.parent / "*.csv" if _is_table(path) else path
        found.setdefault(place.resolve(), []).append(path)
    return list(found.values())


def _is_table(path: Path) -> bool:
    try:
        return path.is_file() and identify(path) is FileKind.CSV
    except OSError:
        return False


def _chunks(paths: Sequence[Path], log: FindingLog) -> Generator[ResultChunk, None, None]:
    if len(paths) == 1:
        yield from read_results(paths[0], log)
    else:
        yield from read_two_tables(paths, log)


def rescaled_tests(run: ResultsRun, tests: pa.Table, shown: str) -> pa.Table:
    """The test table of a chunk with other scores; the report and the changes get theirs.

    `shown` names the input in what is only counted.
    """
    if not tests.num_rows:
        return tests
    frame = pl.from_arrow(tests)
    assert isinstance(frame, pl.DataFrame)
    rows = _Rows(frame, run, shown)
    rows.count_obstacles()
    replaced: dict[str, pl.Expr] = {}
    for columns in MEASURES:
        found = RescaledWritten(rows.written(columns), rows.option)
        rows.tell(columns, found)
        compared = rows.compared(columns, found)
        run.report.add(compared)
        changes = changes_of(compared)
        if changes.num_rows:
            run.changes.write_table(changes)
        replaced |= _texts(frame, columns, found)
    return frame.with_columns(**replaced).to_arrow().cast(tests.schema)


@dataclass(frozen=True)
class _Rows:
    """The results of a chunk and what holds for each."""

    frame: pl.DataFrame
    run: ResultsRun
    shown: str

    @cached_property
    def _places(self) -> tuple[list[Scales], Places]:
        keys = self.frame.select(pl.col(name).fill_null("").str.strip_chars() for name in _KEYS)
        distinct = keys.unique(maintain_order=True)
        numbered = distinct.with_row_index("place")
        place = keys.join(numbered, on=_KEYS, how="left", maintain_order="left")["place"]
        scales = [self.run.scales_of(key) for key in distinct.iter_rows()]
        return scales, place.to_numpy().astype(np.int64)

    @property
    def scales(self) -> list[Scales]:
        """The kinds of tests there are."""
        return self._places[0]

    @property
    def place(self) -> Places:
        """Which kind each result is of."""
        return self._places[1]

    @cached_property
    def is_possible(self) -> Flags:
        """Which results have rules."""
        found: Flags = np.array([not one.now.obstacle for one in self.scales], bool)[self.place]
        return found

    @cached_property
    def option(self) -> Option:
        """The option, row by row."""
        first = next((s.now.rules for s in self.scales if s.now.rules is not None), None)
        limits = first.policies[self.run.policy_id].limits if first else "none"
        sets = max((len(one.known) for one in self.scales), default=0)
        empty = ScaleRules()
        known = [
            ends_of([one.known[n] if n < len(one.known) else empty for one in self.scales],
                    self.place)
            for n in range(sets)
        ]  # fmt: skip
        now = [one.now for one in self.scales]
        return Option(
            limits,
            ends_of(now, self.place),
            [Ends(*one) for one in known],
            cuts_of(now, self.place),
            first.claim_band if first else 0.0,
            self.run.keeps_errors,
        )

    def number(self, name: str) -> Floats:
        """The numbers of a text column; NaN where a cell is none, or endless."""
        text = self.frame[name].str.strip_chars()
        found: Floats = text.cast(pl.Float64, strict=False).to_numpy().astype(np.float64)
        return np.where(np.isfinite(found), found, np.nan)

    def written(self, columns: Columns) -> WrittenScores:
        """One measure as it stands there; nothing, for results without rules."""
        nothing = np.where(self.is_possible, 0.0, np.nan)
        has_rating = self._is_block if not columns.number else np.ones(len(self.place), bool)
        return WrittenScores(
            self.number(columns.theta),
            self.number(columns.scale_score) + nothing,
            self.number(columns.se_scale),
            self.number(columns.level),
            has_rating,
            self._rounds_rating,
        )

    @cached_property
    def _is_interim(self) -> Flags:
        kind = self.frame["AssessmentType"].fill_null("").str.strip_chars().str.to_uppercase()
        return np.asarray(kind.str.starts_with("I") | (kind == "FORMATIVE"), bool)

    @cached_property
    def _is_block(self) -> Flags:
        """Interim tests that say they are blocks, or have no claims and no level above 3."""
        names = ("AssessmentId", "AssessmentName", "AssessmentType")
        said = self.frame.select(
            pl.concat_str(pl.col(name).fill_null("") for name in names).str.to_uppercase()
        ).to_series()
        is_named = np.asarray(said.str.contains("IAB|INTERIM ASSESSMENT BLOCK"), bool)
        has_claims = np.any([np.isfinite(self.number(m.scale_score)) for m in MEASURES[1:]], axis=0)
        above = self.number(MEASURES[0].level) > len(("below", "near", "above"))
        block: Flags = self._is_interim & (is_named | ~(has_claims | above))
        return block

    @cached_property
    def _rounds_rating(self) -> Flags:
        """Whether ends of the band are rounded, by the type of test and the year."""
        kinds = (AssessmentType.SUMMATIVE, AssessmentType.ICA, AssessmentType.IAB)
        table = np.array([_rounding(one.now.rules, kinds) for one in self.scales], bool)
        kind = np.where(self._is_block, 2, np.where(self._is_interim, 1, 0))
        found: Flags = table[self.place, kind]
        return found

    def compared(self, columns: Columns, found: RescaledWritten) -> pl.DataFrame:
        """The scores of a measure before and after, as `COMPARED`; impossible ones too."""
        before = half_up_or_null(self.number(columns.scale_score))
        level = pl.Series(self.number(columns.level), nan_to_null=True)
        names = [_names(one, columns.number) for one in self.scales]
        keys = pl.DataFrame(names, schema=KEY, orient="row")
        possible = pl.Series(self.is_possible)
        frame = pl.DataFrame(
            {
                "opportunity_id": self.frame["TestOpportunityId"],
                **{name: keys[name].gather(self.place) for name in KEY},
                "scale_score_before": before,
                "scale_score_after": pl.Series(found.after, nan_to_null=True),
                "level_before": level,
                "level_after": pl.Series(found.level, nan_to_null=True),
                "at_lowest_before": found.was_lowest,
                "at_highest_before": found.was_highest,
                "at_lowest_after": found.at_lowest | (found.is_left & found.was_lowest),
                "at_highest_after": found.at_highest | (found.is_left & found.was_highest),
                "is_left": found.is_left | ~self.is_possible,
            }
        ).with_columns(
            scale_score_after=pl.when(possible)
            .then("scale_score_after")
            .otherwise("scale_score_before"),
            level_after=pl.when(possible).then("level_after").otherwise("level_before"),
        )
        whole = pl.col("scale_score_before").is_between(-_LARGEST, _LARGEST)
        kept = frame.filter(pl.col("scale_score_before").is_not_null() & whole)
        return kept.with_columns(pl.col(r"^level_.*$").clip(0, 9)).cast(COMPARED)

    def count_obstacles(self) -> None:
        """Count the results without rules, by what they say they are."""
        for place in self.place[~self.is_possible & np.isfinite(self.number("ScaleScore"))]:
            found = self.scales[place]
            year, subject, grade = found.names
            what = f"{year or 'no year'}, {subject or 'no subject'}, grade {grade or 'unknown'}"
            self.run.obstacles[self.shown, what, found.now.obstacle] += 1

    def tell(self, columns: Columns, found: RescaledWritten) -> None:
        """Say which scores stay, which don't follow from their theta, and count the rest."""
        self.run.counts["errors"] += int(found.error_moved.sum())
        self._count_no_theta(columns, found.lacks_theta)
        self._tell_rows("rescale_theta_cut_off", found.is_cut_off, columns.theta)
        expected = found.computed
        self._tell_rows(
            "rescale_score_unexplained", found.is_unexplained, columns.scale_score, expected
        )

    def _tell_rows(
        self, rule: str, which: Flags, name: str, expected: Floats | None = None
    ) -> None:
        wanted = ("file", "row", "TestOpportunityId", name)
        places = np.flatnonzero(which)
        rows = self.frame.select(wanted)[places].rows()
        for place, (file, row, record, value) in zip(places.tolist(), rows, strict=True):
            words = {} if expected is None else {"expected": int(expected[place])}
            self.run.log.add(
                rule, file=file, record=record, field=name, row=row, value=value, **words
            )

    def _count_no_theta(self, columns: Columns, which: Flags) -> None:
        places = np.flatnonzero(which)
        if not len(places):
            return
        key = (self.shown, columns.scale_score)
        if key not in self.run.no_theta:
            first = self.frame.select("TestOpportunityId", "row").row(int(places[0]))
            self.run.no_theta[key] = NoTheta(0, *first)
        known = self.run.no_theta[key]
        self.run.no_theta[key] = known._replace(number=known.number + len(places))


_LARGEST = 1_000_000  # beyond it a score is no number to compare


def half_up_or_null(numbers: Floats) -> pl.Series:
    """Numbers rounded half away from zero, null where there is none."""
    whole = np.copysign(np.floor(np.abs(numbers) + 0.5), numbers)
    return pl.Series(whole, nan_to_null=True)


def _rounding(rules: MeasurementRules | None, kinds: Sequence[AssessmentType]) -> list[bool]:
    return [rules.claim_rounding.get(kind, True) if rules else True for kind in kinds]


def _names(scales: Scales, number: int) -> tuple[str, ...]:
    known = scales.measures
    measure = known[number] if number < len(known) else f"claim:{number}"
    return (*scales.names, measure)


def _scales(
    year: str, subject: str, grade: str, rules: Mapping[str, MeasurementRules], policy_id: str
) -> Scales:
    """What holds for a year, subject and grade as a results file writes them."""
    names = (_year(year), _subject(subject), _grade(grade))
    of_year = rules.get(names[0])
    if of_year is None or policy_id not in of_year.policies:
        return Scales(names, ScaleRules(NO_YEAR))
    now = scale_rules(of_year, of_year.policies[policy_id], *names[1:])
    if now.obstacle:
        return Scales(names, ScaleRules(NO_TEST))
    known = tuple(
        scale_rules(of_year, policy, *names[1:]) for policy in _one_a_set(of_year.policies.values())
    )
    measures = _measures(of_year, Subject(names[1]))
    return Scales(names, now, tuple(one for one in known if not one.obstacle), measures)


def _one_a_set(policies: Iterable[Policy]) -> list[Policy]:
    """A policy for each set of bounds that there is."""
    found: dict[str, Policy] = {}
    for policy in policies:
        if policy.limits != "none":
            found.setdefault(policy.bounds_set, policy)
    return list(found.values())


def _measures(rules: MeasurementRules, subject: Subject) -> tuple[str, ...]:
    """The names of the measures by the number of their claim, as scores tables have them."""
    claims = {
        part.number.partition("/")[0]: f"claim:{part.code}"
        for part in rules.parts.get(subject, ())
        if part.kind == "claim"
    }
    numbers = (str(columns.number) for columns in MEASURES[1:])
    return ("overall", *(claims.get(number, f"claim:{number}") for number in numbers))


def _year(text: str) -> str:
    try:
        return str(SchoolYear.parse_file_year(text))
    except ValueError:
        return text


def _subject(text: str) -> str:
    try:
        return str(Subject.parse(text))
    except ValueError:
        return text


def _grade(text: str) -> str:
    try:
        grade = parse_grade(text)
    except ValueError:
        return text
    return _HIGH_SCHOOL.get(grade, grade)


def _texts(frame: pl.DataFrame, columns: Columns, found: RescaledWritten) -> dict[str, pl.Expr]:
    """The columns of a measure, written anew where they are others now."""
    was, now = found.written.level, found.level
    level_moved = np.isfinite(was) & (np.isnan(now) | (was != now))
    return {
        columns.scale_score: _where(columns.scale_score, found.is_changed, found.after),
        columns.level: _where(columns.level, level_moved, now),
        columns.se_scale: _where(
            columns.se_scale, np.isfinite(found.written.se_scale) & np.isnan(found.se_scale)
        ),
    }


def _where(name: str, which: Flags, numbers: Floats | None = None) -> pl.Expr:
    """A text column with whole numbers in some rows; blank where there is no number."""
    texts = pl.lit("")
    if numbers is not None:
        whole = pl.Series(numbers, nan_to_null=True).cast(pl.Int64)
        texts = pl.lit(whole.cast(pl.String).fill_null(""))
    return pl.when(pl.lit(pl.Series(which))).then(texts).otherwise(pl.col(name)).alias(name)
