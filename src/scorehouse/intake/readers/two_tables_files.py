"""Finding the CSV files of a delivery: files, folders, zips; members unpacked to scratch files."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import (
    DAMAGED,
    Limits,
    Walk,
    is_unsafe,
    opened,
    reason_of,
)
from scorehouse.intake.readers.directory import files_of
from scorehouse.intake.readers.identify import is_left_behind

_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")
_BLOCK = 1 << 20


class TableFile(NamedTuple):
    """A file on disk, and the name that findings give it."""

    path: Path
    shown: str


@dataclass
class Unpacking:
    """Walks a delivery; what zips hold is written below `scratch` under ordinal names."""

    scratch: Path
    log: FindingLog
    limits: Limits
    _unpacked: int = 0
    _members: int = 0

    def files(self, paths: Sequence[Path]) -> Iterator[TableFile]:
        """Yield every file, folders in the order of their paths, zips opened."""
        for path in paths:
            if path.is_dir():
                inside = sorted(p for p in path.rglob("*") if p.is_file())
                for number, file in enumerate(inside, 1):
                    if not is_left_behind(file.name):
                        yield from self._file(file, self._shown(path, file, number))
            else:
                yield from self._file(path, path.name)

    def _shown(self, folder: Path, file: Path, number: int) -> str:
        return f"{folder.name}#{file.relative_to(folder) if self.log.show_private else number}"

    def _file(self, path: Path, shown: str) -> Iterator[TableFile]:
        try:
            with path.open("rb") as stream:
                magic = stream.read(4)
        except FileNotFoundError:
            self.log.add("file_missing", file=shown)
        except OSError as error:
            self.log.add("file_unreadable", file=shown, reason=type(error).__name__)
        else:
            if magic in _ZIP_MAGIC:
                yield from self._zip(path, shown, is_nested=False)
            else:
                yield TableFile(path, shown)

    def _zip(self, path: Path, shown: str, *, is_nested: bool) -> Iterator[TableFile]:
        try:
            archive = zipfile.ZipFile(path)
        except DAMAGED:
            yield from self._recovered(path, shown)
            return
        with archive:
            entries = files_of(archive)
            if not entries:
                self.log.add("zip_empty", file=shown)
            for number, entry in enumerate(entries, 1):
                name = f"{shown}#{entry.filename if self.log.show_private else number}"
                if is_unsafe(entry):
                    self.log.add("zip_member_unsafe", file=name)
                elif self._members >= self.limits.members:
                    limit = f"{self.limits.members} members"
                    self.log.add("zip_bomb", file=name, limit=limit)
                    return
                elif not is_left_behind(entry.filename):
                    yield from self._member(archive, entry, name, is_nested=is_nested)

    def _recovered(self, path: Path, shown: str) -> Iterator[TableFile]:
        """Yield the whole members of a zip that is cut off or has lost its directory."""
        for member in Walk(self.log, self.limits).zip_members(path, shown):
            if member.is_too_large:
                self.log.add("file_unreadable", file=member.name, reason="too large to recover")
            else:
                target = self._target()
                target.write_bytes(member.content)
                yield TableFile(target, member.name)

    def _target(self) -> Path:
        self._members += 1
        return self.scratch / f"member-{self._members:06d}"

    def _member(
        self, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shown: str, *, is_nested: bool
    ) -> Iterator[TableFile]:
        target = self._target()
        try:
            with opened(archive, entry) as source, target.open("wb") as sink:
                broken = self._copied(source, sink, max(entry.compress_size, 1))
        except DAMAGED as error:
            self.log.add("file_unreadable", file=shown, reason=reason_of(error))
            return
        if broken:
            target.unlink()
            self.log.add("zip_bomb", file=shown, limit=broken)
            return
        with target.open("rb") as stream:
            is_zip = stream.read(4) in _ZIP_MAGIC
        if is_zip and is_nested:
            self.log.add("zip_nested_too_deep", file=shown)
        elif is_zip:
            yield from self._zip(target, shown, is_nested=True)
        else:
            yield TableFile(target, shown)

    def _copied(self, source: IO[bytes], sink: IO[bytes], packed: int) -> str:
        """Copy a member block by block; say which limit it breaks, if any."""
        size = 0
        while block := source.read(_BLOCK):
            size += len(block)
            self._unpacked += len(block)
            if size > self.limits.ratio_from_bytes and size > self.limits.ratio * packed:
                return f"{self.limits.ratio} times its packed size"
            if self._unpacked > min(self.limits.total_bytes, _free_bytes(self.scratch)):
                return "the room on the disk"
            sink.write(block)
        return ""


def _free_bytes(folder: Path) -> int:
    """Room that may be used: all but a tenth stays for others."""
    return int(shutil.disk_usage(folder).free * 0.9)
