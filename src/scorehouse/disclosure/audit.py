"""The attack on one's own release: whether every hidden count could still be another.

A count is safe when two ways to fill in everything hidden, both in whole numbers and both
agreeing with everything shown, differ in it by the smallest interval. Such witnesses are
found by programs with random aims, many cells at a time; what is left is decided cell by
cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scorehouse.disclosure.bounds import propagated
from scorehouse.disclosure.solver import Program, block_of, components, is_whole
from scorehouse.disclosure.system import Flags, Floats, Ints, System

_SEED = 20
_BATCH = 4000
_ROUNDS = 40
_REACHES = (1000.0, 200.0, 40.0)
_SHARE = 0.3
_IDLE = 0.95
_FOREMOST = 100.0


@dataclass
class Widths:
    """The lowest and highest value of each cell in any witness found so far."""

    low: Floats
    high: Floats

    @classmethod
    def of(cls, system: System) -> Widths:
        """Nothing found yet but what is."""
        return cls(system.value.copy(), system.value.copy())

    def note(self, cells: Ints, values: Floats) -> None:
        """Take in another witness for some cells."""
        self.low[cells] = np.minimum(self.low[cells], values)
        self.high[cells] = np.maximum(self.high[cells], values)

    def pending(self, system: System, interval: int) -> Ints:
        """Protected cells for which no two witnesses are far enough apart yet."""
        is_narrow = self.high - self.low < interval
        return np.flatnonzero(system.is_protected & ~system.is_known & is_narrow)


class Search:
    """Looks for witnesses in a part of a system: all that is hidden, unless said."""

    def __init__(self, system: System, widths: Widths, part: Flags | None = None) -> None:
        self.system, self.widths = system, widths
        self._moves = ~system.is_known if part is None else part & ~system.is_known
        self._block = block_of(_counts_only(system, self._moves), self._moves & system.is_count)
        self._programs: dict[tuple[float, bool], Program] = {}

    def pending(self, interval: int) -> Ints:
        """Cells of this part that aren't wide enough yet."""
        cells = self.widths.pending(self.system, interval)
        return cells[self._moves[cells]]

    def aim(self, cost: Floats, reach: float, *, is_quick: bool = False) -> bool:
        """Look for the witness that costs least; whether there was one to keep.

        Where the first answer has parts of students, whole numbers are asked for, unless it
        has to be quick.
        """
        for whole in (False,) if is_quick else (False, True):
            found = self._program(reach, whole).least(cost[self._block.cells])
            if found is None:
                return False
            if is_whole(found).all():
                return self._keep(np.rint(found))
        return False

    def _program(self, reach: float, whole: bool) -> Program:
        if (reach, whole) not in self._programs:
            cells = self._block.cells
            value = self.system.value[cells]
            low = np.maximum(self.system.low[cells], value - reach)
            high = np.minimum(self.system.high[cells], value + reach)
            marks = np.ones(len(cells), dtype=bool) if whole else None
            self._programs[reach, whole] = Program(self._block, low, high, marks)
        return self._programs[reach, whole]

    def _keep(self, counts: Floats) -> bool:
        """Note a witness, unless no distances from standard go with its counts."""
        cells = self._block.cells
        rest = self._moves & ~self.system.is_count
        if rest.any():
            value = self.system.value.copy()
            value[cells] = counts
            block = block_of(replace(self.system, value=value), rest)
            bounds = self.system.low[block.cells], self.system.high[block.cells]
            if Program(block, *bounds).least(np.zeros(len(block.cells))) is None:
                return False
        self.widths.note(cells, counts)
        return True


def _counts_only(system: System, moves: Flags) -> System:
    """The system without the sums in which a distance may move."""
    entry_sum = system.sum_of_entry()
    others = (moves & ~system.is_count)[system.cells]
    silent = np.unique(entry_sum[others])
    low, high = system.sum_low.copy(), system.sum_high.copy()
    low[silent], high[silent] = -np.inf, np.inf
    return replace(system, sum_low=low, sum_high=high)


