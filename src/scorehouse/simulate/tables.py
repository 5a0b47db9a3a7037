"""Blocks as Arrow tables of the published shapes, and the truth beside them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse import shapes
from scorehouse.simulate.entities import Hierarchy
from scorehouse.simulate.items import Pool
from scorehouse.simulate.sitting import (
    DIMENSIONS,
    PARTS,
    Ending,
    Sittings,
    condition_codes,
)

TRUTH = pa.schema(
    [
        ("opportunity_id", pa.string()),
        ("student_id", pa.string()),
        ("assessment_id", pa.string()),
        ("entity_id", pa.string()),  # the school where tested
        ("true_theta", pa.float64()),
        ("provisional_theta", pa.float64()),  # the CAT's own estimate at its end; null without
        ("ending", pa.string()),
        ("main_presented", pa.int32()),  # rows of the CAT or the fixed form, field test included
        ("main_answered", pa.int32()),
        ("pt_presented", pa.int32()),  # rows of the performance task, one for each trait
        ("pt_answered", pa.int32()),
        ("raw_score", pa.float64()),  # of the operational rows, organization + evidence as D
    ]
)
"""What the simulation knows and no real file says: one row an opportunity, in the same order."""

_INDEX = pa.int32()


def responses(tests: Sittings) -> pa.Table:
    """Return the long form (`shapes.RESPONSES`), text columns dictionary-encoded."""
    rows, assessment = tests.rows, tests.assessment
    count = len(rows.test)
    item_numbers, item_ids = _distinct_items(assessment.pool)
    columns = {
        "opportunity_id": _coded(rows.test, tests.opportunity_ids),
        "student_id": _coded(rows.test, student_ids(tests)),
        "assessment_id": _constant(assessment.assessment_id, count),
        "school_year": _constant(str(assessment.year), count),
        "part": _coded(rows.part, PARTS),
        "item_id": _coded(item_numbers[rows.item], item_ids),
        "dimension": _coded(rows.dimension, DIMENSIONS),
        "position": pa.array(rows.position),
        "answered": pa.array(rows.answered),
        "score": pa.array(rows.score.astype(np.float64), mask=~rows.answered),
        "condition_code": _coded(rows.condition, condition_codes()),
    }
    return pa.table({name: columns[name] for name in shapes.RESPONSES.names})


def opportunities(tests: Sittings) -> pa.Table:
    """Return the sittings (`shapes.OPPORTUNITIES`)."""
    count = len(tests)
    complete = tests.ending == Ending.COMPLETE
    has_task = bool(tests.assessment.pool.tasks)
    submitted = tests.started + tests.seconds.astype("timedelta64[s]")
    columns = {
        "opportunity_id": pa.array(tests.opportunity_ids),
        "mode": pa.array(["online"] * count),
        "status": _coded(complete.astype(np.int8), ("expired", "scored")).cast(pa.string()),
        "completeness": _coded(complete.astype(np.int8), ("Partial", "Complete")).cast(pa.string()),
        "logged_on_cat": pa.array(tests.logged_on_main),
        "logged_on_pt": pa.array(tests.logged_on_pt) if has_task else pa.nulls(count, pa.bool_()),
        "started_at": instants(tests.started),
        "submitted_at": instants(submitted),
        "force_completed": pa.array(tests.force_completed),
    }
    return pa.table(columns, schema=shapes.OPPORTUNITIES)


def truth(tests: Sittings, hierarchy: Hierarchy) -> pa.Table:
    """Return what only the simulation knows (`TRUTH`)."""
    rows, count = tests.rows, len(tests)
    is_task = rows.part == PARTS.index("PT")
    answered = rows.answered

    def counted(chosen: NDArray[np.bool_]) -> pa.Array:
        return pa.array(np.bincount(rows.test[chosen], minlength=count).astype(np.int32))

    provisional = tests.provisional_theta
    columns = {
        "opportunity_id": pa.array(tests.opportunity_ids),
        "student_id": student_ids(tests),
        "assessment_id": pa.array([tests.assessment.assessment_id] * count),
        "entity_id": schools(tests, hierarchy).cast(pa.string()),
        "true_theta": pa.array(tests.theta),
        "provisional_theta": pa.array(provisional, mask=np.isnan(provisional)),
        "ending": _coded(tests.ending, [one.name.lower() for one in Ending]).cast(pa.string()),
        "main_presented": counted(~is_task),
        "main_answered": counted(~is_task & answered),
        "pt_presented": counted(is_task),
        "pt_answered": counted(is_task & answered),
        "raw_score": pa.array(raw_scores(tests)),
    }
    return pa.table(columns, schema=TRUTH)


def raw_scores(tests: Sittings) -> NDArray[np.float64]:
    """Return each test's raw score: operational items, writing as D + C."""
    rows, count = tests.rows, len(tests)
    operational = np.array([row.operational for row in tests.assessment.pool.rows])
    points = np.maximum(rows.score, 0).astype(np.float64)
    chosen = operational[rows.item] & ((rows.dimension == 0) | (rows.dimension == 3))
    total = np.bincount(rows.test[chosen], weights=points[chosen], minlength=count)
    mean = (rows.dimension == 1) | (rows.dimension == 2)
    both = np.bincount(rows.test[mean], weights=points[mean], minlength=count)
    return np.asarray(total + np.ceil(both / 2), dtype=np.float64)


def student_ids(tests: Sittings) -> pa.Array:
    """Return the student of each test."""
    return tests.block.student_ids.take(pa.array(tests.student))


def schools(tests: Sittings, hierarchy: Hierarchy) -> pa.DictionaryArray:
    """Return the school of each test, in the grade of the test."""
    grade = tests.assessment.grade
    stage = hierarchy.stage_of(grade)
    index = stage.school_at(tests.block.places(grade)[tests.student])
    return _coded(index, [school.entity_id for school in stage.entities])


def instants(moments: NDArray[np.datetime64]) -> pa.Array:
    """Return moments as text, to the second."""
    return pa.array(np.datetime_as_string(moments, unit="s"))


def _distinct_items(pool: Pool) -> tuple[NDArray[np.int32], list[str]]:
    """Return, for each row of a pool, its place among the distinct item ids."""
    ids = [row.item_id for row in pool.rows]
    distinct = list(dict.fromkeys(ids))
    place = {item_id: index for index, item_id in enumerate(distinct)}
    return np.array([place[item_id] for item_id in ids], dtype=np.int32), distinct


def _coded(indexes: NDArray[Any], values: Sequence[str] | pa.Array) -> pa.DictionaryArray:
    return pa.DictionaryArray.from_arrays(
        pa.array(indexes.astype(np.int32), _INDEX), pa.array(values, pa.string())
    )


def _constant(value: str, count: int) -> pa.DictionaryArray:
    return _coded(np.zeros(count, dtype=np.int32), (value,))
