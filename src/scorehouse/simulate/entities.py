"""The invented hierarchy: state, counties, districts and schools, and who feeds whom."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.ids import CdsCode
from scorehouse.simulate.config import Settings, SimulationConfig, world
from scorehouse.simulate.seeds import Stream, generator

ENTITIES = pa.schema(
    [
        ("entity_id", pa.string()),  # 14 digits, invented: no real county has the number
        ("reporting_level", pa.string()),  # state, county, district or school
        ("parent_id", pa.string()),  # null for the state
        ("name", pa.string()),
        ("lowest_grade", pa.string()),
        ("highest_grade", pa.string()),
    ]
)
"""One row an entity, parents before children."""

STAGES = ("elementary", "middle", "high")
STATE_CODE = "0" * 14


@dataclass(frozen=True)
class Entity:
    """One place results are reported for."""

    entity_id: str
    reporting_level: str
    parent_id: str | None
    name: str
    lowest_grade: str = ""
    highest_grade: str = ""


@dataclass(frozen=True)
class Stage:
    """The schools of one stage, in the order of a cohort's students.

    `ends[i]` is the place in the cohort after the last student of the i-th school.
    """

    entities: tuple[Entity, ...]
    ends: NDArray[np.int64]

    def school_at(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the index of the school that each place in the cohort belongs to."""
        return np.searchsorted(self.ends, places, side="right")


@dataclass(frozen=True)
class Hierarchy:
    """All entities, the schools of each stage, and what each elementary school is like.

    `poverty` is the share of economically disadvantaged students, `school_effect` what
    district and school add to theta, in standard deviations; both by elementary school.
    """

    entities: tuple[Entity, ...]
    stages: dict[str, Stage]
    poverty: NDArray[np.float64]
    school_effect: NDArray[np.float64]
    by_id: dict[str, Entity] = field(repr=False)

    def stage_of(self, grade: str) -> Stage:
        """Return the stage that teaches a grade."""
        for name in STAGES:
            lowest, highest = world()["entities"][name]["grades"]
            if lowest <= grade <= highest:
                return self.stages[name]
        raise ValueError(f"no school teaches grade {grade}")

    def table(self) -> pa.Table:
        """Return the entities (`ENTITIES`)."""
        records = [{name: getattr(one, name) for name in ENTITIES.names} for one in self.entities]
        return pa.Table.from_pylist(records, schema=ENTITIES)


def build_hierarchy(config: SimulationConfig) -> Hierarchy:
    """Draw the places that a cohort of the configured size goes to school in."""
    settings: Settings = world()["entities"]
    rng = generator(config.seed, Stream.ENTITIES)
    sizes = _elementary_sizes(rng, config.cohort_size, settings["elementary"])
    district_of = _districts(rng, len(sizes), config.single_district, settings)
    namer = _Namer(rng)
    parents = _counties_and_districts(int(district_of[-1]) + 1, namer, settings)
    districts = [entity for entity in parents if entity.reporting_level == "district"]
    builder = _Schools(namer, districts)
    stages = {
        "elementary": builder.stage("elementary", sizes, district_of),
        **_upper_stages(builder, sizes, district_of, settings),
    }
    schools = [school for stage in STAGES for school in stages[stage].entities]
    entities = (*parents, *schools)
    poverty = rng.beta(settings["poverty"]["alpha"], settings["poverty"]["beta"], len(sizes))
    effect = rng.normal(0, settings["district_spread"], len(districts))[district_of]
    effect += rng.normal(0, settings["school_spread"], len(sizes))
    effect += settings["poverty_effect"] * poverty
    by_id = {entity.entity_id: entity for entity in entities}
    return Hierarchy(entities, stages, poverty, effect, by_id)


def _elementary_sizes(
    rng: np.random.Generator, cohort_size: int, rule: Settings
) -> NDArray[np.int64]:
    """Draw students a grade for each elementary school, adding up to the cohort."""
    sizes: list[int] = []
    left = cohort_size
    while left > 0:
        drawn = rule["students_a_grade"] * np.exp(rng.normal(0, rule["spread"]))
        size = min(left, max(1, round(drawn)))
        sizes.append(size)
        left -= size
    return np.array(sizes, dtype=np.int64)


