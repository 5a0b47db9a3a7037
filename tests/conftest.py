"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).parent.parent

collect_ignore = ["fuzz/run.py"]  # needs atheris, which only `make fuzz` installs


# The same examples on every machine; `HYPOTHESIS_PROFILE=explore` looks for new ones.
settings.register_profile("steady", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


COSTLY = ("e2e/test_cluster.py", "unit/test_catalog_postgres.py")
"""Modules whose fixture costs more than their tests: one process runs all of them, first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a costly fixture together; `--dist loadgroup` begins with such groups."""
    for item in items:
        place = item.path.relative_to(ROOT / "tests").as_posix() if _is_ours(item) else ""
        if place in COSTLY:
            item.add_marker(pytest.mark.xdist_group(place))
    items.sort(key=_turn)


def _is_ours(item: pytest.Item) -> bool:
    return item.path.is_relative_to(ROOT / "tests")


def _turn(item: pytest.Item) -> int:
    """Long tests first, so that no process is left with one at the end."""
    turns = {"e2e": 0, "unit": 1, "properties": 1, "conformance": 1, "docs": 1}
    return turns.get(item.path.parent.name, 2)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared cases and samples; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SCOREHOUSE_SHARED", ROOT.parent / "shared"))
    if not (folder / "cases").is_dir():
        pytest.skip("the shared cases and samples are not on this machine")
    return folder
