"""Reading results files of any kind: the one way in."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.flatten import flatten
from scorehouse.intake.readers.archive import DAMAGED, Limits, Walk, opened, small_member
from scorehouse.intake.readers.damage import EMPTY_FILE, EMPTY_FOLDER
from scorehouse.intake.readers.directory import Archive
from scorehouse.intake.readers.identify import (
    FileKind,
    header_of,
    identify,
    identify_head,
    is_left_behind,
)
from scorehouse.intake.readers.trt_documents import Batch
from scorehouse.intake.readers.trt_stream import BATCH_BYTES, Elements, each_batch, elements_of
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import RESULT

Progress = Callable[[int, int | None], None]
Beside = Callable[[Batch, Elements, FindingLog], None]

CHECKED_BYTES = 18 << 20
"""Of a chunk that is checked: much of its time is the same for any size; memory is not."""

_HEAD_BYTES = 1 << 16
_SMALL = 1 << 20


class SortedFiles(NamedTuple):
    """The files of an input by what they hold; TRT files with the name findings may show."""

    documents: Sequence[tuple[Path, str]]
    tables: Sequence[Path]


@dataclass(frozen=True)
class Reading:
    """How results are read: `read_results` tells what each of these does.

    A chunk of TRT has at most `chunk_bytes` of documents.
    """

    chunk_results: int = 2_000
    chunk_bytes: int = BATCH_BYTES
    progress: Progress | None = None
    limits: Limits | None = None
    threads: int = 1
    beside: Beside | None = None


USUAL = Reading()


def read_results(
    path: Path,
    log: FindingLog,
    *,
    chunk_results: int = 2_000,
    progress: Progress | None = None,
    limits: Limits | None = None,
    threads: int = 1,
    beside: Beside | None = None,
) -> Iterator[ResultChunk]:
    """Yield the results of a TRT file, a folder, a zip of any nesting, or the two tables.

    The kind is told by content. Results are numbered from 0 through the whole input, TRT
    first. `progress` is called with the results read so far and the number expected, where
    that is known. With `threads`, chunks are made side by side and yielded in order.
    `beside` is called with each batch of TRT and what was read of it, in the thread that
    reads it.

    Nothing is raised for a bad record or file: what is wrong is in `log`.
    """
    reading = Reading(
        chunk_results=chunk_results,
        progress=progress,
        limits=limits,
        threads=threads,
        beside=beside,
    )
    yield from read_files(sorted_files(path, log), log, reading)


def read_files(
    found: SortedFiles, log: FindingLog, reading: Reading = USUAL
) -> Iterator[ResultChunk]:
    """Yield the results of files that were looked into, as `read_results` does."""
    if found.documents:
        yield from read_trt_results(found.documents, log, reading)
    if found.tables:
        from scorehouse.intake.readers.two_tables import read_two_tables

        yield from read_two_tables(
            found.tables,
            log,
            chunk_results=reading.chunk_results,
            progress=reading.progress,
            limits=reading.limits,
        )


def read_trt_results(
    sources: Sequence[tuple[Path, str]], log: FindingLog, reading: Reading = USUAL
) -> Iterator[ResultChunk]:
    """Yield the results of TRT files and zips, each given with the name findings may show."""
    first = 0
    for chunk in each_batch(
        sources,
        log,
        partial(read_batch, beside=reading.beside),
        size=reading.chunk_results,
        most_bytes=reading.chunk_bytes,
        limits=reading.limits,
        threads=reading.threads,
        progress=reading.progress,
    ):
        count = chunk.tests.num_rows
        if count:
            yield moved(chunk, first)
        first += count
        del chunk  # or it would stay while the next one is read


def read_batch(batch: Batch, log: FindingLog, beside: Beside | None = None) -> ResultChunk:
    """Read documents as a chunk whose results are numbered from 0; `beside` as above."""
    elements = elements_of(batch, log)
    if beside is not None:
        beside(batch, elements, log)
    return ResultChunk(elements.tables, *flatten(elements.tables))


def moved(chunk: ResultChunk, first: int) -> ResultChunk:
    """Number the results of a chunk on from those before it."""
    if first == 0:
        return chunk
    return ResultChunk(
        {name: _moved_table(table, first) for name, table in chunk.elements.items()},
        _moved_table(chunk.tests, first),
        _moved_table(chunk.items, first),
    )


def _moved_table(table: pa.Table, first: int) -> pa.Table:
    numbers = pc.add(table[RESULT], pa.scalar(first, pa.int32()))
    return table.set_column(table.schema.get_field_index(RESULT), RESULT, numbers)


def sorted_files(path: Path, log: FindingLog) -> SortedFiles:
    """Look into the files of an input; what is missing or of no known kind is told."""
    if not path.exists():
        log.add("file_missing", file=path.name)
        return SortedFiles((), ())
    if not path.is_dir():
        return _of_kind([(path, path.name)], log)
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    shown = []
    for number, file in enumerate(files, 1):
        name = f"{path.name}#{file.relative_to(path) if log.show_private else number}"
        if is_left_behind(file.name):
            log.add("file_passed_over", file=name)
        else:
            shown.append((file, name))
    if not shown:
        log.add("file_unreadable", file=path.name, reason=EMPTY_FOLDER)
    return _of_kind(shown, log)


def _of_kind(files: Sequence[tuple[Path, str]], log: FindingLog) -> SortedFiles:
    documents: list[tuple[Path, str]] = []
    tables: list[Path] = []
    for file, shown in files:
        kind = _kind(file, shown, log)
        if kind is FileKind.CSV or (kind is FileKind.ZIP and _holds_tables(file)):
            tables.append(file)
        elif kind in (FileKind.XML, FileKind.ZIP):
            documents.append((file, shown))
        elif kind is FileKind.EMPTY:
            log.add("file_unreadable", file=shown, reason=EMPTY_FILE)
        elif kind is not None:
            log.add("file_unknown_kind", file=shown)
    return SortedFiles(documents, tables)


def _kind(path: Path, shown: str, log: FindingLog) -> FileKind | None:
    try:
        return identify(path)
    except OSError as error:
        log.add("file_unreadable", file=shown, reason=error.strerror or type(error).__name__)
        return None


def _holds_tables(path: Path) -> bool:
    """Tell whether a zip holds tables: by its first XML or known table, else by any table."""
    try:
        with path.open("rb") as stream:
            return _told_kind(stream, is_nested=False) is FileKind.CSV
    except DAMAGED:
        return _recovered_kind(path) is FileKind.CSV


def heads_of_tables(path: Path) -> Iterator[bytes]:
    """Yield the first bytes of each table in a zip; nothing of one that holds something else."""
    with suppress(*DAMAGED):
        if _holds_tables(path):
            with path.open("rb") as stream:
                yield from _heads(stream, is_nested=False)


def _heads(stream: IO[bytes], *, is_nested: bool) -> Iterator[bytes]:
    with Archive(stream) as archive:
        for entry in archive:
            if is_left_behind(entry.filename):
                continue
            with suppress(*DAMAGED), opened(archive, entry) as member:
                head = member.read(_HEAD_BYTES)
                if identify_head(head) is FileKind.CSV:
                    yield head
                elif identify_head(head) is FileKind.ZIP and not is_nested:
                    member.seek(0)
                    yield from _heads(member, is_nested=True)


def _recovered_kind(path: Path) -> FileKind:
    """Tell what a zip holds whose directory is lost, from the first whole member that tells."""
    with suppress(*DAMAGED):
        for member in Walk(FindingLog()).zip_members(path, path.name):
            kind, is_sure = _kind_of_head(member.content[:_HEAD_BYTES])
            if is_sure:
                return kind
    return FileKind.UNKNOWN


def _told_kind(stream: IO[bytes], *, is_nested: bool) -> FileKind:
    told = FileKind.UNKNOWN
    with Archive(stream) as archive:
        for entry in archive:
            if is_left_behind(entry.filename):
                continue
            with suppress(*DAMAGED):
                kind, is_sure = _kind_of_member(archive, stream, entry, is_nested=is_nested)
                if is_sure:
                    return kind
                told = FileKind.CSV if kind is FileKind.CSV else told
    return told


def _kind_of_member(
    archive: Archive, stream: IO[bytes], entry: zipfile.ZipInfo, *, is_nested: bool
) -> tuple[FileKind, bool]:
    content = small_member(stream, entry, _SMALL)
    with opened(archive, entry) if content is None else io.BytesIO(content) as member:
        head = member.read(_HEAD_BYTES)
        kind, is_sure = _kind_of_head(head)
        if kind is FileKind.ZIP and not is_nested:
            member.seek(0)
            kind = _told_kind(member, is_nested=True)
            is_sure = kind is not FileKind.UNKNOWN
    return kind, is_sure


def _kind_of_head(head: bytes) -> tuple[FileKind, bool]:
    """Return what a member is, and whether that decides what its archive holds."""
    from scorehouse.intake.readers.two_tables_layout import recognize

    kind = identify_head(head)
    is_known = kind is FileKind.CSV and recognize(header_of(head)) is not None
    return kind, is_known or kind is FileKind.XML
