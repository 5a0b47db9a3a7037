"""Responses for scoring out of the element tables, whole batches at a time.

Only plain results are taken here: everything in its place, numbers that are numbers, traits
that are known once each. `trt_result`, the readable reader, takes every other result from
its document, says what is wrong with it, and is what this module is held to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.canonical import CHUNK_OPPORTUNITIES, CHUNK_RESPONSES
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.flatten_columns import (
    Places,
    blanks,
    first_filled,
    mapped,
    numbered,
    numbers_of,
    taken,
    trimmed,
)
from scorehouse.intake.flatten_items import item_columns
from scorehouse.intake.readers.trt_documents import Batch
from scorehouse.intake.readers.trt_result import (
    TRAITS,
    TRUE,
    WAITING,
    WRITING,
    ItemRow,
    Result,
    UnusableError,
    log_ons,
    read_result,
)
from scorehouse.intake.readers.trt_stream import Elements, elements_of
from scorehouse.intake.readers.trt_xml import reports
from scorehouse.terms import SchoolYear

Flags = npt.NDArray[np.bool_]
_IDENTIFIERS = ("StudentIdentifier", "SSID")
_YEAR = re.compile(r"[1-9][0-9]{3}", re.ASCII)
_FIRST_YEAR = 1900


class Responses(NamedTuple):
    """The usable results of a batch: one row an opportunity, and their responses."""

    opportunities: pa.Table  # CHUNK_OPPORTUNITIES
    responses: pa.Table  # CHUNK_RESPONSES, in the order of the opportunities
    counts: npt.NDArray[np.int64]  # responses of each opportunity


def responses_of(batch: Batch, log: FindingLog) -> Responses:
    """Read a batch of documents and return its usable results."""
    elements = elements_of(batch, log, tells_parts=False)
    is_plain, opportunities = _opportunities(elements)
    rows = _rows(elements.tables, opportunities, is_plain)
    fast = _fast(opportunities, rows, is_plain)
    slow = np.flatnonzero(~is_plain)
    if not len(slow):
        return fast
    return _merged(fast, np.flatnonzero(is_plain), *_careful(elements, slow, log))


def _opportunities(elements: Elements) -> tuple[Flags, pa.Table]:
    """Return the opportunities' columns, and which results are plain as far as these go."""
    table = elements.tables["result"]
    words = {name: trimmed(table, name) for name in _NAMES}
    key = first_filled([words["opportunity_key"], words["opportunity_oppId"]])
    test_id, name = words["test_testId"], words["test_name"]
    student = _students(elements.tables)
    year = mapped(words["test_academicYear"], _school_year)
    on_cat, on_pt = _log_ons(elements.tables["generic_variable"], table.num_rows)
    completeness = [words["opportunity_completeness"], words["opportunity_completeStatus"]]
    columns = {
        "opportunity_id": key,
        "mode": mapped(words["test_mode"], _mode),
        "status": pc.utf8_lower(words["opportunity_status"]),
        "completeness": mapped(first_filled(completeness), str.capitalize),
        "logged_on_cat": on_cat,
        "logged_on_pt": on_pt,
        "started_at": words["opportunity_startDate"],
        "submitted_at": words["opportunity_dateCompleted"],
        "force_completed": pc.not_equal(words["opportunity_dateForceCompleted"], ""),
        "student_id": student,
        "assessment_id": first_filled([test_id, name]),
        "assessment_name": first_filled([name, test_id]),
        "school_year": year,
        "subject": words["test_subject"],
        "test_grade": words["test_grade"],
        "assessment_type_text": words["test_assessmentType"],
        "file": table["file"].combine_chunks(),
        "source_row": pa.array(elements.lines, pa.int64()),
    }
    is_demo = numbered(words["examinee_isDemo"], lambda text: text.lower() in TRUE) != 0
    is_plain = ~is_demo & _is_true(table["has_opportunity"])
    for needed in (key, columns["assessment_id"], student, year):
        is_plain &= _is_true(pc.not_equal(needed, ""))
    made = pa.table([columns[name] for name in CHUNK_OPPORTUNITIES.names], CHUNK_OPPORTUNITIES)
    return is_plain, made


