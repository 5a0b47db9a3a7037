"""From rows and relations to a system of counts: all that an outsider can write down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import DIFFERENCING
from scorehouse.disclosure.lines import Line, Scene
from scorehouse.disclosure.shapes import RowKey
from scorehouse.disclosure.system import INFINITE, OTHER, Builder, System
from scorehouse.errors import UsageError

OVERALL = "overall"
"""The measure of everybody who has a result; others are of parts of it."""

_LEVEL_WEIGHT, _MET_WEIGHT, _COUNT_WEIGHT, _SUM_WEIGHT = 1.0, 2.0, 6.0, 0.01


class Place(NamedTuple):
    """Which students, and when: the students of a key in a scene."""

    scene: Scene
    students: RowKey


class Quantity(NamedTuple):
    """What is counted of a place: a column, or a level or the sum of a measure."""

    measure: str
    name: str

    @property
    def layer(self) -> int:
        """The layer of a system in which it is counted.

        >>> Quantity("", "size").layer, Quantity("overall", "level:0").layer
        (0, 1)
        """
        kind, _, level = self.name.partition(":")
        return {"size": 0, "level": 1 + int(level or 0)}.get(kind, OTHER)


class Sum(NamedTuple):
    """A relation for one count: places by their keys without the measure."""

    total: Place
    parts: tuple[Place, ...]
    what: Quantity


def size_of(measure: str) -> Quantity:
    """How many students a measure is of: of all that have a result, or of those with a part of it.

    >>> size_of("overall"), size_of("claim:1")
    (Quantity(measure='', name='size'), Quantity(measure='claim:1', name='size'))
    """
    return Quantity("" if measure == OVERALL else measure, "size")


@dataclass
class Knowledge:
    """A system under construction, and where each count of each row stands in it."""

    builder: Builder = field(default_factory=Builder)
    cells: dict[tuple[Place, Quantity], int] = field(default_factory=dict)
    values: list[float | None] = field(default_factory=list)
    entities: dict[str, int] = field(default_factory=dict)
    units: dict[int, tuple[str, int]] = field(default_factory=dict)
    lines: dict[Place, list[Line]] = field(default_factory=lambda: defaultdict(list))
    sums: set[Sum] = field(default_factory=set)

    def add(self, place: Place, what: Quantity, value: float | None, **about: object) -> int:
        """A new cell for a count."""
        entity = self.entities.setdefault(place.students.entity_id, len(self.entities))
        number = self.unnamed(value, what.layer, entity=entity, **about)
        self.cells[place, what] = number
        return number

    def unnamed(self, value: float | None, layer: int = OTHER, **about: object) -> int:
        """A new cell for a count that no row shows."""
        self.values.append(value)
        return self.builder.cell(value, layer=layer, **about)  # type: ignore[arg-type]


class Ranges(NamedTuple):
    """How far the distance from standard of one student can be from 0, either way."""

    low: float
    high: float


RangeOf = Mapping[tuple[str, str], Ranges]


def counted(line: Line) -> str:
    """The count that stands for a row's students: the scored, where they are counted."""
    return names.SCORED if line.counts.get(names.SCORED) is not None else "n_tested"


def weight_of(size: float | None) -> float:
    """How much hiding a row of so many students costs, compared with an empty one."""
    return 1.0 + len(bin(int(size or 0)))


def add_lines(knowledge: Knowledge, lines: Iterable[Line], ranges: RangeOf) -> None:
    """Add every row's counts, each once, and the sums within a row."""
    for line in lines:
        knowledge.lines[Place(line.scene, line.students)].append(line)
    for place, together in knowledge.lines.items():
        together.sort(key=lambda line: (not line.is_current, line.key.measure != OVERALL))
        by_measure: dict[str, list[Line]] = defaultdict(list)
        for line in together:
            by_measure[line.key.measure].append(line)
        sizes = _add_sizes(knowledge, place, by_measure)
        for measure, same in by_measure.items():
            _add_results(knowledge, place, same, sizes[measure], ranges)


