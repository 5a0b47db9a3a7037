"""The directory of a zip, member by member: a delivery of 100,000 files isn't held as objects.

A plain directory (it ends the archive, no member is beyond 4 GB, names are ASCII) is walked
over its bytes. Any other is left to the standard library, which also opens members.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zipfile
from collections.abc import Iterator
from types import TracebackType
from typing import IO, NamedTuple

_ENTRY = struct.Struct("<4s4B4HL2L5H2L")
_ENTRY_MAGIC = b"PK\x01\x02"
_END = struct.Struct("<4s4H2LH")
_END_MAGIC = b"PK\x05\x06"
_LOCATOR = struct.Struct("<4sLQL")
_LOCATOR_MAGIC = b"PK\x06\x07"
_LARGE_END = struct.Struct("<4sQ2H2L4Q")
_LARGE_END_MAGIC = b"PK\x06\x06"
_EXTRA = struct.Struct("<2H")
_NOT_PLAIN_EXTRAS = (0x0001, 0x7075)  # sizes beyond 4 GB, a name in another spelling
_MOST_VERSION = 63  # beyond it the standard library refuses an archive
_TOO_LARGE = 0xFFFFFFFF


class _Entry(NamedTuple):
    """A member as its directory lists it."""

    magic: bytes
    made_by: int
    system: int
    version: int
    reserved: int
    flags: int
    method: int
    time: int
    date: int
    crc: int
    packed: int
    size: int
    name_size: int
    extra_size: int
    comment_size: int
    disk: int
    internal: int
    external: int
    offset: int


class _Place(NamedTuple):
    """Where a directory stands, and how many members it lists."""

    start: int
    size: int
    members: int


class Archive:
    """The files of a zip (no folders), and a way to open them.

    Raises what `zipfile.ZipFile` raises for an archive that it can't open.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._whole: zipfile.ZipFile | None = None
        self._directory, count = _directory(stream)
        files = _files_told(self._directory, count)
        self._is_plain = files is not None
        self._count = len(files_of(self._library())) if files is None else files

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[zipfile.ZipInfo]:
        return _files(self._directory) if self._is_plain else iter(files_of(self._library()))

    def open(self, entry: zipfile.ZipInfo, /) -> IO[bytes]:
        """Open a member as the standard library does."""
        return self._library().open(entry)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._whole is not None:
            self._whole.close()

    def _library(self) -> zipfile.ZipFile:
        if self._whole is None:
            self._whole = zipfile.ZipFile(self._stream)
        return self._whole


def files_of(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """Return what isn't a folder; a member may have no name at all."""
    return [entry for entry in archive.infolist() if not entry.filename.endswith("/")]


def _directory(stream: IO[bytes]) -> tuple[bytes, int]:
    """The bytes of a directory that ends where its archive does, and how many it should list."""
    size = stream.seek(0, os.SEEK_END)
    tail_size = min(size, _LARGE_END.size + _LOCATOR.size + _END.size)
    stream.seek(size - tail_size)
    place = _place(stream.read(tail_size), size)
    if place is None:
        return b"", 0
    stream.seek(place.start)
    return stream.read(place.size), place.members


def _place(tail: bytes, size: int) -> _Place | None:
    """Where the end of an archive says that its directory is."""
    if len(tail) < _END.size or tail[-2:] != b"\0\0":
        return None
    magic, disk, first, here, count, length, start, _ = _END.unpack(tail[-_END.size :])
    end = size - _END.size
    large = tail[: _LARGE_END.size]
    locator = tail[_LARGE_END.size : -_END.size]
    if locator.startswith(_LOCATOR_MAGIC):
        end -= _LOCATOR.size + _LARGE_END.size
        _, own, _, _, disk, first, here, count, length, start = _LARGE_END.unpack(large)
        is_there = large.startswith(_LARGE_END_MAGIC) and own == _LARGE_END.size - 12
        if not is_there or _LOCATOR.unpack(locator)[2] != end:
            return None
    is_whole = magic == _END_MAGIC and disk == first == 0 and here == count
    return _Place(start, length, count) if is_whole and start + length == end else None


def _entries(directory: bytes) -> Iterator[tuple[_Entry, bytes]]:
    """Yield the members with their names, up to the first that isn't plain."""
    at, size = 0, len(directory)
    while at + _ENTRY.size <= size:
        entry = _Entry._make(_ENTRY.unpack_from(directory, at))
        name_at = at + _ENTRY.size
        extra_at = name_at + entry.name_size
        at = extra_at + entry.extra_size + entry.comment_size
        name = directory[name_at:extra_at]
        extra = directory[extra_at : extra_at + entry.extra_size]
        if at > size or not _is_plain(entry, name) or (extra and not _is_plain_extra(extra)):
            return
        yield entry, name


def _is_plain(entry: _Entry, name: bytes) -> bool:
    return (
        entry.magic == _ENTRY_MAGIC
        and entry.version <= _MOST_VERSION
        and max(entry.packed, entry.size, entry.offset) < _TOO_LARGE
        and name.isascii()
        and b"\0" not in name
    )


def _is_plain_extra(extra: bytes) -> bool:
    at = 0
    while at + _EXTRA.size <= len(extra):
        kind, size = _EXTRA.unpack_from(extra, at)
        at += _EXTRA.size + size
        if kind in _NOT_PLAIN_EXTRAS or at > len(extra):
            return False
    return True


def _files_told(directory: bytes, count: int) -> int | None:
    """The same as `_files_listed`, remembered for the archive last seen: it is opened often."""
    told = hashlib.sha256(directory).digest(), count
    held = _LAST.get(told, _UNSEEN)
    if held == _UNSEEN:
        held = _files_listed(directory, count)
        _LAST.clear()
        _LAST[told] = held
    return held


_UNSEEN = -1
_LAST: dict[tuple[bytes, int], int | None] = {}


def _files_listed(directory: bytes, count: int) -> int | None:
    """How many files a directory lists; None unless it is that many plain members."""
    members, files, size = 0, 0, 0
    for entry, name in _entries(directory):
        members += 1
        files += not name.endswith(b"/")
        size += _ENTRY.size + entry.name_size + entry.extra_size + entry.comment_size
    return files if directory and members == count and size == len(directory) else None


def _files(directory: bytes) -> Iterator[zipfile.ZipInfo]:
    for entry, name in _entries(directory):
        if not name.endswith(b"/"):
            yield _info(entry, name.decode("ascii"))


def _info(entry: _Entry, name: str) -> zipfile.ZipInfo:
    """What a walk asks of a member, and what opening it needs."""
    info = zipfile.ZipInfo(name)
    info.flag_bits, info.compress_type = entry.flags, entry.method
    info.CRC, info.compress_size, info.file_size = entry.crc, entry.packed, entry.size
    info.external_attr, info.header_offset = entry.external, entry.offset
    info.extract_version, info.create_system = entry.version, entry.system
    info._raw_time = entry.time  # type: ignore[attr-defined]  # of a member under a password
    return info
