"""Which columns of a table of figures are keys, counts, levels, sums and figures."""

from __future__ import annotations

from scorehouse.disclosure.shapes import RowKey

KEYS = RowKey._fields
ABOUT = ("report", "entity_type", "entity_name", "parent_id", "population")
"""What says which row it is, and nothing about the students in it."""

GROUP_COUNTS = ("n_enrolled", "n_expected", "n_tested")
SCORED = "n_scored"
COUNTS = (*GROUP_COUNTS, SCORED)
LEVELS = "level_counts"
PARTICIPATION = ("participation", "participation_rate", "participation_percent")
MET = ("percent_met", "met_rate")
LEVEL_LISTS = (LEVELS, "percent_levels", "percent_levels_unrounded")
SPREAD = ("standard_deviation", "se_mean", "percentiles")
"""Figures that tell how students are spread over the levels."""

SCALE_FIGURES = ("mean_scale_score", *SPREAD)
"""Figures on the scale of scores, which mean something within one grade only."""

HIDDEN, MARKED, CODED = "hidden", "marked", "percent_met_coded"


def is_sum(column: str) -> bool:
    """Whether a column holds sums over students, which never leave as they are."""
    return column.startswith("sum_")


def figures_of(columns: list[str]) -> list[str]:
    """Columns that results are read from: neither keys nor counts of the group."""
    known = {*KEYS, *ABOUT, *COUNTS, HIDDEN, MARKED, CODED}
    return [name for name in columns if name not in known and not is_sum(name)]
