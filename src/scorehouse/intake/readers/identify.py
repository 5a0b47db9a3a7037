"""Recognising what a file is by its content; the ending of its name decides nothing."""

from __future__ import annotations

import csv
from enum import StrEnum
from pathlib import Path

from scorehouse.intake.readers.trt_xml import looks_like_xml

_HEAD_BYTES = 1 << 16
_PARQUET, _ZIP_FILE, _ZIP_EMPTY = b"PAR1", b"PK\x03\x04", b"PK\x05\x06"
_LEFT_BEHIND = (".DS_Store", "Thumbs.db", "desktop.ini")
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
"""How a text begins whose letters have two bytes."""

DELIMITERS = (",", "\t", ";", "|")


class FileKind(StrEnum):
    """The kinds of file that are told apart."""

    XML = "XML"
    ZIP = "zip"
    PARQUET = "Parquet"
    CSV = "CSV"
    EMPTY = "empty"
    UNKNOWN = "unknown"


def identify(path: Path) -> FileKind:
    """Tell what kind a file is. Raises `OSError` when it can't be opened."""
    with path.open("rb") as stream:
        head = stream.read(_HEAD_BYTES)
    return identify_head(head)


def identify_head(head: bytes) -> FileKind:
    """Tell from a file's first bytes what kind it is."""
    if not head:
        return FileKind.EMPTY
    if head.startswith(_PARQUET):
        return FileKind.PARQUET
    if head.startswith((_ZIP_FILE, _ZIP_EMPTY)):
        return FileKind.ZIP
    if looks_like_xml(head):
        return FileKind.XML
    return FileKind.CSV if len(header_of(head)) > 1 else FileKind.UNKNOWN


def is_left_behind(name: str) -> bool:
    """Tell whether a file is one that an operating system leaves in folders and archives.

    >>> is_left_behind("__MACOSX/a/._1.xml"), is_left_behind("a/1.xml")
    (True, False)
    """
    parts = name.replace("\\", "/").split("/")
    return parts[0] == "__MACOSX" or parts[-1].startswith("._") or parts[-1] in _LEFT_BEHIND


def header_of(head: bytes) -> list[str]:
    """Return the column names of a delimited text from its first bytes; empty for other data."""
    text = _text(head)
    line = text.lstrip("\ufeff\r\n").splitlines()[0] if text.strip("\ufeff\r\n") else ""
    return [] if "\0" in line else split_header(line)


def split_header(line: str) -> list[str]:
    """Split a header line into names, without blanks around them."""
    cells = next(csv.reader([line], delimiter=delimiter_of(line)), [])
    return [cell.strip() for cell in cells]


def delimiter_of(line: str) -> str:
    """Return the delimiter that splits a header line into the most names.

    >>> delimiter_of("a;b;c,d")
    ';'
    """
    return max(DELIMITERS, key=line.count)


def as_utf8(head: bytes) -> bytes:
    """Return the first bytes of a text as UTF-8, whichever of the two encodings it is in."""
    if not head.startswith(UTF_16):
        return head
    return head.decode("utf-16", "replace").lstrip("\ufeff").encode()


def _text(head: bytes) -> str:
    if head.startswith(UTF_16):
        return head.decode("utf-16", "replace")
    return head.decode("utf-8", "replace")
