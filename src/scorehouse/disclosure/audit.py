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
from scorehouse.disclosure.solver import Program, block_of, components, is_whole, standing_of
from scorehouse.disclosure.system import Flags, Floats, Ints, System

_SEED = 20
_BATCH = 4000
_ROUNDS = 150
_REACHES = (1000.0, 200.0, 40.0)
_SHARE = 0.3
_PATIENCE = 4
_SOON, _LATE = 6, 12
_NEAR = 600
_WHOLE = 2000  # cells for which whole numbers are soon found, or not
_LOCAL = 200
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
        self._programs: dict[tuple[float, int, bool], Program] = {}
        self._entry_sum = np.repeat(
            np.arange(len(self._block.sum_low)), np.diff(self._block.starts)
        )

    def pending(self, interval: int) -> Ints:
        """Cells of this part that aren't wide enough yet."""
        cells = self.widths.pending(self.system, interval)
        return cells[self._moves[cells]]

    def near(self, part: Flags) -> Search:
        """A search in a smaller part, for the same witnesses."""
        return Search(self.system, self.widths, part & self._moves)

    def aim(self, cost: Floats, reach: float, *, is_quick: bool = False) -> bool:
        """Look for the witness that costs least; whether there was one to keep.

        Where the first answer has parts of students, what moved apart from them is kept, and
        twice a movement half as far may be whole. Whole numbers are asked for where that is
        soon answered, unless it has to be quick.
        """
        is_quick = is_quick or len(self._block.cells) > _WHOLE
        ways = ((1, False), (2, False)) if is_quick else ((1, False), (2, False), (1, True))
        for times, whole in ways:
            found = self._program(reach, times, whole).least(cost[self._block.cells])
            if found is None:
                return False
            moved = self._whole_part(found * times)
            if moved.any() and self._keep(self.system.value[self._block.cells] + moved):
                return True
        return False

    def _program(self, reach: float, times: int, whole: bool) -> Program:
        """Movements from what is, such that so many times each is possible too."""
        if (reach, times, whole) not in self._programs:
            cells, block = self._block.cells, self._block
            value = self.system.value[cells]
            up = np.minimum(self.system.high[cells] - value, reach) // times
            down = np.minimum(value - self.system.low[cells], reach) // times
            standing = standing_of(self.system, block)
            block = replace(
                block,
                sum_low=(block.sum_low - standing) / times,
                sum_high=(block.sum_high - standing) / times,
            )
            marks = np.ones(len(cells), dtype=bool) if whole else None
            self._programs[reach, times, whole] = Program(
                block, -np.maximum(down, 0.0), np.maximum(up, 0.0), marks
            )
        return self._programs[reach, times, whole]

    def _whole_part(self, moved: Floats) -> Floats:
        """A movement without what no whole numbers stand for, and all that is tied to that."""
        bad = ~is_whole(moved)
        if not bad.any():
            return np.rint(moved)
        block, entry_sum = self._block, self._entry_sum
        does_move = bad | (np.rint(moved) != 0)
        kept = does_move[block.indexes]
        tied = replace(
            block,
            starts=np.searchsorted(entry_sum[kept], np.arange(len(block.sum_low) + 1)),
            indexes=block.indexes[kept],
        )
        labels = components(tied)
        return np.where(np.isin(labels, labels[bad]), 0.0, np.rint(moved))

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
    for part in _batches(system, ~system.is_known, _BATCH):
        _apart(system, widths, part, interval, generator)
        search = Search(system, widths, part)
        _many_at_once(search, interval, generator, _LATE)
        failed += _one_by_one(search, interval, generator)
    return np.array(sorted(failed), dtype=np.int64)


def _apart(
    system: System, widths: Widths, part: Flags, interval: int, generator: np.random.Generator
) -> None:
    """Search while the counts that most sums meet in stay as they are.

    Then ways to share out students have nothing to do with one another, and each is small.
    Sums of distances stay too. A witness found here is as good as any.
    """
    free = part & ~system.is_known & system.is_count
    free &= np.bincount(system.cells, minlength=system.size) <= _meetings(system, free)
    for each in _batches(system, free):
        _many_at_once(Search(system, widths, each), interval, generator, _SOON)


def _meetings(system: System, free: Flags) -> float:
    """How many sums an ordinary count stands in at most."""
    counts = np.bincount(system.cells, minlength=system.size)[free]
    return float(np.median(counts)) + 1 if len(counts) else 0.0


def _batches(system: System, free: Flags, most: int = _LOCAL) -> list[Flags]:
    """Cells that are free in parts that no sum ties together, small ones joined."""
    block = block_of(system, free)
    labels, sizes = np.unique(components(block), return_inverse=True, return_counts=True)[1:]
    batch = np.cumsum(sizes) // most
    parts = []
    for number in np.unique(batch):
        part = np.zeros(system.size, dtype=bool)
        part[block.cells[batch[labels] == number]] = True
        parts.append(part)
    return parts


def _many_at_once(
    search: Search, interval: int, generator: np.random.Generator, stamina: int
) -> None:
    """Random aims for all cells that aren't wide enough, as long as they widen some.

    Whole numbers are only asked for after several aims in turn had none; `stamina` aims in
    turn that widen nothing end the search.
    """
    idle = 0
    for number in range(_ROUNDS):
        pending = search.pending(interval)
        if not len(pending) or idle > stamina:
            return
        share = 1.0 if number % 2 == 0 else _SHARE
        chosen = pending[generator.random(len(pending)) < share]
        is_quick = idle < _PATIENCE
        reach = _REACHES[number % len(_REACHES)]
        search.aim(_random(search.system, chosen, generator), reach, is_quick=is_quick)
        idle = idle + 1 if len(search.pending(interval)) == len(pending) else 0


def _one_by_one(search: Search, interval: int, generator: np.random.Generator) -> list[int]:
    """Least and greatest value of each cell that is left; the others come along."""
    failed: list[int] = []
    around = Neighborhoods(search.system)
    while True:
        pending = search.pending(interval)
        pending = pending[~np.isin(pending, failed)]
        if not len(pending):
            return failed
        cell = int(pending[0])
        near = search.near(around.grown(cell, ~search.system.is_known, _NEAR, generator))
        tries = ((near, _REACHES[-1]), (search, _REACHES[-1]), (search, _REACHES[0]))
        for where, reach in tries:
            cost = _random(search.system, pending, generator)
            for cost[cell] in (_FOREMOST, -_FOREMOST):
                where.aim(cost, reach, is_quick=where is search)
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

    def grown(self, cell: int, free: Flags, most: int, generator: np.random.Generator) -> Flags:
        """A cell and the free ones around it, up to so many."""
        inside = np.zeros(self._system.size, dtype=bool)
        edge = np.array([cell], dtype=np.int64)
        count = 0
        while len(edge):
            if count + len(edge) > most:
                edge = generator.choice(edge, most - count, replace=False)
            inside[edge] = True
            count += len(edge)
            reached = self.beside(edge) if count < most else edge[:0]
            edge = reached[free[reached] & ~inside[reached]]
        return inside

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
