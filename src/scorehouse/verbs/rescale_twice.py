"""Scores that a run reads twice: each is rescaled, and counts twice in the report."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa

from scorehouse.intake.findings import FindingLog


@dataclass
class SeenTests:
    """The tests that a run has read so far, at eight bytes a test."""

    _hashes: list[npt.NDArray[np.uint64]] = field(default_factory=list)

    def add(self, tests: pa.ChunkedArray) -> None:
        """Note the tests of a chunk, by their opportunity ids; blank ones are nobody's."""
        names = pl.Series("test", tests, dtype=pl.String).unique()
        self._hashes.append(names.filter(names != "").hash().to_numpy())

    def tell(self, log: FindingLog) -> None:
        """Say how many tests came in more than one chunk."""
        seen = np.concatenate([np.zeros(0, np.uint64), *self._hashes])
        counts = np.unique(seen, return_counts=True)[1]
        if apart := int((counts > 1).sum()):
            log.add("rescale_test_apart", count=apart)


def rows_twice(scores: pa.Table) -> npt.NDArray[np.int64]:
    """The rows that measure the same of the same test as a row above them."""
    frame = pl.from_arrow(scores.select(["opportunity_id", "measure"]))
    assert isinstance(frame, pl.DataFrame)
    is_first = frame.select(pl.struct(pl.all()).is_first_distinct()).to_series().to_numpy()
    return np.flatnonzero(~is_first)
