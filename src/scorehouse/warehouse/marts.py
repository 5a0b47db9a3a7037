"""Marts: one SQL text each (`marts/*.sql`), for every engine, giving integers only.

`counted` is the ground of all: each result with how it counts. The others sum it up by a
school and whatever keys are asked for. Who counts and which groups there are comes from the
rulebook; means, shares and all rounding are made of the sums in `reports`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import pyarrow as pa

from scorehouse.rulebook.counting import RACES, Group, counting, dimensions
from scorehouse.warehouse.engine import Engine, quoted
from scorehouse.warehouse.whereabouts import students, under_current_id

SCORE_UNIT, RESIDUAL_UNIT = 100, 1_000_000
"""Scores in marts are hundredths of a scale score point, residuals millionths of a point."""

LEVELS = tuple(f"level_{level}" for level in range(1, 7))
SUMS = ("sum_score", "sum_score_squared", "sum_error_squared", "n_error")
TESTED, ENROLLED, ACCOUNTABLE = "tested", "enrolled", "accountable"
LOCKED, CURRENT = "locked", "current"
EITHER, DELIVERED, SCORED = "either", "delivered", "scored"
_SINGLE_RACES = (
    "american_indian_or_alaska_native", "asian", "black_or_african_american", "white",
    "native_hawaiian_or_other_pacific_islander", "filipino",
)  # fmt: skip
_DEMOGRAPHICS = (
    "sex", "hispanic_or_latino", *_SINGLE_RACES, "two_or_more_races", "el_status",
    "limited_english", "student_with_disabilities", "section_504",
    "economically_disadvantaged", "migrant", "military_connected",
)  # fmt: skip
_PEOPLE_ONLY = ("homeless", "foster_youth")


@dataclass(frozen=True)
class Population:
    """Which entity a result counts for, which demographics it has, which scores it takes.

    `counted_at`: the school of the test, of the enrollment now, or the LEA that answers for
    it. `demographics`: as locked at testing, or as known now. `scores`: as delivered, as
    scored here, or whichever there is, delivered first. `has_scoring` False spares the join.
    """

    counted_at: str = TESTED
    demographics: str = LOCKED
    scores: str = EITHER
    has_scoring: bool = True
    only: str = ""  # a view of those (column `who`) whose results alone are read
    scope: str = "true"  # SQL on year, subject and type of test: what is read at all


def define_counted(engine: Engine, population: Population) -> None:
    """Define the view `counted`, and what it rests on."""
    for name, text in counted_sql(population).items():
        engine.view(name, text)


def counted_sql(population: Population) -> dict[str, str]:
    """The texts of `counted` and of the views it rests on, for a population."""
    include = counting().include
    who = "coalesce(student_id, opportunity_id)"
    narrowed = f" AND {who} IN (SELECT who FROM {population.only})" if population.only else ""
    return {
        "people": filled(
            text_of("people"),
            students=students(),
            program_participation=under_current_id("program_participation"),
            el_status=under_current_id("el_status"),
        ),
        "reported": f"SELECT * FROM ({under_current_id('result')}) AS x "
        f"WHERE {population.scope}{narrowed}",
        "judged": filled(
            text_of("judged"),
            **_scores(population),
            **_places(population),
            demographics=_demographics(population.demographics == CURRENT),
            **{indicator: in_list(codes) for indicator, codes in include.items()},
        ),
        "lesser": text_of("lesser"),
        "counted": filled(text_of("counted"), groups=group_columns()),
    }


def _scores(population: Population) -> dict[str, str]:
    """Expressions of score, error and level; of scorings, where they are asked for."""
    if population.scores == DELIVERED or not population.has_scoring:
        joined, is_lowest, no_participant = "r.row_id", "false", "false"
        score, error, level = "r.scale_score", "r.se_scale", "r.achievement_level"
    else:
        is_own = "true" if population.scores == SCORED else "r.scale_score IS NULL"
        joined = _either(is_own, "r.row_id", "s.row_id")
        score = _either(is_own, "r.scale_score", "CAST(s.scale_score AS DOUBLE)")
        error = _either(is_own, "r.se_scale", "s.se_scale")
        level = _either(
            is_own, "r.achievement_level", "coalesce(s.achievement_level, s.claim_rating)"
        )
        is_lowest = f"({is_own}) AND s.score_status = 'lowest_score'"
        no_participant = f"({is_own}) AND s.reason LIKE '%attemptedness_N%'"
    return {
        "score": score,
        "error": error,
        "level": level,
        "score_row": joined,
        "is_lowest": is_lowest,
        "is_no_participant": no_participant,
    }


def _either(is_own: str, delivered: str, own: str) -> str:
    return f"CASE WHEN {is_own} THEN {own} ELSE {delivered} END"


_SCORING_JOIN = (
    " LEFT JOIN scoring AS s ON s.opportunity_id = r.opportunity_id"
    " AND s.assessment_id = r.assessment_id AND s.school_year = r.school_year"
)
_ENROLLMENT_JOIN = (
    " LEFT JOIN (SELECT student_id, school_year, school_id, accountable_lea, ROW_NUMBER() OVER ("
    "PARTITION BY student_id, school_year ORDER BY entered_on DESC NULLS LAST, row_id DESC)"
    f" AS turn FROM ({under_current_id('enrollment')}) AS x) AS e ON e.student_id = r.student_id"
    " AND e.school_year = r.school_year AND e.turn = 1"
)
_PEOPLE_JOIN = " LEFT JOIN people AS h ON h.student_id = r.student_id"


def _places(population: Population) -> dict[str, str]:
    joins = ""
    if population.has_scoring and population.scores != DELIVERED:
        joins += _SCORING_JOIN
    if population.counted_at != TESTED:
        joins += _ENROLLMENT_JOIN
    if population.demographics == CURRENT:
        joins += _PEOPLE_JOIN
    enrolled = "coalesce(e.school_id, r.school_id)"
    return {
        "joins": joins,
        "school": "r.school_id" if population.counted_at == TESTED else enrolled,
        "lea": "coalesce(e.accountable_lea, '')"
        if population.counted_at == ACCOUNTABLE
        else "CAST('' AS STRING)",
    }


def _demographics(is_current: bool) -> str:
    source = "h" if is_current else "r"
    known = [f"{source}.{name}" for name in _DEMOGRAPHICS]
    missing = [
        f"h.{name}" if is_current else f"CAST(NULL AS BOOLEAN) AS {name}" for name in _PEOPLE_ONLY
    ]
    return ", ".join([*known, *missing])


# --- groups ---


def group_column(dimension: str) -> str:
    """The column with the group of a dimension that a student is in."""
    return f"{dimension}_group"


@cache
def group_columns() -> str:
    """SQL for the group of each dimension."""
    return ", ".join(
        f"{_case(parts)} AS {group_column(dimension)}" for dimension, parts in dimensions().items()
    )


def _case(parts: Sequence[Group]) -> str:
    whens = [f"WHEN {_holds(p)} THEN {quoted(p.code)}" for p in parts if p.kind == "category"]
    unknown = next(part.code for part in parts if part.kind == "unknown")
    return f"CASE {' '.join(whens)} ELSE {quoted(unknown)} END"


def _holds(group: Group) -> str:
    column = f"j.{group.field}"
    if group.field == RACES:
        counted = " + ".join(f"CASE WHEN j.{name} THEN 1 ELSE 0 END" for name in _SINGLE_RACES)
        return f"j.two_or_more_races OR {counted} > 1"
    if group.values == ("true",):
        return column
    if group.values == ("false",):
        return f"NOT {column}"
    return f"{column} IN ({in_list(group.values)})"


# --- the marts over `counted` ---


def mart(
    name: str,
    keys: Sequence[str],
    where: str = "",
    sets: Sequence[Sequence[str]] = (),
    **also: str,
) -> str:
    """The text of a mart by some keys; `sets` groups by each of several lists of them.

    `results`, the view that a cohort is of, is `counted` unless another is given.
    """
    rules = counting()
    grouping = ", ".join(keys)
    if sets:
        each = ", ".join(f"({', '.join(one)})" for one in sets)
        grouping = f"GROUPING SETS ({each})"
    return filled(
        text_of(name),
        keys=", ".join(keys),
        grouping=grouping,
        where=f" AND {where}" if where else "",
        tested=in_list(rules.tested),
        scored=in_list(rules.scored),
        **{"results": "counted", **also},
    )


def enrolled_sql(
    keys: Sequence[str], where: str, sets: Sequence[Sequence[str]] = (), only: str = ""
) -> str:
    """The text of the mart of enrollments; needs `counted`, `people` and `reference_day`."""
    settled = ", ".join(
        f"coalesce(c.{name}, g.{name}) AS {name}" for name in map(group_column, dimensions())
    )
    known = ", ".join(f"s.{name}" for name in (*_DEMOGRAPHICS, *_PEOPLE_ONLY))
    return mart(
        "enrolled", keys, where, sets,
        enrollment=_enrollments(only), demographics=known,
        groups=group_columns(), settled_groups=settled,
    )  # fmt: skip


def _enrollments(only: str) -> str:
    narrowed = f" WHERE student_id IN (SELECT who FROM {only})" if only else ""
    return f"(SELECT * FROM ({under_current_id('enrollment')}) AS x{narrowed})"


def register_days(engine: Engine, days: Mapping[str, object]) -> None:
    """Name the day on which enrollment is counted, by school year."""
    table = pa.table(
        {
            "school_year": pa.array(list(days), pa.string()),
            "day": pa.array(list(days.values()), pa.date32()),
        }
    )
    engine.register("reference_day", table)


def is_in(column: str, values: Iterable[str]) -> str:
    """SQL that a column has one of some values; none: it never has."""
    listed = tuple(values)
    return f"{column} IN ({in_list(listed)})" if listed else "false"


def in_list(values: Iterable[str]) -> str:
    """Values as an SQL list.

    >>> in_list(["Y", "T"])
    "'Y', 'T'"
    """
    return ", ".join(quoted(value) for value in values)


@cache
def text_of(name: str) -> str:
    """The text of a mart as it stands in its file, without its comment."""
    text = resources.files("scorehouse.warehouse").joinpath(f"marts/{name}.sql").read_text("utf-8")
    return "\n".join(line for line in text.splitlines() if not line.startswith("--"))


def filled(text: str, **parts: str) -> str:
    """A text with its braces filled in."""
    for name, part in parts.items():
        text = text.replace(f"{{{name}}}", part)
    return text
