"""Results that still name their own student: in a text the student wrote, or in a field."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

import pyarrow as pa

from scorehouse.intake.catalogue import Finding, make
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import OPPORTUNITY, RESULT, TEST, TEST_COLUMNS
from scorehouse.transmit.originals import Originals, Own

_SHORTEST_NAME = 3
_RESPONSE = ("response_text", "ResponseValue")
_LOOKED_AT = {
    "result": (
        *(f"test_{name}" for name in TEST),
        *(f"opportunity_{name}" for name in OPPORTUNITY),
    ),
    "examinee_attribute": ("value",),
    "examinee_relationship": ("value",),
    "segment": ("id", "formId", "formKey"),
    "accommodation": ("code", "value"),
    "generic_variable": ("value",),
    "item": ("clientId", "response_key", "response_text"),
    "score_info": ("message",),
}
"""Columns whose values aren't from a closed list, by table of elements."""


def mentions(chunk: ResultChunk, originals: Originals) -> Iterator[Finding]:
    """Say of each result whether it names its own student, in responses and elsewhere.

    Looked for as whole words, whatever the case: names of three letters or more, ids and
    birth dates. A value that results of several students share is nobody's.
    """
    files = _labels(chunk.tests)
    texts: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    shared = _Shared()
    for table, names in _LOOKED_AT.items():
        if table in chunk.elements:
            _gather(chunk.elements[table], names, texts, shared)
    if not chunk.is_xml:
        _gather(chunk.tests, TEST_COLUMNS, texts, shared)
        _gather(chunk.items, ("ResponseValue",), texts, shared)
    for number, own in originals.by_result.items():
        file, record = files.get(number, ("", ""))
        for field in _fields_naming(own, texts.get(number, {}), shared):
            is_response = field in _RESPONSE
            rule = "deidentify_text_mentions" if is_response else "deidentify_field_mentions"
            yield make(rule, file=file, record=record, field=field)


def _labels(tests: pa.Table) -> dict[int, tuple[str, str]]:
    columns = [tests[name].to_pylist() for name in (RESULT, "file", "TestOpportunityId")]
    return {
        number: (file or "", record or "") for number, file, record in zip(*columns, strict=True)
    }


class _Shared:
    """Which values occur in results of several students."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._several: set[str] = set()

    def note(self, value: str, number: int) -> None:
        if self._first.setdefault(value, number) != number:
            self._several.add(value)

    def __contains__(self, value: str) -> bool:
        return value in self._several


def _gather(
    table: pa.Table,
    names: tuple[str, ...],
    texts: Mapping[int, Mapping[str, list[str]]],
    shared: _Shared,
) -> None:
    numbers = table[RESULT].to_pylist()
    for name in names:
        is_response = name in _RESPONSE
        for number, text in zip(numbers, table[name].to_pylist(), strict=True):
            if text and len(text) >= _SHORTEST_NAME:
                texts[number][name].append(text)
                if not is_response:
                    shared.note(text, number)


def _fields_naming(own: Own, texts: Mapping[str, list[str]], shared: _Shared) -> list[str]:
    wanted = own.identifiers | own.births | own.names
    needles = sorted(text.casefold() for text in wanted if len(text) >= _SHORTEST_NAME)
    return [
        name
        for name, values in texts.items()
        if any(
            _names(value, needles) for value in values if name in _RESPONSE or value not in shared
        )
    ]


def _names(value: str, needles: list[str]) -> bool:
    folded = value.casefold()
    return any(
        needle in folded and re.search(rf"(?<!\w){re.escape(needle)}(?!\w)", folded)
        for needle in needles
    )
