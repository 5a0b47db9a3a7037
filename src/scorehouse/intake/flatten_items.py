"""The item table out of the elements: an item's rows, one a dimension, with its raters.

A machine-scored item, and one scored by hand as a whole, is one row. An item with traits has
an `Overall` row and one row a trait; its item values stand on all of them. Human reads are
nodes below what they judge: the first is Rater1, the reliability read Rater2, the resolution
Rater3. Derived nodes (C, D) and other reads give no rows.

Source: Test Results Logical Data Model (response scores); facts of the format, its nodes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake import flatten_values as values
from scorehouse.intake.flatten_columns import (
    Places,
    blanks,
    first_filled,
    mapped,
    numbered,
    numbers_of,
    raw,
    taken,
    trimmed,
)

_TRAIT, _DERIVED, _OTHER_READ = -1, -2, -3
_FIRST, _RELIABILITY, _RESOLUTION, _FINAL, _BACKREAD = range(5)
_READS = {
    "initial": _FIRST,
    "reliability": _RELIABILITY,
    "resolution": _RESOLUTION,
    "final": _FINAL,
    "backread": _BACKREAD,
    **dict.fromkeys(
        (
            "manageroverride",
            "rescore",
            "machineinitial",
            "machinereliability",
            "targetedbackread",
            "analytic",
        ),
        _OTHER_READ,
    ),
    **dict.fromkeys(("d", "c"), _DERIVED),
}
_CODE_ORDER = (_FINAL, _RESOLUTION, _BACKREAD, _FIRST)
_RATERS = ((_FIRST, "Rater1"), (_RELIABILITY, "Rater2"), (_RESOLUTION, "Rater3"))
_COPIED = {
    "ItemPosition": "position",
    "AdminDateTime": "adminDate",
    "SegmentId": "segmentId",
    "ItemType": "format",
    "Strand": "strand",
    "ContentLevel": "contentLevel",
    "SubmitDateTime": "response_date",
    "NumberOfVisits": "numberVisits",
    "ResponseContentType": "mimeType",
    "ItemScoreStatus": "scoreStatus",
}
_MILLISECONDS = 1000


class _Nodes(NamedTuple):
    """Score nodes as places in their table, and the item each belongs to."""

    item: Places  # by node: its row in the item table
    root: Places  # by item: its first node, or -1
    traits: Places  # nodes that are traits, in document order
    reads: Mapping[int, Places]  # by kind of read: by node, its first read of the kind, or -1


class _Rows(NamedTuple):
    """The rows of the item table to be: whose item, which node, is it a trait's."""

    item: Places
    node: Places
    is_trait: npt.NDArray[np.bool_]


def item_columns(elements: Mapping[str, pa.Table]) -> tuple[Places, dict[str, pa.Array]]:
    """Return by row the place of its item in the item table, and the columns by name."""
    table, nodes = elements["item"], elements["score_info"]
    found = _nodes(table, nodes)
    rows = _rows(table.num_rows, found)
    own = _item_values(table, elements["segment"])
    is_plain = len(rows.item) == table.num_rows
    columns = {name: v if is_plain else taken(v, rows.item) for name, v in own.items()}
    return rows.item, columns | _score_values(columns["ItemScore"], nodes, found, rows)


def _nodes(items: pa.Table, nodes: pa.Table) -> _Nodes:
    results = numbers_of(items, "result")
    starts = np.searchsorted(results, np.arange(results[-1] + 1 if len(results) else 0))
    of_result = numbers_of(nodes, "result")
    item = (starts[of_result] if len(of_result) else of_result) + numbers_of(nodes, "item")
    number, parent = numbers_of(nodes, "node"), numbers_of(nodes, "parent")
    places = np.arange(nodes.num_rows)
    above = np.where(parent >= 0, places - number + parent, -1)
    root = np.full(items.num_rows, -1, np.int64)
    root[item[number == 0]] = places[number == 0]
    kind = numbered(trimmed(nodes, "scoreDimension"), lambda t: _READS.get(t.lower(), _TRAIT))
    is_below_root = (above >= 0) & (root[item] == above)
    traits = places[is_below_root & (kind == _TRAIT)]
    reads = {}
    for wanted in (*_CODE_ORDER, _RELIABILITY):
        reads[wanted] = np.full(nodes.num_rows, -1, np.int64)
        chosen = places[(kind == wanted) & (above >= 0)][::-1]
        reads[wanted][above[chosen]] = chosen
    return _Nodes(item, root, traits, reads)


def _rows(items: int, nodes: _Nodes) -> _Rows:
    item = np.concatenate((np.arange(items), nodes.item[nodes.traits]))
    node = np.concatenate((nodes.root, nodes.traits))
    is_trait = np.arange(len(item)) >= items
    if not len(nodes.traits):
        return _Rows(item, node, is_trait)
    order = np.argsort(item, kind="stable")
    return _Rows(item[order], node[order], is_trait[order])


def _item_values(table: pa.Table, segments: pa.Table) -> dict[str, pa.Array]:
    """Return what belongs to an item as a whole."""
    columns = {column: trimmed(table, name) for column, name in _COPIED.items()}
    bank, key = trimmed(table, "bankKey"), trimmed(table, "key")
    is_named = pc.or_(pc.not_equal(bank, ""), pc.not_equal(key, ""))
    columns["ItemId"] = pc.if_else(is_named, pc.binary_join_element_wise(bank, key, "-"), "")
    columns["ResponseValue"] = raw(table, "response_text")
    columns["ItemScore"] = trimmed(table, "score")
    columns["ResponseDuration"] = _durations(table)
    columns["FieldTest"] = mapped(trimmed(table, "operational"), values.field_test)
    columns["Dropped"] = mapped(trimmed(table, "dropped"), values.yes_or_no)
    columns["Submitted"] = mapped(trimmed(table, "isSelected"), values.yes_or_no)
    return columns | _segment_values(table, columns["SegmentId"], segments)


