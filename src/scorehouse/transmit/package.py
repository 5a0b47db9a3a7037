"""Splitting results by subject and grade into zips of a limited size.

Documents and rows go into the package as they came; only their names don't, because a
file name may tell a student. The same input gives the same bytes.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, NamedTuple

from scorehouse.errors import UsageError
from scorehouse.transmit.manifest import PackedFile, digest_of

TRT_KIND, TABLES_KIND = "trt", "tables"
_EARLIEST = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip can name
_PER_MEMBER = 2 * 64 + 2 * 16  # bytes of headers in a zip, rounded up
_TO_END = 128
_SUBJECTS = {"ma": "Math", "math": "Math", "mathematics": "Math", "ela": "ELA"}


class Group(NamedTuple):
    """What is packed together."""

    subject: str
    test_grade: str

    @classmethod
    def of(cls, subject: str, test_grade: str) -> Group:
        """The group of a subject and a grade as delivered.

        >>> Group.of("MATH", "4")
        Group(subject='Math', test_grade='04')
        """
        grade = test_grade.strip()
        canonical = _SUBJECTS.get(subject.strip().casefold(), subject.strip())
        return cls(canonical, grade.zfill(2) if grade.isdigit() else grade)

    def file_name(self, number: int) -> str:
        """The name of the group's file: `results-Math-04-001.zip`."""
        words = [re.sub(r"[^A-Za-z0-9]+", "_", word).strip("_") or "none" for word in self]
        return f"results-{'-'.join(words)}-{number:03}.zip"


class Part:
    """One zip of a package while it is written."""

    def __init__(self, folder: Path, group: Group, number: int, kind: str) -> None:
        self.path = folder / group.file_name(number)
        self.group, self.number, self.kind = group, number, kind
        self.results = self.item_rows = self._members = 0
        self._stream = self.path.open("xb")
        self._zip = zipfile.ZipFile(self._stream, "w", zipfile.ZIP_DEFLATED)

    def most_bytes_with(self, size: int) -> int:
        """The size the zip could have at most, if `size` more bytes were packed into it."""
        worst = size + size // 1000 + _PER_MEMBER
        return self._stream.tell() + worst + self._members * _PER_MEMBER + _TO_END

    def add(self, name: str, content: bytes) -> None:
        """Pack one member."""
        self._members += 1
        self._zip.writestr(_entry(name), content)

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """Open one member to write into."""
        self._members += 1
        with self._zip.open(_entry(name), "w", force_zip64=True) as stream:
            yield stream

    def close(self) -> PackedFile:
        """Finish the zip and say what it holds."""
        self._zip.close()
        self._stream.close()
        return PackedFile(
            self.path.name,
            self.kind,
            *self.group,
            self.results,
            self.item_rows,
            self.path.stat().st_size,
            digest_of(self.path),
        )

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        with suppress(ValueError, OSError):
            self._zip.close()
        self._stream.close()


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _EARLIEST)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o600 << 16
    return entry


class DocumentPacker:
    """Packs TRT documents, each into the newest part of its group.

    Raises UsageError for a document that doesn't fit within the limit by itself.
    """

    def __init__(self, folder: Path, most_bytes: int) -> None:
        self._folder, self._most = folder, most_bytes
        self._parts: dict[Group, Part] = {}
        self._closed: list[PackedFile] = []

    def add(self, group: Group, document: bytes, item_rows: int) -> None:
        """Pack one document."""
        part = self._parts.get(group) or self._new(group, 1)
        if part.results and part.most_bytes_with(len(document)) > self._most:
            self._closed.append(part.close())
            part = self._new(group, part.number + 1)
        if part.most_bytes_with(len(document)) > self._most:
            raise UsageError(
                f"one result of {len(document)} bytes doesn't fit into {self._most}; "
                "allow larger files"
            )
        part.results += 1
        part.item_rows += item_rows
        part.add(f"{part.results:07}.xml", document)

    def _new(self, group: Group, number: int) -> Part:
        self._parts[group] = Part(self._folder, group, number, TRT_KIND)
        return self._parts[group]

    def close(self) -> list[PackedFile]:
        """Finish all parts."""
        self._closed += [part.close() for part in self._parts.values()]
        self._parts = {}
        return sorted(self._closed, key=lambda file: file.name)

    def abandon(self) -> None:
        """Close all files, finished or not."""
        for part in self._parts.values():
            part.abandon()


class Shares:
    """Deals the tests of each group to parts, so that no part grows beyond a size."""

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._filled: dict[Group, tuple[int, int]] = {}

    def next_part(self, group: Group, size: int) -> int:
        """The number of the part, from 1, that takes the next test with its items."""
        number, filled = self._filled.get(group, (1, 0))
        if filled and filled + size > self._most:
            number, filled = number + 1, 0
        self._filled[group] = (number, filled + size)
        return number


def pack_tables(
    folder: Path,
    group: Group,
    number: int,
    write_tests: Callable[[IO[bytes]], int],
    write_items: Callable[[IO[bytes]], int],
) -> PackedFile:
    """Pack one part of the two tables; the functions write a table and count its rows."""
    part = Part(folder, group, number, TABLES_KIND)
    try:
        with part.member("tests.csv") as stream:
            part.results = write_tests(stream)
        with part.member("items.csv") as stream:
            part.item_rows = write_items(stream)
        return part.close()
    except BaseException:
        part.abandon()
        raise