def _districts(
    rng: np.random.Generator, school_count: int, single: bool, settings: Settings
) -> NDArray[np.int64]:
    """Return each elementary school's district, by ordinal."""
    if single:
        return np.zeros(school_count, dtype=np.int64)
    rule = settings["schools_a_district"]
    district_of: list[int] = []
    while len(district_of) < school_count:
        schools = max(1, round(rule["center"] * np.exp(rng.normal(0, rule["spread"]))))
        following = district_of[-1] + 1 if district_of else 0
        district_of += [following] * schools
    return np.array(district_of[:school_count], dtype=np.int64)


def _counties_and_districts(count: int, namer: _Namer, settings: Settings) -> list[Entity]:
    first, last = settings["counties_from"], settings["counties_to"]
    counties = min(first - last + 1, -(-count // settings["districts_a_county"]))
    entities = [Entity(STATE_CODE, "state", None, world()["general"]["state_name"])]
    for ordinal in range(counties):
        code = f"{first - ordinal:02d}"
        entities.append(
            Entity(f"{code}{'0' * 12}", "county", STATE_CODE, f"{namer.place()} County")
        )
    for ordinal in range(count):
        county = entities[1 + ordinal * counties // count].entity_id
        code = CdsCode(f"{county[:2]}{90001 + ordinal:05d}{'0' * 7}")
        entities.append(Entity(str(code), "district", county, f"{namer.place()} Unified"))
    return entities


class _Schools:
    """Makes schools, numbering them as it goes."""

    def __init__(self, namer: _Namer, districts: list[Entity]) -> None:
        self._namer = namer
        self._districts = districts
        self._next = 9000000

    def stage(self, name: str, sizes: NDArray[np.int64], district_of: NDArray[np.int64]) -> Stage:
        """Make one stage's schools of the given sizes."""
        rule = world()["entities"][name]
        schools = tuple(
            self._school(self._districts[district], rule) for district in district_of.tolist()
        )
        return Stage(schools, np.cumsum(sizes))

    def _school(self, district: Entity, rule: Settings) -> Entity:
        self._next += 1
        code = CdsCode(f"{district.entity_id[:7]}{self._next:07d}")
        name = f"{self._namer.place()} {rule['label']}"
        return Entity(str(code), "school", district.entity_id, name, *rule["grades"])


def _upper_stages(
    builder: _Schools, sizes: NDArray[np.int64], district_of: NDArray[np.int64], settings: Settings
) -> dict[str, Stage]:
    """Join neighbors of one district until a middle, then a high school, is large enough."""
    stages: dict[str, Stage] = {}
    for name in STAGES[1:]:
        joined = _joined(sizes.tolist(), district_of.tolist(), settings[name]["students_a_grade"])
        sizes = np.array([size for size, _ in joined], dtype=np.int64)
        district_of = np.array([district for _, district in joined], dtype=np.int64)
        stages[name] = builder.stage(name, sizes, district_of)
    return stages


def _joined(
    sizes: Iterable[int], district_of: Iterable[int], wanted: float
) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for size, district in zip(sizes, district_of, strict=True):
        if joined and joined[-1][1] == district and joined[-1][0] < wanted:
            joined[-1] = (joined[-1][0] + size, district)
        else:
            joined.append((size, district))
    return joined


class _Namer:
    """Invents place names, numbering them once the plain ones are used up."""

    def __init__(self, rng: np.random.Generator) -> None:
        names = world()["names"]
        plain = [f"{place} {end.title()}" for place in names["places"] for end in _ends(names)]
        self._names: list[str] = [plain[index] for index in rng.permutation(len(plain))]
        self._used = 0

    def place(self) -> str:
        """Return a name not returned before."""
        turn, index = divmod(self._used, len(self._names))
        self._used += 1
        return f"{self._names[index]} {turn + 1}" if turn else self._names[index]


def _ends(names: Settings) -> list[str]:
    return list(names["place_endings"])
