"""From sums of students who are alike, by school and LEA, to the sums of every entity.

The mart `academic_cells` gives cells: students of one school, LEA and group with the same
reasons. An entity's sums are those of its cells, with the reason that holds at its level.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.accountability.academic.sums import DISTRICT, LEFT_OUT, SCHOOL, STATE

Ints = NDArray[np.int64]

REASONS: Mapping[str, int] = {reason: place for place, reason in enumerate(LEFT_OUT, start=1)}
"""Reasons as the SQL numbers them; 0 means that the score counts."""

COUNTING = {
    "scores": "n", "distance_sum": "distance", "caa_scores": "caa",
    "caa_distance_sum": "caa_distance", "color_scores": "colored",
}  # fmt: skip
"""Sums over students whose score counts, and the column of cells that they add up."""

ALL = {"enrolled": "enrolled", "tested": "tested", "left_out_duplicate": "extra"}
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

    `groups` are in the order of their numbers, from 0, and sorted.
    """
    columns = {name: _ints(cells, name) for name in cells.column_names}
    columns["state_no"] = np.full(len(cells), state_no, np.int64)
    size = (len(ids) + 1) * len(groups)
    found = [_level(columns, *names, size, len(groups)) for names in _LEVELS.values()]
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
    return cells[name].combine_chunks().to_numpy(zero_copy_only=False).astype(np.int64)


def _level(
    cells: Mapping[str, Ints], entity: str, reason: str, size: int, groups: int
) -> tuple[Ints, Mapping[str, Ints]]:
    """Where a level's entities and groups have students, and all of their sums."""
    keys, reasons = cells[entity] * groups + cells["group_no"], cells[reason]
    there = np.flatnonzero(_added(keys, cells["n"], size)[groups:]) + groups  # 0 is no entity

    def sums(name: str, rows: NDArray[np.bool_] | slice) -> Ints:
        return _added(keys[rows], cells[name][rows], size)[there]

    counting = reasons == 0
    made = {name: sums(column, counting) for name, column in COUNTING.items()}
    made |= {name: sums(column, slice(None)) for name, column in ALL.items()}
    for name, number in REASONS.items():
        if f"left_out_{name}" not in ALL:
            made[f"left_out_{name}"] = sums("n", reasons == number)
    return there, made


def _added(keys: Ints, values: Ints, size: int) -> Ints:
    found = np.zeros(size, np.int64)
    np.add.at(found, keys, values)
    return found
