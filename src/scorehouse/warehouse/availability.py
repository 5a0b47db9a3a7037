"""Availability: which results may count for an audience yet, by year, district and subject.

The table `availability` says how far results are: loading, reviewing or released. It is loaded
rather than asked for, so that nobody's query can forget it, every change has its import, and
figures as of one import always hold the same students. A warehouse that holds none withholds
nothing; once it holds any, what no row tells of is loading. Interim results are never
withheld. A result is as available as the entity it counts for: its own row, else the nearest
above it that has one, else the row of the whole state; a row of the subject before one of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from scorehouse.ids import CdsCode
from scorehouse.reports.query import AVAILABILITY
from scorehouse.terms import AssessmentType, Subject
from scorehouse.warehouse.academic_files import district_of
from scorehouse.warehouse.entity_tree import DISTRICT, Tree, read_tree
from scorehouse.warehouse.snapshot import Snapshot

LOADING, RELEASED = AVAILABILITY[0], AVAILABILITY[-1]
Statuses = Mapping[tuple[str, str, str], str]
"""Availability by school year, entity (blank: the whole state) and subject (blank: all)."""
Told = tuple[str, str, str]
"""School year, subject and district of some results."""
_KEYS = ("school_id", "school_year", "subject")


def read_statuses(snapshot: Snapshot) -> Statuses:
    """What the warehouse holds of availability; empty: nothing."""
    rows = snapshot.sql(
        "SELECT school_year, coalesce(lea_id, '') AS lea_id, coalesce(subject, '') AS subject, "
        "availability FROM availability"
    ).to_pylist()
    return {(r["school_year"], r["lea_id"], r["subject"]): r["availability"] for r in rows}


@dataclass
class Gate:
    """Lets results of an availability, `least` or further on, into a report.

    It keeps what it turned away and what it let in before it is released, for the notes.
    """

    statuses: Statuses
    tree: Tree
    least: str
    left_out: set[Told] = field(default_factory=set)
    early: set[Told] = field(default_factory=set)
    _above: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_in_use(self) -> bool:
        """Whether the warehouse holds availability at all."""
        return bool(self.statuses)

    @property
    def let_in(self) -> frozenset[str]:
        """The availabilities that are let in, where some aren't; else none."""
        place = AVAILABILITY.index(self.least)
        return frozenset(AVAILABILITY[place:]) if self.is_in_use and place else frozenset()

    def status(self, school: str, year: str, subject: str) -> str:
        """How far the results are that count for a school in a year and subject."""
        for entity in (*self._places(school), ""):
            for name in (subject, ""):
                told = self.statuses.get((year, entity, name))
                if told is not None:
                    return told if told in AVAILABILITY else LOADING
        return LOADING

    def kept(self, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows (by school, year, subject and type of test) that may be seen."""
        if not self.is_in_use or rows.is_empty():
            return rows
        is_withheld = pl.col("assessment_type") == AssessmentType.SUMMATIVE.value
        keys = rows.filter(is_withheld).select(pl.col(_KEYS).fill_null("")).unique()
        gone = [key for key in keys.rows() if not self._may_pass(key)]
        if not gone:
            return rows
        away = pl.DataFrame(gone, schema=dict.fromkeys(_KEYS, pl.String), orient="row")
        away = away.with_columns(assessment_type=pl.lit(AssessmentType.SUMMATIVE.value))
        filled = rows.with_columns(pl.col("school_id").fill_null(""))
        return filled.join(away, on=away.columns, how="anti", maintain_order="left")

    def _may_pass(self, key: tuple[str, ...]) -> bool:
        school, year, subject = key
        status = self.status(school, year, subject)
        if status == RELEASED:
            return True
        passes = AVAILABILITY.index(status) >= AVAILABILITY.index(self.least)
        told = (year, subject, self._district(school))
        (self.early if passes else self.left_out).add(told)
        return passes

    def _places(self, school: str) -> tuple[str, ...]:
        """The school and what is above it, nearest first.

        Of a school that the warehouse knows in no district, the one that its code names.
        """
        if school not in self._above:
            above = list(self.tree.above(school))
            known = any(entity.entity_type == DISTRICT for entity in above)
            named = () if known or not is_cds(school) else (district_of(school),)
            places = (school, *named, *(entity.entity_id for entity in above))
            self._above[school] = tuple(filter(None, places))
        return self._above[school]

    def _district(self, school: str) -> str:
        places = self._places(school)
        kinds = {e.entity_type: p for p in places if (e := self.tree.entities.get(p)) is not None}
        return kinds.get(DISTRICT) or (district_of(school) if is_cds(school) else "")


def not_released(
    snapshot: Snapshot, entities: Iterable[str], years: Sequence[str]
) -> frozenset[tuple[str, str]]:
    """The entities and subjects some of whose results of some years aren't released yet.

    What isn't released of a school isn't of its district either: as the warehouse holds it, and
    as the school's code tells. Results of unknown schools are the state's.
    """
    statuses = read_statuses(snapshot)
    if not statuses:
        return frozenset()
    tree = read_tree(snapshot)
    gate = Gate(statuses, tree, RELEASED)
    found: set[tuple[str, str]] = set()
    for subject in map(str, Subject):
        for one in {*entities, *tree.entities, ""}:
            if any(gate.status(one, year, subject) != RELEASED for year in years):
                above = [entity.entity_id for entity in tree.above(one)]
                found |= {(entity, subject) for entity in (one, *above, district_of(one))}
    return frozenset(found)


def is_cds(code: str) -> bool:
    """Whether a code is one of a school or district.

    >>> is_cds("99900010000001"), is_cds("Oak")
    (True, False)
    """
    try:
        return bool(CdsCode(code))
    except ValueError:
        return False


def notes(gate: Gate) -> Iterator[str]:
    """What a reader must know of results that are on their way."""
    if gate.left_out:
        yield f"Left out, not yet released: {_listed(gate.left_out)}."
    if gate.early:
        yield f"Results that aren't released yet are among these: {_listed(gate.early)}."


def _listed(told: set[Told]) -> str:
    """Years and subjects, each with its number of districts.

    >>> _listed({("2018-19", "ELA", "9"), ("2018-19", "ELA", "8"), ("2018-19", "Math", "9")})
    '2018-19 ELA (2 districts), 2018-19 Math (1 district)'
    """
    districts: dict[str, set[str]] = {}
    for year, subject, district in sorted(told):
        districts.setdefault(f"{year} {subject}", set()).add(district)
    return ", ".join(
        f"{name} ({len(own)} district{'s' * (len(own) > 1)})" for name, own in districts.items()
    )
