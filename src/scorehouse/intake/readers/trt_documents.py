"""One result a document: out of files, folders, zips in zips, and archive wrappers."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Member, Walk
from scorehouse.intake.readers.trt_xml import is_wrapper, looks_like_xml, reports

_HEAD = 4096


class Document(NamedTuple):
    """The bytes of one result, and how findings call it.

    `line` is the line its root stands on in a wrapper, or None: it has a file of its own.
    """

    name: str
    content: bytes
    line: int | None = None


class Batch(NamedTuple):
    """Documents read together; `first` says how many came before them."""

    first: int
    documents: Sequence[Document]


def documents(
    sources: Iterable[tuple[Path, str]], walk: Walk, log: FindingLog
) -> Iterator[Document]:
    """Yield every document of files and zips, each given with the name findings may show."""
    for path, shown in sources:
        try:
            yield from _of_file(path, shown, walk, log)
        except OSError as error:
            log.add("file_unreadable", file=shown, reason=error.strerror or type(error).__name__)


def batches(found: Iterable[Document], size: int, most_bytes: int) -> Iterator[Batch]:
    """Gather documents until there are `size` of them, or `most_bytes` bytes."""
    before, held = 0, 0
    gathered: list[Document] = []
    for document in found:
        if gathered and held + len(document.content) > most_bytes:
            yield _taken(gathered, before)
            held = 0
        gathered.append(document)
        before, held = before + 1, held + len(document.content)
        del document  # or it would stay while its batch is worked on
        if len(gathered) >= size:
            yield _taken(gathered, before)
            held = 0
    if gathered:
        yield _taken(gathered, before)


def _taken(gathered: list[Document], met: int) -> Batch:
    """Make a batch of what was gathered of the documents met, and keep nothing of it."""
    batch = Batch(met - len(gathered), gathered.copy())
    gathered.clear()
    return batch


def _of_file(path: Path, shown: str, walk: Walk, log: FindingLog) -> Iterator[Document]:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
        stream.seek(0)
        if head.startswith(b"PK"):
            for member in walk.zip_members(path, shown):
                yield from _of_member(member, log, walk.limits.most_report_bytes)
        elif is_wrapper(head):
            yield from _unwrapped(stream, shown, log, walk.limits.most_report_bytes)
        elif path.stat().st_size <= walk.limits.most_report_bytes:
            yield Document(shown, stream.read())
        else:
            log.add("xml_too_large", file=shown, limit=walk.limits.most_report_bytes)


def _of_member(member: Member, log: FindingLog, most: int) -> Iterator[Document]:
    if member.is_too_large:
        log.add("xml_too_large", file=member.name, limit=len(member.content) - 1)
    elif not looks_like_xml(member.content[:_HEAD]):
        log.add("file_unknown_kind", file=member.name)
    elif is_wrapper(member.content[:_HEAD]):
        yield from _unwrapped(io.BytesIO(member.content), member.name, log, most)
    elif len(member.content) > most:
        log.add("xml_too_large", file=member.name, limit=most)
    else:
        yield Document(member.name, member.content)


def _unwrapped(
    stream: io.BytesIO | io.BufferedReader, shown: str, log: FindingLog, most: int
) -> Iterator[Document]:
    """Yield the results of a wrapper one at a time, each written out by itself."""
    for name, report in reports(stream, shown, log, most_bytes=most):
        line: int | None = getattr(report, "sourceline", None)
        yield Document(name, etree.tostring(report, encoding="utf-8", with_tail=False), line)
