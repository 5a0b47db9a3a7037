"""Schools, districts and groups of them: organization JSON, and the CALPADS school extract.

Neither carries dates: what it says holds from the day the load states, or always did. A school
that a later file doesn't name stays, and its absence is told: files are often of one district.
A district of the extract is its County-District code with seven zeros behind it; a charter
school that is an LEA by itself has its school code there. Sources: the incumbent's organization
import (its JSON and its caret-delimited form).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from scorehouse.errors import InputRefusedError
from scorehouse.ids import CdsCode
from scorehouse.warehouse.kinds.entity_days import Row, placed
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES
from scorehouse.warehouse.stated import stated_day

_TYPES = {
    "STATE": "state", "GROUPOFSTATES": "state_group", "GROUPOFDISTRICTS": "district_group",
    "DISTRICT": "district", "GROUPOFINSTITUTIONS": "school_group", "INSTITUTION": "school",
}  # fmt: skip
_CARET_COLUMNS = (
    "County-District Code", "School Code", "Auth CDS Code", "County Name", "District Name",
    "School Name", "Charter School", "Charter Status", "NPS School",
)  # fmt: skip
_LONGEST_ID, _LONGEST_NAME = 40, 100
_LARGEST_BYTES = 200_000_000
_FLAGS = {"Y": True, "N": False}
_STATE = "CA"


def recognise_json(head: Head) -> Guess | None:
    """Tell organization JSON by its members' names."""
    start = head.start.lstrip(b"\xef\xbb\xbf \t\r\n")
    if start[:1] in (b"{", b"[") and b'"entityType"' in start and b'"entityId"' in start:
        return Guess(1.0, "it is JSON with entityType and entityId")
    return None


def recognise_caret(head: Head) -> Guess | None:
    """Tell the CALPADS school extract by its header."""
    lines = head.start.decode("utf-8-sig", "replace").splitlines()
    header = next((line for line in lines if not line.startswith("#")), "")
    columns = {cell.strip() for cell in header.split("^")}
    return Guess(1.0, "it has the CALPADS header") if set(_CARET_COLUMNS) <= columns else None


