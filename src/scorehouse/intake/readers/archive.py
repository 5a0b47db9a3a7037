"""Walking files, folders and zips safely: every member as bytes, nothing on disk.

Nothing in an archive is trusted: not its names, not its declared sizes, not its length.
"""

from __future__ import annotations

import io
import mmap
import os
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, NamedTuple

from isal import isal_zlib

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.directory import Archive
from scorehouse.intake.readers.identify import is_left_behind

_LOCAL_HEADER = struct.Struct("<4s5H3L2H")
_LOCAL_MAGIC = b"PK\x03\x04"
_END_MAGIC = b"PK\x05\x06"
_BUFFER = 1 << 20
_BLOCK = 1 << 16
_NOT_DEFLATE: tuple[type[Exception], ...] = (isal_zlib.error, EOFError)  # type: ignore[assignment]
_SMALL = 1 << 16  # packed bytes that can't unpack to more than _MOST_RATIO times as much
_MOST_RATIO = 1032  # deflate's own limit
DAMAGED = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError,
    OSError, ValueError, struct.error,
)  # fmt: skip
"""What opening or reading a damaged archive may raise."""


class PackingError(NotImplementedError):
    """A member is packed by a method that isn't read."""


@dataclass(frozen=True)
class Limits:
    """What an archive may hold at most; beyond it is refused."""

    member_bytes: int = 64 << 20
    report_bytes: int = 12 << 20  # of one result; a parsed one takes twenty times as much
    nested_bytes: int = 1 << 30  # an archive inside an archive
    total_bytes: int = 1 << 40
    members: int = 20_000_000
    ratio: int = 300  # unpacked to packed, looked at from 1 MB on
    ratio_from_bytes: int = 1 << 20

    @property
    def most_report_bytes(self) -> int:
        """Bytes of one result, which can't be more than those of a member."""
        return min(self.report_bytes, self.member_bytes)


class Member(NamedTuple):
    """One file met: `name` is shown in findings and says nothing about a student."""

    name: str
    content: bytes
    is_too_large: bool = False


