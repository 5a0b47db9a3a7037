"""Other ways to fill in what is hidden: movements from the truth that keep every sum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from scorehouse.disclosure.solver import Block, Program, block_of, components, is_whole, standing_of
from scorehouse.disclosure.system import Flags, Floats, Ints, System

_WHOLE = 2000  # cells for which whole numbers are soon found, or not


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

    def pending(self, system: System, interval: int, cells: Ints | None = None) -> Ints:
        """Protected cells, or those of some, of which no two witnesses are far enough apart."""
        is_narrow = self.high - self.low < interval
        found = np.flatnonzero(system.is_protected & ~system.is_known & is_narrow)
        return found if cells is None else found[np.isin(found, cells)]


class Search:
    """Looks for witnesses in a part of a system: all that is hidden, unless said."""

    def __init__(self, system: System, widths: Widths, part: Flags | None = None) -> None:
        self.system, self.widths = system, widths
        self._moves = ~system.is_known if part is None else part & ~system.is_known
        self._block = block_of(
            without_sums(system, self._moves & ~system.is_count), self._moves & system.is_count
        )
        self._programs: dict[tuple[float, int, bool], Program] = {}

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
            moved = whole_part(self._block, found * times)
            counts = self.system.value[self._block.cells] + moved
            if moved.any() and keep(
                self.system, self.widths, self._moves, self._block.cells, counts
            ):
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


def whole_part(block: Block, moved: Floats) -> Floats:
    """A movement without what no whole numbers stand for, and all that is tied to that."""
    bad = ~is_whole(moved)
    if not bad.any():
        return np.rint(moved)
    entry_sum = np.repeat(np.arange(len(block.sum_low)), np.diff(block.starts))
    does_move = bad | (np.rint(moved) != 0)
    kept = does_move[block.indexes]
    tied = replace(
        block,
        starts=np.searchsorted(entry_sum[kept], np.arange(len(block.sum_low) + 1)),
        indexes=block.indexes[kept],
    )
    labels = components(tied)
    return np.where(np.isin(labels, labels[bad]), 0.0, np.rint(moved))


def keep(system: System, widths: Widths, moves: Flags, cells: Ints, counts: Floats) -> bool:
    """Note other counts of some cells, unless no distances from standard go with them."""
    rest = moves & ~system.is_count
    if rest.any():
        value = system.value.copy()
        value[cells] = counts
        block = block_of(replace(system, value=value), rest)
        bounds = system.low[block.cells], system.high[block.cells]
        if Program(block, *bounds).least(np.zeros(len(block.cells))) is None:
            return False
    widths.note(cells, counts)
    return True


def without_sums(system: System, cells: Flags) -> System:
    """The system without the sums in which some cells stand."""
    silent = np.unique(system.sum_of_entry()[cells[system.cells]])
    low, high = system.sum_low.copy(), system.sum_high.copy()
    low[silent], high[silent] = -np.inf, np.inf
    return replace(system, sum_low=low, sum_high=high)
