"""Comparisons between rows of figures that were released: with a district, a year, a group.

They are made of what passed the exit door, so a hidden row is compared with nothing. Each
says what the difference is, between which ends the true one likely lies, and in one sentence
whether it is more than noise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from scorehouse.reports.figure_shape import ALL_STUDENTS, KEYS, OVERALL
from scorehouse.reports.query import COHORT
from scorehouse.reports.uncertainty import (
    Difference,
    Estimate,
    Share,
    around,
    between,
    between_shares,
    from_whole,
)
from scorehouse.reports.words import (
    PERCENTAGE_POINTS,
    POINTS,
    change_sentence,
    difference_sentence,
)
from scorehouse.rulebook.counting import groups

Row = Mapping[str, Any]
Key = tuple[str, ...]
WITH_YEAR, WITH_WHOLE, WITH_ENTITY, WITH_ALL = "year", "whole", "entity", "group"
OF_COHORT = "cohort"
_PERCENT = 100

COMPARISONS = pa.schema(
    [
        *KEYS,
        ("kind", pa.string()),  # year, whole (district or state), entity, group, cohort
        ("figure", pa.string()),  # mean_scale_score, distance_from_standard or percent_met
        ("compared_with", pa.string()),  # the year, entity or group
        ("difference", pa.float64()),
        ("se_difference", pa.float64()),
        ("lowest", pa.float64()),
        ("highest", pa.float64()),
        ("is_noise", pa.bool_()),
        ("sentence", pa.string()),
    ]
)


def comparisons(figures: pa.Table, entities: Sequence[str] = ()) -> pa.Table:
    """Every comparison that the rows of a released table allow.

    With the year before that the table has; with what an entity belongs to; with the first of
    several entities asked for side by side; of a student group with all students; of a cohort
    with its first step.
    """
    rows = [row for row in figures.to_pylist() if row["measure"] == OVERALL]
    known = _known(rows)
    found: list[dict[str, Any]] = []
    for row in rows:
        found += _since_first_step(row)
        found += _with_year(row, known)
        found += _with_wholes(row, known)
        found += _with_first(row, known, entities)
        found += _with_all(row, known)
    return pa.Table.from_pylist(found, schema=COMPARISONS)


class _Known(NamedTuple):
    """Rows by their keys; the years of each key without its year; a row of each entity."""

    rows: Mapping[Key, Row]
    years: Mapping[Key, Sequence[str]]
    entities: Mapping[str, Row]
    states: tuple[str, ...]


def _known(rows: Sequence[Row]) -> _Known:
    years: dict[Key, list[str]] = {}
    for row in rows:
        years.setdefault(_key({**row, "school_year": ""}), []).append(row["school_year"])
    entities = {row["entity_id"]: row for row in rows}
    states = tuple(name for name, row in entities.items() if row["entity_type"] == "state")
    return _Known({_key(row): row for row in rows}, years, entities, states)


def _key(row: Row) -> Key:
    return tuple(row[name] for name in (*KEYS.names, "population"))


def _other(row: Row, known: _Known, **changed: str) -> Row | None:
    return known.rows.get(_key({**row, **changed}))


def _with_year(row: Row, known: _Known) -> Iterator[dict[str, Any]]:
    years = known.years[_key({**row, "school_year": ""})]
    earlier = max((year for year in years if year < row["school_year"]), default="")
    other = _other(row, known, school_year=earlier)
    if other is not None:

        def say(difference: Difference, unit: str) -> str:
            return change_sentence(title(row), earlier, difference, unit)

        yield from _told(row, other, WITH_YEAR, earlier, say, is_part=False)


def _with_wholes(row: Row, known: _Known) -> Iterator[dict[str, Any]]:
    for whole in sorted({row["parent_id"], *known.states} & known.entities.keys()):
        if not _is_above(known.entities[whole], row):
            continue
        other = _other(row, known, entity_id=whole)
        if other is not None:
            yield from _told(row, other, WITH_WHOLE, whole, _saying(row, other), is_part=True)


def _since_first_step(row: Row) -> Iterator[dict[str, Any]]:
    """The change of the same students, whose error is that of their differences."""
    change, se, step = row.get("change"), row.get("se_change"), row.get("compared_with")
    if change is None or se is None or not step:
        return
    difference = around(change, se)
    since = step.partition(":")[0]
    yield _row(
        row, OF_COHORT, "mean_scale_score", step, difference,
        change_sentence(title(row), since, difference),
    )  # fmt: skip


_RANK = {"school": 0, "school_group": 1, "district": 2, "district_group": 3, "state": 4}


def _is_above(other: Row, row: Row) -> bool:
    """Whether an entity is the parent of another, or the state."""
    if _RANK.get(other["entity_type"], 0) <= _RANK.get(row["entity_type"], 0):
        return False
    return bool(other["entity_id"] == row["parent_id"] or other["entity_type"] == "state")


def _with_first(row: Row, known: _Known, entities: Sequence[str]) -> Iterator[dict[str, Any]]:
    if row["entity_id"] not in entities[1:]:
        return
    other = _other(row, known, entity_id=entities[0])
    if other is not None and other["entity_type"] == row["entity_type"]:
        yield from _told(row, other, WITH_ENTITY, entities[0], _saying(row, other), is_part=False)


def _with_all(row: Row, known: _Known) -> Iterator[dict[str, Any]]:
    if row["student_group"] == ALL_STUDENTS:
        return
    other = _other(row, known, student_group=ALL_STUDENTS)
    if other is not None:

        def say(difference: Difference, unit: str) -> str:
            return difference_sentence(title(row), "all students", difference, unit)

        yield from _told(row, other, WITH_ALL, ALL_STUDENTS, say, is_part=True)


Say = Callable[[Difference, str], str]


def _saying(row: Row, other: Row) -> Say:
    def say(difference: Difference, unit: str) -> str:
        return difference_sentence(title(row), other["entity_name"], difference, unit)

    return say


def _told(
    row: Row, other: Row, kind: str, name: str, say: Say, *, is_part: bool
) -> Iterator[dict[str, Any]]:
    for figure, difference, unit in _differences(row, other, is_part=is_part):
        yield _row(row, kind, figure, name, difference, say(difference, unit))


def _row(
    row: Row, kind: str, figure: str, name: str, difference: Difference, sentence: str
) -> dict[str, Any]:
    return {
        **{name: row[name] for name in KEYS.names},
        "kind": kind,
        "figure": figure,
        "compared_with": name,
        "difference": difference.value,
        "se_difference": difference.se,
        "lowest": difference.low,
        "highest": difference.high,
        "is_noise": difference.is_noise,
        "sentence": sentence,
    }


def _differences(row: Row, other: Row, *, is_part: bool) -> Iterator[tuple[str, Difference, str]]:
    """The differences that two rows allow: of the mean in a grade, else of the distance."""
    for figure, se in (("mean_scale_score", "se_mean"), ("distance_from_standard", "se_distance")):
        one, two = _estimate(row, figure, se), _estimate(other, figure, se)
        is_told = figure == "mean_scale_score" or not row["test_grade"]
        if one is None or two is None or not is_told:
            continue
        difference = from_whole(one, two) if is_part else between(one, two)
        if difference is not None:
            yield figure, difference, POINTS
    a, b = _share(row), _share(other)
    if a is not None and b is not None:
        shares = _part_of(a, b) if is_part else between_shares(a, b)
        if shares is not None:
            yield "percent_met", shares, PERCENTAGE_POINTS


def _estimate(row: Row, figure: str, se: str) -> Estimate | None:
    values = (row.get(figure), row.get(se), row.get("n_scored"))
    return None if None in values else Estimate(*values)  # type: ignore[arg-type]


def _share(row: Row) -> Share | None:
    percent, students = row.get("percent_met"), row.get("n_scored")
    return (
        Share(percent * students / _PERCENT, students) if students and percent is not None else None
    )


def _part_of(part: Share, whole: Share) -> Difference | None:
    """A part against the whole that holds it: against the rest, in proportion."""
    rest = whole.whole - part.whole
    if rest <= 0:
        return None
    apart = between_shares(part, Share(max(0.0, whole.part - part.part), rest))
    return Difference(*(rest / whole.whole * number for number in apart))


# --- names for people ---


_SAME = " (the same students)"


def title(row: Row) -> str:
    """What a row is about, in words.

    >>> title({"entity_name": "Oak", "test_grade": "05", "subject": "ELA", "student_group": "EL"})
    'Oak, grade 5 ELA, English learner'
    """
    grade = row["test_grade"].lstrip("0")
    test = f"grade {grade} {row['subject']}" if grade else f"{row['subject']}, all grades"
    named = [row["entity_name"], test]
    named += [group_name(row)] if row["student_group"] != ALL_STUDENTS else []
    return ", ".join(named) + _SAME * str(row.get("population", "")).startswith(f"{COHORT}:")


def group_name(row: Row) -> str:
    """The name of a row's student group.

    >>> group_name({"student_group": "EL&SED"})
    'English learner, Economically disadvantaged'
    """
    return ", ".join(groups()[code].name for code in row["student_group"].split("&"))


def without_hidden_changes(figures: pa.Table) -> pa.Table:
    """The table without changes of a cohort that would give away a hidden mean."""
    rows = figures.to_pylist()
    if not any(row.get("change") is not None for row in rows):
        return figures
    shown = {_cohort(row, f"{row['school_year']}:{row['test_grade']}") for row in rows
             if row["mean_scale_score"] is not None}  # fmt: skip
    for row in rows:
        steps = {_cohort(row, f"{row['school_year']}:{row['test_grade']}"),
                 _cohort(row, row["compared_with"])}  # fmt: skip
        if row["change"] is not None and not steps <= shown:
            row["change"] = row["se_change"] = None
    return pa.Table.from_pylist(rows, schema=figures.schema)


def _cohort(row: Row, step: str) -> Key:
    return (row["entity_id"], row["subject"], row["student_group"], row["population"], step)
