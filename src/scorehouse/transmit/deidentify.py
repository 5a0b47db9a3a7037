"""Taking out who a student is, and keeping everything that a result is.

Pure: a chunk of results and a hasher in, a chunk and what was found out. Response texts
are never altered, since they are data; one that names its own student is a warning.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.catalogue import Finding, make
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import RESULT
from scorehouse.transmit import private_fields as private
from scorehouse.transmit.hashing import Hasher
from scorehouse.transmit.originals import Originals, originals_of

_NAMED_TABLES = ("examinee_attribute", "examinee_relationship")
_SHORTEST_WITHIN = 5
"""Characters from which an id inside another isn't there by chance."""


@dataclass(frozen=True)
class Choices:
    """What may stay besides the result itself."""

    keep_schools: bool = False
    keep_groups: bool = False

    def kept_names(self) -> frozenset[str]:
        """Names of student attributes that stay as they are, case folded."""
        names = (
            *private.KEPT_NAMES,
            *(private.SCHOOL_NAMES if self.keep_schools else ()),
            *(private.GROUP_NAMES if self.keep_groups else ()),
        )
        return frozenset(name.casefold() for name in names)


@dataclass(frozen=True)
class Deidentified:
    """A chunk without identities, what was found, and the originals to prove it by."""

    chunk: ResultChunk
    findings: list[Finding] = field(default_factory=list)
    originals: Originals = field(default_factory=Originals)
    students: int = 0


def deidentify(chunk: ResultChunk, hasher: Hasher, choices: Choices | None = None) -> Deidentified:
    """Take the identities out of a chunk.

    A result without a student identifier is left out: a blank must never be hashed, or all
    such students would share a pseudonym.
    """
    choices = choices or Choices()
    blank = _results_without_id(chunk)
    findings = [_blank_finding(row) for row in blank]
    if blank:
        chunk = _without(chunk, [row[RESULT] for row in blank])
    originals = originals_of(chunk)
    renamed = _telling_keys(chunk, originals, hasher)
    findings += [_key_finding(chunk, key) for key in renamed]
    made = ResultChunk(
        _elements(chunk.elements, hasher, choices, renamed),
        _tests(chunk.tests, hasher, choices, renamed),
        _items(chunk.items, hasher, renamed),
    )
    findings += _unknown_names(chunk.elements, choices)
    students = pc.count_distinct(chunk.tests["StudentIdentifier"]).as_py()
    return Deidentified(made, findings, originals, students)


# --- results that can't be de-identified ---------------------------------------------


def _results_without_id(chunk: ResultChunk) -> list[dict[str, Any]]:
    columns = [RESULT, "file", "row", "TestOpportunityId"]
    is_blank = pc.equal(_trimmed(chunk.tests["StudentIdentifier"]), "")
    if chunk.is_xml:
        is_blank = pc.or_(is_blank, pc.invert(_is_identified(chunk)))
    rows: list[dict[str, Any]] = chunk.tests.select(columns).filter(is_blank).to_pylist()
    return rows


def _is_identified(chunk: ResultChunk) -> pa.ChunkedArray:
    """Whether each result has an id that is the student's own, not only an alternate one."""
    own = pa.array([name.casefold() for name in private.OWN_ID_NAMES])
    numbers: list[pa.Array] = []
    for name in _NAMED_TABLES:
        table = chunk.elements[name]
        is_own = pc.is_in(_folded(table), value_set=own)
        is_filled = pc.not_equal(_trimmed(table["value"]), "")
        numbers += table[RESULT].filter(pc.and_(is_own, is_filled)).chunks
    found = pa.chunked_array(numbers, type=pa.int32()).unique()
    return pc.is_in(chunk.tests[RESULT], value_set=found)


