"""Invented students: groups that go together, and a true theta that grows with the grades."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.simulate.config import COHORT_LIMIT, Settings, SimulationConfig, world
from scorehouse.simulate.entities import Hierarchy
from scorehouse.simulate.seeds import Stream, generator
from scorehouse.terms import Subject

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]

NEVER = 99
"""A grade that no student reaches: never reclassified, never moves school."""

_SSID_START = 9_900_000_000
_SSID_STRIDE = 61_803_399  # odd and not a multiple of five, so that no two students share one


@dataclass(frozen=True)
class StudentBlock:
    """Neighboring students of one cohort, as arrays of equal length.

    `place` is the student's place in the cohort, from which follow the schools; from grade
    `moves_at` on, `second_place` counts instead. `lasting` holds the residuals of theta
    that stay, one row a subject, in standard deviations.
    """

    cohort: int
    cohort_ordinal: int
    number: int  # of the block within the cohort
    seed: int
    place: Counts
    second_place: Counts
    moves_at: Counts
    female: Flags
    race_ethnicity: Counts  # index into the world's codes
    economically_disadvantaged: Flags
    student_with_disabilities: Flags
    section_504: Flags
    foster_youth: Flags
    homeless: Flags
    migrant: Flags
    military_connected: Flags
    ever_english_learner: Flags
    initially_fluent: Flags
    reclassified_at: Counts  # grade
    school_effect: Floats
    lasting: Floats

    def __len__(self) -> int:
        return len(self.place)

    @cached_property
    def student_ids(self) -> pa.Array:
        """Return the invented SSIDs: ten digits that start with 99."""
        shift = int(generator(self.seed, Stream.SSID).integers(0, 10**8))
        index = self.cohort_ordinal + self.place * COHORT_LIMIT
        return pa.array(_SSID_START + (index * _SSID_STRIDE + shift) % 10**8).cast(pa.string())

    def english_learner(self, grade: str) -> Flags:
        """Return who is an English learner in a grade: not yet reclassified."""
        not_yet: Flags = self.reclassified_at > int(grade)
        return self.ever_english_learner & not_yet

    def places(self, grade: str) -> Counts:
        """Return each student's place in the cohort in a grade, after any change of school."""
        return np.where(self.moves_at <= int(grade), self.second_place, self.place)

    def theta(self, subject: Subject, grade: str) -> Floats:
        """Return the true theta in a grade, the same however often it is asked for."""
        students: Settings = world()["students"]
        parts = students["spread_parts"]
        name = (self.cohort_ordinal, self.number, list(Subject).index(subject), int(grade))
        passing = generator(self.seed, Stream.THETA, *name).standard_normal(len(self))
        residual = np.sqrt(parts["persistence"]) * self.lasting[list(Subject).index(subject)]
        residual += np.sqrt(1 - parts["persistence"]) * passing
        standing = self._explained(subject, grade) + parts["residual"] * residual
        own = students[str(subject)]
        theta: Floats = own["mean"][grade] + own["spread"][grade] * standing
        return theta

    def _explained(self, subject: Subject, grade: str) -> Floats:
        effects: Mapping[str, float] = world()["students"]["effects"][str(subject)]
        explained: Floats = (
            self.school_effect
            + effects["economically_disadvantaged"] * self.economically_disadvantaged
            + effects["english_learner"] * self.english_learner(grade)
            + effects["student_with_disabilities"] * self.student_with_disabilities
            + effects["female"] * self.female
        )
        return explained


