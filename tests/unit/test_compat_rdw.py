"""The incumbent's messages, word for word."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest
from lxml import etree

from scorehouse.errors import UsageError
from scorehouse.intake.compat.rdw import Message, Rehearsal, messages, messages_in, rehearse
from scorehouse.intake.compat.rdw_fields import (
    ALL_REQUIRED,
    CONFIGURATIONS,
    DEFAULT_REQUIRED,
    required_by,
)
from scorehouse.result_shapes import ELEMENTS
from unit.schema_document import DOCUMENT

EVERYTHING_REQUIRED = 26


def with_attributes(*changes: tuple[str, str | None]) -> bytes:
    """The document with student attributes set for FINAL, or removed in every context."""
    root = etree.fromstring(DOCUMENT)
    examinee = root.find("Examinee")
    assert examinee is not None
    for name, value in changes:
        for one in examinee.findall(f"ExamineeAttribute[@name='{name}']"):
            examinee.remove(one)
        if value is not None:
            given = {"context": "FINAL", "name": name, "value": value}
            etree.SubElement(examinee, "ExamineeAttribute", given)
    return etree.tostring(root)


def with_document(change: Callable[[etree._Element], None]) -> bytes:
    root = etree.fromstring(DOCUMENT)
    change(root)
    return etree.tostring(root)


COMPLETE = (("IDEAIndicator", "No"), ("EconomicDisadvantageStatus", "no"))


def said(*changes: tuple[str, str | None], required: frozenset[str] = DEFAULT_REQUIRED) -> object:
    found = messages(with_attributes(*COMPLETE, *changes), required)
    return [(one.element_name, one.value, one.error) for one in found]


def test_a_complete_result_has_no_message() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("FirstName", "x" * 61, "string is too long, max length is 60"),
        ("StudentIdentifier", "x" * 66, "string is too long, max length is 65"),
        ("StudentIdentifier", None, "value may not be blank"),
        ("Birthdate", "02172003", "invalid date [02172003], use format YYYY-MM-DD"),
        ("Birthdate", "2003-02-30", "invalid date [2003-02-30], use format YYYY-MM-DD"),
        ("Sex", "F", "unknown gender code [F]"),
        ("IDEAIndicator", "", "invalid value []"),
        ("IDEAIndicator", None, "invalid value [null]"),
        ("GradeLevelWhenAssessed", "SIXTHGRADE", "unknown grade code [SIXTHGRADE]"),
        ("GradeLevelWhenAssessed", "", "value may not be blank"),
        ("LanguageCode", "flu", "unknown language code [flu]"),
        ("PrimaryDisabilityType", "NONE", "string is too long, max length is 3"),
        ("MilitaryConnectedStudentIndicator", "Unknown",
         "unknown military connected code [Unknown]"),
    ],
)  # fmt: skip
def test_one_wrong_value(name: str, value: str | None, error: str) -> None:
    assert said((name, value)) == [(name, value, error)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GradeLevelWhenAssessed", "7"),
        ("Section504Status", "Unknown/Cannot Provide"),
        ("White", " YES "),
        ("LanguageCode", "vie"),
        ("MiddleName", ""),
        ("LEPExitDate", ""),
    ],
)
def test_what_it_lets_pass(name: str, value: str) -> None:
    assert said((name, value)) == []


def test_a_final_value_is_preferred_even_when_blank() -> None:
    document = with_document(
        lambda root: root.find("Examinee/ExamineeAttribute[2]").set("value", "")  # type: ignore[union-attr]
    )
    found = messages(document, frozenset({"FirstName"}))
    assert found == [Message("FirstName", "", "value may not be blank", "student")]


def test_ethnicity_is_asked_for_only_when_required() -> None:
    assert said(("White", "no"), required=frozenset({"Ethnicity"})) == [
        ("Ethnicity", "none", "must provide at least one value for Ethnicity")
    ]
    assert said(("White", "y"), required=frozenset({"Ethnicity"})) == []


def test_the_test_and_its_opportunity() -> None:
    def change(root: etree._Element) -> None:
        test, opportunity = root.find("Test"), root.find("Opportunity")
        assert test is not None
        assert opportunity is not None
        test.set("academicYear", "4294967295")
        test.set("assessmentVersion", "v" * 31)
        del opportunity.attrib["oppId"]
        opportunity.set("dateCompleted", "")
        for score in opportunity.iterfind("Score"):
            score.set("value", "0")
            score.set("standardError", "-1")

    found = messages(with_document(change), frozenset())
    assert [one.as_json() for one in found if one.part == "exam"] == [
        {"elementName": "AcademicYear", "value": "4294967295", "error": "invalid year"},
        {
            "elementName": "AssessmentVersion",
            "value": "v" * 31,
            "error": "string is too long, max length is 30",
        },
        {"elementName": "OppId", "error": "value may not be blank"},
        {"elementName": "DateCompleted", "error": "invalid value"},
        {
            "elementName": "StandardError",
            "value": "-1",
            "error": "invalid value, must be a positive number",
        },
        {
            "elementName": "PerformanceLevel",
            "value": "0",
            "error": "invalid value, must be a positive number",
        },
    ]


def test_how_an_import_would_end() -> None:
    good = with_attributes(*COMPLETE)
    assert rehearse(good.replace(b'mode="online"', b'mode="Online"')).status == "PIPELINE_FAILURE"
    assert rehearse(b"<TDSReport>").code == -7
    contexts = b'name="IDEAIndicator" value="No"'
    dated = good.replace(contexts, contexts + b' contextDate="2016-05-03T09:00:00"')
    contexts = b'name="EconomicDisadvantageStatus" value="no"'
    dated = dated.replace(contexts, contexts + b' contextDate="2016-05-03T09:00:00"')
    assert rehearse(dated) == Rehearsal("PROCESSED", 1, "", ())
    nowhere = dated.replace(b'"SchoolId"', b'"School"')
    assert rehearse(nowhere).status == "UNKNOWN_SCHOOL"
    refused = rehearse(dated.replace(b'isDemo="false"', b'isDemo="1"'))
    assert (refused.status, refused.code) == ("BAD_DATA", -3)
    assert [one.element_name for one in refused.messages] == ["isDemo"]


def test_no_examinee_is_refused_at_once() -> None:
    def change(root: etree._Element) -> None:
        examinee = root.find("Examinee")
        assert examinee is not None
        root.remove(examinee)

    assert rehearse(with_document(change)) == Rehearsal(
        "BAD_DATA", -3, "Examinee may not be null", ()
    )


def test_configurations_have_names() -> None:
    assert required_by("default") is DEFAULT_REQUIRED
    assert len(ALL_REQUIRED - {"StudentIdentifier", "GradeLevelWhenAssessed"}) == (
        EVERYTHING_REQUIRED
    )
    with pytest.raises(UsageError, match="all-optional"):
        required_by("none")


def test_tables_of_elements_give_the_same_messages() -> None:
    document = with_attributes(("Birthdate", "soon"), ("Sex", None))
    root = etree.fromstring(document)
    test, examinee, opportunity = (root.find(tag) for tag in ("Test", "Examinee", "Opportunity"))
    assert test is not None
    assert examinee is not None
    assert opportunity is not None
    parts = {"test": test, "examinee": examinee, "opportunity": opportunity}
    result: dict[str, object] = {"result": 4, "has_examinee": True, "has_opportunity": True}
    for prefix, element in parts.items():
        result |= {f"{prefix}_{name}": value for name, value in element.attrib.items()}
    rows: dict[str, list[dict[str, object]]] = {"result": [result]}
    for table, tag in (
        ("examinee_attribute", "ExamineeAttribute"),
        ("examinee_relationship", "ExamineeRelationship"),
        ("score", "Score"),
    ):
        found = root.iter(tag)
        rows[table] = [{"result": 4} | {str(k): str(v) for k, v in e.attrib.items()} for e in found]
    elements = {
        name: pa.Table.from_pylist(rows.get(name, []), schema=schema)
        for name, schema in ELEMENTS.items()
    }
    assert list(messages_in(elements)) == [(4, messages(document))]


def test_the_known_cases(shared: Path) -> None:
    cases = json.loads((shared / "cases" / "rdw_messages.json").read_text(encoding="utf-8"))
    wrong = []
    for case in cases:
        document = (shared / "samples" / "rdw" / "trt" / case["fixture"]).read_bytes()
        found = messages(document, CONFIGURATIONS[case["requiredConfig"]])
        kept = [m for m in found if case["part"] == m.part or case["part"].startswith("whole")]
        if [m.as_json() for m in kept] != case["expected"]["messages"]:
            wrong.append((case["test"], [m.as_json() for m in kept]))
    assert wrong == []
    assert len(cases) >= 8
