"""Chunks of invented results, made from documents without the readers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
from lxml import etree

from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import ELEMENTS, ITEM_TABLE, RESULT, TEST_TABLE

_FLAT = {
    "examinee_attribute": "Examinee/ExamineeAttribute",
    "examinee_relationship": "Examinee/ExamineeRelationship",
    "segment": "Opportunity/Segment",
    "accommodation": "Opportunity/Accommodation",
    "score": "Opportunity/Score",
    "generic_variable": "Opportunity/GenericVariable",
}
_TEST_FROM = {
    "FirstName": "FirstName",
    "LastOrSurname": "LastOrSurname",
    "Birthdate": "Birthdate",
    "StudentIdentifier": "StudentIdentifier",
    "ExternalSSID": "AlternateSSID",
}


def chunk_of(documents: Iterable[bytes]) -> ResultChunk:
    """The chunk that a reader would make of TRT documents, with the columns tests look at."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in ELEMENTS}
    tests: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for number, document in enumerate(documents):
        root = etree.fromstring(document)
        _add_elements(root, number, rows)
        tests.append(_test_row(root, number))
        items += _item_rows(root, number)
    elements = {name: pa.Table.from_pylist(rows[name], schema=s) for name, s in ELEMENTS.items()}
    return ResultChunk(
        elements,
        pa.Table.from_pylist(tests, schema=TEST_TABLE),
        pa.Table.from_pylist(items, schema=ITEM_TABLE),
    )


def as_tables(chunk: ResultChunk) -> ResultChunk:
    """The same results as if they had come as the two tables."""
    return ResultChunk({}, chunk.tests, chunk.items)


def _attributes(element: etree._Element | None, prefix: str = "") -> dict[str, Any]:
    if element is None:
        return {}
    return {f"{prefix}{name}": str(value) for name, value in element.attrib.items()}


def _add_elements(root: etree._Element, number: int, rows: dict[str, list[dict[str, Any]]]) -> None:
    result = {RESULT: number, "file": "results.zip#1", "has_examinee": True}
    result["has_opportunity"] = True
    for prefix, tag in (("test_", "Test"), ("examinee_", "Examinee")):
        result |= _attributes(root.find(tag), prefix)
    rows["result"].append(result | _attributes(root.find("Opportunity"), "opportunity_"))
    for table, path in _FLAT.items():
        rows[table] += [{RESULT: number} | _attributes(e) for e in root.iterfind(path)]
    for comment in root.iterfind("Comment"):
        rows["comment"].append({RESULT: number, "text": comment.text} | _attributes(comment))
    for place, item in enumerate(root.iterfind("Opportunity/Item")):
        response = item.find("Response")
        row = {RESULT: number, "item": place} | _attributes(item)
        row |= _attributes(response, "response_")
        rows["item"].append(row | {"response_text": item.findtext("Response")})
        for node, info in enumerate(item.iter("ScoreInfo")):
            texts = {
                "rationale": info.findtext("ScoreRationale"),
                "message": info.findtext("ScoreRationale/Message"),
            }
            key = {RESULT: number, "item": place, "node": node, "parent": -1}
            rows["score_info"].append(key | texts | _attributes(info))


def _test_row(root: etree._Element, number: int) -> dict[str, Any]:
    opportunity = root.find("Opportunity")
    assert opportunity is not None
    row = dict.fromkeys(TEST_TABLE.names, "") | {RESULT: number, "file": "results.zip#1"}
    for column, name in _TEST_FROM.items():
        found = root.find(f"Examinee/ExamineeAttribute[@name='{name}'][@context='FINAL']")
        row[column] = "" if found is None else found.get("value", "")
    row["TestOpportunityId"] = opportunity.get("key", "")
    row["TestOpportunityAltId"] = opportunity.get("oppId", "")
    row["TestAdministratorId"] = opportunity.get("taId", "")
    row["TestAdministratorName"] = opportunity.get("taName", "")
    row["TestSessionId"] = opportunity.get("sessionId", "")
    row["SchoolId"] = "99900010000017"
    row["SchoolName"] = "Larkspur Middle"
    row["row"] = number + 1
    return row


def _item_rows(root: etree._Element, number: int) -> list[dict[str, Any]]:
    rows = []
    for place, item in enumerate(root.iterfind("Opportunity/Item")):
        row = dict.fromkeys(ITEM_TABLE.names, "") | {RESULT: number, "item": place}
        row |= {"file": "", "row": None, "ItemId": f"{item.get('bankKey')}-{item.get('key')}"}
        opportunity = root.find("Opportunity")
        row["TestOpportunityId"] = "" if opportunity is None else opportunity.get("key", "")
        row["ResponseValue"] = item.findtext("Response") or ""
        row["Rater1UserId"] = "reader.one@scoring.example" if place else ""
        row["Rater3UserId"] = "SBACItemResolutionRuleWER" if place else ""
        row["ScoreRationale"] = "read once" if place else ""
        rows.append(row)
    return rows
