"""A delivered file without some students or years, whatever it is: told by its content."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from scorehouse.intake.readers.archive import DAMAGED, opened
from scorehouse.intake.readers.identify import FileKind, identify_head
from scorehouse.warehouse.going import Counted, Going
from scorehouse.warehouse.payload_tables import rewrite_parquet, rewrite_text
from scorehouse.warehouse.payload_xml import rewrite_xml

_HEAD, _CHUNK, _OVERLAP = 1 << 16, 1 << 20, 512
_TRT = b"TDSReport"
_DEPTH = 4


class UnsearchableError(Exception):
    """A payload, or something in it, can't be opened, so that nobody can say what it holds."""


def rewrite(source: Path, target: Path, going: Going, scratch: Path) -> Counted:
    """Write a payload without what goes. Raises UnsearchableError when it can't be read whole.

    Twice through it: what names a student in one table (a sitting, a link) goes from the others.
    """
    try:
        with source.open("rb") as stream:
            _rewrite(stream, None, going, scratch, _DEPTH)
        with source.open("rb") as stream, target.open("wb") as out:
            return _rewrite(stream, out, going, scratch, _DEPTH)
    except (*DAMAGED, pa.ArrowException) as error:
        raise _unsearchable(error) from error


def _unsearchable(error: Exception) -> Exception:
    """What a failure means; a full disk or a missing right says nothing about the payload."""
    if isinstance(error, OSError) and error.errno:
        return error
    return UnsearchableError(type(error).__name__)


def _rewrite(
    source: IO[bytes], target: IO[bytes] | None, going: Going, scratch: Path, depth: int
) -> Counted:
    head = source.read(_HEAD)
    source.seek(0)
    match identify_head(head):
        case FileKind.ZIP if depth:
            return _rewrite_zip(source, target, going, scratch, depth - 1)
        case FileKind.PARQUET:
            return _rewrite_parquet(source, target, going, scratch)
        case FileKind.XML if _TRT in head or _TRT.decode().encode("utf-16-le") in head:
            return rewrite_xml(source, target, going) if target is not None else Counted()
        case FileKind.CSV | FileKind.UNKNOWN if not _is_other(head):
            return rewrite_text(source, target, going)
        case _:
            return _cover(source, target, going)


def _is_other(head: bytes) -> bool:
    """Whether bytes are no rows of text: JSON, or no text at all."""
    is_wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    return head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith((b"{", b"[")) or (
        b"\0" in head and not is_wide
    )


def _cover(source: IO[bytes], target: IO[bytes] | None, going: Going) -> Counted:
    """Copy something without records, with the identifiers masked that it mentions."""
    if target is None:
        return Counted()
    content = source.read()
    covered = going.needles.masked(content)
    target.write(covered)
    return Counted(masked=int(covered != content))


def _rewrite_parquet(
    source: IO[bytes], target: IO[bytes] | None, going: Going, scratch: Path
) -> Counted:
    with _on_disk(scratch) as copy, _on_disk(scratch) as new:
        with copy.open("wb") as out:
            shutil.copyfileobj(source, out, _CHUNK)
        counted = rewrite_parquet(copy, new if target is not None else None, going)
        if target is not None:
            with new.open("rb") as stream:
                shutil.copyfileobj(stream, target, _CHUNK)
    return counted


@contextmanager
def _on_disk(scratch: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield Path(folder) / "file"


def _rewrite_zip(
    source: IO[bytes], target: IO[bytes] | None, going: Going, scratch: Path, depth: int
) -> Counted:
    total = Counted()
    with zipfile.ZipFile(source) as archive:
        if target is None:
            for entry in archive.infolist():
                with _member(archive, entry, scratch) as stream:
                    total.add(_rewrite(stream, None, going, scratch, depth))
            return total
        with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in archive.infolist():
                with _member(archive, entry, scratch) as stream:
                    total.add(_rewrite_member(stream, new, entry, going, scratch, depth))
    return total


def _rewrite_member(
    stream: IO[bytes],
    new: zipfile.ZipFile,
    entry: zipfile.ZipInfo,
    going: Going,
    scratch: Path,
    depth: int,
) -> Counted:
    name = going.needles.masked(entry.filename.encode()).decode()
    copy = zipfile.ZipInfo(name, entry.date_time)
    copy.compress_type = zipfile.ZIP_DEFLATED
    copy.external_attr = entry.external_attr
    with tempfile.TemporaryFile(dir=scratch) as out:
        counted = _rewrite(stream, out, going, scratch, depth)
        counted.masked += name != entry.filename
        if not counted.is_empty:
            out.seek(0)
            with new.open(copy, "w", force_zip64=True) as member:
                shutil.copyfileobj(out, member, _CHUNK)
    return counted


@contextmanager
def _member(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, scratch: Path) -> Iterator[IO[bytes]]:
    """A member as a file that can be read twice."""
    with tempfile.TemporaryFile(dir=scratch) as stream:
        with opened(archive, entry) as packed:
            shutil.copyfileobj(packed, stream, _CHUNK)
        stream.seek(0)
        yield stream


# --- searching ---


def chunks(path: Path, scratch: Path) -> Iterator[bytes]:
    """Every byte of a payload, unpacked, in pieces that overlap; Parquet as its texts.

    Raises UnsearchableError when something in it can't be opened.
    """
    try:
        with path.open("rb") as stream:
            yield from _chunks(stream, scratch, _DEPTH)
    except (*DAMAGED, pa.ArrowException) as error:
        raise _unsearchable(error) from error


def _chunks(stream: IO[bytes], scratch: Path, depth: int) -> Iterator[bytes]:
    head = stream.read(_HEAD)
    stream.seek(0)
    kind = identify_head(head)
    if kind is FileKind.ZIP and depth:
        with zipfile.ZipFile(stream) as archive:
            for entry in archive.infolist():
                yield entry.filename.encode()
                with _member(archive, entry, scratch) as member:
                    yield from _chunks(member, scratch, depth - 1)
    elif kind is FileKind.PARQUET:
        yield from texts_of(stream)
    elif head.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield stream.read()
    else:
        yield from pieces_of(stream)


def pieces_of(stream: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a stream in pieces that overlap by more than an identifier."""
    held = b""
    while more := stream.read(_CHUNK):
        yield held + more
        held = more[-_OVERLAP:]


def texts_of(source: IO[bytes] | Path) -> Iterator[bytes]:
    """Everything that a Parquet file says, column by column, and what it says of itself."""
    import pyarrow.parquet as pq

    file = pq.ParquetFile(source)
    for name, value in (file.metadata.metadata or {}).items():
        yield name + b"\0" + value
    for batch in file.iter_batches(50_000):
        for column in batch.columns:
            values = column.unique().to_pylist() if not pa.types.is_nested(column.type) else (
                map(str, column.to_pylist())
            )  # fmt: skip
            yield "\0".join(str(value) for value in values if value is not None).encode()
