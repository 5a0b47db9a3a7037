"""The rule page says what the rulebook says."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

from scorehouse.rulebook import load

PLACE = Path(__file__).parents[2] / "docs" / "rules" / "rules_page.py"


def test_the_rule_page_is_fresh() -> None:
    spec = importlib.util.spec_from_file_location("rules_page", PLACE)
    assert spec is not None
    assert spec.loader is not None
    page = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(page)
    text = page.PAGE.read_text(encoding="utf-8")
    assert text == page.render(text, load())
    assert set(re.findall(r"<!-- table: ([\w-]+) -->", text)) == set(page.TABLES)
