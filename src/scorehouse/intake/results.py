"""What every reader of results files yields, and what checks, writers and converters take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pyarrow as pa


class ResultChunk(NamedTuple):
    """Some whole results.

    `elements` holds the tables of `result_shapes.ELEMENTS` (empty for results read from the
    two tables); `tests` and `items` are `result_shapes.TEST_TABLE` and `ITEM_TABLE`, whatever
    the source was.
    """

    elements: Mapping[str, pa.Table]
    tests: pa.Table
    items: pa.Table

    @property
    def is_xml(self) -> bool:
        """Whether the results came as TRT."""
        return bool(self.elements) and self.elements["result"].num_rows > 0
