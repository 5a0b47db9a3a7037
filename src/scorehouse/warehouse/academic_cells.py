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
    with disabilities gives the count for the color of all of them, and no rows. `place` is
    one number an entity and type, in their order.
    """
    columns = {name: _ints(cells, name) for name in cells.column_names}
    columns["state_no"] = np.full(len(cells), state_no, np.int64)
    found = [_level(columns, *names, len(ids), groups) for names in _LEVELS.values()]
    keys = np.concatenate([keys for keys, _ in found])
    types = np.repeat(np.arange(len(found)), [len(keys) for keys, _ in found])
    entities, group_nos = keys // len(groups), keys % len(groups)
    places = entities * len(found) + types
    rows = np.flatnonzero((entities > 0) & (group_nos != groups.index(CURRENT_SWD)))
    rows = rows[np.argsort((places * len(groups) + group_nos)[rows], kind="stable")]
    made = {
        "place": pa.array(places[rows]),
        "entity_id": pa.array(["", *ids]).take(pa.array(entities[rows])),
        "entity_type": pa.array(list(_LEVELS)).take(pa.array(types[rows])),
        "student_group": pa.array(groups, pa.string()).take(pa.array(group_nos[rows])),
    }
    for name in found[0][1]:
        made[name] = pa.array(np.concatenate([sums[name] for _, sums in found])[rows])
    return pa.table(made)


def _ints(cells: pa.Table, name: str) -> Ints:
    found = cells[name].combine_chunks().to_numpy(zero_copy_only=False)
    whole: Ints = found.astype(np.int64, copy=False)
    return whole


def _level(
    cells: Mapping[str, Ints], entity: str, reason: str, entities: int, groups: Sequence[str]
) -> tuple[Ints, Mapping[str, Ints]]:
    """A level's entities and groups that have students, as keys in order, and all of their sums.

    Entity 0, which is none, is among them.
    """
    keys, reasons = cells[entity] * len(groups) + cells["group_no"], cells[reason]
    is_there = np.zeros((entities + 1) * len(groups), np.bool_)
    is_there[keys] = True
    there = np.flatnonzero(is_there)
    rows = (np.cumsum(is_there) - 1)[keys]

    def added(name: str, some: Ints | slice) -> Ints:
        found = np.zeros(len(there), np.int64)
        np.add.at(found, rows[some], cells[name][some])
        return found

    students = np.zeros((len(there), 1 + len(LEFT_OUT)), np.int64)
    np.add.at(students.reshape(-1), rows * students.shape[1] + reasons, cells["n"])
    counting = reasons == 0
    alternate = np.flatnonzero(counting & (cells["caa"] > 0))
    made = {
        "scores": students[:, 0],
        "distance_sum": added("distance", np.flatnonzero(counting)),
        "caa_scores": added("caa", alternate),
        "caa_distance_sum": added("caa_distance", alternate),
        "color_scores": _colored(students[:, 0], there, groups),
        **{name: added(name, slice(None)) for name in ("enrolled", "tested")},
        **{f"left_out_{name}": students[:, number] for name, number in REASONS.items()},
    }
    return there, made | {"left_out_duplicate": added("extra", slice(None))}


def _colored(scores: Ints, keys: Ints, groups: Sequence[str]) -> Ints:
    """Scores, but of students with disabilities those of current ones."""
    found = scores.copy()
    if "SWD" in groups:
        every = keys % len(groups) == groups.index("SWD")
        current = keys % len(groups) == groups.index(CURRENT_SWD)
        found[every] = 0
        found[np.isin(keys // len(groups), keys[current] // len(groups)) & every] = scores[current]
    return found