_NAMES = (
    "test_testId", "test_name", "test_mode", "test_subject", "test_grade", "test_academicYear",
    "test_assessmentType", "examinee_isDemo", "opportunity_key", "opportunity_oppId",
    "opportunity_status", "opportunity_completeness", "opportunity_completeStatus",
    "opportunity_startDate", "opportunity_dateCompleted", "opportunity_dateForceCompleted",
)  # fmt: skip


def _is_true(column: pa.Array | pa.ChunkedArray) -> Flags:
    if isinstance(column, pa.ChunkedArray):
        return np.asarray(column.to_numpy(), np.bool_)
    return np.asarray(column.to_numpy(zero_copy_only=False), np.bool_)


def _mode(text: str) -> str:
    return "paper" if text.lower() == "scanned" else text.lower()


def _school_year(text: str) -> str:
    """Return the school year that ends in a year; blank is for the readable reader to tell."""
    is_year = _YEAR.fullmatch(text) and int(text) >= _FIRST_YEAR
    return str(SchoolYear(int(text))) if is_year else ""


def _students(tables: Mapping[str, pa.Table]) -> pa.Array:
    """Return by result the first FINAL identifier; without one, the last of the others."""
    table = tables["examinee_attribute"]
    is_wanted = numbered(table["name"].combine_chunks().fill_null(""), _IDENTIFIERS.__contains__)
    is_final = _is_true(pc.equal(table["context"], "FINAL").fill_null(False))
    result = numbers_of(table, "result")
    best = np.full(tables["result"].num_rows, -1, np.int64)
    others = np.flatnonzero((is_wanted != 0) & ~is_final)
    best[result[others]] = others
    final = np.flatnonzero((is_wanted != 0) & is_final)[::-1]
    best[result[final]] = final
    return taken(trimmed(table, "value"), best)


def _log_ons(table: pa.Table, results: int) -> tuple[pa.Array, pa.Array]:
    """Return by result whether the CAT and the PT were logged on to; null: not known."""
    components: dict[int, dict[str, dict[str, str]]] = {}
    rows = zip(
        table["result"].to_pylist(),
        mapped(trimmed(table, "context"), str.upper).to_pylist(),
        mapped(trimmed(table, "name"), str.upper).to_pylist(),
        trimmed(table, "value").to_pylist(),
        strict=True,
    )
    for result, context, name, value in rows:
        components.setdefault(result, {}).setdefault(context, {})[name] = value
    found = [log_ons(components.get(result, {})) for result in range(results)]
    on_cat, on_pt = zip(*found, strict=True) if found else ((), ())
    return pa.array(on_cat, pa.bool_()), pa.array(on_pt, pa.bool_())


def _rows(
    tables: Mapping[str, pa.Table], opportunities: pa.Table, is_plain: Flags
) -> dict[str, pa.Array]:
    """Return the responses' columns of plain results and their `result`.

    Clears `is_plain` for the results whose items are not.
    """
    places, columns = item_columns(tables)
    result = numbers_of(tables["item"], "result")[places]
    kind = mapped(columns["ItemType"], str.upper)
    is_writing = numbered(kind, WRITING.__eq__) != 0
    trait = mapped(columns["ScoreDimension"], _trait)
    is_trait = _is_true(pc.not_equal(trait, ""))
    is_waiting = numbered(columns["ItemScoreStatus"], lambda text: text.lower() in WAITING) != 0
    score, is_bad_score = _scores(columns["ItemScore"])
    unusual = _unusual_items(tables, columns, places, is_writing)
    unusual |= is_bad_score & (~is_waiting | is_trait)
    is_plain[result[unusual]] = False
    kept = np.flatnonzero(is_plain[result] & np.where(is_writing, is_trait, _is_base(places)))
    answered = _answered(columns)
    not_scored = numbered(columns["ItemScoreStatus"], lambda text: text.lower() == "notscored")
    is_only_shown = ~answered & ((score < 0) | ((not_scored != 0) & ~is_trait))
    is_missing = np.isnan(score) | is_only_shown | (is_waiting & ~is_trait)
    own_code = columns["ConditionCode"]
    base = np.searchsorted(places, places)
    made = {
        "item_id": columns["ItemId"],
        "part": mapped(columns["SelectionAlgorithm"], _part),
        "dimension": pc.if_else(pa.array(is_writing), trait, ""),
        "position": columns["ItemPosition"],
        "answered": pa.array(answered),
        "score": pa.array(score, mask=is_missing),
        "condition_code": first_filled([own_code, own_code.take(pa.array(base))]),
        "use": _uses(columns),
        "item_type": kind,
        "result": pa.array(result),
    }
    return {name: column.take(pa.array(kept)) for name, column in made.items()}


