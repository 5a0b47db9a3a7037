"""Counts tied by sums: what anybody outside can write down about a release.

A cell is a count (or a sum of distances) that somebody may know or want to know. Known cells
stand at their value; of the others an outsider knows bounds, and the sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

INFINITE = float("inf")
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
OTHER = -1
_OF_CELLS = (
    "value", "low", "high", "is_known", "is_fixed", "is_protected", "is_count", "weight", "layer",
    "entity",
)  # fmt: skip


@dataclass
class System:
    """Cells and the sums between them, as arrays; sum i runs over `starts[i]:starts[i + 1]`.

    `value` is the truth, or a stand-in that fits where only an outsider's knowledge is left.
    `low` and `high` bound a cell while it is hidden. `is_fixed`: known from elsewhere, so
    that hiding it here would help nobody. `layer` is 0 for a row's students, from 1 on for
    its levels, and OTHER for what else is counted. `entity` is a number for each entity that a
    cell is about, OTHER where it is about none in particular.
    """

    value: Floats
    low: Floats
    high: Floats
    is_known: Flags
    is_fixed: Flags
    is_protected: Flags
    is_count: Flags
    weight: Floats
    layer: Ints
    entity: Ints
    starts: Ints
    cells: Ints
    factors: Floats
    sum_low: Floats
    sum_high: Floats

    @property
    def size(self) -> int:
        """How many cells there are."""
        return len(self.value)

    @property
    def sums(self) -> int:
        """How many sums there are."""
        return len(self.sum_low)

    def sum_of_entry(self) -> Ints:
        """For each entry of `cells`, the sum that it stands in."""
        return np.repeat(np.arange(self.sums), np.diff(self.starts))

    def part(self, cells: Ints) -> System:
        """Some cells, numbered anew, with the sums in which no others stand."""
        number = np.full(self.size, -1, dtype=np.int64)
        number[cells] = np.arange(len(cells))
        entry_sum = self.sum_of_entry()
        lacks = np.bincount(entry_sum, weights=number[self.cells] < 0, minlength=self.sums)
        kept = lacks == 0
        is_kept = kept[entry_sum]
        return System(
            **{name: getattr(self, name)[cells] for name in _OF_CELLS},
            starts=np.concatenate([[0], np.cumsum(np.diff(self.starts)[kept])]).astype(np.int64),
            cells=number[self.cells[is_kept]],
            factors=self.factors[is_kept],
            sum_low=self.sum_low[kept],
            sum_high=self.sum_high[kept],
        )


class Builder:
    """Collects cells and sums, one after the other."""

    def __init__(self) -> None:
        self._cells: list[tuple[float, float, float, bool, bool, bool, bool, float, int, int]] = []
        self._starts = [0]
        self._indexes: list[int] = []
        self._factors: list[float] = []
        self._limits: list[tuple[float, float]] = []

    def cell(
        self,
        value: float | None,
        *,
        low: float = 0.0,
        high: float = INFINITE,
        is_known: bool = False,
        is_fixed: bool = False,
        is_protected: bool = False,
        is_count: bool = True,
        weight: float = 0.0,
        layer: int = OTHER,
        entity: int = OTHER,
    ) -> int:
        """Add a cell and return its number; value None: not even the house keeps it."""
        given = float("nan") if value is None else float(value)
        flags = (is_known, is_fixed, is_protected, is_count)
        self._cells.append((given, low, high, *flags, weight, layer, entity))
        return len(self._cells) - 1

    def sum(
        self,
        cells: Sequence[int],
        factors: Iterable[float],
        low: float = 0.0,
        high: float = 0.0,
    ) -> None:
        """Say that a weighted sum of cells lies between two numbers: 0 and 0 unless said."""
        self._indexes += cells
        self._factors += factors
        self._starts.append(len(self._indexes))
        self._limits.append((low, high))

    def total(self, total: int, parts: Sequence[int]) -> None:
        """Say that a cell is the sum of others."""
        self.sum([total, *parts], [1.0, *[-1.0] * len(parts)])

    def built(self) -> System:
        """The system as arrays."""
        columns = list(zip(*self._cells, strict=True)) or [()] * 10
        value, low, high, known, fixed, protected, count, weight, layer, entity = columns
        limits = np.array(self._limits, dtype=np.float64).reshape(-1, 2)
        return System(
            value=np.array(value, dtype=np.float64),
            low=np.array(low, dtype=np.float64),
            high=np.array(high, dtype=np.float64),
            is_known=np.array(known, dtype=bool),
            is_fixed=np.array(fixed, dtype=bool),
            is_protected=np.array(protected, dtype=bool),
            is_count=np.array(count, dtype=bool),
            weight=np.array(weight, dtype=np.float64),
            layer=np.array(layer, dtype=np.int64),
            entity=np.array(entity, dtype=np.int64),
            starts=np.array(self._starts, dtype=np.int64),
            cells=np.array(self._indexes, dtype=np.int64),
            factors=np.array(self._factors, dtype=np.float64),
            sum_low=limits[:, 0].copy(),
            sum_high=limits[:, 1].copy(),
        )
