"""The reference pages say what the commands, the catalogue and the shapes say."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from scorehouse.intake.findings import catalogue
from scorehouse.rulebook import load
from scorehouse.scoring import assemble, attemptedness, incomplete, one
from scorehouse.scoring.fit import ITEM_FIT
from scorehouse.shapes import SCORES

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    "name",
    [
        "cli_page",
        "findings_page",
        "scores_page",
        "data_dictionary_page",
        "statistics_page",
        "query_files_page",
    ],
)
def test_the_page_is_fresh(name: str) -> None:
    page = loaded(name)
    assert page.PAGE.read_text(encoding="utf-8") == page.render()


def test_every_finding_is_on_its_page() -> None:
    told = re.findall(r"^### `(\w+)`$", loaded("findings_page").render(), re.MULTILINE)
    assert told == list(catalogue())


def test_every_command_is_on_its_page() -> None:
    names = [name for name, _command in loaded("cli_page").commands()]
    assert {"scorehouse score", "scorehouse explain", "scorehouse rules show"} <= set(names)
    text = (FOLDER / "cli.md").read_text(encoding="utf-8")
    assert re.findall(r"^## `(.*)`$", text, re.MULTILINE) == names


def test_every_column_status_and_reason_is_told() -> None:
    page = loaded("scores_page")
    assert list(page.COLUMNS) == SCORES.names
    assert list(page.FIT) == ITEM_FIT.names
    assert set(page.STATUSES) == {
        *(attemptedness.SCORED, attemptedness.LOWEST_SCORE, attemptedness.NOT_SCORED)
    }
    constants = {
        *(one.AGGREGATE_ONLY, one.NO_ITEMS, one.SUSPENDED, one.NOT_ANSWERED, one.LEFT_OUT),
        *(incomplete.UNKNOWN_MINIMUM, incomplete.CAT_INCOMPLETE, assemble.UNSCORABLE_TEST),
        *(f"status_{name}" for name in attemptedness.NOT_SCORED_STATUSES),
    }
    assert constants <= set(page.REASONS)
    codes = load().at("2018-19").writing_codes
    assert ", ".join(codes) in page.REASONS
