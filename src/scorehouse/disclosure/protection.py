"""From first decisions to safe ones: hide more until nothing hidden can be narrowed down."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scorehouse.disclosure.bounds import propagated
from scorehouse.disclosure.complement import protect
from scorehouse.disclosure.crossings import telling
from scorehouse.disclosure.decision import COMPLEMENT, DIFFERENCING, TOTAL, Decision
from scorehouse.disclosure.differencing import add_links
from scorehouse.disclosure.knowledge import (
    OVERALL,
    Knowledge,
    Place,
    Quantity,
    RangeOf,
    add_lines,
    bounds_told,
    built,
    size_of,
)
from scorehouse.disclosure.lines import Line, Scene
from scorehouse.disclosure.shapes import Relation, RowKey
from scorehouse.disclosure.stand_in import fill_unknown
from scorehouse.disclosure.sums import RulesOf, add_relations, implied
from scorehouse.disclosure.system import INFINITE, Floats, Ints, System


@dataclass
class Pattern:
    """What is hidden at the moment: the system's view of it and the rows' decisions.

    `given_away` are hidden counts that earlier releases tell, whatever is hidden now; `past` is
    what is known by them, None where there are none.
    """

    system: System
    knowledge: Knowledge
    decisions: Sequence[Decision]
    current: Sequence[Line]
    given_away: Ints
    past: System | None = None

    def __post_init__(self) -> None:
        self._cells: dict[Place, list[tuple[Quantity, int]]] = defaultdict(list)
        for (place, what), cell in self.knowledge.cells.items():
            self._cells[place].append((what, cell))

    def hide(self, cells: Ints) -> Ints:
        """Hide what cells stand in: rows, sides of the standard, levels, means."""
        before = self.system.is_known.copy()
        units = sorted(
            {self.knowledge.units[c] for c in cells.tolist() if c in self.knowledge.units}
        )
        for kind, index in units:
            if kind == "row":
                self._hide_row(self.current[index])
        for kind, index in units:
            if not self.decisions[index].row and kind != "row":
                self._hide_part(kind, index, cells)
        return np.flatnonzero(before & ~self.system.is_known)

    def rename(self, cells: Ints) -> Ints:
        """Say of rows only that they are hidden for others, of shares only that they are hidden.

        Reasons bound a count by themselves: when "fewer than 11" is said of two rows, nine and
        ten are told apart by a total of 19 that was released before. Returns the cells.
        """
        changed = []
        for cell in cells.tolist():
            kind, index = self.knowledge.units.get(cell, ("", -1))
            is_renamed = (kind == "row" and self._rename_row(index)) or (
                kind == "met" and self._rename_met(index)
            )
            if is_renamed:
                self.system.low[cell], self.system.high[cell] = 0.0, INFINITE
                changed.append(cell)
        return np.array(changed, dtype=np.int64)

    def _rename_row(self, index: int) -> bool:
        if self.decisions[index].row in ("", DIFFERENCING):
            return False
        line = self.current[index]
        for other in self.knowledge.lines[Place(line.scene, line.students)]:
            if other.is_current:
                self.decisions[other.index].row = DIFFERENCING
        return True

    def _rename_met(self, index: int) -> bool:
        decision = self.decisions[index]
        if decision.row or decision.results or decision.met in ("", DIFFERENCING):
            return False
        decision.met, decision.coded = DIFFERENCING, ""
        decision.levels = dict.fromkeys(decision.levels, DIFFERENCING)
        return True

    def _hide_row(self, line: Line) -> None:
        place = Place(line.scene, line.students)
        for other in self.knowledge.lines[place]:
            if other.is_current and not self.decisions[other.index].row:
                self.decisions[other.index].row = COMPLEMENT
        for what, cell in self._cells[place]:
            if what.name == "met":
                self.system.low[cell], self.system.high[cell] = 0.0, INFINITE
        self._forget([cell for _, cell in self._cells[place]])

    def _forget(self, cells: Iterable[int]) -> None:
        for cell in cells:
            if not self.system.is_fixed[cell]:
                self.system.is_known[cell] = False

    def _hide_part(self, kind: str, index: int, cells: Ints) -> None:
        line, decision = self.current[index], self.decisions[index]
        if kind == "distance":
            decision.scale = decision.scale or COMPLEMENT
            decision.distance = decision.distance or COMPLEMENT
            self._forget([self._cell(line, "distance")])
            return
        levels = self._levels(kind, line, set(cells.tolist()))
        for level in levels:
            if not self.system.is_fixed[self._cell(line, f"level:{level}")]:
                decision.levels.setdefault(level, COMPLEMENT)
        self._forget(self._cell(line, f"level:{level}") for level in levels)
        if line.met and self._hides_met(kind, line, levels):
            decision.met = decision.met or COMPLEMENT
            self._forget([self._cell(line, "met")])

    def _cell(self, line: Line, name: str) -> int:
        place = Place(line.scene, line.students)
        return self.knowledge.cells[place, Quantity(line.key.measure, name)]

    def _levels(self, kind: str, line: Line, cells: set[int]) -> list[int]:
        every = range(len(line.levels))
        if kind == "met" or not line.met:
            return list(every)
        sides = (every[: line.met - 1], every[line.met - 1 :])
        touched = {level for level in every if self._cell(line, f"level:{level}") in cells}
        hidden = [side for side in sides if touched & set(side)]
        if any(len(side) == 1 for side in hidden):
            return list(every)
        return [level for side in hidden for level in side]

    def _hides_met(self, kind: str, line: Line, levels: Sequence[int]) -> bool:
        is_alone = min(line.met - 1, len(line.levels) - line.met + 1) == 1
        return kind == "met" or (is_alone and len(levels) == len(line.levels))


@dataclass(frozen=True)
class Scenery:
    """Everything that an outsider puts side by side: rows, and the sums of each report's scene."""

    current: Sequence[Line]
    earlier: Sequence[Line]
    relations: Sequence[tuple[Scene, Relation]]
    ranges: RangeOf


