"""The scanner and the readable reader take the same out of a document, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.trt_batch import scan_documents
from scorehouse.intake.readers.trt_elements import ElementRows
from scorehouse.intake.readers.trt_xml import reports

WHOLE = """<?xml version="1.0" encoding="UTF-8"?>
<TDSReport>
<Test name="(INV)A" subject="ELA" testId='A' bankKey="200" mode="online" academicYear="2019"/>
<Examinee key="-1" isDemo="0">
 <ExamineeAttribute context="INITIAL" name="Sex" value="F" contextDate="2019-01-01T00:00:00"/>
 <ExamineeAttribute context="FINAL" name="FirstName" value="Zo\u00eb &quot;Z&quot; &#x4e2d;&#10;"/>
 <ExamineeRelationship context="FINAL" name="SchoolId" entityKey="3" value="  7 "/>
</Examinee>
<Opportunity key="op-1" oppId="1" status="scored" startDate="">
 <Segment id="S1" position="1" algorithm="adaptive2"/>
 <Accommodation type="Language" value="English" code="ENU" segment="0"></Accommodation>
 <Score measureOf="Overall" measureLabel="ScaleScore" value="2500" standardError="20"/>
 <GenericVariable context="COMPONENT_1" name="OPPID" value="1"/>
 <Item position="1" bankKey="200" key="1" format="MC" score="1"><Response>B</Response></Item>
 <Item position="2" bankKey="200" key="2" format="WER" score="5">
  <Response date="2019-01-01T00:00:00" type="value">&lt;p&gt;x &amp; y\r\n
<![CDATA[<b>]]>]]&gt;</Response>
  <ScoreInfo scorePoint="5" maxScore="6" scoreDimension="overall">
   <ScoreRationale>why</ScoreRationale>
   <SubScoreList>
    <ScoreInfo scorePoint="3" scoreDimension="Conventions" scoreStatus="Scored">
     <SubScoreList><ScoreInfo scorePoint="3" scoreDimension="Initial">
      <ScoreRationale> <Message>{"scorerID":"7"}</Message> </ScoreRationale></ScoreInfo>
     </SubScoreList>
    </ScoreInfo>
    <ScoreInfo scorePoint="2" scoreDimension="D" conditionCode="B"/>
   </SubScoreList>
  </ScoreInfo>
 </Item>
</Opportunity>
<Comment context="TestItem" itemPosition="" date="2019-01-01T00:00:00">a\tb</Comment>
<ToolUsage type="Zoom" code="Z"><ToolPage page="1" groupId="I-200-1" count="2"/></ToolUsage>
</TDSReport>
""".encode()

PIECES = [
    b"<", b">", b"/", b"\"", b"'", b"&", b";", b"=", b" ", b"\r", b"\n", b"]]>", b"--", b"\0",
    b"&lt;", b"&#13;", b"&#x41;", b"&#0;", b"&bad;", b"<!-- c -->", b"<?pi x?>", b"<![CDATA[",
    b"<q/>", b"<q>", b"</q>", b"</Item>", b"<Item/>", b"<Response>", b"</Response>", b"\xc3",
    b"\xef\xbf\xbf", b"\xc2\x85", b"<ScoreInfo/>", b"<ScoreRationale>", b"<Message/>", b"x=''",
    b" key='2'", b"<ToolUsage/>", b"<!DOCTYPE x>", b"<Comment/>", b"<Test/>", b"\xe2\x80\xa8",
    b"<SubScoreList>", b"</SubScoreList>", b"xmlns='u' ", b"p:", b"]]", b"\x7f", b"\x1f",
    b"</TDSReport>", b"<TDSReport>", b"</ScoreRationale>", b"t&#32;", b"&#9;",
]  # fmt: skip


def check_same(*contents: bytes) -> list[bool]:
    """Where the scanner takes a document, nothing of it is told and all is equal."""
    scanned = scan_documents([("a.xml", content) for content in contents])
    log = FindingLog()
    rows = ElementRows(log)
    for place in np.flatnonzero(scanned.is_done).tolist():
        ((name, report),) = reports(contents[place], "a.xml", log)
        rows.add(place, name, report)
    assert log.counts() == {}
    for name, table in rows.tables().items():
        scanned.tables[name].validate(full=True)
        assert scanned.tables[name].equals(table), name
    return list(scanned.is_done)


def test_a_whole_document_is_read_by_the_scanner() -> None:
    assert check_same(WHOLE) == [True]


edits = st.lists(
    st.tuples(st.integers(0, len(WHOLE)), st.integers(0, 12), st.sampled_from([b"", b"", *PIECES])),
    min_size=1,
    max_size=3,
)


def edited(edits: list[tuple[int, int, bytes]]) -> bytes:
    content = WHOLE
    for place, removed, added in edits:
        content = content[:place] + added + content[place + removed :]
    return content


@settings(max_examples=60, deadline=None)
@given(st.lists(edits, min_size=10, max_size=20))
def test_damaged_documents_are_never_read_differently(
    found: list[list[tuple[int, int, bytes]]],
) -> None:
    check_same(*(edited(edits) for edits in found))


text = st.text(
    st.one_of(
        st.sampled_from("<>&\"' \t\r\n]é中\U0001f600\u0085\u2028"),
        st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="\ufffe\uffff"),
    ),
    max_size=12,
)


def escaped(value: str, *, references: bool) -> str:
    """Write a text as XML; with `references`, every letter that may be one as a number."""
    if references:
        return "".join(f"&#{ord(letter)};" for letter in value)
    return (
        value.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace('"', "&quot;")
        .replace("]]>", "]]&gt;")
    )


@settings(max_examples=60, deadline=None)
@given(text, text, st.booleans())
def test_any_text_arrives_as_the_full_parser_gives_it(
    value: str, response: str, references: bool
) -> None:
    content = (
        f'<TDSReport><Opportunity key="{escaped(value, references=references)}"><Item>'
        f"<Response>{escaped(response, references=references)}</Response></Item>"
        "</Opportunity></TDSReport>"
    ).encode()
    assert check_same(content) == [True]


@pytest.mark.parametrize("piece", PIECES)
def test_each_oddity_in_many_places(piece: bytes) -> None:
    check_same(*(WHOLE[:place] + piece + WHOLE[place:] for place in range(0, len(WHOLE), 17)))