@dataclass
class Walk:
    """One pass over an input; counts what was unpacked so that limits hold for all of it."""

    log: FindingLog
    limits: Limits = field(default_factory=Limits)
    unpacked: int = 0
    members: int = 0
    expected: int = 0  # members announced by the archives' own directories

    def zip_members(self, path: Path, shown: str) -> Iterator[Member]:
        """Yield the members of a zip on disk; a truncated one as far as it goes."""
        with path.open("rb", _BUFFER) as stream:
            yield from self._archive(stream, shown, is_nested=False)

    def _archive(self, stream: IO[bytes], shown: str, *, is_nested: bool) -> Iterator[Member]:
        try:
            archive = Archive(stream)
        except DAMAGED:
            yield from self._salvage(stream, shown, is_nested=is_nested)
            return
        with archive:
            if not archive:
                self.log.add("zip_empty", file=shown)
            self.expected += len(archive)
            for number, entry in enumerate(archive, 1):
                name = self.member_name(shown, number, entry.filename)
                if is_unsafe(entry):
                    self.log.add("zip_member_unsafe", file=name)
                    continue
                if is_left_behind(entry.filename):
                    self.log.add("file_passed_over", file=name)
                    continue
                try:
                    content = self._unpacked(archive, stream, entry, name)
                except DAMAGED as error:
                    self.log.add("file_unreadable", file=name, reason=reason_of(error))
                    continue
                if content is None:
                    return
                if isinstance(content, Member):
                    yield from self._opened(content, is_nested=is_nested)
                else:
                    with content:
                        yield from self._nested(content, name, is_nested=is_nested)

    def member_name(self, shown: str, number: int, name: str) -> str:
        """Name a member by its place; by its own name only where private data may be shown."""
        return f"{shown}#{name if self.log.show_private else number}"

    def _opened(self, member: Member, *, is_nested: bool) -> Iterator[Member]:
        if member.content.startswith((_LOCAL_MAGIC, _END_MAGIC)):
            stream = io.BytesIO(member.content)
            yield from self._nested(stream, member.name, is_nested=is_nested)
        else:
            yield member

    def _nested(self, stream: IO[bytes], name: str, *, is_nested: bool) -> Iterator[Member]:
        if is_nested:
            self.log.add("zip_nested_too_deep", file=name)
        else:
            yield from self._archive(stream, name, is_nested=True)

    def _unpacked(
        self, archive: Archive, stream: IO[bytes], entry: zipfile.ZipInfo, name: str
    ) -> Member | IO[bytes] | None:
        """Return a member, or as a file a large archive in it; None beyond the limits."""
        limits = self.limits
        quick = small_member(stream, entry, limits.member_bytes)
        if quick is not None:
            is_kept = self._is_within(len(quick), entry.compress_size, name)
            return Member(name, quick) if is_kept else None
        with opened(archive, entry) as source:
            content = source.read(limits.member_bytes + 1)
            is_large = len(content) > limits.member_bytes
            if is_large and content.startswith(_LOCAL_MAGIC):
                return self._on_disk(content, source, entry, name)
        if not self._is_within(len(content), entry.compress_size, name):
            return None
        return Member(name, content, is_large)

    def _on_disk(
        self, content: bytes, source: IO[bytes], entry: zipfile.ZipInfo, name: str
    ) -> IO[bytes] | None:
        """Copy a large member to a file that is gone when it is closed."""
        stream: IO[bytes] = tempfile.TemporaryFile(prefix="scorehouse-")  # noqa: SIM115
        size = 0
        while content and size < self.limits.nested_bytes:
            size += stream.write(content)
            content = source.read(_BLOCK)
        if self._is_within(size, entry.compress_size, name):
            return stream
        stream.close()
        return None

    def _is_within(self, size: int, packed: int, name: str) -> bool:
        """Count a member; say so and return False when the archive goes beyond the limits."""
        self.unpacked += size
        self.members += 1
        limits = self.limits
        broken = ""
        if size >= limits.ratio_from_bytes and size > limits.ratio * max(packed, 1):
            broken = f"{limits.ratio} times its packed size"
        elif self.unpacked > limits.total_bytes:
            broken = f"{limits.total_bytes} bytes in all"
        elif self.members > limits.members:
            broken = f"{limits.members} members"
        if broken:
            self.log.add("zip_bomb", file=name, limit=broken)
        return not broken

    def _salvage(self, stream: IO[bytes], shown: str, *, is_nested: bool) -> Iterator[Member]:
        """Read a zip without its directory, from one local header to the next."""
        recovered = 0
        for number, (name, content, packed) in enumerate(self._local_members(stream), 1):
            label = self.member_name(shown, number, name)
            if _is_unsafe_name(name):
                self.log.add("zip_member_unsafe", file=label)
                continue
            if not self._is_within(len(content), packed, label):
                return
            recovered += 1
            is_large = len(content) > self.limits.member_bytes
            yield from self._opened(Member(label, content, is_large), is_nested=is_nested)
        self.log.add("zip_truncated", file=shown, recovered=recovered)

    def _local_members(self, stream: IO[bytes]) -> Iterator[tuple[str, bytes, int]]:
        stream.seek(0, os.SEEK_END)
        if stream.tell() == 0:
            return
        data = _mapped(stream)
        position = data.find(_LOCAL_MAGIC)
        while position >= 0:
            found = _local_member(data, position, self.limits.member_bytes)
            if found is None:
                position = data.find(_LOCAL_MAGIC, position + 4)
                continue
            name, content, start, end = found
            if not name.endswith("/"):
                yield name, content, end - start
            position = data.find(_LOCAL_MAGIC, end)


def opened(archive: Archive | zipfile.ZipFile, entry: zipfile.ZipInfo) -> IO[bytes]:
    """Open a member, if it is packed in a way whose unpacking can be stopped at any byte.

    The standard for such archives (ISO/IEC 21320-1) allows no other way. Raises one of DAMAGED.
    """
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PackingError
    return archive.open(entry)