def secure(scenery: Scenery, decisions: Sequence[Decision], interval: int) -> tuple[RowKey, ...]:
    """Add to the decisions what keeps every hidden count in doubt; return rows past help."""
    pattern = _pattern(scenery, decisions, interval)
    before = [decision.row for decision in decisions]
    lost = protect(pattern.system, interval, pattern.hide, pattern.rename, pattern.past)
    added = [d.row == COMPLEMENT and not b for d, b in zip(decisions, before, strict=True)]
    _name_reasons(scenery, decisions, added)
    knowledge = pattern.knowledge
    places = {c: place for (place, _), c in knowledge.cells.items() if place in knowledge.lines}
    told = {*lost.tolist(), *pattern.given_away.tolist()} & places.keys()
    return tuple(sorted({places[cell].students for cell in told}))


def _protect_unnamed(system: System, knowledge: Knowledge, rules: RulesOf) -> None:
    """Protect rows that no report has yet, where sums tell that they have few students."""
    unnamed = {key: cell for key, cell in knowledge.cells.items() if key[0] not in knowledge.lines}
    if not unnamed:
        return
    most = propagated(system)[1]
    for (place, what), cell in unnamed.items():
        size = unnamed.get((place, size_of(what.measure or OVERALL)))
        smallest = rules[place.students.school_year].smallest_group
        if what.layer >= 0 and size is not None and most[size] < smallest:
            system.is_protected[cell] |= knowledge.values[cell] is None


def _past(system: System, knowledge: Knowledge) -> System:
    """What is known before the release at hand, whose reasons are no help then."""
    low, high = _bounds_before(system, knowledge)
    return replace(system, is_known=system.is_fixed.copy(), low=low, high=high)


def _fix_derivable(system: System, past: System, interval: int) -> Ints:
    """Mark counts that earlier releases give away by themselves: hiding them is too late.

    Shown ones stay; hidden ones, which are returned, aren't protected any more.
    """
    is_new = system.is_known & ~system.is_fixed
    least, most = propagated(past)
    is_told = most - least < interval
    is_lost = system.is_protected & ~system.is_known & is_told
    system.is_fixed |= is_new & is_told
    system.is_protected &= ~is_lost
    return np.flatnonzero(is_lost)


def _bounds_before(system: System, knowledge: Knowledge) -> tuple[Floats, Floats]:
    """What the reasons of earlier releases say of each cell."""
    low, high = system.low.copy(), system.high.copy()
    told: dict[int, list[dict[str, float]]] = defaultdict(list)
    for (place, what), cell in knowledge.cells.items():
        lines = knowledge.lines.get(place, ())
        if system.is_count[cell] and any(line.is_current for line in lines):
            own = [line for line in lines if not line.is_current]
            told[cell].append(bounds_told(what, own))
    for cell, bounds in told.items():
        low[cell] = max(each["low"] for each in bounds)
        high[cell] = min(each["high"] for each in bounds)
    return low, high


def _pattern(scenery: Scenery, decisions: Sequence[Decision], interval: int) -> Pattern:
    knowledge = Knowledge()
    add_lines(knowledge, [*scenery.current, *scenery.earlier], scenery.ranges)
    by_scene: dict[Scene, dict[Relation, None]] = defaultdict(dict)
    for scene, relation in scenery.relations:
        by_scene[scene][relation] = None
    keys: dict[Scene, set[RowKey]] = defaultdict(set)
    for line in (*scenery.current, *scenery.earlier):
        keys[line.asked].add(line.key)
    rules = {line.key.school_year: line.rules for line in (*scenery.earlier, *scenery.current)}
    groups = {key.student_group for present in keys.values() for key in present}
    for scene, present in keys.items():
        told = telling(list(by_scene[scene]), groups)
        add_relations(knowledge, [*told, *implied(present, told)], scene, rules)
    between = add_links(knowledge)
    system = built(knowledge)
    fill_unknown(system, between)
    _protect_unnamed(system, knowledge, rules)
    if not scenery.earlier:
        return Pattern(system, knowledge, decisions, scenery.current, np.zeros(0, dtype=np.int64))
    past = _past(system, knowledge)
    given_away = _fix_derivable(system, past, interval)
    return Pattern(system, knowledge, decisions, scenery.current, given_away, past)


def _name_reasons(scenery: Scenery, decisions: Sequence[Decision], added: Sequence[bool]) -> None:
    """Say of each row hidden for others what it was: a part, a total, or known from before."""
    rows = {(line.asked, line.key): line.index for line in scenery.current}
    as_total: set[int] = set()
    as_part: set[int] = set()
    for scene, relation in scenery.relations:
        total = rows.get((scene, relation.total))
        parts = [rows[scene, part] for part in relation.parts if (scene, part) in rows]
        hidden = [part for part in parts if decisions[part].row]
        if total is not None and hidden:
            as_total.add(total)
        if len(hidden) > 1 or (hidden and total is not None and decisions[total].row):
            as_part.update(hidden)
    for index, decision in enumerate(decisions):
        if added[index] and index not in as_part:
            decision.row = TOTAL if index in as_total else DIFFERENCING
