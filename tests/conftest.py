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


LONG = (
    "e2e/test_cluster.py",
    "docs/test_pages.py",
    "unit/test_warehouse_results.py",
    "e2e/test_warehouse_crash.py",
    "conformance/test_reference_and_kernel.py",
)
"""Modules that take longest: they begin, so that no process is left with one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long modules first; each is run by one process, which makes its fixtures once."""
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    place = "/".join(item.path.parts[-2:])
    return LONG.index(place) if place in LONG else len(LONG)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared cases and samples; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SCOREHOUSE_SHARED", ROOT.parent / "shared"))
    if not (folder / "cases").is_dir():
        pytest.skip("the shared cases and samples are not on this machine")
    return folder
