"""What each file of a load is, and how sure that is: told by content, never by its name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.intake.readers.archive import DAMAGED, opened, small_member
from scorehouse.intake.readers.damage import EMPTY_FOLDER, WIDE_TABLE, damage, is_wide_table
from scorehouse.intake.readers.directory import Archive
from scorehouse.intake.readers.identify import (
    FileKind,
    as_utf8,
    header_of,
    identify,
    identify_head,
    is_left_behind,
)
from scorehouse.warehouse.kinds import kinds
from scorehouse.warehouse.loading import Delivery, Guess, Head, Kind
from scorehouse.warehouse.together import together

SURE = 0.5
_NO_TABLES = (FileKind.XML, FileKind.ZIP, FileKind.EMPTY)
_HEAD_BYTES, _FEW_MEMBERS = 1 << 16, 2_000
_ROOT = re.compile(rb"<(?![?!])(?:[\w.-]+:)?([A-Za-z_][\w.-]*)")


def deliveries(paths: Sequence[Path], as_kind: str = "", otherwise: str = "") -> list[Delivery]:
    """Tell what files are, in the order in which they are to be loaded.

    A folder that is no delivery by itself stands for the files in it; files that are one
    delivery only together are one. `as_kind` names the kind of all of them, `otherwise` that
    of tables that no kind knows. Raises UsageError for a file that isn't there, or an unknown
    kind.
    """
    known = {kind.name: kind for kind in kinds() if not kind.unloaded}
    if as_kind and as_kind not in known:
        raise UsageError(f"unknown kind {as_kind!r}; known are {', '.join(sorted(known))}")
    found = together(one for path in paths for one in _given(path, known.get(as_kind)))
    if otherwise:
        found = [_or(one, known[otherwise]) for one in found]
    return sorted(found, key=lambda one: one.kind.rank if one.kind else 0)


def _or(delivery: Delivery, kind: Kind) -> Delivery:
    """A table that no kind knows, as one of a kind that was declared for it."""
    is_unknown = delivery.kind is None and not (delivery.others or delivery.fault)
    if not is_unknown or identify(delivery.path) in _NO_TABLES:
        return delivery
    return Delivery(delivery.path, kind, Guess(1.0, "a mapping was given for it"))


def _given(path: Path, stated: Kind | None) -> list[Delivery]:
    """What a path that was named stands for; a folder with nothing in it is told."""
    if not path.exists():
        raise UsageError(f"there is no {path}")
    is_empty = path.is_dir() and not any(file.is_file() for file in path.rglob("*"))
    found = [] if is_empty else list(_of_path(path, stated))
    return found or [_faulty(path, EMPTY_FOLDER)]


def _faulty(path: Path, why: str) -> Delivery:
    return Delivery(path, None, Guess(0.0, why), fault=why)


def _of_path(path: Path, stated: Kind | None) -> Iterator[Delivery]:
    if stated is not None:
        yield Delivery(path, stated, Guess(1.0, "it was said"))
        return
    fault = "" if path.is_dir() else damage(path)
    if fault:
        yield _faulty(path, fault)
        return
    told = told_by(head_of(path), path)
    if told.kind is not None and not path.is_dir() and is_wide_table(path):
        told = _faulty(path, WIDE_TABLE)
    if told.kind is None and path.is_dir():
        yield from together(
            one
            for child in sorted(path.iterdir())
            if not is_left_behind(child.name) and not child.name.startswith(".")
            for one in _of_path(child, None)
        )
    else:
        yield told


def told_by(head: Head, path: Path) -> Delivery:
    """Ask every kind, and take the one that is surest; two that are as sure are none."""
    guesses = [(kind, guess) for kind in kinds() if (guess := kind.recognise(head))]
    guesses.sort(key=lambda pair: -pair[1].sureness)
    if not guesses:
        return Delivery(path, None, Guess(0.0, "no kind knows it"))
    kind, guess = guesses[0]
    rivals = [other for other, told in guesses[1:] if told.sureness == guess.sureness]
    if guess.sureness < SURE or rivals:
        names = tuple(other.name for other in (kind, *rivals))
        return Delivery(path, None, Guess(guess.sureness, "several kinds fit"), names)
    return Delivery(path, kind, guess)


def head_of(path: Path) -> Head:
    """Read what a file is recognised by."""
    if path.is_dir():
        return _head_of_folder(path)
    with path.open("rb") as stream:
        start = as_utf8(stream.read(_HEAD_BYTES))
    form = identify(path)
    if form is FileKind.ZIP:
        return _head_of_zip(path)
    if form is FileKind.PARQUET:
        return Head(path, start[:4], columns=_parquet_columns(path))
    return _head_of_bytes(path, start)


def _head_of_bytes(path: Path, start: bytes, members: tuple[str, ...] = ()) -> Head:
    if identify_head(start) is FileKind.XML:
        root = _ROOT.search(_without_comments(start))
        return Head(path, start, members=members, root=root[1].decode() if root else "")
    columns = () if members else tuple(header_of(_first_rows(start)))
    return Head(path, start, columns=columns, members=members)


def _without_comments(start: bytes) -> bytes:
    return re.sub(rb"<!--.*?(?:-->|$)", b"", start, flags=re.DOTALL)


def _first_rows(start: bytes) -> bytes:
    """The beginning without comment lines before the header."""
    lines = start.lstrip(b"\xef\xbb\xbf").splitlines(keepends=True)
    while lines and lines[0].lstrip().startswith(b"#"):
        lines.pop(0)
    return b"".join(lines)


def _parquet_columns(path: Path) -> tuple[str, ...]:
    try:
        return tuple(pq.read_schema(path).names)
    except Exception:  # a damaged file is told by the kind that is asked to load it
        return ()


def _head_of_folder(path: Path) -> Head:
    files = [file for file in sorted(path.rglob("*")) if file.is_file()][:_FEW_MEMBERS]
    members = tuple(str(file.relative_to(path)) for file in files)
    first = next((file for file in files if not is_left_behind(file.name)), None)
    start = b""
    if first is not None:
        with first.open("rb") as stream:
            start = as_utf8(stream.read(_HEAD_BYTES))
    are_alike = len({file.suffix.lower() for file in files}) <= 1
    return Head(path, start if are_alike else b"", members=members or ("",))


def _head_of_zip(path: Path) -> Head:
    names: list[str] = []
    first: zipfile.ZipInfo | None = None
    try:
        with path.open("rb") as stream, Archive(stream) as archive:
            for entry in archive:
                if first is None and not is_left_behind(entry.filename):
                    first = entry
                if len(names) >= _FEW_MEMBERS and first is not None:
                    break
                names.append(entry.filename)
            start = as_utf8(_beginning(stream, archive, first)) if first is not None else b""
    except DAMAGED:
        return Head(path, b"", members=("",))
    members = tuple(names[:_FEW_MEMBERS])
    return Head(path, start, members=members or ("",))


def _beginning(stream: IO[bytes], archive: Archive, entry: zipfile.ZipInfo) -> bytes:
    content = small_member(stream, entry, _HEAD_BYTES)
    if content is not None:
        return content
    with opened(archive, entry) as member:
        return member.read(_HEAD_BYTES)
