"""The readable reader of a result: from a parsed `TDSReport` to rows of the element tables.

It is the text that the scanner is held to, and what reads every document the scanner
leaves: other encodings, comments, markup inside a response, names it doesn't know. What has
no column is counted and told, so that nothing is lost in silence.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pyarrow as pa
from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.trt_words import ATTRIBUTES, CHILDREN, Element
from scorehouse.result_shapes import ELEMENTS

_BLANK = " \t\r\n"
_MOST_NAME = 60
_ALIASES = {
    (Element.Opportunity, "TAID"): "taId",
    (Element.Opportunity, "TAName"): "taName",
    (Element.ToolUsage, "toolType"): "type",
    (Element.ToolUsage, "toolCode"): "code",
    (Element.Score, "measurelabel"): "measureLabel",
    (Element.Test, "testID"): "testId",
    (Element.Test, "airbank"): "bankKey",
    (Element.Test, "handscoreproject"): "handScoreProject",
    (Element.Item, "airbank"): "bankKey",
    (Element.Item, "airkey"): "key",
}
"""Spellings of the prose and of early examples; the schema has the other form."""

Row = tuple[object, ...]
Values = tuple[str | None, ...]


class _Node(NamedTuple):
    """A ScoreInfo about to be read, and the number of the one it stands in."""

    element: etree._Element
    parent: int


class ElementRows:
    """Rows of the element tables on their way to Arrow."""

    def __init__(self, log: FindingLog) -> None:
        self._log = log
        self._rows: dict[str, list[Row]] = defaultdict(list)
        self._strange: Counter[str] = Counter()
        self._renamed: Counter[str] = Counter()

    def add(self, result: int, file: str, report: etree._Element) -> None:
        """Take all rows of one result, and tell what of it has no place in the tables."""
        self._strange, self._renamed = Counter(), Counter()
        self._attributes_not_known(report, Element.TDSReport, ())
        once: dict[Element, etree._Element] = {}
        usages = 0
        for kind, child in self._children(report, Element.TDSReport):
            if kind is Element.Comment:
                self._rows["comment"].append(
                    (result, *self._attributes(child, kind), self._text(child, kind))
                )
            elif kind is Element.ToolUsage:
                self._tool_usage(result, usages, child)
                usages += 1
            elif kind in once:
                self._strange[f"TDSReport/{kind.name} (another)"] += 1
            else:
                once[kind] = child
        self._result(result, file, once)
        self._tell(file, once)

    def tables(self) -> dict[str, pa.Table]:
        """Return what was taken as the tables of `result_shapes.ELEMENTS`."""
        return {name: _table(self._rows[name], schema) for name, schema in ELEMENTS.items()}

    def _result(self, result: int, file: str, once: dict[Element, etree._Element]) -> None:
        values: list[str | None] = []
        for kind in (Element.Test, Element.Examinee, Element.Opportunity):
            values += self._attributes(once.get(kind), kind)
        there = (Element.Examinee in once, Element.Opportunity in once)
        self._rows["result"].append((result, file, *values, *there))
        self._plain_rows(result, Element.Test, once.get(Element.Test))
        self._plain_rows(result, Element.Examinee, once.get(Element.Examinee))
        self._plain_rows(result, Element.Opportunity, once.get(Element.Opportunity))

    def _plain_rows(self, result: int, parent: Element, found: etree._Element | None) -> None:
        """Take the children of the examinee and of the opportunity."""
        items = 0
        for kind, child in () if found is None else self._children(found, parent):
            if kind is Element.Item:
                self._item(result, items, child)
                items += 1
            else:
                self._rows[_TABLE[kind]].append((result, *self._attributes(child, kind)))
                self._end(child, kind)

    def _item(self, result: int, item: int, element: etree._Element) -> None:
        response: etree._Element | None = None
        nodes = 0
        own = self._attributes(element, Element.Item)
        for kind, child in self._children(element, Element.Item):
            if kind is Element.ScoreInfo:
                nodes = self._score_infos(result, item, nodes, child)
            elif response is None:
                response = child
            else:
                self._strange["Item/Response (another)"] += 1
        answer = self._attributes(response, Element.Response)
        text = None if response is None else self._text(response, Element.Response)
        self._rows["item"].append((result, item, *own, *answer, text))

    def _score_infos(self, result: int, item: int, first: int, top: etree._Element) -> int:
        """Take a ScoreInfo and all below it, in document order; return the next number."""
        waiting = [_Node(top, -1)]
        number = first
        while waiting:
            node = waiting.pop()
            below: list[etree._Element] = []
            rationale: tuple[str | None, str | None] | None = None
            for kind, child in self._children(node.element, Element.ScoreInfo):
                if kind is Element.SubScoreList:
                    self._attributes_not_known(child, kind, ())
                    below += [found for _, found in self._children(child, kind)]
                elif rationale is None:
                    rationale = self._rationale(child)
                else:
                    self._strange["ScoreInfo/ScoreRationale (another)"] += 1
            values = self._attributes(node.element, Element.ScoreInfo)
            place = (result, item, number, node.parent)
            self._rows["score_info"].append((*place, *values, *(rationale or (None, None))))
            waiting += [_Node(child, number) for child in reversed(below)]
            number += 1
        return number

    def _rationale(self, element: etree._Element) -> tuple[str | None, str | None]:
        """Return the rationale's own text (blank: none beside its Message) and the Message."""
        message: str | None = None
        self._attributes_not_known(element, Element.ScoreRationale, ())
        pieces = [element.text or ""]
        for child in element:
            if child.tag == Element.Message.name and message is None:
                self._attributes_not_known(child, Element.Message, ())
                message = self._text(child, Element.Message)
            else:
                self._strange[f"ScoreRationale/{_name(child)}"] += 1
            pieces.append(child.tail or "")
        own = "".join(pieces)
        return (own if own.strip(_BLANK) else ""), message

    def _tool_usage(self, result: int, usage: int, element: etree._Element) -> None:
        own = self._attributes(element, Element.ToolUsage)
        pages = list(self._children(element, Element.ToolUsage))
        for kind, page in pages:
            self._rows["tool_page"].append((result, usage, *own, *self._attributes(page, kind)))
            self._end(page, kind)
        if not pages:
            nothing = self._attributes(None, Element.ToolPage)
            self._rows["tool_page"].append((result, usage, *own, *nothing))

    def _attributes(self, element: etree._Element | None, kind: Element) -> Values:
        names = ATTRIBUTES[kind][1]
        if element is None:
            return (None,) * len(names)
        given = {str(name): str(value) for name, value in element.items()}
        if not given.keys() <= set(names):
            given = self._known_spellings(given, kind)
            self._attributes_not_known(element, kind, given)
        return tuple(given.get(name) for name in names)

    def _known_spellings(self, given: dict[str, str], kind: Element) -> dict[str, str]:
        """Accept another spelling of a name where the right one isn't given too."""
        kept = dict(given)
        for name, value in given.items():
            right = _ALIASES.get((kind, name))
            if right and right not in kept:
                kept[right] = value
                self._renamed[f"{kind.name}/{name}"] += 1
                del kept[name]
        known = set(ATTRIBUTES[kind][1])
        return {name: value for name, value in kept.items() if name in known} | {
            name: value for name, value in given.items() if (kind, name) in _ALIASES
        }

    def _attributes_not_known(
        self, element: etree._Element, kind: Element, known: Sequence[str] | dict[str, str]
    ) -> None:
        for name in map(str, element.keys()):
            if name not in known:
                self._strange[f"{kind.name}/{name[:_MOST_NAME]}"] += 1

    def _children(
        self, element: etree._Element, kind: Element
    ) -> Iterator[tuple[Element, etree._Element]]:
        """Yield the children that belong here; count the others, and text between them."""
        allowed = CHILDREN.get(kind, ())
        for child in element:
            found = _KINDS.get(str(child.tag))
            if found in allowed and found is not None:
                yield found, child
            else:
                self._strange[f"{kind.name}/{_name(child)}"] += 1
        self._text_between(element, kind)

    def _text_between(self, element: etree._Element, kind: Element) -> None:
        texts = [element.text, *(child.tail for child in element)]
        if any(text and text.strip(_BLANK) for text in texts):
            self._strange[f"{kind.name} (text)"] += 1

    def _end(self, element: etree._Element, kind: Element) -> None:
        """Count what stands inside an element that should be empty."""
        for _ in self._children(element, kind):
            pass

    def _text(self, element: etree._Element, kind: Element) -> str:
        """Return the string value of an element; markup inside it is counted, its text kept."""
        for child in element.iterdescendants():
            self._strange[f"{kind.name}/{_name(child)}"] += 1
        return "".join(str(text) for text in element.itertext())

    def _tell(self, file: str, once: dict[Element, etree._Element]) -> None:
        sitting = once.get(Element.Opportunity)
        record = "" if sitting is None else sitting.get("key") or sitting.get("oppId") or ""
        for rule, found in (
            ("trt_part_unknown", self._strange),
            ("trt_part_renamed", self._renamed),
        ):
            for name, count in sorted(found.items()):
                self._log.add(rule, file=file, record=record, field=name, count=count)


_KINDS = {element.name: element for element in Element}
_TABLE = {
    Element.ExamineeAttribute: "examinee_attribute",
    Element.ExamineeRelationship: "examinee_relationship",
    Element.Segment: "segment",
    Element.Accommodation: "accommodation",
    Element.Score: "score",
    Element.GenericVariable: "generic_variable",
}


def _name(element: etree._Element) -> str:
    return str(element.tag)[:_MOST_NAME]


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.table(arrays, schema=schema)
