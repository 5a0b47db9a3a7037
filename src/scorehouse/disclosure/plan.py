"""How hidden counts could have been some more or less with as few shown ones as possible moving.

One linear program for many counts at a time: the incremental heuristics for the cell
suppression problem (Kelly, Golden and Assad; Fischetti and Salazar).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from scorehouse.disclosure.solver import Block, Program, block_of, standing_of, tied_to
from scorehouse.disclosure.system import Flags, Floats, Ints, System
from scorehouse.disclosure.witnesses import Widths, whole_part, without_sums

_FREE = 1e-3
_MOVED = 1e-6
_DEAR = 1e4


@dataclass(frozen=True)
class Aim:
    """A cell that should be able to move, and which way."""

    cell: int
    step: float


def aims_for(system: System, pending: Ints, interval: int) -> list[Aim]:
    """Pending cells, no two of them in one sum, each with the way it has room for."""
    taken = np.zeros(system.sums, dtype=bool)
    entry_sum = system.sum_of_entry()
    order = np.argsort(system.cells, kind="stable")
    starts = np.searchsorted(system.cells[order], pending)
    ends = np.searchsorted(system.cells[order], pending, side="right")
    aims = []
    for cell, start, end in zip(pending, starts, ends, strict=True):
        sums = entry_sum[order[start:end]]
        step = _step(system, int(cell), interval)
        if step and not taken[sums].any():
            taken[sums] = True
            aims.append(Aim(int(cell), step))
    return aims


def ways(system: System, widths: Widths, cell: int, interval: int) -> Iterator[Aim]:
    """How a cell could get wide enough, or at least wider, the shorter way first.

    Each is told when it is asked for: what came of those before is taken into account.
    """
    up = interval - (system.value[cell] - widths.low[cell])
    down = interval - (widths.high[cell] - system.value[cell])
    for way in (1, -1) if up <= down else (-1, 1):
        room = system.high[cell] - system.value[cell], system.value[cell] - system.low[cell]
        for step in range(interval, 0, -1):
            done = widths.high[cell] - system.value[cell], system.value[cell] - widths.low[cell]
            here, there = done if way > 0 else done[::-1]
            if here < step <= min(interval - there, room[0] if way > 0 else room[1]):
                yield Aim(cell, float(way * step))


def level_pairs(system: System) -> list[tuple[int, int]]:
    """Any two levels, first those that are next to one another."""
    levels = np.unique(system.layer[system.layer > 0]).tolist()
    return sorted(combinations(levels, 2), key=lambda pair: (pair[1] - pair[0], pair))


def obstacles(system: System, cells: Ints) -> Ints:
    """Hidden cells that keep some from moving farther, whatever else is hidden.

    Their bounds come from reasons, or from a share printed as a bound.
    """
    free = ~system.is_fixed | ~system.is_known
    block = block_of(system, tied_to(system, cells, free))
    low, high = system.low[block.cells], system.high[block.cells]
    program = Program(block, low, high)
    found = np.zeros(len(block.cells), dtype=bool)
    for place in np.searchsorted(block.cells, cells).tolist():
        cost = np.zeros(len(block.cells))
        cost[place] = -1.0
        values = program.least(cost)
        if values is not None:
            is_low = (low > 0) & (values < low + _MOVED)
            is_high = np.isfinite(high) & (values > high - _MOVED)
            found |= (is_low | is_high) & program.binding()
    return block.cells[found & ~system.is_known[block.cells]]


def _step(system: System, cell: int, interval: int) -> float:
    value = system.value[cell]
    if value + interval <= system.high[cell]:
        return float(interval)
    return float(-interval) if value - interval >= system.low[cell] else 0.0


class Plan:
    """The program behind a round: what may move of a part, up and down, at its price.

    Hidden distances from standard that aren't in the part are left out of account.
    """

    def __init__(self, system: System, part: Flags) -> None:
        may_move = part & (~system.is_fixed | ~system.is_known)
        silent = ~part & ~system.is_known & ~system.is_count
        self.block = block = block_of(without_sums(system, silent), may_move)
        size = len(block.cells)
        standing = standing_of(system, block)
        self._doubled = Block(
            cells=np.concatenate([block.cells, block.cells]),
            starts=block.starts * 2,
            indexes=np.stack([block.indexes, block.indexes + size], axis=1).reshape(-1),
            factors=np.stack([block.factors, -block.factors], axis=1).reshape(-1),
            sum_low=block.sum_low - standing,
            sum_high=block.sum_high - standing,
        )
        value = system.value[block.cells]
        up = np.maximum(system.high[block.cells] - value, 0.0)
        down = np.maximum(value - system.low[block.cells], 0.0)
        price = np.where(system.is_known[block.cells], system.weight[block.cells], _FREE)
        price = np.where(system.is_count[block.cells] | system.is_known[block.cells], price, 0.0)
        self._is_count = system.is_count[block.cells]
        self._is_known = system.is_known[block.cells]
        self._room = np.concatenate([up, down])
        self._price = np.concatenate([price, price])
        self._program = Program(self._doubled, np.zeros(2 * size), self._room)
        self._local: Program | None = None
        self._size = size

    def cheapest(self, aims: Sequence[Aim]) -> tuple[list[Aim], Floats]:
        """The aims that can be reached together, and the cheapest movement that does."""
        if not aims:
            return [], np.zeros(self._size)
        self._limit(aims, [0.0] * len(aims))
        cost = self._price.copy()
        for aim in aims:
            cost[self._place(aim)] = -_DEAR
        found = self._program.least(cost)
        if found is None:
            return [], np.zeros(self._size)
        reached = [aim for aim in aims if found[self._place(aim)] > abs(aim.step) - _MOVED]
        if reached and len(reached) < len(aims):
            self._limit(reached, [abs(aim.step) for aim in reached])
            found = self._program.least(self._price)
            if found is None:
                return [], np.zeros(self._size)
        return reached, found[: self._size] - found[self._size :]

    def shortest(self, aim: Aim) -> Floats | None:
        """The movement with the least besides that reaches an aim exactly; None: none does."""
        if self._local is None:
            no, room = np.zeros(2 * self._size), self._room
            self._local = Program(self._doubled, no, room, is_local=True)
        place = self._place(aim)
        both = np.array([place, (place + self._size) % (2 * self._size)])
        wanted = np.array([abs(aim.step), 0.0])
        self._local.limit(both, wanted, wanted)
        found = self._local.least(self._price)
        self._local.limit(both, np.zeros(2), self._room[both])
        return None if found is None else found[: self._size] - found[self._size :]

    def is_stuck(self, cell: int, interval: int) -> bool:
        """Whether a cell can't get wide enough, be it in parts of students."""
        widest = 0
        for way in (1, -1):
            steps = (way * step for step in range(interval - widest, 0, -1))
            reached = (step for step in steps if self._is_reached(Aim(cell, float(step))))
            widest += abs(next(reached, 0))
        return widest < interval

    def _is_reached(self, aim: Aim) -> bool:
        has_room = self._room[self._place(aim)] >= abs(aim.step)
        return bool(has_room) and self.shortest(aim) is not None

    def touched(self, moved: Floats) -> Ints:
        """The shown cells that a movement moves."""
        is_touched = (np.abs(moved) > _MOVED) & self._is_known
        return self.block.cells[is_touched]

    def whole_counts(self, moved: Floats) -> Floats:
        """A movement's counts without what no whole numbers stand for."""
        return whole_part(self.block, np.where(self._is_count, moved, 0.0))

    def _place(self, aim: Aim) -> int:
        place = int(np.searchsorted(self.block.cells, aim.cell))
        return place + self._size if aim.step < 0 else place

    def _limit(self, aims: Sequence[Aim], at_least: Sequence[float]) -> None:
        """Let aims move their way only, that far at least and no farther than wanted."""
        low, high = np.zeros(2 * self._size), self._room.copy()
        for aim, least in zip(aims, at_least, strict=True):
            place = self._place(aim)
            low[place], high[place] = least, abs(aim.step)
            high[(place + self._size) % (2 * self._size)] = 0.0
        self._program.limit(np.arange(2 * self._size), low, high)
