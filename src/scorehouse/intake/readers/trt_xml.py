"""Parsing TRT XML securely: no DTD, no entities, no network, no huge trees."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import IO

from lxml import etree

from scorehouse.intake.findings import FindingLog

_BEFORE_ROOT = re.compile(rb"(?:\xef\xbb\xbf|\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SHOWN_ROOT = 60
LARGEST_REPORT = 12 << 20  # bytes in a wrapper without a result's end


class _TooLargeError(Exception):
    """A wrapper holds more without a result's end than memory may be spent on."""


class _Metered:
    """A stream that stops when too much was read since `begin`."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most, self._read = stream, most, 0

    def begin(self) -> None:
        self._read = 0

    def read(self, size: int = -1) -> bytes:
        block = self._stream.read(size)
        self._read += len(block)
        if self._read > self._most:
            raise _TooLargeError
        return block


def root_start(content: bytes) -> bytes:
    """Return what follows the byte order mark, the declaration and comments.

    >>> root_start(b"<?xml version='1.0'?> <TDSReport/>")
    b'<TDSReport/>'
    """
    if content.startswith(_UTF16):
        content = content.decode("utf-16", "replace").lstrip("\ufeff").encode()
    match = _BEFORE_ROOT.match(content)
    return content[match.end() :] if match else content


def looks_like_xml(content: bytes) -> bool:
    """Tell from the first bytes of a file whether it is XML."""
    return root_start(content).startswith(b"<")


def is_wrapper(head: bytes) -> bool:
    """Tell from the first bytes whether a document wraps many results.

    >>> is_wrapper(b"<?xml version='1.0'?><TDSReports>"), is_wrapper(b"<TDSReport>")
    (True, False)
    """
    return re.match(rb"<TDSReports[\s>/]", root_start(head)) is not None


def reports(
    source: bytes | IO[bytes], shown: str, log: FindingLog, *, most_bytes: int = LARGEST_REPORT
) -> Iterator[tuple[str, etree._Element]]:
    """Yield every `TDSReport` of one document with the name it has in findings.

    A `TDSReports` wrapper is streamed, one report at a time; the element is valid until
    the next one is asked for. What can't be read becomes a finding; so does a wrapper with
    more than `most_bytes` in one result or between two, read no further.
    """
    head = source[:4096] if isinstance(source, bytes) else _peeked(source)
    start = root_start(head)
    if start[:9].upper() == b"<!DOCTYPE":
        log.add("xml_doctype", file=shown)
    elif is_wrapper(start):
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        yield from _wrapped(_Metered(stream, most_bytes), shown, log, most_bytes)
    else:
        content = source if isinstance(source, bytes) else source.read()
        yield from _single(content, shown, log)


def _peeked(stream: IO[bytes]) -> bytes:
    head = stream.read(4096)
    stream.seek(0)
    return head


def _single(content: bytes, shown: str, log: FindingLog) -> Iterator[tuple[str, etree._Element]]:
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        log.add("xml_malformed", file=shown, row=_line(error), reason=_reason(error))
        return
    except ValueError as error:
        log.add("xml_malformed", file=shown, reason=str(error))
        return
    if _has_doctype(root):
        log.add("xml_doctype", file=shown)
    elif root.tag != "TDSReport":
        log.add("xml_not_trt", file=shown, root=repr(str(root.tag)[:_SHOWN_ROOT]))
    else:
        yield shown, root


def _has_doctype(root: etree._Element) -> bool:
    return bool(getattr(root.getroottree().docinfo, "doctype", ""))


def _wrapped(
    stream: _Metered, shown: str, log: FindingLog, most_bytes: int
) -> Iterator[tuple[str, etree._Element]]:
    documents = etree.iterparse(
        stream,
        tag="TDSReport",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    number = 0
    try:
        for _, report in documents:
            number += 1
            yield f"{shown}#{number}", report
            report.clear()
            while report.getprevious() is not None:
                del report.getparent()[0]
            stream.begin()
    except _TooLargeError:
        log.add("xml_too_large", file=f"{shown}#{number + 1}", limit=most_bytes)
    except etree.XMLSyntaxError as error:
        reason = f"{_reason(error)}; the {number} results before it were read"
        log.add("xml_malformed", file=shown, row=_line(error), reason=reason)


def _line(error: etree.XMLSyntaxError) -> int | None:
    return error.lineno if error.lineno and error.lineno > 0 else None


def _reason(error: etree.XMLSyntaxError) -> str:
    """Say what is wrong without repeating the document: names and texts may be private."""
    last = getattr(error.error_log, "last_error", None)
    words = str(last.type_name).removeprefix("ERR_").replace("_", " ").lower() if last else "no XML"
    return f"{words}, line {error.lineno}, column {error.offset}"
