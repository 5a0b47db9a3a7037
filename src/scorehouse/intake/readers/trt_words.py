"""The names of the transmission format, laid out for the scanner and the readable reader.

A result is a tree of nineteen kinds of element. Each kind writes into one table of
`result_shapes.ELEMENTS`; this module says which element may stand in which, which attribute
goes to which column, and packs both into one hash table of plain arrays.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from scorehouse import result_shapes as shapes

Bytes = npt.NDArray[np.uint8]
Numbers = npt.NDArray[np.int32]


class Element(IntEnum):
    """The kinds of element; the numbers are the scanner's."""

    TDSReport = 0
    Test = 1
    Examinee = 2
    ExamineeAttribute = 3
    ExamineeRelationship = 4
    Opportunity = 5
    Segment = 6
    Accommodation = 7
    Score = 8
    GenericVariable = 9
    Item = 10
    Response = 11
    ScoreInfo = 12
    ScoreRationale = 13
    Message = 14
    SubScoreList = 15
    Comment = 16
    ToolUsage = 17
    ToolPage = 18


TABLES = (
    "result", "examinee_attribute", "examinee_relationship", "segment", "accommodation", "score",
    "generic_variable", "item", "score_info", "comment", "tool_page",
)  # fmt: skip
"""The tables in the order of the scanner's numbers."""


def text_columns(table: str) -> tuple[str, ...]:
    """Return the columns of a table that hold delivered text (`file` is not one)."""
    return tuple(
        field.name
        for field in shapes.ELEMENTS[table]
        if field.type == shapes.ELEMENTS["result"].field("file").type and field.name != "file"
    )


WIDTHS = tuple(len(text_columns(table)) for table in TABLES)

_IN_ITEM = len(shapes.ITEM)
_IN_RESULT = {
    Element.Test: (0, shapes.TEST),
    Element.Examinee: (len(shapes.TEST), shapes.EXAMINEE),
    Element.Opportunity: (len(shapes.TEST) + len(shapes.EXAMINEE), shapes.OPPORTUNITY),
}
ATTRIBUTES: dict[Element, tuple[int, tuple[str, ...]]] = {
    **_IN_RESULT,
    Element.ExamineeAttribute: (0, shapes.EXAMINEE_ATTRIBUTE),
    Element.ExamineeRelationship: (0, shapes.EXAMINEE_RELATIONSHIP),
    Element.Segment: (0, shapes.SEGMENT),
    Element.Accommodation: (0, shapes.ACCOMMODATION),
    Element.Score: (0, shapes.SCORE),
    Element.GenericVariable: (0, shapes.GENERIC_VARIABLE),
    Element.Item: (0, shapes.ITEM),
    Element.Response: (_IN_ITEM, shapes.RESPONSE),
    Element.ScoreInfo: (0, shapes.SCORE_INFO),
    Element.Comment: (0, shapes.COMMENT),
    Element.ToolUsage: (0, shapes.TOOL_USAGE),
    Element.ToolPage: (len(shapes.TOOL_USAGE), shapes.TOOL_PAGE),
}
"""Element -> the first column of its table that it fills, and its attributes in order."""

CHILDREN: dict[Element, tuple[Element, ...]] = {
    Element.TDSReport: (
        Element.Test,
        Element.Examinee,
        Element.Opportunity,
        Element.Comment,
        Element.ToolUsage,
    ),
    Element.Examinee: (Element.ExamineeAttribute, Element.ExamineeRelationship),
    Element.Opportunity: (
        Element.Segment,
        Element.Accommodation,
        Element.Score,
        Element.GenericVariable,
        Element.Item,
    ),
    Element.Item: (Element.Response, Element.ScoreInfo),
    Element.ScoreInfo: (Element.ScoreRationale, Element.SubScoreList),
    Element.ScoreRationale: (Element.Message,),
    Element.SubScoreList: (Element.ScoreInfo,),
    Element.ToolUsage: (Element.ToolPage,),
}
"""Which elements may stand in which; their order is not looked at."""

ROWS: dict[Element, str] = {
    Element.TDSReport: "result",
    Element.ExamineeAttribute: "examinee_attribute",
    Element.ExamineeRelationship: "examinee_relationship",
    Element.Segment: "segment",
    Element.Accommodation: "accommodation",
    Element.Score: "score",
    Element.GenericVariable: "generic_variable",
    Element.Item: "item",
    Element.ScoreInfo: "score_info",
    Element.Comment: "comment",
    Element.ToolPage: "tool_page",
}
"""The elements that begin a row of their own."""

TEXTS: dict[Element, int] = {
    Element.Response: _IN_ITEM + len(shapes.RESPONSE),
    Element.ScoreRationale: len(shapes.SCORE_INFO),
    Element.Message: len(shapes.SCORE_INFO) + 1,
    Element.Comment: len(shapes.COMMENT),
}
"""The elements that carry text, and the column it goes to."""

SLOTS = 2048
AS_CHILD = 32  # the owner of an element's name is its parent's number and this


S_OWNER, S_START, S_SIZE, S_ANSWER = range(4)
K_START, K_SIZE, K_TABLE, K_TEXT, K_WIDTH = range(5)


class Words(NamedTuple):
    """One hash table for both questions: what an attribute is, and what a child is.

    A slot holds the owner (an element's number; for children `AS_CHILD` more), where the
    name stands in `letters`, its length, and the answer: a column, or an element. `kinds`
    has a line for each element: where its own name stands and its length, the table it
    begins a row of (or -1), the column of its text (or -1), how many cells a row has.
    """

    slots: Numbers
    letters: Bytes
    kinds: Numbers


def hash_of(name: bytes, owner: int) -> int:
    """Return the slot where looking for a name begins; the scanner computes the same."""
    value = owner
    for letter in name:
        value = (value * 31 + letter) & 0xFFFFFF
    return (value ^ (value >> 11)) & (SLOTS - 1)


def _entries() -> list[tuple[int, str, int]]:
    attributes = [
        (int(element), name, first + place)
        for element, (first, names) in ATTRIBUTES.items()
        for place, name in enumerate(names)
    ]
    children = [
        (parent + AS_CHILD, child.name, int(child))
        for parent, found in CHILDREN.items()
        for child in found
    ]
    return attributes + children


def words() -> Words:
    """Lay out the names as arrays."""
    slots = np.full((SLOTS, 4), -1, np.int32)
    letters = bytearray()
    for owner, name, answer in _entries():
        slot = hash_of(name.encode(), owner)
        while slots[slot, S_OWNER] >= 0:
            slot = (slot + 1) % SLOTS
        slots[slot] = owner, len(letters), len(name), answer
        letters += name.encode()
    kinds = []
    for element in Element:
        table = TABLES.index(ROWS[element]) if element in ROWS else -1
        width = WIDTHS[table] if table >= 0 else 0
        kinds.append((len(letters), len(element.name), table, TEXTS.get(element, -1), width))
        letters += element.name.encode()
    return Words(slots, np.frombuffer(bytes(letters), np.uint8), np.array(kinds, np.int32))
