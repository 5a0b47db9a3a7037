"""What a revision's schema says of a document: one fault a broken declaration."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from lxml import etree

from scorehouse.errors import UsageError
from scorehouse.intake.schema.declarations import CURRENT, attributes, elements, revisions, types
from scorehouse.intake.schema.xsd import schema_text

_PLACE = re.compile(r"Element '([^']*)'(?:, attribute '([^']*)')?: (.*)", re.DOTALL)
_MISSING = re.compile(r"The attribute '([^']*)' is required")
_UNKNOWN = re.compile(r"The attribute '([^']*)' is not allowed")
_EXPECTED = re.compile(r"Expected is (?:one of )?\( ([^)]*) \)")


class SchemaFault(NamedTuple):
    """One thing a schema forbids: `line` from 1, names as in the document.

    `attribute` is blank where the fault is the element's. `message` holds no value of the
    document, since any value may be a student's.
    """

    line: int
    element: str
    attribute: str
    message: str


class _Machines(threading.local):
    """What one thread parses and validates with; libxml2's validators aren't shared."""

    def __init__(self) -> None:
        self.schemas: dict[str, etree.XMLSchema] = {}
        self.parser = etree.XMLParser(
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
            huge_tree=False,
            remove_comments=True,
            remove_pis=True,
            collect_ids=False,
        )

    def schema(self, revision: str) -> etree.XMLSchema:
        if revision not in self.schemas:
            if revision not in revisions():
                known = ", ".join(revisions())
                raise UsageError(f"no schema has the revision {revision!r}; known are {known}")
            self.schemas[revision] = etree.XMLSchema(etree.fromstring(schema_text(revision)))
        return self.schemas[revision]


_machines = _Machines()


def is_valid(document: bytes, revision: str = CURRENT) -> bool:
    """Whether a document is well-formed, without a DOCTYPE, and valid; the fast answer."""
    root = _parsed(document)
    if isinstance(root, SchemaFault):
        return False
    return _machines.schema(revision).validate(root)


def verdict(document: bytes, revision: str = CURRENT) -> list[SchemaFault]:
    """Everything that a revision's schema says against a document; empty: valid.

    A document that isn't well-formed, or that has a DOCTYPE, has that one fault. Raises
    UsageError for a revision that there is no table for.
    """
    schema = _machines.schema(revision)
    root = _parsed(document)
    if isinstance(root, SchemaFault):
        return [root]
    if schema.validate(root):
        return []
    return list(_faults(schema.error_log, revision))


def verdict_on(root: etree._Element, revision: str = CURRENT) -> list[SchemaFault]:
    """As `verdict`, of a document or a part that is parsed already."""
    schema = _machines.schema(revision)
    return [] if schema.validate(root) else list(_faults(schema.error_log, revision))


def older_verdicts(document: bytes) -> dict[str, list[SchemaFault]]:
    """What each revision but the current one would say: information, never a reason to refuse."""
    return {name: verdict(document, name) for name in revisions() if name != CURRENT}


def _parsed(document: bytes) -> etree._Element | SchemaFault:
    try:
        root = etree.fromstring(document, _machines.parser)
    except etree.XMLSyntaxError as error:
        log: Any = error.error_log
        last = log.last_error
        words = str(last.type_name).removeprefix("ERR_").replace("_", " ").lower() if last else ""
        return SchemaFault(error.lineno or 1, "", "", f"not well-formed: {words or 'no XML'}")
    except ValueError:
        return SchemaFault(1, "", "", "not well-formed: no XML")
    about: Any = root.getroottree().docinfo
    if about.doctype:
        return SchemaFault(1, "", "", "a document type declaration (DOCTYPE) is refused")
    return root


def _faults(log: Any, revision: str) -> Iterator[SchemaFault]:
    seen: set[tuple[int, str, str]] = set()
    for entry in log:
        fault = _fault(entry.line, entry.message, revision)
        place = (fault.line, fault.element, fault.attribute)
        if not fault.attribute or place not in seen:  # a value fault is told twice
            yield fault
        seen.add(place)


def _fault(line: int, message: str, revision: str) -> SchemaFault:
    match = _PLACE.match(message)
    if match is None:
        return SchemaFault(line, "", "", "invalid by the schema")
    element, attribute, words = match[1], match[2] or "", match[3]
    if attribute and not _UNKNOWN.match(words):
        return SchemaFault(line, element, attribute, _value_words(element, attribute, revision))
    if unknown := attribute or _named(_UNKNOWN, words):
        return SchemaFault(line, element, unknown, f"{element} has no attribute {unknown}")
    if missing := _named(_MISSING, words):
        return SchemaFault(line, element, missing, f"{element} lacks its attribute {missing}")
    return SchemaFault(line, element, "", _content_words(element, words))


def _named(pattern: re.Pattern[str], words: str) -> str:
    match = pattern.match(words)
    return match[1] if match else ""


def _content_words(element: str, words: str) -> str:
    if words.startswith(("Character content", "Element content")):
        return f"{element} may hold no text of its own" + (
            ", nor an element" if words.startswith("Element") else ""
        )
    if words.startswith("No matching global"):
        return f"the root is {element}, not TDSReport"
    expected = _EXPECTED.search(words)
    listed = f"; expected here: {expected[1]}" if expected else ""
    if words.startswith("Missing child"):
        return f"{element} lacks an element{listed}"
    return f"{element} stands where it may not{listed}"


def _value_words(element: str, attribute: str, revision: str) -> str:
    type_name = _attribute_types(revision).get((element, attribute), "")
    allowed = types()[type_name].words if type_name in types() else "something else"
    return f"the value of {attribute} must be {allowed}"


@cache
def _attribute_types(revision: str) -> Mapping[tuple[str, str], str]:
    return {
        (element.name, attribute.name): attribute.type_name
        for element in elements()
        for attribute in attributes(revision).get(element.path, ())
    }