def _is_base(places: Places) -> Flags:
    """Tell which rows are an item's first: its own, not a trait's."""
    return np.concatenate(([True], places[1:] != places[:-1])) if len(places) else places != 0


def _trait(text: str) -> str:
    return TRAITS.get(re.sub("[^a-z]", "", text.lower()), "")


def _part(algorithm: str) -> str:
    return "CAT" if "adaptive" in algorithm.lower() else ""


def _scores(texts: pa.Array) -> tuple[npt.NDArray[np.float64], Flags]:
    """Return scores (not-a-number: none is given), and which are no finite number."""
    coded = texts.dictionary_encode()
    values = np.array([_number(text) for text in coded.dictionary.to_pylist()], np.float64)
    score = values[coded.indices.to_numpy()] if len(values) else np.zeros(0)
    is_bad = np.isinf(score)
    return np.where(is_bad, np.nan, score), is_bad


def _number(text: str) -> float:
    """Return a score; not-a-number for blank, infinity for what is no finite number."""
    if not text:
        return np.nan
    return float(text) if re.fullmatch(r"[+-]?[0-9]{1,9}(\.[0-9]{1,12})?", text) else np.inf


def _unusual_items(
    tables: Mapping[str, pa.Table],
    columns: Mapping[str, pa.Array],
    places: Places,
    is_writing: Flags,
) -> Flags:
    """Tell which rows leave their result to the readable reader."""
    table, nodes = tables["item"], tables["score_info"]
    lacks_key = np.zeros(table.num_rows, np.bool_)
    for name in ("bankKey", "key"):
        lacks_key |= _is_true(pc.equal(trimmed(table, name), ""))
    is_position = pc.match_substring_regex(columns["ItemPosition"], "^[0-9]{1,9}$")
    unusual = lacks_key[places] | ~_is_true(is_position)
    if not is_writing.any():
        return unusual
    waits = numbered(trimmed(nodes, "scoreStatus"), lambda text: text.lower() in WAITING) != 0
    waiting_items = _item_places(table, nodes.filter(pa.array(waits)))
    trait = mapped(columns["ScoreDimension"], _trait)
    numbers = numbered(trait, lambda text: list(TRAITS.values()).index(text) if text else -1)
    writing_items = places[is_writing]
    known = np.unique(places[is_writing & (numbers >= 0)])
    pairs, counts = np.unique(
        np.stack((places, numbers))[:, is_writing & (numbers >= 0)], axis=1, return_counts=True
    )
    repeated = pairs[0][counts > 1]
    odd = np.isin(writing_items, np.concatenate((waiting_items, repeated)))
    unusual[is_writing] |= odd | ~np.isin(writing_items, known)
    return unusual


def _item_places(items: pa.Table, nodes: pa.Table) -> Places:
    """Return the places of the items that nodes belong to."""
    starts = np.searchsorted(numbers_of(items, "result"), numbers_of(nodes, "result"))
    found: Places = starts + numbers_of(nodes, "item")
    return found


