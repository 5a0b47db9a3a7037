"""The directory of a zip, walked by itself, lists what the standard library lists."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from collections.abc import Callable

import pytest

from scorehouse.intake.readers.directory import Archive

Listed = list[tuple[object, ...]] | type[BaseException]


def packed(names: list[str], *, comment: bytes = b"", before: bytes = b"") -> bytes:
    stream = io.BytesIO()
    stream.write(before)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_DEFLATED) as archive:
        for number, name in enumerate(names):
            archive.writestr(name, f"invented {number}" * number)
        archive.comment = comment
    return stream.getvalue()


def extended(extra: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        info = zipfile.ZipInfo("a.xml")
        info.extra = extra
        archive.writestr(info, "<a/>")
    return stream.getvalue()


def _told(infos: list[zipfile.ZipInfo]) -> Listed:
    return [
        (
            *(info.filename, info.flag_bits, info.compress_type, info.compress_size),
            *(info.file_size, info.header_offset, info.CRC, info.external_attr),
        )
        for info in infos
    ]


def by_library(content: bytes) -> Listed:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return _told([info for info in archive.infolist() if not info.filename.endswith("/")])


def by_walking(content: bytes) -> Listed:
    with Archive(io.BytesIO(content)) as archive:
        infos = list(archive)
        assert len(archive) == len(infos)
        return _told(infos)


def outcome(list_it: Callable[[bytes], Listed], content: bytes) -> Listed:
    try:
        return list_it(content)
    except (zipfile.BadZipFile, NotImplementedError, ValueError, OSError, struct.error) as error:
        return type(error)


NAMES = ["a.xml", "folder/", "folder/b.xml", "c d.xml"]
ARCHIVES = {
    "plain": packed(NAMES),
    "nothing in it": packed([]),
    "a comment": packed(NAMES, comment=b"delivered in May"),
    "something before it": packed(NAMES, before=b"#!/bin/sh\n"),
    "letters beyond ASCII": packed(["résultat.xml", "b.xml"]),
    "times in an extra field": extended(b"UT\x05\x00\x01\x00\x00\x00\x00"),
    "a large size in an extra field": extended(b"\x01\x00\x08\x00" + bytes(8)),
    "an extra field cut off": extended(b"UT\x09\x00\x01"),
}


@pytest.mark.parametrize("content", ARCHIVES.values(), ids=ARCHIVES)
def test_lists_what_the_library_lists(content: bytes) -> None:
    assert outcome(by_walking, content) == outcome(by_library, content)


def repeated(count: int) -> bytes:
    """An archive whose one member is listed many times, with the end that so many need."""
    one = packed(["a.xml"])
    start, end = one.index(b"PK\x01\x02"), one.index(b"PK\x05\x06")
    directory = one[start:end] * count
    at = start + len(directory)
    sizes = count, count, len(directory), start
    large_end = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, *sizes)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, 2**32 - 1, 2**32 - 1, 0)
    return one[:start] + directory + large_end + locator + last


def test_more_members_than_a_small_directory_counts() -> None:
    content = repeated(65_600)
    found = by_walking(content)
    assert len(found) == 65_600  # type: ignore[arg-type]
    assert found == by_library(content)


def test_members_open_as_they_are_listed() -> None:
    with Archive(io.BytesIO(ARCHIVES["plain"])) as archive:
        read = [archive.open(entry).read() for entry in archive]
    with zipfile.ZipFile(io.BytesIO(ARCHIVES["plain"])) as library:
        assert read == [library.read(name) for name in NAMES if not name.endswith("/")]


def test_a_changed_directory_is_told_as_the_library_tells_it() -> None:
    """What the walk can't take, the library decides on, whatever it then does."""
    rng = random.Random(20181112)
    content = ARCHIVES["plain"]
    start = content.index(b"PK\x01\x02")
    refused = 0
    for _ in range(3_000):
        changed = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            changed[rng.randrange(start, len(changed))] = rng.choice(
                (0, 1, 0x50, 0xFF, rng.randrange(256))
            )
        if rng.random() < 0.1:
            del changed[rng.randrange(start, len(changed)) :]
        expected = outcome(by_library, bytes(changed))
        refused += isinstance(expected, type)
        assert outcome(by_walking, bytes(changed)) == expected
    assert 300 < refused < 2_700
