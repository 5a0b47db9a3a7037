"""Which columns of a table of figures are keys, counts, levels, sums and figures."""

from __future__ import annotations

from scorehouse.disclosure.shapes import RowKey

KEYS = RowKey._fields
EVERYBODY = "ALL"
"""The student group of all students."""

ABOUT = ("report", "entity_type", "entity_name", "parent_id", "population")
"""What says which row it is, and nothing about the students in it."""

SCORED = "n_scored"
COUNTS = ("n_enrolled", "n_expected", "n_tested", SCORED)
LEVELS = "level_counts"
RATES = ("participation", "percent_in", "is_partial")
"""Figures that follow from the counts of the group alone."""

LEVEL_LISTS = (LEVELS, "percent_levels", "percent_levels_unrounded")
MET = ("percent_met", "se_percent_met")
SPREAD = ("standard_deviation", "se_mean", "se_measurement", "percentiles")
"""Figures that tell how students are spread over the levels."""

BY_LEVELS = ("se_distance", "mean_points", "difficulty")
"""Figures that counts by level give, or tell of: with some of the counts, the others."""

SCALE = ("mean_scale_score", *SPREAD)
"""Figures on the scale of scores, which mean something within one grade only."""

DISTANCE = "distance_from_standard"
MEANS = ("mean_scale_score", DISTANCE)
COMPARED = ("change", "se_change", "sentence")
"""Figures that rest on another row besides their own."""

HIDDEN, MARKED, CODED = "hidden", "marked", "percent_met_coded"
KEPT = (*KEYS, "population", *COUNTS, LEVELS, *MEANS, *MET, CODED, HIDDEN)
"""Columns that a later release is checked against."""


def is_sum(column: str) -> bool:
    """Whether a column holds sums over students, which never leave as they are."""
    return column.startswith("sum_")