def _segment_values(items: pa.Table, segment: pa.Array, segments: pa.Table) -> dict[str, pa.Array]:
    """Return what an item's segment says of it, found by its id within the result."""
    ids = pa.concat_arrays([trimmed(segments, "id"), segment]).dictionary_encode()
    count = len(ids.dictionary) + 1
    numbers = ids.indices.to_numpy().astype(np.int64)
    n = segments.num_rows
    keys = numbers_of(segments, "result") * count + numbers[:n]
    wanted = numbers_of(items, "result") * count + numbers[n:]
    order = np.argsort(keys, kind="stable")
    at = np.searchsorted(keys[order], wanted)
    places = np.full(len(wanted), -1, np.int64)
    if n:
        candidate = order[np.minimum(at, n - 1)]
        places = np.where(keys[candidate] == wanted, candidate, -1)
    return {
        "SegmentPosition": taken(trimmed(segments, "position"), places),
        "SelectionAlgorithm": taken(trimmed(segments, "algorithm"), places),
        "SelectionAlgorithmVersion": taken(trimmed(segments, "algorithmVersion"), places),
    }


def _durations(table: pa.Table) -> pa.Array:
    """Return seconds as delivered; else the page's time shared among its items."""
    given = trimmed(table, "responseDuration")
    is_blank = pc.equal(given, "")
    if not pc.any(is_blank, min_count=0).as_py():
        return given
    return pc.if_else(is_blank, _shared_times(table), given)


def _shared_times(table: pa.Table) -> pa.Array:
    """Return pageTime / 1000 / items on the page (result, segment and page number)."""
    coded = [trimmed(table, name).dictionary_encode() for name in ("segmentId", "pageNumber")]
    key = numbers_of(table, "result")
    for column in coded:
        key = key * (len(column.dictionary) + 1) + column.indices.to_numpy()
    _, page, counts = np.unique(key, return_inverse=True, return_counts=True)
    times = trimmed(table, "pageTime").to_pylist()
    return pa.array(
        [_seconds(text, count) for text, count in zip(times, counts[page].tolist(), strict=True)],
        pa.string(),
    )


def _seconds(page_time: str, items: int) -> str:
    """Return a page's milliseconds as seconds an item; a negative time is not known.

    >>> _seconds("180250", 1), _seconds("10000", 3), _seconds("-1", 1)
    ('180.25', '3.333', '')
    """
    if not (page_time.isascii() and page_time.isdigit()):
        return ""
    return f"{int(page_time) / _MILLISECONDS / items:.3f}".rstrip("0").rstrip(".")


def _score_values(
    score: pa.Array, table: pa.Table, nodes: _Nodes, rows: _Rows
) -> dict[str, pa.Array]:
    """Return the columns of a response's scores: the item's own, a trait's, the raters'."""
    point, message = trimmed(table, "scorePoint"), raw(table, "message")
    has_traits = np.zeros(len(nodes.root), np.bool_)
    has_traits[nodes.item[nodes.traits]] = True
    columns = {
        "ItemScore": pc.if_else(pa.array(rows.is_trait), taken(point, rows.node), score),
        "ScoreDimension": _dimensions(table, rows, has_traits),
        "MaxScore": taken(trimmed(table, "maxScore"), rows.node),
        "ConditionCode": taken(_condition_codes(table, message, nodes), rows.node),
        "ScoreRationale": taken(first_filled([trimmed(table, "rationale"), message]), rows.node),
    }
    scorer: pa.Array | None = None
    for kind, rater in _RATERS:
        reads = nodes.reads[kind]
        read = np.where(rows.node >= 0, reads[rows.node], -1) if len(reads) else rows.node
        is_read = bool((read >= 0).any())
        if is_read and scorer is None:
            scorer = mapped(message, lambda text: values.message_member(text, "scorerID"))
        columns[f"{rater}Score"] = taken(point, read)
        columns[f"{rater}UserId"] = taken(scorer, read) if scorer is not None else blanks(len(read))
    return columns


def _dimensions(table: pa.Table, rows: _Rows, has_traits: npt.NDArray[np.bool_]) -> pa.Array:
    """Return a trait's name on its row, Overall above traits, and nothing on a lone row."""
    if not len(has_traits) or not has_traits.any():
        return blanks(len(rows.item))
    name = mapped(trimmed(table, "scoreDimension"), values.dimension)
    above = pc.if_else(pa.array(has_traits[rows.item]), "Overall", "")
    return pc.if_else(pa.array(rows.is_trait), taken(name, rows.node), above)


def _condition_codes(table: pa.Table, message: pa.Array, nodes: _Nodes) -> pa.Array:
    """Return by node its own code, or that of its reads, the last word first."""
    of_message = mapped(message, lambda text: values.message_member(text, "conditionCode"))
    own = first_filled([trimmed(table, "conditionCode"), of_message])
    if not pc.any(pc.not_equal(own, ""), min_count=0).as_py():
        return own
    return first_filled([own, *(taken(own, nodes.reads[kind]) for kind in _CODE_ORDER)])