def reason_of(error: Exception) -> str:
    """Say why a member can't be read, without anything from its archive."""
    return (
        "it is not packed with deflate" if isinstance(error, PackingError) else type(error).__name__
    )


def _mapped(stream: IO[bytes]) -> bytes | mmap.mmap:
    if isinstance(stream, io.BytesIO):
        return stream.getvalue()
    return mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)


def _local_member(
    data: bytes | mmap.mmap, position: int, most: int
) -> tuple[str, bytes, int, int] | None:
    """Return name, content, start and end of the packed bytes; None when it isn't whole."""
    header = data[position : position + _LOCAL_HEADER.size]
    if len(header) < _LOCAL_HEADER.size:
        return None
    _, _, flags, method, _, _, crc, packed, size, name_size, extra_size = _LOCAL_HEADER.unpack(
        header
    )
    name_at = position + _LOCAL_HEADER.size
    start = name_at + name_size + extra_size
    name = data[name_at : name_at + name_size].decode(
        "utf-8" if flags & 0x800 else "cp437", "replace"
    )
    has_descriptor = bool(flags & 0x8)
    if flags & 0x1 or start > len(data) or max(packed, size) == 0xFFFFFFFF:
        return None
    if method == zipfile.ZIP_STORED and not has_descriptor:
        content, end = data[start : start + packed], start + packed
    elif method == zipfile.ZIP_DEFLATED:
        inflated = _inflated(data, start, most)
        if inflated is None:
            return None
        content, end = inflated
    else:
        return None
    if has_descriptor:
        at = end + 4 if data[end : end + 4] == b"PK\x07\x08" else end
        crc = int.from_bytes(data[at : at + 4], "little")
    return (name, content, start, end) if zlib.crc32(content) == crc else None


def small_member(stream: IO[bytes], entry: zipfile.ZipInfo, most: int) -> bytes | None:
    """Unpack a small, plain, undamaged member; None leaves it to the careful way."""
    if entry.compress_type != zipfile.ZIP_DEFLATED or entry.flag_bits & 0x1:
        return None
    if entry.compress_size > _SMALL or entry.file_size > min(most, _SMALL * _MOST_RATIO):
        return None
    stream.seek(entry.header_offset)
    header = stream.read(_LOCAL_HEADER.size)
    if len(header) < _LOCAL_HEADER.size or not header.startswith(_LOCAL_MAGIC):
        return None
    name_size, extra_size = _LOCAL_HEADER.unpack(header)[-2:]
    packed = stream.read(name_size + extra_size + entry.compress_size)[name_size + extra_size :]
    try:
        content = isal_zlib.decompress(packed, -zlib.MAX_WBITS, max(entry.file_size, 1))
    except _NOT_DEFLATE:
        return None
    is_whole = len(content) == entry.file_size and isal_zlib.crc32(content) == entry.CRC
    return content if is_whole else None


def _inflated(data: bytes | mmap.mmap, start: int, most: int) -> tuple[bytes, int] | None:
    """Inflate from `start` to the stream's own end; None when it is cut off or damaged."""
    machine = zlib.decompressobj(-zlib.MAX_WBITS)
    content = bytearray()
    position = start
    while not machine.eof:
        block = data[position : position + _BLOCK]
        if not block or len(content) > most:
            return None
        try:
            content += machine.decompress(block, most + 1)
            while machine.unconsumed_tail and len(content) <= most:
                content += machine.decompress(machine.unconsumed_tail, most + 1)
        except zlib.error:
            return None
        position += len(block)
    return bytes(content), position - len(machine.unused_data)


def is_unsafe(entry: zipfile.ZipInfo) -> bool:
    """Tell whether a member is a link, or its name points outside the archive."""
    is_link = stat.S_ISLNK(entry.external_attr >> 16)
    return is_link or _is_unsafe_name(entry.filename)


def _is_unsafe_name(name: str) -> bool:
    parts = name.replace("\\", "/").split("/")
    return name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0] or "\0" in name