def bring_json(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the entities of an organization file, of any nesting."""
    return _bring(loading, path, import_id, _json_rows(loading, path))


def bring_caret(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the schools, and their districts, of a CALPADS extract."""
    return _bring(loading, path, import_id, _caret_rows(loading, path))


def _bring(loading: Loading, path: Path, import_id: int, rows: Iterator[Row]) -> Ending:
    by_id = _each_once(loading, path, rows)
    if not by_id:
        return Ending(BAD_DATA, "no entity could be taken; see the findings", {})
    _tell_orphans(loading, path, by_id)
    _tell_absent(loading, path, by_id)
    placed_rows = list(placed(loading.transaction, by_id.values(), stated_day(loading.effective)))
    table = pa.Table.from_pylist(placed_rows, schema=TABLES["entity"].own_schema)
    return ending_of(merge(loading.transaction, "entity", table, import_id))


def _each_once(loading: Loading, path: Path, rows: Iterator[Row]) -> dict[str, Row]:
    """Entities by their identifiers; of one that comes in two ways the last counts, and is told."""
    found: dict[str, Row] = {}
    for row in rows:
        identifier = str(row["entity_id"])
        if found.get(identifier, row) != row:
            loading.log.add("entity_contradicted", file=path.name, record=identifier)
        found[identifier] = row
    return found


def _tell_orphans(loading: Loading, path: Path, coming: dict[str, Row]) -> None:
    """Schools whose district is in neither the file nor the warehouse are told, and kept."""
    held = loading.transaction.sql("SELECT DISTINCT entity_id FROM entity")["entity_id"]
    known = {*held.to_pylist(), *coming}
    for identifier, row in coming.items():
        if row["entity_type"] == "school" and row["parent_id"] not in known:
            value = row["parent_id"] or "(none)"
            loading.log.add("entity_parent_unknown", file=path.name, record=identifier, value=value)


def _tell_absent(loading: Loading, path: Path, coming: dict[str, Row]) -> None:
    """Schools held of districts that the file names, and that the file doesn't, are told."""
    named = {row["parent_id"] for row in coming.values() if row["entity_type"] == "school"}
    held = loading.transaction.sql(
        "SELECT DISTINCT entity_id, parent_id FROM entity "
        "WHERE entity_type = 'school' AND valid_to IS NULL"
    ).to_pylist()
    absent = [
        row for row in held if row["parent_id"] in named and row["entity_id"] not in coming
    ]  # fmt: skip
    if absent:
        loading.log.add("entity_absent", file=path.name, count=len(absent))


# --- organization JSON ---


def _json_rows(loading: Loading, path: Path) -> Iterator[Row]:
    for number, found in enumerate(_objects(_parsed(path)), 1):
        identifier, name = _text(found, "entityId"), _text(found, "entityName")
        kind = _TYPES.get(_text(found, "entityType").upper().replace(" ", ""))
        problem = _problem(kind, identifier, name)
        if problem:
            field, expected = problem
            loading.log.add(
                "column_value", file=path.name, row=number, field=field,
                value=_text(found, field), expected=expected,
            )  # fmt: skip
            continue
        yield {
            "entity_id": identifier,
            "entity_type": kind,
            "entity_name": name,
            "parent_id": _text(found, "parentEntityId") or None,
            "nces_id": _text(found, "nationwideIdentifier") or None,
        }


def _problem(kind: str | None, identifier: str, name: str) -> tuple[str, str] | None:
    if kind is None:
        return "entityType", f"one of {', '.join(_TYPES)}"
    if not 0 < len(identifier) <= _LONGEST_ID:
        return "entityId", f"filled, and of at most {_LONGEST_ID} characters"
    if not 0 < len(name) <= _LONGEST_NAME:
        return "entityName", f"filled, and of at most {_LONGEST_NAME} characters"
    return None


def _parsed(path: Path) -> Any:
    if path.stat().st_size > _LARGEST_BYTES:
        raise InputRefusedError("the JSON is larger than an organization file can be")
    try:
        return json.loads(path.read_bytes().decode("utf-8-sig"))
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise InputRefusedError(f"this is not JSON: {type(error).__name__}") from error


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object with an entityType, however deep it stands."""
    stack = [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            if "entityType" in one:
                yield one
            stack += list(one.values())[::-1]
        elif isinstance(one, list):
            stack += one[::-1]


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return "" if value is None else str(value).strip()


# --- the CALPADS extract ---


def _caret_rows(loading: Loading, path: Path) -> Iterator[Row]:
    districts: dict[str, Row] = {}
    for number, cells in _caret_cells(loading, path):
        problem = _caret_problem(cells)
        if problem:
            field, expected = problem
            loading.log.add(
                "column_value", file=path.name, row=number, field=field, value=cells[field],
                expected=expected,
            )  # fmt: skip
            continue
        district = cells["County-District Code"] + _WHOLE_DISTRICT
        county = cells["County Name"] or None
        districts[district] = {
            "entity_id": district, "entity_type": "district", "parent_id": _STATE,
            "entity_name": cells["District Name"] or district, "county_name": county,
        }  # fmt: skip
        yield {
            "entity_id": cells["Auth CDS Code"],
            "entity_type": "school",
            "entity_name": cells["School Name"],
            "parent_id": district,
            "county_name": county,
            "is_charter": _FLAGS.get(cells["Charter School"].upper()),
            "charter_type": cells["Charter Status"] or None,
            "is_nonpublic": _FLAGS.get(cells["NPS School"].upper()),
        }
    yield from districts.values()


_WHOLE_DISTRICT = "0000000"


def _caret_problem(cells: dict[str, str]) -> tuple[str, str] | None:
    """The field that is wrong, and what is expected there."""
    try:
        CdsCode(cells["Auth CDS Code"])
    except ValueError as error:
        return "Auth CDS Code", str(error)
    if not re.fullmatch(r"\d{7}", cells["County-District Code"]):
        return "County-District Code", "7 digits"
    for field in ("School Name", "District Name"):
        least = 1 if field == "School Name" else 0
        if not least <= len(cells[field]) <= _LONGEST_NAME:
            return field, f"filled, and of at most {_LONGEST_NAME} characters"
    return None


def _caret_cells(loading: Loading, path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InputRefusedError("the text is not UTF-8; save it again as UTF-8") from error
    rows = [line.split("^") for line in lines if line.strip() and not line.startswith("#")]
    header = [cell.strip() for cell in rows[0]]
    for number, row in enumerate(rows[1:], 1):
        if len(row) != len(header):
            rule = "csv_row_short" if len(row) < len(header) else "csv_row_long"
            loading.log.add(rule, file=path.name, row=number, found=len(row), expected=len(header))
            continue
        cells = dict(zip(header, (cell.strip() for cell in row), strict=True))
        if any(cells.values()):
            yield number, cells


KINDS = (
    Kind("organizations", "entities (organization JSON)", 10, recognise_json, bring_json),
    Kind("calpads_schools", "entities (CALPADS school extract)", 10, recognise_caret, bring_caret),
)
