"""Complementary suppression: what else has to be hidden so that the hidden stays hidden.

Each round asks one linear program: how could these hidden counts have been some more or some
less, moving as few of the shown counts as possible? What had to move is hidden. The method is
that of the incremental heuristics for the cell suppression problem (Kelly, Golden and Assad;
Fischetti and Salazar), for many cells at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from scorehouse.disclosure.audit import Neighborhoods, Widths, find_witnesses
from scorehouse.disclosure.solver import Block, Program, block_of, is_whole, standing_of
from scorehouse.disclosure.system import Flags, Floats, Ints, System

_FREE = 1e-3
_MOVED = 1e-6
_DEAR = 1e4

Hide = Callable[[Ints], Ints]
"""Hides the units that cells stand in; returns all cells that became hidden by it."""


@dataclass(frozen=True)
class Aim:
    """A cell that should be able to move, and which way."""

    cell: int
    step: float


def protect(system: System, interval: int, hide: Hide, rename: Hide) -> Ints:
    """Hide until every protected count is safe; return those that nothing here can save.

    `rename` hides the reason of the rows that cells stand in, where the reason alone tells
    too much.
    """
    found = Widths.of(system)
    lost: set[int] = set()
    while True:
        pending = find_witnesses(system, found, interval)
        pending = pending[~np.isin(pending, list(lost))]
        if not len(pending):
            return np.array(sorted(lost), dtype=np.int64)
        if not _round(system, found, pending, interval, hide):
            lost |= _last_resort(system, pending, hide, rename)


def _round(system: System, widths: Widths, pending: Ints, interval: int, hide: Hide) -> bool:
    """One linear program for cells that don't stand in one another's way; False: no progress."""
    aims = _aims(system, _first(system, pending), interval)
    plan = Plan(system)
    reached = plan.reached(aims)
    moved = plan.cheapest(reached) if reached else None
    if moved is None:
        return False
    cells = plan.block.cells
    touched = cells[(np.abs(moved) > _MOVED) & system.is_known[cells]]
    if len(touched):
        return bool(len(hide(touched)))
    before = len(widths.pending(system, interval))
    if is_whole(moved[system.is_count[cells]]).all():  # moves distances too: a full witness
        widths.note(cells, system.value[cells] + moved)
    return len(widths.pending(system, interval)) < before


def _first(system: System, pending: Ints) -> Ints:
    """Students before their levels: what hides a row settles its levels too."""
    sizes = pending[system.weight[pending] > np.median(system.weight[pending])]
    return sizes if len(sizes) else pending


def _candidates(system: System) -> Flags:
    return ~system.is_fixed | ~system.is_known


def _aims(system: System, pending: Ints, interval: int) -> list[Aim]:
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


def _step(system: System, cell: int, interval: int) -> float:
    value = system.value[cell]
    if value + interval <= system.high[cell]:
        return float(interval)
    return float(-interval) if value - interval >= system.low[cell] else 0.0


class Plan:
    """The program behind a round: every cell that may move, up and down, at its price."""

    def __init__(self, system: System) -> None:
        self.block = block = block_of(system, _candidates(system))
        size = len(block.cells)
        standing = standing_of(system, block)
        doubled = Block(
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
        self._room = np.concatenate([up, down])
        self._price = np.concatenate([price, price])
        self._program = Program(doubled, np.zeros(2 * size), self._room)
        self._size = size

    def reached(self, aims: Sequence[Aim]) -> list[Aim]:
        """The aims that can be reached together, as far as one program tells."""
        if not aims:
            return []
        self._limit(aims, [0.0] * len(aims))
        cost = self._price.copy()
        for aim in aims:
            cost[self._place(aim)] = -_DEAR
        found = self._program.least(cost)
        if found is None:
            return []
        return [aim for aim in aims if found[self._place(aim)] > abs(aim.step) - _MOVED]

    def cheapest(self, aims: Sequence[Aim]) -> Floats | None:
        """The cheapest movement of the block's cells that reaches every aim."""
        self._limit(aims, [abs(aim.step) for aim in aims])
        found = self._program.least(self._price)
        return None if found is None else found[: self._size] - found[self._size :]

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


def _last_resort(system: System, pending: Ints, hide: Hide, rename: Hide) -> set[int]:
    """Change reasons, else hide, beside what is too narrow; return cells with nothing beside."""
    lost = set()
    around = Neighborhoods(system)
    for cell in pending.tolist():
        near = around.beside(around.beside(np.array([cell], dtype=np.int64)))
        if len(rename(near[~system.is_known[near]])):
            return set()
        shown = around.shown_near(cell)
        if not len(shown) or not len(hide(shown)):
            lost.add(cell)
    return lost