def _add_sizes(
    knowledge: Knowledge, place: Place, by_measure: Mapping[str, list[Line]]
) -> dict[str, int]:
    """The cells of a place's students by measure: one cell for measures of as many students."""
    alike: dict[object, list[str]] = defaultdict(list)
    for measure, same in by_measure.items():
        value = _size_value(same)
        alike[measure if value is None else value].append(measure)
    found: dict[str, int] = {}
    for measures in alike.values():
        lines = [line for measure in measures for line in by_measure[measure]]
        lines.sort(key=lambda line: not line.is_current)
        number = _add_size(knowledge, place, size_of(measures[0]), lines)
        knowledge.cells |= {(place, size_of(measure)): number for measure in measures}
        found |= dict.fromkeys(measures, number)
    if OVERALL in found:
        whole = found[OVERALL]
        for number in sorted({*found.values()} - {whole}):
            knowledge.builder.sum([whole, number], [1.0, -1.0], 0.0, INFINITE)
    return found


def _size_value(same: Sequence[Line]) -> int | None:
    """How many students a measure is of, as far as the house knows."""
    told = [line for line in same if line.is_current or not line.decision.row]
    counts = (line.counts[counted(line)] for line in told)
    return next((count for count in counts if count is not None), None)


def _add_size(knowledge: Knowledge, place: Place, what: Quantity, together: Sequence[Line]) -> int:
    """The cell of some students; known when any row about them shows it."""
    first, value = together[0], _size_value(together)
    shown = [line for line in together if not line.decision.row]
    earlier = [
        line for line in shown if not line.is_current and line.counts[counted(line)] is not None
    ]
    number = knowledge.add(
        place,
        what,
        value,
        is_known=bool(shown) and value is not None,
        is_fixed=bool(earlier),
        is_protected=True,
        weight=_COUNT_WEIGHT * weight_of(value),
        **size_bounds(together),
    )
    if first.is_current:
        knowledge.units[number] = ("row", first.index)
    return number


def size_bounds(together: Sequence[Line]) -> dict[str, float]:
    """What the reasons alone say of a hidden size: below the minimum, or not."""
    smallest = together[0].rules.smallest_group
    if any(line.decision.row.startswith("n<") for line in together):
        return {"low": 0.0, "high": smallest - 1.0}
    if any(line.decision.row == DIFFERENCING for line in together):
        return {"low": 0.0, "high": INFINITE}
    return {"low": float(smallest), "high": INFINITE}


def _add_results(
    knowledge: Knowledge, place: Place, same: Sequence[Line], size: int, ranges: RangeOf
) -> None:
    """Levels, the share that met the standard and the distances, of one measure."""
    line = same[0]
    cells = [_add_level(knowledge, place, same, level) for level in range(len(line.levels))]
    if cells:
        _tie_levels(knowledge, place, same, size, cells)
    if line.met and cells:
        _add_met(knowledge, place, same, cells)
    found = ranges.get((line.key.subject, line.key.test_grade))
    if found is not None and line.key.measure == OVERALL:
        _add_distance(knowledge, place, same, size, found)


def _known_level(line: Line, level: int) -> bool:
    whole = line.decision.row or line.decision.results or level in line.decision.levels
    return not whole and level < len(line.levels) and line.levels[level] is not None


def _add_level(knowledge: Knowledge, place: Place, same: Sequence[Line], level: int) -> int:
    line = same[0]
    shown = [each for each in same if _known_level(each, level)]
    value = line.levels[level]
    if value is None and shown:
        value = shown[0].levels[level]
    number = knowledge.add(
        place,
        Quantity(line.key.measure, f"level:{level}"),
        value,
        is_known=bool(shown),
        is_fixed=any(not each.is_current for each in shown),
        is_protected=True,
        weight=_LEVEL_WEIGHT * weight_of(line.counts[counted(line)]),
    )
    if line.is_current:
        knowledge.units[number] = ("level", line.index)
    return number


def _tie_levels(
    knowledge: Knowledge, place: Place, same: Sequence[Line], size: int, cells: list[int]
) -> None:
    """A row's levels add up to its students; to fewer, where some have no level."""
    values = [knowledge.values[cell] for cell in cells]
    whole = knowledge.values[size]
    known = [value for value in values if value is not None]
    if whole is not None and len(known) == len(values) and sum(known) != whole:
        if sum(known) > whole:
            raise UsageError(f"the levels of a row of {same[0].key.entity_id} exceed its students")
        rest = knowledge.unnamed(whole - sum(known))
        knowledge.builder.total(size, [*cells, rest])
    else:
        knowledge.builder.total(size, cells)


