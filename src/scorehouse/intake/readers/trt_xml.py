"""Parsing TRT XML securely: no DTD, no entities, no network, no huge trees."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Generator, Iterator
from typing import IO

from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.trt_wrapper import Wrapper

_BEFORE_ROOT = re.compile(rb"(?:\xef\xbb\xbf|\s+|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml[^>]*?encoding=["']([A-Za-z0-9._-]+)["']""")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_SHOWN_ROOT = 60
LARGEST_REPORT = 12 << 20  # bytes in a wrapper without a result's end


class _TooLargeError(Exception):
    """A wrapper holds more without a result's end than memory may be spent on."""


class _NestedError(Exception):
    """A result stands in another."""


class _Metered:
    """A stream that stops when too much was read since `begin`."""

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._stream, self._most, self._read = stream, most, 0

    def begin(self) -> None:
        self._read = 0

    def rewound(self) -> IO[bytes]:
        """The stream itself, from its beginning."""
        self._stream.seek(0)
        return self._stream

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
    the next one is asked for. What can't be read becomes a finding; of a wrapper that is one
    result, if it is broken or has more than `most_bytes`.
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
    try:
        root = etree.fromstring(content, _parser())
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


def _parser() -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )


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
            _refuse_nested(report)
            number += 1
            yield f"{shown}#{number}", report
            report.clear()
            while report.getprevious() is not None:
                del report.getparent()[0]
            stream.begin()
    except (_TooLargeError, _NestedError, etree.XMLSyntaxError) as error:
        is_told = yield from _resumed(stream.rewound(), shown, log, most_bytes, number)
        if not is_told and isinstance(error, etree.XMLSyntaxError):
            log.add("xml_malformed", file=shown, row=_line(error), reason=_reason(error))


def _refuse_nested(report: etree._Element) -> None:
    """A result in a result means that the outer one has lost its end."""
    parent = report.getparent()
    if parent is None or parent.getparent() is not None:
        raise _NestedError


def _resumed(
    stream: IO[bytes], shown: str, log: FindingLog, most_bytes: int, read: int
) -> Generator[tuple[str, etree._Element], None, bool]:
    """Yield the results of a wrapper that can't be parsed on, after those read before.

    Returns whether one of them was told to be broken.
    """
    is_told, head = False, _peeked(stream)
    if b"\0" in head[:4]:  # two bytes a letter
        return is_told
    declared = _ENCODING.match(head)
    encoding = declared[1] if declared else b"UTF-8"
    for number, found in enumerate(Wrapper(stream, most_bytes).results(_maker(encoding)), 1):
        name = f"{shown}#{number}"
        if number <= read:
            continue
        is_told |= not isinstance(found.made, etree._Element)
        if found.made is None:
            log.add("xml_too_large", file=name, limit=most_bytes)
        elif isinstance(found.made, etree.XMLSyntaxError):
            line = found.line + (_line(found.made) or 1) - 1
            log.add("xml_malformed", file=name, row=line, reason=_reason(found.made, line))
        else:
            found.made.sourceline = found.line  # type: ignore[assignment]
            yield name, found.made
    return is_told


def _maker(
    encoding: bytes,
) -> Callable[[bytes], tuple[etree._Element | etree.XMLSyntaxError, bool]]:
    declaration = b'<?xml version="1.0" encoding="%s"?>' % encoding

    def parse(content: bytes) -> tuple[etree._Element | etree.XMLSyntaxError, bool]:
        try:
            return etree.fromstring(declaration + content, _parser()), True
        except etree.XMLSyntaxError as error:
            return error, False

    return parse


def _line(error: etree.XMLSyntaxError) -> int | None:
    return error.lineno if error.lineno and error.lineno > 0 else None


def _reason(error: etree.XMLSyntaxError, line: int | None = None) -> str:
    """Say what is wrong without repeating the document: names and texts may be private."""
    last = getattr(error.error_log, "last_error", None)
    words = str(last.type_name).removeprefix("ERR_").replace("_", " ").lower() if last else "no XML"
    return (
        f"{words}, line {line}" if line else f"{words}, line {error.lineno}, column {error.offset}"
    )