def find_witnesses(system: System, widths: Widths, interval: int) -> Ints:
    """Widen what is known to be possible; return the cells for which that wasn't enough.

    What single sums give away needs no search. Else first with everything at once, as long
    as that gives whole numbers; then around one cell after the other.
    """
    pending = widths.pending(system, interval)
    if not len(pending):
        return pending
    low, high = propagated(system)
    narrow = pending[high[pending] - low[pending] < interval]
    if len(narrow):
        return narrow
    generator = np.random.default_rng(_SEED)
    failed: list[int] = []
    for part in _batches(system):
        search = Search(system, widths, part)
        _many_at_once(search, interval, generator)
        failed += _one_by_one(search, interval, generator)
    return np.array(sorted(failed), dtype=np.int64)


def _batches(system: System) -> list[Flags]:
    """The hidden cells in parts that no sum ties together, small ones joined."""
    block = block_of(system, ~system.is_known)
    labels, sizes = np.unique(components(block), return_inverse=True, return_counts=True)[1:]
    batch = np.cumsum(sizes) // _BATCH
    parts = []
    for number in np.unique(batch):
        part = np.zeros(system.size, dtype=bool)
        part[block.cells[batch[labels] == number]] = True
        parts.append(part)
    return parts


def _many_at_once(search: Search, interval: int, generator: np.random.Generator) -> None:
    """Random aims for all cells that aren't wide enough, as long as they widen some."""
    idle = 0
    for number in range(_ROUNDS):
        pending = search.pending(interval)
        if not len(pending) or idle > len(_REACHES):
            return
        share = 1.0 if number % 2 == 0 else _SHARE
        chosen = pending[generator.random(len(pending)) < share]
        search.aim(_random(search.system, chosen, generator), _REACHES[number % len(_REACHES)])
        left = len(search.pending(interval))
        idle = idle + 1 if left > len(pending) * _IDLE else 0


def _one_by_one(search: Search, interval: int, generator: np.random.Generator) -> list[int]:
    """Least and greatest value of each cell that is left; the others come along."""
    failed: list[int] = []
    while True:
        pending = search.pending(interval)
        pending = pending[~np.isin(pending, failed)]
        if not len(pending):
            return failed
        cell = int(pending[0])
        for reach, is_quick in ((_REACHES[-1], True), (_REACHES[0], True), (_REACHES[-1], False)):
            cost = _random(search.system, pending, generator)
            for cost[cell] in (_FOREMOST, -_FOREMOST):
                search.aim(cost, reach, is_quick=is_quick)
            if search.widths.high[cell] - search.widths.low[cell] >= interval:
                break
        if search.widths.high[cell] - search.widths.low[cell] < interval:
            failed.append(cell)


def _random(system: System, cells: Ints, generator: np.random.Generator) -> Floats:
    cost = np.zeros(system.size)
    cost[cells] = generator.choice((-1.0, 1.0), size=len(cells))
    return cost


class Neighborhoods:
    """Hidden counts near others, by the sums that tie them."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._entry_sum = system.sum_of_entry()
        self._order = np.argsort(system.cells, kind="stable")
        self._sorted = system.cells[self._order]

    def shown_near(self, cell: int) -> Ints:
        """Counts that could be hidden, in the nearest sum that has any."""
        system = self._system
        edge, seen = np.array([cell], dtype=np.int64), np.zeros(system.size, dtype=bool)
        while len(edge):
            seen[edge] = True
            reached = self.beside(edge)
            shown = reached[system.is_known[reached] & ~system.is_fixed[reached]]
            if len(shown):
                return shown
            edge = reached[~system.is_known[reached] & ~seen[reached]]
        return edge

    def beside(self, cells: Ints) -> Ints:
        """Every cell in a sum with any of some cells."""
        starts = np.searchsorted(self._sorted, cells)
        ends = np.searchsorted(self._sorted, cells, side="right")
        sums = np.unique(self._entry_sum[self._order[_spans(starts, ends)]])
        spans = _spans(self._system.starts[sums], self._system.starts[sums + 1])
        return np.unique(self._system.cells[spans])


def _spans(starts: Ints, ends: Ints) -> Ints:
    """All whole numbers from each start up to its end."""
    if not len(starts):
        return starts
    return np.concatenate([np.arange(a, b) for a, b in zip(starts, ends, strict=True)])


__all__ = ["Neighborhoods", "Search", "Widths", "find_witnesses"]
