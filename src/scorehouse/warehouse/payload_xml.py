"""TRT without the results of some students or years: the other documents stay byte by byte."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO

from scorehouse.transmit.private_fields import HASHED_NAMES
from scorehouse.warehouse.going import Counted, Going
from scorehouse.warehouse.needles import plain

_CHUNK = 1 << 20
_LONGEST_MARK = 256
_BEGIN = re.compile(rb"<(?:[\w.-]+:)?TDSReport[\s>/]")
_END = re.compile(rb"</(?:[\w.-]+:)?TDSReport\s*>")
_REST = rb"""(?:"[^"]*"|'[^']*'|[^>"'])*"""
_PERSON = re.compile(rb"<(?:[\w.-]+:)?Examinee(?:Attribute|Relationship)\b" + _REST)
_TEST = re.compile(rb"<(?:[\w.-]+:)?Test\b" + _REST)
_ATTRIBUTE = re.compile(rb"""([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_NAMES = frozenset(name.casefold() for name in HASHED_NAMES)
_DECLARED = re.compile(r"(?i)encoding\s*=\s*([\"'])utf-?16[a-z]*\1")


def rewrite_xml(source: IO[bytes], target: IO[bytes], going: Going) -> Counted:
    """Copy a document or a wrapper of documents without those that go."""
    counted = Counted()
    for piece, is_document in pieces(source):
        if is_document and is_gone(piece, going):
            counted.dropped += 1
            continue
        counted.kept += is_document
        covered = going.needles.masked(piece)
        counted.masked += covered != piece
        target.write(covered)
    return counted


def is_gone(document: bytes, going: Going) -> bool:
    """Whether a document is of a student or of a year that goes."""
    text = plain(document)
    if going.years and any(going.is_year(year) for year in _values(_TEST, text, "academicyear")):
        return True
    found = (
        attributes.get("value", "").strip()
        for attributes in _elements(_PERSON, text)
        if attributes.get("name", "").strip().casefold() in _NAMES
    )
    return going.needles.are_values(found)


def _values(element: re.Pattern[bytes], text: bytes, name: str) -> Iterator[str]:
    return (one[name] for one in _elements(element, text) if name in one)


def _elements(element: re.Pattern[bytes], text: bytes) -> Iterator[dict[str, str]]:
    for found in element.finditer(text):
        yield {
            name.decode("utf-8", "replace").lower(): (double or single).decode("utf-8", "replace")
            for name, double, single in _ATTRIBUTE.findall(found[0])
        }


def pieces(source: IO[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Cut TRT into documents (told by True) and what stands before, between and after them."""
    buffer = _start(source)
    is_ended = False
    while True:
        begin = _BEGIN.search(buffer)
        end = _END.search(buffer, begin.end()) if begin else None
        if begin and end:
            yield buffer[: begin.start()], False
            yield buffer[begin.start() : end.end()], True
            buffer = buffer[end.end() :]
            continue
        if is_ended:
            yield buffer, begin is not None
            return
        if begin is None and len(buffer) > _LONGEST_MARK:
            yield buffer[:-_LONGEST_MARK], False
            buffer = buffer[-_LONGEST_MARK:]
        more = source.read(max(_CHUNK, len(buffer)))
        is_ended = not more
        buffer += more


def _start(source: IO[bytes]) -> bytes:
    """The first bytes; all of them, in UTF-8, when they are in UTF-16."""
    first = source.read(_CHUNK)
    if not first.startswith((b"\xff\xfe", b"\xfe\xff")):
        return first
    text = (first + source.read()).decode("utf-16", "replace")
    return _DECLARED.sub('encoding="UTF-8"', text, count=1).encode()
