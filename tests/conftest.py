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


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared cases and samples; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SCOREHOUSE_SHARED", ROOT.parent / "shared"))
    if not (folder / "cases").is_dir():
        pytest.skip("the shared cases and samples are not on this machine")
    return folder
