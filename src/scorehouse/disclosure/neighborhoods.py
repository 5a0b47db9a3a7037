"""Which counts are near which: the sums that tie them."""

from __future__ import annotations

import numpy as np

from scorehouse.disclosure.system import Flags, Ints, System


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
