"""What a simulation is asked for, and the invented world's settings it starts from."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from scorehouse.errors import UsageError
from scorehouse.terms import SchoolYear, Subject, parse_grade

Settings = Mapping[str, Any]


@cache
def world() -> Settings:
    """Return the settings of the invented world, `world.toml` beside this module."""
    return tomllib.loads((files(__package__) / "world.toml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Rates:
    """How often what isn't ordinary happens; every rate is a share of one.

    `participation`, `interim_comprehensive` and `interim_block` are shares of students,
    `unanswered` of the items of performance tasks and fixed forms, `unanswered_cat` of CAT
    items (a CAT waits for an answer before it goes on), `condition_codes` of answered writing
    items, `field_test` of operational CAT items; the others are shares of tests.
    """

    participation: float
    unanswered: float
    unanswered_cat: float
    incomplete_cat: float
    missing_part: float
    nothing_answered: float
    condition_codes: float
    force_completed: float
    field_test: float
    interim_comprehensive: float
    interim_block: float

    def __post_init__(self) -> None:
        for name, rate in dataclasses.asdict(self).items():
            if not 0 <= rate <= 1:
                raise UsageError(f"the rate {name} is {rate}; a rate lies between 0 and 1")
        if self.incomplete_cat + self.missing_part + self.nothing_answered > 1:
            raise UsageError("incomplete_cat, missing_part and nothing_answered exceed 1 together")

    @classmethod
    def usual(cls, **changes: float) -> Rates:
        """Return the rates of the invented world, some of them changed."""
        return cls(**{**world()["rates"], **changes})

    @classmethod
    def none(cls) -> Rates:
        """Return the rates of a world in which everybody takes and finishes every test."""
        names = [setting.name for setting in dataclasses.fields(cls)]
        return cls(**{**dict.fromkeys(names, 0.0), "participation": 1.0})


@dataclass(frozen=True)
class PoolSizes:
    """Operational CAT items, field-test items and performance tasks of a subject and grade."""

    cat_items: int
    field_test_items: int
    performance_tasks: int

    def __post_init__(self) -> None:
        if self.cat_items < 1 or self.field_test_items < 1 or self.performance_tasks < 1:
            raise UsageError("a pool has at least one item of each sort and one performance task")
        if self.cat_items + self.field_test_items + 9 * self.performance_tasks > _ITEM_NUMBERS:
            raise UsageError(f"a pool holds at most {_ITEM_NUMBERS} items")


def _all_grades() -> tuple[str, ...]:
    return tuple(world()["grades"]["all"])


def _model_constant() -> float:
    return float(world()["general"]["model_constant"])


def _block_size() -> int:
    return int(world()["general"]["block_size"])


def _members_per_zip() -> int:
    return int(world()["general"]["members_per_zip"])


@dataclass(frozen=True)
class SimulationConfig:
    """One world, fully determined: the same value always gives the same files.

    `students` is the number in tested grades each year, nearly (grades are of equal size).
    `block_size` is part of what a seed means: other sizes draw another world.
    """

    seed: int
    years: tuple[SchoolYear, ...]
    students: int
    pool: PoolSizes
    single_district: bool
    subjects: tuple[Subject, ...] = tuple(Subject)
    grades: tuple[str, ...] = field(default_factory=_all_grades)
    include_interim: bool = False
    form: Literal["parquet", "csv"] = "parquet"
    trt: bool = False
    verbose_trt: bool = False
    rates: Rates = field(default_factory=Rates.usual)
    model_constant: float = field(default_factory=_model_constant)
    block_size: int = field(default_factory=_block_size)
    members_per_zip: int = field(default_factory=_members_per_zip)

    def __post_init__(self) -> None:
        known = _all_grades()
        grades = tuple(parse_grade(grade) for grade in self.grades)
        object.__setattr__(self, "grades", tuple(sorted(set(grades))))
        object.__setattr__(self, "years", tuple(sorted(set(self.years))))
        if not set(grades) <= set(known):
            raise UsageError(f"grades are among {', '.join(known)}")
        if self.seed < 0:
            raise UsageError("a seed is a whole number, zero or more")
        if not (self.years and self.subjects and self.grades):
            raise UsageError("a simulation needs at least one school year, subject and grade")
        if self.form not in ("parquet", "csv"):
            raise UsageError(f"unknown form {self.form!r}; known are parquet and csv")
        if self.students < len(self.grades) or self.block_size < 1 or self.members_per_zip < 1:
            raise UsageError("ask for at least one student a grade and one test a block")
        if self.cohort_size * COHORT_LIMIT > _SSIDS or len(self.cohorts) > COHORT_LIMIT:
            raise UsageError("more students than there are invented identifiers")

    @property
    def cohort_size(self) -> int:
        """Students in one grade of one year."""
        return round(self.students / len(self.grades))

    @property
    def cohorts(self) -> tuple[int, ...]:
        """Each cohort as the calendar year in which it ends a grade zero, oldest first."""
        pairs = ((year.ends, int(grade)) for year in self.years for grade in self.grades)
        return tuple(sorted({ends - grade for ends, grade in pairs}))

    @classmethod
    def district(cls, seed: int, years: tuple[SchoolYear, ...], **changes: Any) -> SimulationConfig:
        """Return one district of about two thousand tested students a year."""
        return cls._preset("district", seed, years, changes)

    @classmethod
    def state(cls, seed: int, years: tuple[SchoolYear, ...], **changes: Any) -> SimulationConfig:
        """Return a state of about a million tested students a year, in many districts."""
        return cls._preset("state", seed, years, changes)

    @classmethod
    def _preset(
        cls, name: str, seed: int, years: tuple[SchoolYear, ...], changes: Settings
    ) -> SimulationConfig:
        preset = dict(world()["presets"][name])
        preset["pool"] = PoolSizes(**preset["pool"])
        return cls(**{"seed": seed, "years": years, **preset, **changes})


_ITEM_NUMBERS = 4500
COHORT_LIMIT = 64
"""Cohorts numbered apart in identifiers; far more than grades and years make."""

_SSIDS = 10**8  # two digits say that an identifier is invented, eight number the students
