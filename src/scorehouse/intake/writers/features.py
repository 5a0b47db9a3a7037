"""The accessibility features that the format names, from the rulebook's data."""

from __future__ import annotations

import csv
from functools import cache
from importlib import resources

from scorehouse.intake.unflatten_notes import Features


@cache
def features() -> Features:
    """Read the types, the texts and the replacements of all features."""
    folder = resources.files("scorehouse.rulebook") / "data" / "layouts"
    text = (folder / "accessibility_features.csv").read_text(encoding="utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    return Features(
        {row["code"].lower(): row["type"] for row in rows},
        {row["code"].lower(): row["value"] for row in rows},
        {row["code"].lower(): row["use_instead"] for row in rows if row["use_instead"]},
    )
