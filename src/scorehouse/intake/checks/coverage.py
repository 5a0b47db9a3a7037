"""How much of each field is filled, and with how many distinct values, in little memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from scorehouse.intake.checks.delivery import FIND

KEPT = 1024  # hashes kept a field: exact up to this many distinct values, then about 3 %
_HASHES = 2.0**64


@dataclass(frozen=True)
class FieldCoverage:
    """One field: its rows, how many are filled, and its distinct values."""

    field: str
    rows: int
    filled: int
    distinct: int
    is_estimate: bool

    @property
    def percent(self) -> float:
        """Percent of the rows that are filled; 0 when there are none."""
        return 100 * self.filled / self.rows if self.rows else 0.0


class Distinct:
    """Counts distinct values by keeping the smallest hashes (k minimum values)."""

    def __init__(self) -> None:
        self._smallest: NDArray[np.uint64] = np.empty(0, np.uint64)

    @property
    def limit(self) -> int | None:
        """The hash from which on none is kept; None while there is room."""
        return int(self._smallest[-1]) if self.is_estimate else None

    def add(self, hashes: NDArray[np.uint64]) -> None:
        """Count the values of which these are the hashes."""
        if len(hashes):
            self._smallest = np.unique(np.concatenate((self._smallest, hashes)))[:KEPT]

    def merge(self, other: Distinct) -> None:
        """Count the values that another one counted."""
        self.add(other._smallest)

    @property
    def is_estimate(self) -> bool:
        """Whether there are too many values to count exactly."""
        return len(self._smallest) >= KEPT

    @property
    def number(self) -> int:
        """How many distinct values; an estimate when there are many."""
        if not self.is_estimate:
            return len(self._smallest)
        return round((KEPT - 1) / (float(self._smallest[-1]) / _HASHES))


class Coverage:
    """The coverage of one table's columns over a delivery."""

    def __init__(self, fields: tuple[str, ...]) -> None:
        self._rows = 0
        self._filled = dict.fromkeys(fields, 0)
        self._distinct = {name: Distinct() for name in fields}

    def add(self, frame: pl.DataFrame) -> None:
        """Count the rows of a frame, in which blank is null."""
        self._rows += frame.height
        filled = frame.select(pl.col(name).count() for name in self._filled).row(0)
        used = [name for name, count in zip(self._filled, filled, strict=True) if count]
        for name, count in zip(self._filled, filled, strict=True):
            self._filled[name] += count
        hashed = frame.select(self._hashes(name).alias(name) for name in used)
        for name in used:
            self._distinct[name].add(hashed[name][0].to_numpy())

    def merge(self, other: Coverage) -> None:
        """Count what another one counted of the same fields."""
        self._rows += other._rows
        for name, count in other._filled.items():
            self._filled[name] += count
            self._distinct[name].merge(other._distinct[name])

    def _hashes(self, name: str) -> pl.Expr:
        """The different hashes of a column that may still be kept, as one list."""
        hashed, limit = pl.col(name).drop_nulls().hash(FIND), self._distinct[name].limit
        kept = hashed if limit is None else hashed.filter(hashed < pl.lit(limit, pl.UInt64))
        return kept.unique().implode()

    def fields(self) -> list[FieldCoverage]:
        """The coverage of each field, in the order of the table."""
        return [
            FieldCoverage(
                name, self._rows, self._filled[name], distinct.number, distinct.is_estimate
            )
            for name, distinct in self._distinct.items()
        ]