def _answered(columns: Mapping[str, pa.Array]) -> Flags:
    is_selected = pc.equal(columns["Submitted"], "Yes")
    has_text = pc.match_substring_regex(columns["ResponseValue"], r"\S")
    return _is_true(pc.or_(is_selected, has_text))


def _uses(columns: Mapping[str, pa.Array]) -> pa.Array:
    is_field_test = pc.equal(columns["FieldTest"], "Yes")
    return pc.if_else(
        pc.equal(columns["Dropped"], "Yes"),
        "dropped",
        pc.if_else(is_field_test, "field_test", "operational"),
    )


def _fast(opportunities: pa.Table, rows: Mapping[str, pa.Array], is_plain: Flags) -> Responses:
    kept = opportunities.filter(pa.array(is_plain))
    of_result = np.cumsum(is_plain) - 1
    test = of_result[rows["result"].to_numpy()] if len(rows["result"]) else np.zeros(0, np.int64)
    columns = []
    for field in CHUNK_RESPONSES:
        if field.name in rows:
            column = rows[field.name]
            coded = column.dictionary_encode() if pa.types.is_dictionary(field.type) else column
            columns.append(coded.cast(field.type) if coded.type != field.type else coded)
        else:
            coded = kept[field.name].combine_chunks().dictionary_encode()
            columns.append(coded.take(pa.array(test)))
    responses = pa.table(columns, schema=CHUNK_RESPONSES)
    return Responses(kept, responses, np.bincount(test, minlength=kept.num_rows))


def _careful(elements: Elements, slow: Places, log: FindingLog) -> tuple[list[int], list[Result]]:
    """Read results one by one from their documents; return which are usable."""
    places, found = [], []
    names = elements.tables["result"]["file"]
    for place in slow.tolist():
        name = names[place].as_py()
        for _, report in reports(elements.contents[place], name, FindingLog()):
            try:
                found.append(read_result(report, name, elements.lines[place], log))
            except UnusableError:
                continue
            places.append(place)
    return places, found


def _merged(
    fast: Responses, fast_places: Places, slow_places: list[int], found: list[Result]
) -> Responses:
    """Put plain and other results together in the order of the input."""
    other = _from_results(found)
    order = np.argsort(np.concatenate((fast_places, slow_places)), kind="stable")
    counts = np.concatenate((fast.counts, other.counts))
    starts = np.concatenate(([0], np.cumsum(counts)))[:-1]
    rows = np.concatenate(
        [np.arange(starts[k], starts[k] + counts[k]) for k in order] or [np.zeros(0, np.int64)]
    ).astype(np.int64)
    responses = pa.concat_tables([fast.responses, other.responses]).unify_dictionaries()
    opportunities = pa.concat_tables([fast.opportunities, other.opportunities])
    return Responses(
        opportunities.combine_chunks().take(pa.array(order)),
        responses.combine_chunks().take(pa.array(rows)),
        counts[order],
    )


def _from_results(found: list[Result]) -> Responses:
    counts = np.array([len(result.items) for result in found], np.int64)
    opportunities = pa.Table.from_pylist(
        [result.opportunity for result in found], CHUNK_OPPORTUNITIES
    )
    items = [item for result in found for item in result.items]
    columns: list[pa.Array] = []
    for field in CHUNK_RESPONSES:
        if field.name in ItemRow._fields:
            values = pa.array([getattr(item, field.name) for item in items], _plain(field.type))
        else:
            test = np.repeat(np.arange(len(found)), counts)
            texts = opportunities[field.name].combine_chunks()
            values = taken(texts, test) if len(found) else blanks(0)
        columns.append(_coded(values, field))
    return Responses(opportunities, pa.table(columns, schema=CHUNK_RESPONSES), counts)


def _plain(kind: pa.DataType) -> pa.DataType:
    return pa.string() if pa.types.is_dictionary(kind) else kind


def _coded(values: pa.Array, field: pa.Field) -> pa.Array:
    return values.dictionary_encode() if pa.types.is_dictionary(field.type) else values
