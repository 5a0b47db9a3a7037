"""Accessibility resources: codes, their class and words, of one school year.

Every resource is held with its class (`ResourceType`; those that begin with Accom are
accommodations), and so is every choice of a resource. Nothing is removed by a later file.
Testing windows and census days come as tables in the warehouse's own form. Source: the
incumbent's accessibility configuration.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from lxml import etree

from scorehouse.errors import InputRefusedError
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.kinds.xml_file import root_of, text_in
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES

_LONGEST_CODE, _LONGEST_LANGUAGE = 25, 3
_RESOURCES = ("SingleSelectResource", "MultiSelectResource", "EliminatedResource")
Row = dict[str, object]


def recognise(head: Head) -> Guess | None:
    """Tell accessibility resources by their root."""
    if head.root == "Accessibility":
        return Guess(1.0, "its root element is Accessibility")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the codes of accessibility resources with their words, of one school year."""
    root = root_of(path)
    year = _year(root.get("schoolYear") or loading.school_year)
    rows = list(_resources(loading, path, root, year))
    if not rows:
        return Ending(BAD_DATA, "no resource could be taken; see the findings", {})
    table = pa.Table.from_pylist(rows, schema=TABLES["accommodation"].own_schema)
    return ending_of(merge(loading.transaction, "accommodation", table, import_id))


def _year(text: str) -> str:
    if not text:
        raise InputRefusedError("the file names no school year; say which with --year")
    try:
        return str(SchoolYear.parse_file_year(text))
    except ValueError as error:
        raise InputRefusedError(str(error)) from None


def _resources(loading: Loading, path: Path, root: etree._Element, year: str) -> Iterator[Row]:
    seen: dict[tuple[str, str], Row] = {}
    master = root.find("MasterResourceFamily")
    for resource in (root if master is None else master).iter(*_RESOURCES):
        resource_type = text_in(resource, "ResourceType")
        for coded in (resource, *resource.iter("Selection")):
            for row in _coded(loading, path, coded):
                key = str(row["code"]), str(row["language"])
                found = {**row, "school_year": year, "resource_type": resource_type}
                if seen.setdefault(key, found) != found:
                    loading.log.add(
                        "accommodation_twice", file=path.name, value=key[0],
                    )  # fmt: skip
                    continue
                yield found


def _coded(loading: Loading, path: Path, coded: etree._Element) -> Iterator[Row]:
    """A code in each language that has words for it."""
    code = text_in(coded, "Code") or ""
    if _is_off(loading, path, "Code", code, _LONGEST_CODE):
        return
    for text in coded.findall("Text"):
        language = text_in(text, "Language") or ""
        if not _is_off(loading, path, "Language", language, _LONGEST_LANGUAGE):
            yield {
                "code": code,
                "language": language,
                "label": text_in(text, "Label"),
                "description": text_in(text, "Description"),
            }


def _is_off(loading: Loading, path: Path, field: str, value: str, longest: int) -> bool:
    is_off = not 0 < len(value) <= longest
    if is_off:
        expected = f"filled, and of at most {longest} characters"
        loading.log.add("column_value", file=path.name, field=field, value=value, expected=expected)
    return is_off


KINDS = (Kind("accessibility", "accessibility resources (XML)", 25, recognise, bring),)
