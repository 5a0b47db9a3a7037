"""Why a file or folder can't be read at all, in words for its sender."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.readers.archive import DAMAGED
from scorehouse.intake.readers.directory import Archive
from scorehouse.intake.readers.identify import UTF_16, FileKind, identify

EMPTY_FILE = "it is empty (0 bytes)"
EMPTY_FOLDER = "the folder holds no file to read"
BROKEN_PARQUET = "it is a Parquet file that is cut off or damaged"
WIDE_TABLE = "the text is UTF-16, and tables are read as UTF-8: save it as 'CSV UTF-8'"
_EMPTY_ZIP = "the zip holds no file"
_BROKEN_ZIP = "it is a zip that is cut off or damaged"


def damage(path: Path) -> str:
    """Say what is wrong with a file as a whole; blank: it can be opened.

    Only its ends are looked at: what is damaged inside is told by who reads it.
    """
    kind = identify(path)
    if kind is FileKind.EMPTY:
        return EMPTY_FILE
    if kind is FileKind.PARQUET:
        return _parquet_damage(path)
    return _zip_damage(path) if kind is FileKind.ZIP else ""


def is_wide_table(path: Path) -> bool:
    """Tell whether a file is a table whose letters have two bytes."""
    with path.open("rb") as stream:
        head = stream.read(2)
    return head in UTF_16 and identify(path) is FileKind.CSV


def unreadable(error: Exception) -> str:
    """Say why reading a Parquet file failed."""
    is_broken = isinstance(error, pa.ArrowInvalid)
    return BROKEN_PARQUET if is_broken else type(error).__name__


def _parquet_damage(path: Path) -> str:
    try:
        pq.read_metadata(path)
    except (OSError, pa.ArrowException):
        return BROKEN_PARQUET
    return ""


def _zip_damage(path: Path) -> str:
    try:
        with path.open("rb") as stream, Archive(stream) as archive:
            return "" if archive else _EMPTY_ZIP
    except DAMAGED:
        return _BROKEN_ZIP
