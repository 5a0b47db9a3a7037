"""What must be remembered over a whole delivery, in little memory.

An id is kept as two independent 64-bit hashes: 16 bytes an id, whatever its length. The
first finds it, the second verifies it, so that two different ids are taken for one with
a chance of one in 2^128 a pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
import polars as pl
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
FIND, VERIFY = 11, 29  # seeds of the two hashes


class Remembered:
    """A map of 64-bit hashes to 64-bit values; the first value of a hash is kept.

    Sorted runs that are merged when they reach the same size: adding n ids costs
    n log n altogether.
    """

    def __init__(self) -> None:
        self._runs: list[tuple[Hashes, Hashes]] = []

    def __len__(self) -> int:
        return sum(len(keys) for keys, _ in self._runs)

    def exchange(self, keys: Hashes, values: Hashes) -> tuple[NDArray[np.bool_], Hashes]:
        """Tell which keys came before (also earlier in `keys`), and their first values."""
        known, first = self._find(keys)
        distinct, place, which = np.unique(keys, return_index=True, return_inverse=True)
        came_earlier = place[which] != np.arange(len(keys))
        first = np.where(known, first, values[place[which]])
        new = ~known[place]
        self._add(distinct[new], values[place][new])
        return known | came_earlier, first

    def _find(self, keys: Hashes) -> tuple[NDArray[np.bool_], Hashes]:
        known = np.zeros(len(keys), np.bool_)
        first = np.zeros(len(keys), np.uint64)
        for run, values in self._runs:
            place = np.minimum(np.searchsorted(run, keys), len(run) - 1)
            is_here = run[place] == keys
            first[is_here] = values[place[is_here]]
            known |= is_here
        return known, first

    def _add(self, keys: Hashes, values: Hashes) -> None:
        """Add keys that are sorted and not known."""
        if not len(keys):
            return
        self._runs.append((keys, values))
        while len(self._runs) > 1 and len(self._runs[-1][0]) * 2 > len(self._runs[-2][0]):
            last, before = self._runs.pop(), self._runs.pop()
            keys = np.concatenate((before[0], last[0]))
            order = np.argsort(keys, kind="stable")
            self._runs.append((keys[order], np.concatenate((before[1], last[1]))[order]))


Exchange = Callable[[str, Hashes, Hashes], tuple[NDArray[np.bool_], Hashes]]
"""Takes a kind, keys and values; answers as `Remembered.exchange` of that kind does."""


class Delivery:
    """The state of a delivery: ids met, and counts of what is said at its end.

    What was met is remembered here, or wherever `exchange` asks.
    """

    def __init__(self, exchange: Exchange | None = None) -> None:
        self._remembered: dict[str, Remembered] = {}
        self.exchange = exchange or self._exchange
        self.counts: Counter[str] = Counter()

    def again(self, kind: str, frame: pl.DataFrame, *keys: pl.Expr) -> pl.Series:
        """Which rows have keys that came before in the delivery."""
        joined = pl.concat_str(*keys, separator="\x1f")
        find, verify = _hashes(frame, joined.hash(FIND), joined.hash(VERIFY))
        met, first = self.exchange(kind, find, verify)
        return pl.Series(met & (first == verify))

    def differs(self, kind: str, frame: pl.DataFrame, key: pl.Expr, value: pl.Expr) -> pl.Series:
        """Which rows have a key that came before with another value."""
        find, verify = _hashes(frame, key.hash(FIND), value.hash(VERIFY))
        met, first = self.exchange(kind, find, verify)
        return pl.Series(met & (first != verify))

    def _exchange(
        self, kind: str, keys: Hashes, values: Hashes
    ) -> tuple[NDArray[np.bool_], Hashes]:
        return self._remembered.setdefault(kind, Remembered()).exchange(keys, values)


def _hashes(frame: pl.DataFrame, find: pl.Expr, verify: pl.Expr) -> tuple[Hashes, Hashes]:
    hashed = frame.select(find.alias("find"), verify.alias("verify"))
    return hashed["find"].to_numpy(), hashed["verify"].to_numpy()
