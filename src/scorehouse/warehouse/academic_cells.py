"""From sums of students who are alike, by school and LEA, to the sums of every entity.

The mart `academic_cells` gives cells: students of one school, LEA and group with the same
reasons. An entity's sums are those of its cells, with the reason that holds at its level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.accountability.academic.students import CURRENT_SWD
from scorehouse.accountability.academic.sums import DISTRICT, LEFT_OUT, SCHOOL, STATE

Ints = NDArray[np.int64]

REASONS: Mapping[str, int] = {reason: place for place, reason in enumerate(LEFT_OUT, start=1)}
"""Reasons as the SQL numbers them; 0 means that the score counts."""

_COUNTING = {
    "scores": "n", "distance_sum": "distance", "caa_scores": "caa",
    "caa_distance_sum": "caa_distance",
}  # fmt: skip
"""Sums over students whose score counts, and the column of cells that they add up."""

_ALL = {"enrolled": "enrolled", "tested": "tested", "left_out_duplicate": "extra"}
"""Sums over every student."""

_LEVELS = {
    DISTRICT: ("lea_no", "lea_reason"),
    SCHOOL: ("school_no", "school_reason"),
    STATE: ("state_no", "state_reason"),
}


def entity_sums(
    cells: pa.Table, state_no: int, ids: Sequence[str], groups: Sequence[str]
) -> pa.Table:
    """Sums by entity, type and group, in this order; entity 1 is the first of `ids`.

    `groups` are in the order of their numbers, from 0, and sorted; that of current students
    with disabilities gives the count for the color of all of them, and no rows.
    """
    columns = {name: _ints(cells, name) for name in cells.column_names}
    columns["state_no"] = np.full(len(cells), state_no, np.int64)
    size = (len(ids) + 1) * len(groups)
    found = [_level(columns, *names, size, groups) for names in _LEVELS.values()]
    rows = np.concatenate([keys for keys, _ in found])
    types = np.repeat(np.arange(len(found)), [len(keys) for keys, _ in found])
    entities, group_nos = rows // len(groups), rows % len(groups)
    order = np.argsort((entities * len(found) + types) * len(groups) + group_nos)
    made = {
        "entity_id": pa.array(["", *ids]).take(pa.array(entities[order])),
        "entity_type": pa.array(list(_LEVELS)).take(pa.array(types[order])),
        "student_group": pa.array(groups, pa.string()).take(pa.array(group_nos[order])),
    }
    for name in found[0][1]:
        made[name] = pa.array(np.concatenate([sums[name] for _, sums in found])[order])
    return pa.table(made)


def _ints(cells: pa.Table, name: str) -> Ints:
    found: Ints = cells[name].combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)
    return found


def _level(
    cells: Mapping[str, Ints], entity: str, reason: str, size: int, groups: Sequence[str]
) -> tuple[Ints, Mapping[str, Ints]]:
    """Where a level's entities and groups have students, and all of their sums."""
    keys, reasons = cells[entity] * len(groups) + cells["group_no"], cells[reason]
    students = _added(keys, cells["n"], size)
    students[: len(groups)] = 0  # of no entity
    students[groups.index(CURRENT_SWD) :: len(groups)] = 0
    there = np.flatnonzero(students)
    left_out = {name: reasons == number for name, number in REASONS.items()}
    counting = np.flatnonzero(reasons == 0)
    made = {name: _added(keys[counting], cells[column][counting], size)
            for name, column in _COUNTING.items()}  # fmt: skip
    made["color_scores"] = _colored(made["scores"], groups)
    made |= {name: _added(keys, cells[column], size) for name, column in _ALL.items()}
    for name, rows in left_out.items():
        if name != "duplicate":
            made[f"left_out_{name}"] = _added(keys[rows], cells["n"][rows], size)
    return there, {name: sums[there] for name, sums in made.items()}


def _colored(scores: Ints, groups: Sequence[str]) -> Ints:
    found = scores.copy()
    if "SWD" in groups:
        found[groups.index("SWD") :: len(groups)] = scores[groups.index(CURRENT_SWD) :: len(groups)]
    return found


def _added(keys: Ints, values: Ints, size: int) -> Ints:
    """The sum of values by key."""
    found = np.zeros(size, np.int64)
    np.add.at(found, keys, values)
    return found
