"""What identified the students of a chunk before: what a leak would look like."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import RESULT
from scorehouse.transmit import private_fields as private

_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
SHORTEST_SURE = 8
"""Characters from which a text found in the output can't be there by chance."""


@dataclass
class Own:
    """The originals of one result."""

    identifiers: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    births: set[str] = field(default_factory=set)
    full_names: set[str] = field(default_factory=set)


@dataclass
class Originals:
    """The originals of a chunk's results, by the number of the result."""

    by_result: dict[int, Own] = field(default_factory=dict)
    staff: set[str] = field(default_factory=set)

    def of(self, result: int) -> Own:
        """The originals of one result; made when there are none yet."""
        return self.by_result.setdefault(result, Own())

    def sure(self) -> set[str]:
        """Texts that may stand nowhere in the output: ids, e-mails, full names, staff."""
        everything = set(self.staff)
        for own in self.by_result.values():
            everything |= own.identifiers | own.full_names
        return {text for text in everything if len(text) >= SHORTEST_SURE}


def originals_of(chunk: ResultChunk) -> Originals:
    """Gather what identifies the students, test administrators and raters of a chunk."""
    found = Originals()
    _from_tests(found, chunk.tests)
    for name in ("examinee_attribute", "examinee_relationship"):
        if name in chunk.elements:
            _from_named(found, chunk.elements[name])
    if "result" in chunk.elements:
        _from_result(found, chunk.elements["result"])
    if "score_info" in chunk.elements:
        for text in _distinct(chunk.elements["score_info"]["message"]):
            found.staff |= _scorers(text)
    for rater in private.ITEM_HASHED:
        found.staff |= {text for text in _distinct(chunk.items[rater]) if not _is_rule(text)}
    for own in found.by_result.values():
        own.names -= own.identifiers
    return found


def _is_rule(scorer: str) -> bool:
    return scorer.startswith(private.RULE_MADE_RATER)


def _distinct(column: pa.ChunkedArray) -> list[str]:
    return [text.strip() for text in column.unique().to_pylist() if text and text.strip()]


def _scorers(message: str) -> set[str]:
    """E-mails anywhere in a scoring message, and its scorer."""
    found = set(_EMAIL.findall(message))
    try:
        entries = json.loads(message)
    except ValueError:
        return found
    if isinstance(entries, Mapping):
        texts = [entries.get(name) for name in (*private.MESSAGE_HASHED, "userLastName")]
        found |= {text.strip() for text in texts if isinstance(text, str) and text.strip()}
    return {text for text in found if not _is_rule(text)}


def _from_tests(found: Originals, tests: pa.Table) -> None:
    numbers = tests[RESULT].to_pylist()
    _each(numbers, tests, private.TEST_HASHED, lambda n, text: found.of(n).identifiers.add(text))
    names = ("FirstName", "MiddleName", "LastOrSurname", "AliasName")
    _each(numbers, tests, names, lambda n, text: found.of(n).names.add(text))
    _each(numbers, tests, ("Birthdate",), lambda n, text: found.of(n).births.add(text))
    staff = ("TestAdministratorId", "TestAdministratorName", "TestSessionId")
    _each(numbers, tests, staff, lambda _n, text: found.staff.add(text))
    firsts, lasts = (tests[name].to_pylist() for name in ("FirstName", "LastOrSurname"))
    for number, first, last in zip(numbers, firsts, lasts, strict=True):
        found.of(number).full_names |= _full_names(first, last)


def _full_names(first: str | None, last: str | None) -> set[str]:
    if not (first and first.strip() and last and last.strip()):
        return set()
    return {f"{first.strip()} {last.strip()}", f"{last.strip()}, {first.strip()}"}


def _each(
    numbers: list[int],
    table: pa.Table,
    names: Iterable[str],
    add: Callable[[int, str], None],
) -> None:
    for name in names:
        for number, text in zip(numbers, table[name].to_pylist(), strict=True):
            if text and text.strip():
                add(number, text.strip())


def _from_named(found: Originals, table: pa.Table) -> None:
    kinds = {
        **dict.fromkeys(map(str.casefold, private.HASHED_NAMES), "identifiers"),
        **dict.fromkeys(map(str.casefold, private.PERSON_NAMES), "names"),
        **dict.fromkeys(map(str.casefold, private.BIRTH_NAMES), "births"),
    }
    columns = [table[name].to_pylist() for name in (RESULT, "name", "value")]
    for number, name, value in zip(*columns, strict=True):
        kind = kinds.get((name or "").strip().casefold())
        if kind and value and value.strip():
            getattr(found.of(number), kind).add(value.strip())


def _from_result(found: Originals, table: pa.Table) -> None:
    for number, key in zip(
        table[RESULT].to_pylist(), table["examinee_key"].to_pylist(), strict=True
    ):
        if key and len(key.strip()) >= SHORTEST_SURE:
            found.of(number).identifiers.add(key.strip())
    for name in ("opportunity_taId", "opportunity_taName", "opportunity_sessionId"):
        found.staff |= set(_distinct(table[name]))
