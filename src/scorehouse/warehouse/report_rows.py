"""What a query asks of the marts: their text, and their rows by school and student group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import polars as pl

from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING
from scorehouse.reports.query import ReportQuery
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.warehouse.engine import Engine
from scorehouse.warehouse.entity_tree import Tree
from scorehouse.warehouse.marts import Population, enrolled_sql, group_column, is_in, mart

SCHOOL_KEYS = ("school_id", "lea_id")
TEST_KEYS = ("school_year", "subject", "test_grade", "assessment_type", "assessment_id")
MOST_SCHOOLS_NAMED = 2_000
"""A query about more schools than this reads all of them."""


@dataclass(frozen=True)
class Wanted:
    """A query with the entities it chose; `schools` None: all of them."""

    query: ReportQuery
    entities: tuple[str, ...]
    schools: tuple[str, ...] | None

    @property
    def population(self) -> Population:
        """How results are counted."""
        query = self.query
        is_any = query.report == "items"  # interim tests, whatever types traits are asked of
        parts = ["true" if is_any else is_in("assessment_type", query.assessment_types)]
        years = {*query.school_years, *(year for year, _ in query.pairs)}
        parts += [is_in("school_year", sorted(years))] if years else []
        parts += [is_in("subject", query.subjects)] if query.subjects else []
        scope = " AND ".join(parts)
        return Population(query.counted_at, query.demographics, query.scores, scope=scope)


def wanted_schools(
    tree: Tree, query: ReportQuery, entities: Sequence[str]
) -> tuple[str, ...] | None:
    """The schools whose results the entities rest on; None: read all."""
    if query.counted_at == "accountable" or tree.state.entity_id in entities:
        return None
    found: set[str] = set()
    for entity_id in entities:
        found |= {entity_id, *tree.below(entity_id, "school")}
    return tuple(sorted(found)) if len(found) <= MOST_SCHOOLS_NAMED else None


def conditions(wanted: Wanted) -> str:
    """The SQL of what a query lets through."""
    query = wanted.query
    parts = [is_in("assessment_type", query.assessment_types)]
    for column, values in (
        ("school_year", query.school_years),
        ("subject", query.subjects),
        ("test_grade", query.grades),
        ("assessment_id", query.assessments),
    ):
        parts += [is_in(column, values)] if values else []
    if wanted.schools is not None:
        parts.append(is_in("school_id", wanted.schools))
    parts += [is_in(_filtered(name), values) for name, values in query.filters.items()]
    return " AND ".join(parts)


def _filtered(name: str) -> str:
    return group_column(name) if name in dimensions() else name


def expanded(code: str) -> dict[str, tuple[str, ...]]:
    """The codes of each dimension that a group, or a crossing of groups, is made of.

    >>> expanded("EVER_EL&F")
    {'language': ('EL', 'RFEP'), 'sex': ('F',)}
    """
    known = groups()
    parts = [known[part] for part in code.split(CROSSING) if part != ALL_STUDENTS]
    return {group.dimension: group.members or (group.code,) for group in parts}


def mart_rows(
    engine: Engine,
    name: str,
    keys: Sequence[str],
    codes: Iterable[str],
    where: str,
    **also: str,
) -> pl.DataFrame:
    """Rows of a mart by some keys, for each of several groups (column `student_group`)."""

    def text(all_keys: Sequence[str]) -> str:
        if name == "enrolled":
            return enrolled_sql(all_keys, where)
        return mart(name, all_keys, where, **also)

    frames = []
    for own, members in _by_dimensions(codes).items():
        columns = [group_column(dimension) for dimension in own]
        rows = frame(engine, text((*keys, *columns)))
        for code, parts in members.items():
            kept = rows
            for dimension, values in parts.items():
                kept = kept.filter(pl.col(group_column(dimension)).is_in(list(values)))
            frames.append(
                summed(kept.drop(columns), by=additive_keys(kept, columns)).with_columns(
                    student_group=pl.lit(code)
                )
            )
    return pl.concat(frames)


def _by_dimensions(
    codes: Iterable[str],
) -> Mapping[tuple[str, ...], dict[str, dict[str, tuple[str, ...]]]]:
    """Groups by the dimensions they are of: one query does for all of the same."""
    found: dict[tuple[str, ...], dict[str, dict[str, tuple[str, ...]]]] = {}
    for code in codes:
        parts = expanded(code)
        found.setdefault(tuple(sorted(parts)), {})[code] = parts
    return found


_NUMBER_KEYS = ("score", "points", "step", "most_points")


def additive_keys(rows: pl.DataFrame, without: Iterable[str] = ()) -> list[str]:
    """The columns that tell rows apart: texts, and numbers that aren't counts."""
    left_out = set(without)
    return [
        name
        for name, kind in rows.schema.items()
        if name not in left_out and (kind == pl.String or name in _NUMBER_KEYS)
    ]


def summed(rows: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Counts and sums of rows that agree on some columns, added."""
    values = [name for name in rows.columns if name not in by]
    return rows.group_by(by, maintain_order=True).agg(pl.col(values).sum())


def frame(engine: Engine, text: str, *, is_ordered: bool = True) -> pl.DataFrame:
    """The rows of a query, in an order that doesn't depend on the engine if asked."""
    rows = cast(pl.DataFrame, pl.from_arrow(engine.sql(text)))
    if not is_ordered:
        return rows
    return rows.sort([name for name, kind in rows.schema.items() if kind == pl.String])


def for_entities(rows: pl.DataFrame, tree: Tree, wanted: Wanted) -> pl.DataFrame:
    """Rows by school become rows by entity (`entity_id`)."""
    schools = rows.select(pl.col(SCHOOL_KEYS[0]), pl.col(SCHOOL_KEYS[1])).unique()
    pairs = ((school or "", lea or "") for school, lea in schools.rows())
    belongs = tree.belongings(pairs, wanted.entities)
    filled = rows.with_columns(pl.col(SCHOOL_KEYS).fill_null(""))
    joined = filled.join(belongs, on=list(SCHOOL_KEYS), how="inner").drop(SCHOOL_KEYS)
    return summed(joined, by=additive_keys(joined))
