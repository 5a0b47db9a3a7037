"""Fixtures that every kind of test shares."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared cases and samples; tests that need it skip where it is absent."""
    folder = Path(os.environ.get("SCOREHOUSE_SHARED", ROOT.parent / "shared"))
    if not (folder / "cases").is_dir():
        pytest.skip("the shared cases and samples are not on this machine")
    return folder
