"""Taking out who a student is, and proving it."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import re

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from scorehouse.intake.results import ResultChunk
from scorehouse.transmit.deidentify import Choices, Deidentified, deidentify
from scorehouse.transmit.hashing import Hasher, Method, student_hash
from scorehouse.transmit.leaks import LeakCheck
from scorehouse.transmit.mentions import mentions
from unit.deidentify_chunks import as_tables, chunk_of
from unit.schema_document import DOCUMENT

KEY = "Slartibartfast"
STUDENT = "9000007722"
PSEUDONYM = student_hash(STUDENT, KEY)
PERSONAL = re.compile(
    r"9000007722|W-7722-ALT|Wilhelmina|Quillfeather|Minnie|2003-02-17|proctor@|Brasswick"
    r"|brass-77|reader\.one|Larkspur|99900010000017"
)


def done(*documents: bytes, choices: Choices | None = None) -> Deidentified:
    return deidentify(chunk_of(documents or (DOCUMENT,)), Hasher(KEY), choices)


def texts(chunk: ResultChunk) -> str:
    tables = {**chunk.elements, "tests": chunk.tests, "items": chunk.items}
    return json.dumps({name: table.to_pydict() for name, table in tables.items()})


@pytest.mark.parametrize(
    ("identifier", "key", "expected"),
    [
        ("39IJH43982", "OurStudentsSucceed", "56F8F15D4B19A1DB3A884745103A9A92A845E225"),
        ("BB-8", "The Force Awakens", "9F5685FB73F7315EA0707202F1B54FAC973875B3"),
        ("42", "Slartibartfast", "87BD175DFC231FE7E2D2030C8A6D0520AC629083"),
        ("7401203", "Maher-shalal-hash-baz", "77D015E4EA3CC9DB4EBAE093954CBC805D55013C"),
        (" 42\t", "  Slartibartfast\n", "87BD175DFC231FE7E2D2030C8A6D0520AC629083"),
    ],
)
def test_the_published_vectors(identifier: str, key: str, expected: str) -> None:
    assert student_hash(identifier, key) == expected
    assert Hasher(key).column(pa.chunked_array([[identifier, "", None]])).to_pylist() == [
        expected,
        "",
        None,
    ]


def test_zeros_and_case_of_an_id_matter() -> None:
    assert len({student_hash(text, KEY) for text in ("42", "042", "a1", "A1")}) == 4


def test_the_stronger_method_is_another() -> None:
    key = hashlib.sha256(KEY.encode()).digest()
    expected = hmac.new(key, b"42", hashlib.sha256).hexdigest().upper()
    assert Hasher(KEY, Method.HMAC_SHA256).pseudonym("42") == expected
    assert not Method.HMAC_SHA256.is_compatible


def test_blanks_are_refused_and_keys_stay_hidden() -> None:
    with pytest.raises(ValueError, match="blank"):
        Hasher(KEY).pseudonym(" \t")
    with pytest.raises(ValueError, match="key is blank"):
        Hasher(" ")
    assert KEY not in repr(Hasher(KEY))


def test_nothing_personal_is_left_of_a_result() -> None:
    made = done()
    assert PERSONAL.findall(texts(made.chunk)) == []
    assert made.students == 1
    assert [finding.rule for finding in made.findings] == []


def test_the_two_tables_alone_are_treated_alike() -> None:
    made = deidentify(as_tables(chunk_of([DOCUMENT])), Hasher(KEY))
    assert PERSONAL.findall(texts(made.chunk)) == []
    assert made.chunk.tests["StudentIdentifier"].to_pylist() == [PSEUDONYM]
    assert made.chunk.items["Rater1UserId"].to_pylist() == [
        "",
        student_hash("reader.one@scoring.example", KEY),
    ]
    assert made.chunk.items["Rater3UserId"].to_pylist() == ["", "SBACItemResolutionRuleWER"]


def test_every_copy_of_the_id_becomes_the_same_pseudonym() -> None:
    chunk = done().chunk
    attributes = chunk.elements["examinee_attribute"].to_pylist()
    found = [(a["context"], a["value"]) for a in attributes if a["name"] == "StudentIdentifier"]
    assert found == [("INITIAL", PSEUDONYM), ("FINAL", PSEUDONYM)]
    relationships = chunk.elements["examinee_relationship"].to_pylist()
    assert [(r["name"], r["value"], r["entityKey"]) for r in relationships] == [
        ("SSID", PSEUDONYM, None),
        ("StateAbbreviation", "TS", None),
    ]
    assert chunk.tests["StudentIdentifier"].to_pylist() == [PSEUDONYM]
    assert chunk.tests["ExternalSSID"].to_pylist() == [student_hash("W-7722-ALT", KEY)]


def test_what_a_result_is_stays() -> None:
    before, after = chunk_of([DOCUMENT]), done().chunk
    for name in ("score", "segment", "accommodation", "item", "tool_page"):
        assert after.elements[name].equals(before.elements[name])
    kept = ["test_name", "opportunity_key", "opportunity_startDate", "opportunity_windowId"]
    assert after.elements["result"].select(kept).equals(before.elements["result"].select(kept))
    names = after.elements["examinee_attribute"]["name"].to_pylist()
    assert sorted(set(names)) == [
        "AlternateSSID",
        "GradeLevelWhenAssessed",
        "Sex",
        "StudentIdentifier",
    ]
    assert after.items["ResponseValue"].equals(before.items["ResponseValue"])


def test_messages_keep_the_code_and_hide_the_scorer() -> None:
    messages = done().chunk.elements["score_info"]["message"].to_pylist()
    scorer = student_hash("reader.one@scoring.example", KEY)
    assert [json.loads(text) for text in messages if text] == [{"scorerID": scorer}]
    assert done().chunk.elements["score_info"]["rationale"].null_count == 2


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b'{"scorerID":"SBACItemResolutionRuleWER","conditionCode":"B"}',
         {"conditionCode": "B", "scorerID": "SBACItemResolutionRuleWER"}),
        (b'{"userLastName":"Brasswick","conditionCode":"semiprofessionalized"}', None),
        (b"scored by Ottoline Brasswick", None),
        (b'["proctor@school.example"]', None),
    ],
)  # fmt: skip
def test_messages_of_other_shapes(message: bytes, expected: object) -> None:
    document = DOCUMENT.replace(b'{"scorerID":"reader.one@scoring.example"}', message)
    (text,) = done(document).chunk.elements["score_info"]["message"].to_pylist()[1:]
    assert (json.loads(text) if text else text) == expected


def test_schools_stay_when_asked_for() -> None:
    chunk = done(choices=Choices(keep_schools=True)).chunk
    names = chunk.elements["examinee_relationship"]["name"].to_pylist()
    assert names == ["SchoolId", "SchoolName", "SSID", "StateAbbreviation"]
    assert chunk.tests["SchoolName"].to_pylist() == ["Larkspur Middle"]


def test_a_result_without_an_id_is_left_out() -> None:
    blank = DOCUMENT.replace(b'value="9000007722"', b'value=" "')
    made = done(DOCUMENT, blank, DOCUMENT)
    assert made.chunk.tests["result"].to_pylist() == [0, 2]
    assert set(made.chunk.items["result"].to_pylist()) == {0, 2}
    assert {n for t in made.chunk.elements.values() for n in t["result"].to_pylist()} == {0, 2}
    (finding,) = made.findings
    assert (finding.rule, finding.consequence) == ("deidentify_id_blank", "record_left_out")
    assert finding.field == "StudentIdentifier"


def test_an_opportunity_id_made_from_the_student_id_is_replaced() -> None:
    made = done(DOCUMENT.replace(b'key="opp-1"', b'key="opp-9000007722-1"'))
    expected = student_hash("opp-9000007722-1", KEY)
    assert made.chunk.tests["TestOpportunityId"].to_pylist() == [expected]
    assert made.chunk.elements["result"]["opportunity_key"].to_pylist() == [expected]
    assert set(made.chunk.items["TestOpportunityId"].to_pylist()) == {expected}
    assert [finding.rule for finding in made.findings] == ["deidentify_opportunity_id"]
    assert STUDENT not in texts(made.chunk)
    assert STUDENT not in str(made.findings)


def test_unknown_attributes_are_removed_and_said() -> None:
    made = done(DOCUMENT.replace(b'name="Sex" value="Female"', b'name="Nick" value="Minnie"'))
    assert "Minnie" not in texts(made.chunk)
    (finding,) = made.findings
    assert (finding.rule, finding.value) == ("deidentify_name_unknown", "Nick")


def test_components_of_a_combined_test_stay() -> None:
    document = DOCUMENT.replace(
        b"<GenericVariable ",
        b'<GenericVariable context="COMPONENT_1" name="OPPID" value="77"/><GenericVariable ',
    )
    (row,) = done(document).chunk.elements["generic_variable"].to_pylist()
    assert (row["context"], row["value"]) == ("COMPONENT_1", "77")


# --- mentions ------------------------------------------------------------------------


def said(*documents: bytes) -> list[tuple[str, str]]:
    made = done(*documents)
    return [(finding.rule, finding.field) for finding in mentions(made.chunk, made.originals)]


def test_a_response_that_names_its_student_is_a_warning_and_unaltered() -> None:
    document = DOCUMENT.replace(b"The heron is patient.", b"I am wilhelmina, the heron.")
    assert said(document) == [("deidentify_text_mentions", "response_text")]
    assert "I am wilhelmina" in texts(done(document).chunk)
    assert said(DOCUMENT) == []


def test_a_name_inside_a_longer_word_is_no_mention() -> None:
    assert said(DOCUMENT.replace(b"The heron", b"Quillfeathers of the heron")) == []


def test_a_field_that_holds_the_name_is_told() -> None:
    own = DOCUMENT.replace(b'windowId="ANNUAL"', b'windowId="Quillfeather-1"')
    assert said(own) == [("deidentify_field_mentions", "opportunity_windowId")]
    other = own.replace(b"Quillfeather<", b"Sandpiper<").replace(STUDENT.encode(), b"9000007723")
    assert said(own, other) == []  # a value that several students share is nobody's


# --- the leak check ------------------------------------------------------------------


def leaks(content: str, *identifiers: str) -> list[str]:
    check = LeakCheck()
    check.add(identifiers)
    data = content.encode()
    return [data[leak.start : leak.end].decode() for leak in check.search(data)]


@pytest.mark.parametrize(
    ("content", "identifier", "is_found"),
    [
        ("a 9000007722 b", "9000007722", True),
        ("9000007722", "9000007722", True),
        ("key='S9000007722'", "9000007722", True),
        ("19000007722", "9000007722", False),
        ("90000077221", "9000007722", False),
        ("0.9000007722", "9000007722", False),
        ("a.9000007722", "9000007722", True),
        ("900000772", "9000007722", False),
        ("Mary O&apos;Neill-Smythe", "Mary O'Neill-Smythe", True),
        ("Mary O&#x27;Neill-Smythe", "Mary O'Neill-Smythe", True),
        ("Mary O'Neill-Smythe", "Mary O'Neill-Smythe", True),
        ('say ""Ann"" Jones', 'say "Ann" Jones', True),
        ("Zo\\u00eb Gr\\u00e4f", "Zoë Gräf", True),
        ("Zoë Gräf", "Zoë Gräf", True),
        ("short 1234567", "1234567", False),
    ],
)
def test_identifiers_are_found_wherever_they_stand(
    content: str, identifier: str, is_found: bool
) -> None:
    assert bool(leaks(content, identifier)) is is_found


def test_no_identifier_nothing_found() -> None:
    assert leaks("anything at all") == []


def test_agrees_with_a_plain_search_in_large_content() -> None:
    rng = random.Random(5)
    identifiers = [f"ID{rng.randrange(10**8):08}x{'y' * rng.randrange(9)}" for _ in range(3000)]
    pieces = [
        rng.choice(identifiers) if rng.random() < 0.01 else "filling; " for _ in range(200_000)
    ]
    content = "".join(pieces).encode()
    check = LeakCheck()
    check.add(identifiers)
    found = [leak.start for leak in check.search(content)]
    plain = re.compile("|".join(sorted(identifiers, key=len, reverse=True)).encode())
    assert found == [match.start() for match in plain.finditer(content)]
    assert len(found) > 1000


def test_the_originals_of_a_chunk_are_what_the_check_looks_for() -> None:
    made = done()
    check = LeakCheck()
    check.add(made.originals.sure())
    before = texts(chunk_of([DOCUMENT])).encode()
    found = {before[leak.start : leak.end].decode() for leak in check.search(before)}
    assert found == {
        *(STUDENT, "W-7722-ALT", "proctor@school.example"),
        *("Ottoline Brasswick", "brass-77", "reader.one@scoring.example"),
    }
    assert list(check.search(texts(made.chunk).encode())) == []


def test_pseudonyms_are_stable_over_chunks_and_years() -> None:
    later = DOCUMENT.replace(b'academicYear="2016"', b'academicYear="2017"')
    columns = [done(document).chunk.tests["StudentIdentifier"] for document in (DOCUMENT, later)]
    assert pc.all(pc.equal(*columns)).as_py()
