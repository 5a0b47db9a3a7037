"""Whatever a sender writes where, no original identifier comes out."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from scorehouse.transmit.deidentify import deidentify
from scorehouse.transmit.hashing import Hasher
from scorehouse.transmit.leaks import LeakCheck
from unit.deidentify_chunks import as_tables, chunk_of
from unit.schema_document import DOCUMENT

LETTERS = st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"])
IDENTIFIERS = (
    st.text(LETTERS, min_size=8, max_size=24)
    .map(lambda text: f"{text}~9")
    .filter(lambda text: text.strip() == text)
)
PLACES = st.lists(
    st.tuples(
        st.sampled_from(["ExamineeAttribute", "ExamineeRelationship"]),
        st.sampled_from(["INITIAL", "FINAL"]),
        st.sampled_from(
            [
                *("StudentIdentifier", "SSID", "AlternateSSID", "ExternalSSID", "FirstName"),
                *("LastName", "LastOrSurname", "AliasName", "Birthdate", "DOB", "Nickname"),
                *("studentidentifier", " SSID ", "ConfirmationCode", "SchoolName"),
            ]
        ),
    ),
    max_size=6,
)


def document(identifier: str, places: list[tuple[str, str, str]], spots: list[str]) -> bytes:
    """The document with an identifier as the student's id, and in other places."""
    root = etree.fromstring(DOCUMENT)
    for one in root.iter("ExamineeAttribute"):
        if one.get("name") == "StudentIdentifier":
            one.set("value", identifier)
    examinee, opportunity = root.find("Examinee"), root.find("Opportunity")
    assert examinee is not None
    assert opportunity is not None
    for tag, context, name in places:
        given_ = {"context": context, "name": name, "value": identifier, "entityKey": identifier}
        if tag == "ExamineeAttribute":
            del given_["entityKey"]
        etree.SubElement(examinee, tag, given_)
    for spot in spots:
        opportunity.set(spot, f"of {identifier}" if spot in ("key", "oppId") else identifier)
    for comment in root.iter("Comment"):
        comment.text = identifier
    for variable in root.iter("GenericVariable"):
        variable.set("value", identifier)
    for message in root.iter("Message"):
        message.text = json.dumps({"scorerID": identifier, "said": identifier})
    return etree.tostring(root)


@settings(max_examples=60, deadline=None)
@given(
    IDENTIFIERS,
    PLACES,
    st.lists(st.sampled_from(["key", "oppId", "taId", "taName", "sessionId", "server"])),
)
def test_an_identifier_comes_out_nowhere(
    identifier: str, places: list[tuple[str, str, str]], spots: list[str]
) -> None:
    chunk = chunk_of([document(identifier, places, spots)])
    for given_chunk in (chunk, as_tables(chunk)):
        made = deidentify(given_chunk, Hasher("key"))
        tables = {**made.chunk.elements, "tests": made.chunk.tests, "items": made.chunk.items}
        values = [v for t in tables.values() for c in t.columns for v in c.to_pylist()]
        assert [v for v in values if isinstance(v, str) and identifier in v] == []
        assert made.chunk.tests["StudentIdentifier"].to_pylist() == [
            Hasher("key").pseudonym(identifier)
        ]


@settings(max_examples=100, deadline=None)
@given(st.lists(IDENTIFIERS, min_size=1, max_size=5), st.text(LETTERS, max_size=30), st.data())
def test_a_hidden_identifier_is_found(
    identifiers: list[str], around: str, data: st.DataObject
) -> None:
    hidden = data.draw(st.sampled_from(identifiers))
    check = LeakCheck()
    check.add(identifiers)
    element = etree.Element("Test", name=f"~{hidden}~")
    element.text = around
    assert list(check.search(etree.tostring(element, encoding="unicode").encode()))
    assert list(check.search(f"{around}~{hidden}~".encode()))
    assert list(check.search(json.dumps(f"~{hidden}~").encode()))
