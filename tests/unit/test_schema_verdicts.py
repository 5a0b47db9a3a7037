"""The project's own schema of the transmission format, and what it says."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path

import pytest
from lxml import etree

from scorehouse.errors import UsageError
from scorehouse.intake.schema import (
    CURRENT,
    INCUMBENT,
    SchemaFault,
    is_valid,
    older_verdicts,
    revisions,
    schema_text,
    verdict,
    verdict_on,
)
from scorehouse.intake.schema.declarations import attributes, elements, types
from unit.schema_document import DOCUMENT

PUBLISHED = {
    CURRENT: "rdw/trt/TestResultsTransmissionFormat_Schema.xsd",
    INCUMBENT: "rdw/TestResultsTransmissionFormat.xsd",
}
VALUES = (
    "", " ", "0", "1", "2", "-1", "-1.0", "-0", "+1", "01", "-2", "255", "256", "4294967295",
    str(2**32), str(2**31), "1.5", "1e3", "NaN", "INF", "-INF", ".5", "5.", "1,5", "true",
    "TRUE", "2016-05-02", "2016-05-02T09:30", "2016-05-02T09:30:00", "2016-05-02 09:30:00",
    "2016-05-02T09:30:00.123456Z", "2016-05-02T09:30:00+05:00", "2016-02-30T09:30:00",
    "2016-05-02T24:00:00", " 2016-05-02T09:30:00 ", "online", "Online", "scanned", " paper ",
    "INITIAL", "Final", "valid", "Valid", "SD", "IN", "Invalid", "Complete", "complete", "none",
    "Partial", "Expired", "scored", "SCORED", "Scored", "NotScored", "APPEALED", "denied",
    "pending", "value", "reference", "text/xml", "text/XML", "audio/ogg", "B", "b", "BB", "É",
)  # fmt: skip


def root() -> etree._Element:
    return etree.fromstring(DOCUMENT)


def changed(path: str, attribute: str, value: str | None) -> bytes:
    """The document with one attribute changed, or removed."""
    document = root()
    element = document if path == "." else document.find(path)
    assert element is not None
    if value is None:
        del element.attrib[attribute]
    else:
        element.set(attribute, value)
    return etree.tostring(document)


def test_a_document_with_everything_is_valid() -> None:
    assert verdict(DOCUMENT) == []
    assert is_valid(DOCUMENT)
    assert verdict_on(root()) == []


def test_the_document_has_every_attribute_of_the_format() -> None:
    there = {(str(e.tag), str(name)) for e in root().iter() for name in e.attrib}
    declared = {
        (element.name, attribute.name)
        for element in elements()
        for attribute in attributes(CURRENT).get(element.path, ())
    }
    assert there == declared


@pytest.mark.parametrize(
    ("path", "attribute", "value", "message"),
    [
        ("Test", "mode", "Online", "the value of mode must be one of online, paper, scanned"),
        ("Test", "mode", None, "Test lacks its attribute mode"),
        ("Test", "bankkey", "200", "Test has no attribute bankkey"),
        ("Opportunity/Item", "score", "-1.0", "the value of score must be a number, not negative, "
         "or -1 for not scored"),
        ("Opportunity/Item", "dropped", "No", "the value of dropped must be 0 or 1"),
        ("Opportunity", "completeness", "Expired",
         "the value of completeness must be one of Partial, Complete, blank"),
    ],
)  # fmt: skip
def test_a_fault_says_what_is_allowed(
    path: str, attribute: str, value: str | None, message: str
) -> None:
    document = changed(path, attribute, value)
    faults = verdict(document)
    assert not is_valid(document)
    assert [(f.element, f.attribute, f.message) for f in faults] == [
        (path.rpartition("/")[2], attribute, message)
    ]


def test_a_fault_names_its_line() -> None:
    document = DOCUMENT.replace(b'position="2" segmentId', b'position="second" segmentId')
    line = document[: document.index(b'position="second"')].count(b"\n") + 1
    faults = verdict(document)
    assert faults == [
        SchemaFault(
            faults[0].line,
            "Item",
            "position",
            "the value of position must be a whole number from 0 to 4294967295",
        )
    ]
    assert line <= faults[0].line <= line + 5  # the parser counts to the end of the start tag


def test_no_fault_repeats_a_value() -> None:
    for path, attribute in (("Examinee", "key"), ("Opportunity/Item", "adminDate")):
        faults = verdict(changed(path, attribute, "Wilhelmina Quillfeather"))
        assert len(faults) == 1
        assert "Quillfeather" not in str(faults)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"<TDSReport><Test></TDSReport>", "not well-formed: tag name mismatch"),
        (b"", "not well-formed: document empty"),
        (b'<!DOCTYPE TDSReport [<!ENTITY a "a">]><TDSReport/>',
         "a document type declaration (DOCTYPE) is refused"),
        (b"<TDSReports/>", "the root is TDSReports, not TDSReport"),
        (b"<TDSReport/>", "TDSReport lacks an element; expected here: Test"),
    ],
)  # fmt: skip
def test_documents_that_are_no_result(document: bytes, message: str) -> None:
    assert [fault.message for fault in verdict(document)] == [message]
    assert not is_valid(document)


def test_elements_in_the_wrong_order() -> None:
    document = root()
    opportunity = document.find("Opportunity")
    assert opportunity is not None
    score = opportunity.find("Score")
    assert score is not None
    opportunity.append(score)
    (fault,) = verdict_on(document)
    assert (fault.element, fault.attribute) == ("Score", "")
    assert fault.message == "Score stands where it may not; expected here: Item"


def test_older_revisions_say_what_they_would() -> None:
    older = older_verdicts(DOCUMENT)
    assert list(older) == [name for name in revisions() if name != CURRENT]
    assert [(f.element, f.attribute) for f in older["1.10"]] == [("Examinee", "isDemo")]
    assert {(f.element, f.attribute) for f in older["1.4"]} >= {
        ("Opportunity", "validity"),
        ("Item", "responseDuration"),
        ("ScoreInfo", "sequence"),
    }
    assert [(f.element, f.attribute) for f in older[INCUMBENT]] == []


def test_an_unknown_revision_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"known are 1\.2, 1\.4"):
        verdict(DOCUMENT, "3.0")


def test_every_type_is_used_and_declared() -> None:
    used = {
        attribute.type_name
        for revision in revisions()
        for declared in attributes(revision).values()
        for attribute in declared
    }
    members = {member for declared in types().values() for member in declared.either}
    assert used - {"any"} | members == set(types())


def test_every_revision_compiles() -> None:
    for revision in revisions():
        etree.XMLSchema(etree.fromstring(schema_text(revision)))


def test_threads_have_their_own_machines() -> None:
    documents = [DOCUMENT, changed("Test", "mode", "Online")] * 200
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(is_valid, documents)) == [True, False] * 200


# --- agreement with the published schema ---------------------------------------------


def judges(shared: Path) -> dict[str, tuple[etree.XMLSchema, etree.XMLSchema]]:
    """Per revision the published schema and ours, compiled."""
    return {
        revision: (
            etree.XMLSchema(etree.parse(str(shared / "samples" / name))),
            etree.XMLSchema(etree.fromstring(schema_text(revision))),
        )
        for revision, name in PUBLISHED.items()
    }


def disagreements(shared: Path, documents: Iterator[etree._Element]) -> tuple[int, int, list[str]]:
    """How many are valid by the published schemas, how many not, and where ours differ."""
    valid = invalid = 0
    different = []
    compiled = judges(shared)
    for document in documents:
        for revision, (published, ours) in compiled.items():
            expected = published.validate(document)
            valid, invalid = valid + expected, invalid + (not expected)
            if ours.validate(document) != expected:
                different.append(f"{revision}: {published.error_log} {ours.error_log}")
    return valid, invalid, different


def samples(shared: Path) -> Iterator[etree._Element]:
    folder = shared / "samples"
    for path in sorted(folder.rglob("*.xml")):
        yield etree.fromstring(path.read_bytes())
    for path in sorted(folder.rglob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield etree.fromstring(archive.read(name))


def every_value(document: etree._Element) -> Iterator[etree._Element]:
    """Each attribute of each element with each value; and without it."""
    for element in document.iter():
        for name, before in list(element.attrib.items()):
            for value in VALUES:
                element.set(name, value)
                yield document
            del element.attrib[name]
            yield document
            element.set(name, before)


def restructured(document: etree._Element, rng: random.Random) -> etree._Element:
    """The document with one to three changes of its structure."""
    document = deepcopy(document)
    for _ in range(rng.randint(1, 3)):
        spots = [e for e in document.iter("*") if e.getparent() is not None]
        one, other = rng.choice(spots), rng.choice(spots)
        rng.choice(_CHANGES)(one, other, rng)
    return document


def _remove(one: etree._Element, _other: etree._Element, _rng: random.Random) -> None:
    parent = one.getparent()
    if parent is not None:
        parent.remove(one)


def _repeat(one: etree._Element, _other: etree._Element, _rng: random.Random) -> None:
    one.addnext(deepcopy(one))


def _copy_into(one: etree._Element, other: etree._Element, rng: random.Random) -> None:
    other.insert(rng.randint(0, len(other)), deepcopy(one))


def _rename(one: etree._Element, other: etree._Element, rng: random.Random) -> None:
    one.tag = rng.choice((other.tag, "Unknown", "{urn:x}Item", str(one.tag).lower()))


def _say(one: etree._Element, _other: etree._Element, rng: random.Random) -> None:
    one.text = rng.choice(("words", " ", "", "\n"))


def _follow(one: etree._Element, _other: etree._Element, rng: random.Random) -> None:
    one.tail = rng.choice(("words", " ", "", "\n"))


def _attribute(one: etree._Element, other: etree._Element, rng: random.Random) -> None:
    name = rng.choice([*other.attrib, "unknown", "{urn:x}name"])
    one.set(str(name), rng.choice(VALUES))


_CHANGES = (_remove, _repeat, _copy_into, _rename, _say, _follow, _attribute)


def test_agrees_with_the_published_schema_on_all_samples(shared: Path) -> None:
    valid, invalid, different = disagreements(shared, samples(shared))
    assert different == []
    assert valid > 1000
    assert invalid > 50


def test_agrees_on_every_value_of_every_attribute(shared: Path) -> None:
    valid, invalid, different = disagreements(shared, every_value(root()))
    assert different == []
    assert min(valid, invalid) > 3000


def test_agrees_on_changed_structures(shared: Path) -> None:
    rng = random.Random(20160502)
    small = [root(), *(d for d in samples(shared) if len(d.findall(".//Item")) < 12)][:60]
    changes = (restructured(rng.choice(small), rng) for _ in range(2000))
    valid, invalid, different = disagreements(shared, changes)
    assert different == []
    assert valid > 300
    assert invalid > 1000
