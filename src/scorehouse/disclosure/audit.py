"""The attack on one's own release: whether every hidden count could still be another.

A count is safe when two ways to fill in everything hidden, both in whole numbers and both
agreeing with everything shown, differ in it by the smallest interval. Such witnesses are
found by programs with random aims, many cells at a time; what is left is decided cell by
cell.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scorehouse.disclosure.solver import Block, Program, block_of, components, is_whole
from scorehouse.disclosure.system import Flags, Floats, Ints, System

_ROUNDS = 40
_SEED = 20
_REACHES = (1000.0, 40.0, 12.0, 5.0)


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

    def aim(self, cost: Floats, reach: float) -> bool:
        """Look for the witness that costs least; whether there was one to keep."""
        for whole in (False, True):
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
    """Widen what is known to be possible; return the cells for which that wasn't enough."""
    pending = widths.pending(system, interval)
    if not len(pending):
        return pending
    search = Search(system, widths)
    generator = np.random.default_rng(_SEED)
    idle = 0
    for number in range(_ROUNDS):
        before = len(pending)
        cost = np.zeros(system.size)
        cost[pending] = generator.choice((-1.0, 1.0), size=len(pending))
        search.aim(cost, _REACHES[number % len(_REACHES)])
        pending = widths.pending(system, interval)
        idle = idle + 1 if len(pending) > 0.97 * before else 0
        if not len(pending) or idle > len(_REACHES):
            break
    return pending


def part_around(system: System, cell: int) -> Flags:
    """The hidden cells tied to one of them."""
    block = block_of(system, ~system.is_known)
    labels = components(block)
    own = labels[np.searchsorted(block.cells, cell)]
    part = np.zeros(system.size, dtype=bool)
    part[block.cells[labels == own]] = True
    return part


def exact(system: System, widths: Widths, cells: Ints, interval: int) -> Ints:
    """Decide each cell by its least and greatest whole value; return those too narrow."""
    search = Search(system, widths)
    for cell in cells:
        for direction in (1.0, -1.0):
            if widths.high[cell] - widths.low[cell] < interval:
                cost = np.zeros(system.size)
                cost[cell] = direction
                search.aim(cost, 4.0 * interval)
    narrow: Ints = cells[widths.high[cells] - widths.low[cells] < interval]
    return narrow


__all__ = ["Block", "Search", "Widths", "exact", "find_witnesses", "part_around"]
