"""One result as the incumbent sees it, from a document or from the tables of a chunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from scorehouse.intake.compat.rdw_fields import SAME_AS
from scorehouse.result_shapes import EXAMINEE, OPPORTUNITY, TEST

_ATTRIBUTE_TABLES = ("examinee_attribute", "examinee_relationship")


class Named(NamedTuple):
    """An ExamineeAttribute or ExamineeRelationship."""

    context: str
    name: str
    value: str | None


class Report(NamedTuple):
    """The elements and attributes that the incumbent's messages are about."""

    test: Mapping[str, str]
    examinee: Mapping[str, str] | None
    opportunity: Mapping[str, str]
    attributes: tuple[Named, ...]
    relationships: tuple[Named, ...]
    scores: tuple[Mapping[str, str], ...] = ()

    def attribute(self, name: str) -> str | None:
        """The student attribute as chosen by the incumbent: first FINAL, else last INITIAL."""
        return chosen(self.attributes, name)

    def relationship(self, name: str) -> str | None:
        """The same for a relationship."""
        return chosen(self.relationships, name)


def chosen(named: tuple[Named, ...], name: str) -> str | None:
    """The first FINAL value of a name, else the last INITIAL one; None when there is neither.

    A blank FINAL value beats an INITIAL one that isn't.
    """
    found = [one for one in named if SAME_AS.get(one.name, one.name) == name]
    for one in found:
        if one.context == "FINAL":
            return one.value
    return found[-1].value if found else None


def report_from(root: etree._Element) -> Report:
    """Read a parsed TDSReport."""
    examinee = root.find("Examinee")
    return Report(
        test=_attributes(root.find("Test")),
        examinee=None if examinee is None else _attributes(examinee),
        opportunity=_attributes(root.find("Opportunity")),
        attributes=_named(root, "ExamineeAttribute"),
        relationships=_named(root, "ExamineeRelationship"),
        scores=tuple(_attributes(score) for score in root.iterfind("Opportunity/Score")),
    )


def _attributes(element: etree._Element | None) -> dict[str, str]:
    return {} if element is None else {str(k): str(v) for k, v in element.attrib.items()}


def _named(root: etree._Element, tag: str) -> tuple[Named, ...]:
    return tuple(
        Named(one.get("context", ""), one.get("name", ""), one.get("value"))
        for one in root.iterfind(f"Examinee/{tag}")
    )


def reports_in(elements: Mapping[str, pa.Table]) -> Iterator[tuple[int, Report]]:
    """Give each result of a chunk's element tables, with its number."""
    named = {table: _by_result(elements[table], _as_named) for table in _ATTRIBUTE_TABLES}
    scores = _by_result(elements["score"], _filled)
    for row in elements["result"].to_pylist():
        number = row["result"]
        yield (
            number,
            Report(
                test=_prefixed(row, "test", TEST),
                examinee=_prefixed(row, "examinee", EXAMINEE) if row["has_examinee"] else None,
                opportunity=_prefixed(row, "opportunity", OPPORTUNITY),
                attributes=tuple(named["examinee_attribute"].get(number, ())),
                relationships=tuple(named["examinee_relationship"].get(number, ())),
                scores=tuple(scores.get(number, ())),
            ),
        )


def _by_result(table: pa.Table, make: Any) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    order = pc.sort_indices(table["result"]) if table.num_rows else None
    for row in (table.take(order) if order is not None else table).to_pylist():
        found.setdefault(row["result"], []).append(make(row))
    return found


def _as_named(row: Mapping[str, Any]) -> Named:
    return Named(row["context"] or "", row["name"] or "", row["value"])


def _filled(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: value for name, value in row.items() if name != "result" and value is not None}


def _prefixed(row: Mapping[str, Any], prefix: str, names: tuple[str, ...]) -> dict[str, str]:
    values = ((name, row[f"{prefix}_{name}"]) for name in names)
    return {name: value for name, value in values if value is not None}