def _trimmed(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.utf8_trim_whitespace(pc.fill_null(texts, ""))


def _blank_finding(row: Mapping[str, Any]) -> Finding:
    return make(
        "deidentify_id_blank",
        file=row["file"] or "",
        record=row["TestOpportunityId"] or "",
        field="StudentIdentifier",
        row=row["row"],
    )


def _without(chunk: ResultChunk, results: list[int]) -> ResultChunk:
    gone = pa.array(results, pa.int32())

    def kept(table: pa.Table) -> pa.Table:
        return table.filter(pc.invert(pc.is_in(table[RESULT], value_set=gone)))

    elements = {name: kept(table) for name, table in chunk.elements.items()}
    return ResultChunk(elements, kept(chunk.tests), kept(chunk.items))


# --- opportunity ids made from student ids -------------------------------------------


def _telling_keys(chunk: ResultChunk, originals: Originals, hasher: Hasher) -> dict[str, str]:
    """Opportunity ids that hold their own student's id, with the pseudonym of each."""
    renamed: dict[str, str] = {}
    columns: list[Iterable[str | None]] = [
        chunk.tests[name].to_pylist() for name in ("TestOpportunityId", "TestOpportunityAltId")
    ]
    for number, *keys in zip(chunk.tests[RESULT].to_pylist(), *columns, strict=True):
        own = originals.of(number).identifiers
        for key in keys:
            if key and any(_holds(key, identifier) for identifier in own):
                renamed[key] = hasher.pseudonym(key)
    return renamed


def _holds(key: str, identifier: str) -> bool:
    return identifier == key or (len(identifier) >= _SHORTEST_WITHIN and identifier in key)


def _key_finding(chunk: ResultChunk, key: str) -> Finding:
    rows = chunk.tests.filter(pc.equal(chunk.tests["TestOpportunityId"], key))
    file = rows["file"][0].as_py() or "" if rows.num_rows else ""
    return make("deidentify_opportunity_id", file=file, field="TestOpportunityId")


def _renamed(texts: pa.ChunkedArray, renamed: Mapping[str, str]) -> pa.ChunkedArray:
    if not renamed:
        return texts
    places = pc.index_in(texts, value_set=pa.array(list(renamed), pa.string()))
    return pc.coalesce(pc.take(pa.array(list(renamed.values()), pa.string()), places), texts)


# --- the tables ----------------------------------------------------------------------


def _set(table: pa.Table, name: str, column: Any) -> pa.Table:
    place = table.schema.get_field_index(name)
    return table.set_column(place, table.schema.field(place), column)


def _removed(table: pa.Table, names: Iterable[str], nothing: str | None) -> pa.Table:
    blank = pa.repeat(pa.scalar(nothing, pa.string()), table.num_rows)
    for name in names:
        table = _set(table, name, blank)
    return table


def _tests(
    tests: pa.Table, hasher: Hasher, choices: Choices, renamed: Mapping[str, str]
) -> pa.Table:
    for name in private.TEST_HASHED:
        tests = _set(tests, name, hasher.column(tests[name]))
    for name in ("TestOpportunityId", "TestOpportunityAltId"):
        tests = _set(tests, name, _renamed(tests[name], renamed))
    gone = (
        *private.TEST_REMOVED,
        *(() if choices.keep_schools else private.TEST_SCHOOLS),
        *(() if choices.keep_groups else private.TEST_GROUPS),
    )
    return _removed(tests, gone, "")


def _items(items: pa.Table, hasher: Hasher, renamed: Mapping[str, str]) -> pa.Table:
    for name in private.ITEM_HASHED:
        items = _set(items, name, _hashed_raters(items[name], hasher))
    items = _set(items, "TestOpportunityId", _renamed(items["TestOpportunityId"], renamed))
    return _removed(items, private.ITEM_REMOVED, "")


def _hashed_raters(raters: pa.ChunkedArray, hasher: Hasher) -> pa.ChunkedArray:
    is_rule = pc.starts_with(pc.fill_null(raters, ""), private.RULE_MADE_RATER)
    return pc.if_else(is_rule, raters, hasher.column(raters))


def _elements(
    elements: Mapping[str, pa.Table],
    hasher: Hasher,
    choices: Choices,
    renamed: Mapping[str, str],
) -> Mapping[str, pa.Table]:
    if not elements:
        return elements
    made = dict(elements)
    result = _removed(elements["result"], private.RESULT_REMOVED, None)
    for name in ("opportunity_key", "opportunity_oppId"):
        result = _set(result, name, _renamed(result[name], renamed))
    made["result"] = result
    for name in _NAMED_TABLES:
        made[name] = _named(elements[name], hasher, choices)
    made["generic_variable"] = _components(elements["generic_variable"])
    made["comment"] = elements["comment"].slice(0, 0)
    made["score_info"] = _score_info(elements["score_info"], hasher)
    return made


def _folded(table: pa.Table) -> pa.ChunkedArray:
    """Names as they are compared: without case and outer spaces."""
    return pc.utf8_lower(_trimmed(table["name"]))


def _named(table: pa.Table, hasher: Hasher, choices: Choices) -> pa.Table:
    hashed_names = pa.array([name.casefold() for name in private.HASHED_NAMES])
    is_hashed = pc.is_in(_folded(table), value_set=hashed_names)
    is_kept = pc.is_in(_folded(table), value_set=pa.array(sorted(choices.kept_names())))
    values = pc.if_else(is_hashed, hasher.column(table["value"]), table["value"])
    made = _set(table, "value", values)
    if "entityKey" in table.schema.names:
        made = _removed(made, ["entityKey"], None)
    return made.filter(pc.or_(is_hashed, is_kept))


def _components(table: pa.Table) -> pa.Table:
    contexts = pc.fill_null(table["context"], "")
    return table.filter(pc.match_substring_regex(contexts, private.COMPONENT_CONTEXT))


def _score_info(table: pa.Table, hasher: Hasher) -> pa.Table:
    made = _removed(table, ["rationale"], None)
    encoded = table["message"].combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    cleaned = [_message(text, hasher) for text in encoded.dictionary.to_pylist()]
    return _set(made, "message", pc.take(pa.array(cleaned, pa.string()), encoded.indices))


def _message(text: str, hasher: Hasher) -> str | None:
    """The message with its scorer as a pseudonym; None when nothing may stay."""
    try:
        entries = json.loads(text)
    except ValueError:
        return None
    if not isinstance(entries, dict):
        return None
    kept = {name: entries[name] for name in private.MESSAGE_KEPT if _is_code(entries.get(name))}
    for name in private.MESSAGE_HASHED:
        if isinstance(scorer := entries.get(name), str | int) and str(scorer).strip():
            kept[name] = _rater(str(scorer), hasher)
    return json.dumps(kept) if kept else None


def _is_code(value: object) -> bool:
    return isinstance(value, str) and len(value) == 1


def _rater(scorer: str, hasher: Hasher) -> str:
    return scorer if scorer.startswith(private.RULE_MADE_RATER) else hasher.pseudonym(scorer)


def _unknown_names(elements: Mapping[str, pa.Table], choices: Choices) -> list[Finding]:
    """One finding for each attribute name that was removed because nothing is known of it."""
    known = choices.kept_names() | {
        name.casefold()
        for names in (
            *(private.HASHED_NAMES, private.SCHOOL_NAMES, private.GROUP_NAMES),
            *(private.PERSON_NAMES, private.BIRTH_NAMES),
        )
        for name in names
    }
    found: dict[str, int] = {}
    for table in _NAMED_TABLES if elements else ():
        names = pc.value_counts(pc.fill_null(elements[table]["name"], ""))
        for entry in names.to_pylist():
            if entry["values"].strip().casefold() not in known:
                found[entry["values"]] = found.get(entry["values"], 0) + entry["counts"]
    return [
        make("deidentify_name_unknown", field=name, value=name, count=count)
        for name, count in found.items()
    ]