def _add_met(
    knowledge: Knowledge, place: Place, same: Sequence[Line], cells: Sequence[int]
) -> None:
    """Students at or above the standard: printed as a share, unless that is hidden."""
    line = same[0]
    above = cells[line.met - 1 :]
    values = [knowledge.values[cell] for cell in above]
    shown = [each for each in same if _knows_met(each)]
    known = [value for value in values if value is not None]
    number = knowledge.add(
        place,
        Quantity(line.key.measure, "met"),
        sum(known) if len(known) == len(values) else _met_of(shown),
        is_known=bool(shown) and (len(known) == len(values) or _met_of(shown) is not None),
        is_fixed=any(not each.is_current for each in shown),
        weight=_MET_WEIGHT * weight_of(line.counts[counted(line)]),
        **met_bounds(line),
    )
    if line.is_current:
        knowledge.units[number] = ("met", line.index)
    knowledge.builder.total(number, above)


def _knows_met(line: Line) -> bool:
    decision = line.decision
    return not (decision.row or decision.results or decision.met)


def _met_of(shown: Sequence[Line]) -> float | None:
    """The students at or above the standard, from the printed percentage and the count."""
    for line in shown:
        percent, students = line.figures.get("percent_met"), line.counts[counted(line)]
        if percent is not None and students is not None:
            return float(round(percent * students / 100))
    return None


def met_bounds(line: Line) -> dict[str, float]:
    """What a visible row's rules say of a hidden share: at an end, or at neither."""
    size = line.counts[counted(line)]
    if line.decision.row or line.decision.results or size is None:
        return {"low": 0.0, "high": INFINITE}
    percent = line.rules.extreme_percent(size)
    if not percent or line.decision.met == DIFFERENCING:
        return {"low": 0.0, "high": float(size)}
    few = percent * size // 100
    if line.decision.coded.startswith("≤"):
        return {"low": 0.0, "high": float(few)}
    if line.decision.coded.startswith("≥"):
        return {"low": float(size - few), "high": float(size)}
    return {"low": few + 1.0, "high": size - few - 1.0}


def bounds_told(what: Quantity, lines: Sequence[Line]) -> dict[str, float]:
    """What the reasons of some rows about the same students say of one of their counts."""
    if what.name == "size" and (own := [e for e in lines if size_of(e.key.measure) == what]):
        return size_bounds(own)
    if what.name == "met" and (own := [e for e in lines if e.key.measure == what.measure]):
        return met_bounds(own[0])
    return {"low": 0.0, "high": INFINITE}


def _add_distance(
    knowledge: Knowledge, place: Place, same: Sequence[Line], size: int, range_: Ranges
) -> None:
    """The sum of distances from standard, which a printed mean gives away with the count."""
    line = same[0]
    shown = [each for each in same if _knows_distance(each)]
    value = _distance_sum((shown or same)[0])
    if value is None and line.is_current:
        return
    number = knowledge.add(
        place,
        Quantity(line.key.measure, "distance"),
        value,
        low=-INFINITE,
        is_known=bool(shown) and value is not None,
        is_fixed=any(not each.is_current for each in shown),
        is_count=False,
        weight=_SUM_WEIGHT * weight_of(line.counts[counted(line)]),
    )
    if line.is_current:
        knowledge.units[number] = ("distance", line.index)
    knowledge.builder.sum([number, size], [1.0, -range_.low], 0.0, INFINITE)
    knowledge.builder.sum([number, size], [1.0, -range_.high], -INFINITE, 0.0)


def _knows_distance(line: Line) -> bool:
    decision = line.decision
    return not (decision.row or decision.results or decision.distance)


def _distance_sum(line: Line) -> float | None:
    mean, size = line.figures.get(names.DISTANCE), line.counts[counted(line)]
    if size == 0:
        return 0.0
    return None if mean is None or size is None else float(mean) * size


def built(knowledge: Knowledge) -> System:
    """The finished system."""
    return knowledge.builder.built()