def block_count(config: SimulationConfig) -> int:
    """Return the number of blocks that a cohort is drawn in."""
    return -(-config.cohort_size // config.block_size)


def student_block(
    config: SimulationConfig, hierarchy: Hierarchy, cohort: int, number: int
) -> StudentBlock:
    """Draw one block of a cohort; the same arguments always give the same students."""
    ordinal = config.cohorts.index(cohort)
    rng = generator(config.seed, Stream.STUDENTS, ordinal, number)
    start = number * config.block_size
    place = np.arange(start, min(start + config.block_size, config.cohort_size))
    home = hierarchy.stages["elementary"].school_at(place)
    poverty = hierarchy.poverty[home]
    rules: Settings = world()["students"]["groups"]
    race_ethnicity = _race_ethnicity(rng, poverty)
    disadvantaged = rng.random(len(place)) < poverty
    return StudentBlock(
        cohort=cohort,
        cohort_ordinal=ordinal,
        number=number,
        seed=config.seed,
        place=place,
        second_place=_nearby(rng, place, config.cohort_size),
        moves_at=_moves(rng, rules["moves_school"], len(place)),
        female=rng.random(len(place)) < rules["female"],
        race_ethnicity=race_ethnicity,
        economically_disadvantaged=disadvantaged,
        student_with_disabilities=rng.random(len(place)) < rules["student_with_disabilities"],
        section_504=rng.random(len(place)) < rules["section_504"],
        foster_youth=rng.random(len(place)) < rules["foster_youth"],
        homeless=_among(rng, disadvantaged, rules["homeless_when_disadvantaged"]),
        migrant=_among(rng, disadvantaged, rules["migrant_when_disadvantaged"]),
        military_connected=rng.random(len(place)) < rules["military_connected"],
        ever_english_learner=_ever_english_learner(rng, race_ethnicity),
        initially_fluent=rng.random(len(place)) < rules["initially_fluent"],
        reclassified_at=rng.geometric(rules["reclassified_each_grade"], len(place)),
        school_effect=hierarchy.school_effect[home],
        lasting=_lasting(rng, len(place)),
    )


def _among(rng: np.random.Generator, group: Flags, rate: float) -> Flags:
    drawn: Flags = rng.random(len(group)) < rate
    return group & drawn


def _nearby(rng: np.random.Generator, place: Counts, cohort_size: int) -> Counts:
    """Draw another place in the cohort, most often in a school not far away."""
    reach = 2 * world()["entities"]["high"]["students_a_grade"]
    away = np.rint(rng.laplace(0, reach, len(place))).astype(np.int64)
    second: Counts = (place + away) % cohort_size
    return second


def _moves(rng: np.random.Generator, rate: float, count: int) -> Counts:
    """Return the grade from which each student goes to another school, mostly never."""
    grades = [int(grade) for grade in world()["grades"]["all"]]
    drawn = rng.integers(min(grades) + 1, max(grades) + 1, count)
    return np.where(rng.random(count) < rate, drawn, NEVER)


def _race_ethnicity(rng: np.random.Generator, poverty: Floats) -> Counts:
    """Draw one code a student; the mix leans with the poverty of the school."""
    rule = world()["students"]["race_ethnicity"]
    low, high = (_shares(rule[f"where_poverty_is_{end}"]) for end in ("low", "high"))
    cumulative = np.cumsum(low + poverty[:, None] * (high - low), axis=1)
    drawn: Counts = (rng.random(len(poverty))[:, None] >= cumulative).sum(axis=1)
    return np.minimum(drawn, len(low) - 1)


def _shares(weights: list[float]) -> Floats:
    return np.array(weights) / sum(weights)


def _ever_english_learner(rng: np.random.Generator, race_ethnicity: Counts) -> Flags:
    rates = np.array(world()["students"]["race_ethnicity"]["ever_english_learner"])
    ever: Flags = rng.random(len(race_ethnicity)) < rates[race_ethnicity]
    return ever


def _lasting(rng: np.random.Generator, count: int) -> Floats:
    """Draw the lasting residuals of both subjects, correlated as configured."""
    correlation = world()["students"]["spread_parts"]["subject_correlation"]
    first, second = rng.standard_normal((2, count))
    return np.stack([first, correlation * first + np.sqrt(1 - correlation**2) * second])
