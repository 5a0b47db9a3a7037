"""Result files: one TRT document an opportunity, streamed into zips.

The order of the elements is the one the published schema enforces. Files hold responses,
not scores: nothing of what a scoring engine computes is written.
"""

from __future__ import annotations

from pathlib import Path

from scorehouse.simulate.config import SimulationConfig
from scorehouse.simulate.entities import Hierarchy
from scorehouse.simulate.sitting import Tests


class Archive:
    """Writes nothing unless the configuration asks for result files."""

    def __init__(
        self, config: SimulationConfig, hierarchy: Hierarchy, folder: Path, test_count: int
    ) -> None:
        self._config = config

    def write(self, tests: Tests) -> None:
        """Add the files of one block."""

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        return None
