"""A wrapper with results that can't be read gives all others."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.results import read_results
from unit.intake_files import trt, trt_item, zipped

RESPONSE = "<Response>{}</Response>"


def read(tmp_path: Path, content: bytes, most: int | None = None) -> tuple[list[str], FindingLog]:
    path = tmp_path / "delivery"
    path.write_bytes(content)
    limits = None if most is None else Limits(member_bytes=most)
    log = FindingLog()
    chunks = read_results(path, log, limits=limits)
    keys = [key for chunk in chunks for key in chunk.tests["TestOpportunityId"].to_pylist()]
    return keys, log


def wrapped(*documents: bytes) -> bytes:
    return b"<TDSReports>\n" + b"\n".join(documents) + b"\n</TDSReports>\n"


def answering(key: str, response: str) -> bytes:
    return trt(key, items=trt_item(inside=RESPONSE.format(response)))


BROKEN = {
    "an end tag is missing": trt("x").replace(b"</Opportunity>", b""),
    "it is cut off": trt("x")[:-40],
    "an attribute stands twice": trt("x").replace(b"<Test ", b'<Test name="1" name="2" ', 1),
    "an unknown entity": answering("x", "&nbsp;"),
    "a comment is never closed": answering("x", "<!-- "),
    "CDATA is never closed": answering("x", "<![CDATA[ "),
    "a byte that isn't UTF-8": answering("x", "é").replace("é".encode(), b"\xe9"),
    "a letter that XML has not": trt("x").replace(b"<Test ", b"<Test \0", 1),
    "its end is lost": trt("x").replace(b"</TDSReport>", b""),
    "it ends twice": trt("x").replace(b"</Opportunity>", b"</TDSReport></Opportunity>"),
    "another root's end": trt("x").replace(b"</TDSReport>", b"</TDSReports>"),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
@pytest.mark.parametrize("place", [0, 1, 3])
def test_one_broken_result_costs_no_other(tmp_path: Path, broken: bytes, place: int) -> None:
    documents = [trt(key) for key in "abc"]
    documents.insert(place, broken)
    keys, log = read(tmp_path, wrapped(*documents))
    assert keys == ["a", "b", "c"]
    assert [(f.rule, f.file) for f in log] == [("xml_malformed", f"delivery#{place + 1}")]


def test_several_broken_results_are_each_told(tmp_path: Path) -> None:
    documents = [BROKEN["it is cut off"], trt("a"), *BROKEN.values(), trt("b"), trt("c")[:-5]]
    keys, log = read(tmp_path, wrapped(*documents))
    assert keys == ["a", "b"]
    assert log.counts() == {"xml_malformed": len(BROKEN) + 2}


def test_what_looks_like_a_result_in_a_response_is_none(tmp_path: Path) -> None:
    inside = "<![CDATA[<TDSReport>" + trt("no").decode() + "]]><!-- <TDSReport> -->"
    good = answering("a", inside)
    keys, log = read(tmp_path, wrapped(good, BROKEN["it is cut off"], good.replace(b'"a"', b'"b"')))
    assert keys == ["a", "b"]
    assert log.counts() == {"xml_malformed": 1}


def test_a_result_beyond_the_limit_costs_no_other(tmp_path: Path) -> None:
    large = trt("x", items=trt_item(inside=RESPONSE.format("long " * 40_000)))
    keys, log = read(tmp_path, wrapped(trt("a"), large, trt("b"), trt("c")), most=80_000)
    assert keys == ["a", "b", "c"]
    assert [(f.rule, f.file) for f in log] == [("xml_too_large", "delivery#2")]


def test_a_finding_names_the_line_in_the_wrapper(tmp_path: Path) -> None:
    broken = BROKEN["an attribute stands twice"]
    content = wrapped(trt("a"), trt("b"), broken, trt("c"))
    first = content[: content.index(broken)].count(b"\n") + 1
    last = first + broken.count(b"\n")
    _, log = read(tmp_path, content)
    (finding,) = log
    assert finding.row is not None
    assert first <= finding.row <= last


def test_letters_between_results_cost_none(tmp_path: Path) -> None:
    keys, log = read(tmp_path, wrapped(trt("a"), b"</Other> & <", trt("b")))
    assert keys == ["a", "b"]
    assert [(f.rule, f.file) for f in log] == [("xml_malformed", "delivery")]


def test_the_encoding_of_the_wrapper_is_that_of_its_results(tmp_path: Path) -> None:
    names = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
    named = trt("b", test={"name": "Prueba é"}).decode().encode("latin-1")
    path = tmp_path / "delivery"
    path.write_bytes(names + wrapped(BROKEN["it is cut off"], named))
    (chunk,) = read_results(path, FindingLog())
    assert chunk.tests["AssessmentName"].to_pylist() == ["Prueba é"]


def test_a_wrapper_in_a_zip(tmp_path: Path) -> None:
    content = zipped({"1.xml": wrapped(trt("a"), BROKEN["it is cut off"], trt("b"))})
    keys, log = read(tmp_path, content)
    assert keys == ["a", "b"]
    assert [f.file for f in log] == ["delivery#1#2"]
