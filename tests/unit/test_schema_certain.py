"""What the tables prove valid is valid by the schema; what is valid is mostly proved."""

from __future__ import annotations

import random
from collections.abc import Iterable

import numpy as np
import polars as pl
import pytest
from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.trt_documents import Batch, Document
from scorehouse.intake.readers.trt_stream import elements_of
from scorehouse.intake.schema import CURRENT, INCUMBENT, certainly_valid, is_valid, revisions
from scorehouse.intake.schema.certain import _USUAL, _types
from scorehouse.intake.schema.declarations import types
from unit import schema_document
from unit.test_schema_verdicts import VALUES, every_value, restructured

DOCUMENT = schema_document.DOCUMENT.replace(b"read once<Message>", b"<Message>")
"""Text beside a Message is left to the careful reader, whose results are never proved."""

OF_TWO = (CURRENT, INCUMBENT)


def root() -> etree._Element:
    return etree.fromstring(DOCUMENT)


def changed(element: str, attribute: str, value: str) -> bytes:
    document = root()
    found = document.find(element)
    assert found is not None
    found.set(attribute, value)
    return etree.tostring(document)


def proved(contents: Iterable[bytes], revision: str) -> list[tuple[bytes, bool]]:
    """Each document that was read, and whether its tables prove it valid."""
    batch = Batch(0, [Document(f"{n}.xml", content) for n, content in enumerate(contents)])
    elements = elements_of(batch, FindingLog())
    certain = certainly_valid(elements.tables, elements.is_ordered, revision)
    return list(zip(elements.contents, certain.tolist(), strict=True))


def compared(contents: list[bytes], revision: str) -> tuple[int, int, int]:
    """How many are proved, valid without that, and invalid; none may be proved and invalid."""
    read = proved(contents, revision)
    found = [(certain, is_valid(content, revision)) for content, certain in read]
    assert (True, False) not in found
    return found.count((True, True)), found.count((False, True)), found.count((False, False))


@pytest.mark.parametrize("revision", revisions())
def test_the_whole_format_is_proved_where_it_is_valid(revision: str) -> None:
    assert [certain for _, certain in proved([DOCUMENT], revision)] == [
        is_valid(DOCUMENT, revision)
    ]


@pytest.mark.parametrize("revision", OF_TWO)
def test_every_value_of_every_attribute(revision: str) -> None:
    contents = [etree.tostring(document) for document in every_value(root())]
    certain, missed, invalid = compared(contents, revision)
    assert certain > 3000
    assert missed < certain / 50
    assert invalid > 2000


@pytest.mark.parametrize("revision", OF_TWO)
def test_changed_structures(revision: str) -> None:
    rng = random.Random(20160503)
    contents = [etree.tostring(restructured(root(), rng)) for _ in range(1500)]
    certain, missed, invalid = compared(contents, revision)
    assert certain > 100
    assert missed < certain
    assert invalid > 500


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'grade="07"', b'grade="07" strange="1"'),
        (b"<ScoreRationale/>", b"<ScoreRationale/><ScoreRationale/>"),
        (b'segment="0"/>', b'segment="0"> </Accommodation>'),
        (b"<SubScoreList>", b"<SubScoreList/><SubScoreList>"),
        (b"<TDSReport>", b"<!DOCTYPE TDSReport><TDSReport>"),
        (b"</Examinee>", b"</Examinee><Examinee/>"),
    ],
)
def test_what_the_reader_lets_pass_is_not_proved(old: bytes, new: bytes) -> None:
    content = DOCUMENT.replace(old, new, 1)
    assert content != DOCUMENT
    assert not is_valid(content)
    assert True not in [certain for _, certain in proved([content], CURRENT)]


def test_one_doubtful_result_leaves_its_neighbors_proved() -> None:
    wrong = changed("Test", "academicYear", "this year")
    found = proved([DOCUMENT, wrong, DOCUMENT], CURRENT)
    assert [certain for _, certain in found] == [True, False, True]


def test_many_strange_values_are_left_to_the_verdict() -> None:
    strange = [changed("Examinee", "key", f"+{n}") for n in range(2_001)]
    assert is_valid(strange[0])
    assert [certain for _, certain in proved([*strange, DOCUMENT], CURRENT)].count(True) == 0
    assert [certain for _, certain in proved(strange[:50], CURRENT)].count(True) == 50


def test_usual_forms_are_allowed_by_their_types() -> None:
    """A form that takes a value which the type refuses would prove what is invalid."""
    rng = np.random.default_rng(7)
    texts = ["0", "999999999", "0.5", "999999999.999999999999999", "2000-12-31T23:59:59"]
    for _ in range(2_000):
        year, month, day = rng.integers(1000, 2999), rng.integers(1, 13), rng.integers(1, 32)
        fraction = rng.choice(["", ".5", ".123456", "Z", ".1Z"])
        texts.append(f"{year}-{month:02}-{day:02}T23:59:00{fraction}")
    values = pl.Series([*texts, *VALUES])
    for type_name, form in _USUAL.items():
        assert type_name in types()
        taken = values.filter(values.str.contains(form)).to_list()
        assert taken
        assert [value for value in taken if not _types._asked(type_name, value)] == []
