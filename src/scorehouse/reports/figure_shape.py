"""The table of figures: one row an entity, year, subject, grade, test, measure and group.

Every report makes this table, the exit door takes it, pages and files are drawn from it.
Counts and sums are integers that a mart gave; figures are computed from them by
`statistics`. Null is not known or doesn't apply, never zero.
"""

from __future__ import annotations

import pyarrow as pa

from scorehouse.disclosure.columns import EVERYBODY

_TEXT, _COUNT, _FIGURE = pa.string(), pa.int64(), pa.float64()

REPORTS = ("overall", "claims", "targets", "longitudinal", "items", "traits")
ENTITY_TYPES = ("state", "district_group", "district", "school_group", "school")

ALL_STUDENTS = EVERYBODY
"""The group of everybody."""

ALL_GRADES = ""
"""All grades pooled; also: no single test, a pooled assessment."""

CROSSING = "&"
"""Joins the codes of a crossing of groups, sorted: `EL&SED`."""

OVERALL = "overall"

KEYS = pa.schema(
    [
        ("entity_id", _TEXT),
        ("school_year", _TEXT),
        ("subject", _TEXT),
        ("test_grade", _TEXT),
        ("assessment_type", _TEXT),
        ("assessment_id", _TEXT),
        ("measure", _TEXT),  # overall, claim:…, composite:…, target:…, trait:…, item:…
        ("student_group", _TEXT),
    ]
)
"""What tells rows apart, in this order; blank: pooled."""

ABOUT = pa.schema(
    [
        ("report", _TEXT),
        ("entity_type", _TEXT),
        ("entity_name", _TEXT),
        ("parent_id", _TEXT),
        ("population", _TEXT),  # blank: everybody who counts; or cohort:<steps>
    ]
)

COUNTS = pa.schema(
    [
        ("n_enrolled", _COUNT),
        ("n_expected", _COUNT),
        ("n_tested", _COUNT),
        ("n_scored", _COUNT),
        ("level_counts", pa.list_(_COUNT)),  # levels (ratings, points) in order from the lowest
    ]
)

SUMS = pa.schema(
    [
        ("sum_score", _COUNT),  # in units of `statistics.SCORE_UNIT`
        ("sum_score_squared", _COUNT),
        ("sum_error_squared", _COUNT),
        ("sum_distance", _COUNT),
        ("sum_distance_squared", _COUNT),
    ]
)
"""Never leave the exit door."""

FIGURES = pa.schema(
    [
        ("mean_scale_score", _FIGURE),
        ("standard_deviation", _FIGURE),
        ("se_mean", _FIGURE),
        ("se_measurement", _FIGURE),  # the part of se_mean that is error of measurement
        ("percentiles", pa.list_(_FIGURE)),  # at the rulebook's percentile ranks
        ("percent_levels", pa.list_(_COUNT)),  # whole, adding to 100
        ("percent_levels_unrounded", pa.list_(_FIGURE)),
        ("percent_met", _FIGURE),
        ("se_percent_met", _FIGURE),
        ("distance_from_standard", _FIGURE),
        ("se_distance", _FIGURE),
        ("participation", _FIGURE),  # tested of enrolled, percent
        ("percent_in", _FIGURE),  # results in, of the results expected
        ("is_partial", pa.bool_()),
        ("mean_points", _FIGURE),  # items and writing traits
        ("difficulty", _FIGURE),  # items: share of points reached, high is easy
        ("missing", pa.list_(pa.struct([("reason", _TEXT), ("students", _COUNT)]))),
        ("answers", pa.list_(pa.struct([("answer", _TEXT), ("students", _COUNT)]))),
        ("relative_to_test", _TEXT),  # targets: better, similar, worse, insufficient, excluded
        ("relative_to_standard", _TEXT),  # targets: above, near, below, insufficient, excluded
        ("change", _FIGURE),  # of a cohort, from the step that `compared_with` names
        ("se_change", _FIGURE),
        ("compared_with", _TEXT),
    ]
)

STAFF_ONLY = ("missing", "answers")
"""Counts of a few students that no rule of small groups covers: not for other audiences."""

SHAPE = pa.schema([*KEYS, *ABOUT, *COUNTS, *SUMS, *FIGURES])
"""The whole table; a report without a figure has it null."""


def figure_table(rows: list[dict[str, object]]) -> pa.Table:
    """Make a table of figures from rows; what a row doesn't name is null, keys are blank."""
    blank = dict.fromkeys((*KEYS.names, *ABOUT.names), "")
    return pa.Table.from_pylist([{**blank, **row} for row in rows], schema=SHAPE)


def crossing(*codes: str) -> str:
    """The code of students who are in several groups at once.

    >>> crossing("SED", "EL"), crossing("ALL", "EL"), crossing()
    ('EL&SED', 'EL', 'ALL')
    """
    told = sorted(set(codes) - {ALL_STUDENTS})
    return CROSSING.join(told) or ALL_STUDENTS
