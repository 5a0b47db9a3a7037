"""Where a warehouse's files stand, and how they reach the disk for good."""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

TABLES_FOLDER, ARCHIVE_FOLDER, SCRATCH_FOLDER = "tables", "archive", "scratch"
SETTINGS_FILE, CATALOG_FILE, INDEX_FILE = "warehouse.toml", "catalog.sqlite", "index.sqlite"
_CHUNK = 1 << 20
_UNSAFE = re.compile(r"[^A-Za-z0-9_-]")


def new_data_file(root: Path, table: str, slice_value: str, import_id: int) -> Path:
    """A path for a new data file; nobody else gets the same."""
    folder = root / TABLES_FOLDER / table / (_UNSAFE.sub("_", slice_value) or "all")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / f"{import_id}-{secrets.token_hex(8)}.parquet"


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def settle(paths: list[Path]) -> None:
    """Make files, and the folders that name them, safe against a loss of power."""
    folders = {path.parent for path in paths} | {path.parent.parent for path in paths}
    for path in (*paths, *sorted(folders)):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove(paths: list[Path]) -> None:
    """Remove files; those that are gone already don't matter."""
    for path in paths:
        with suppress(FileNotFoundError):
            path.unlink()


def data_files(root: Path) -> set[str]:
    """Every data file on disk, as the catalog names it."""
    found = (root / TABLES_FOLDER).rglob("*.parquet")
    return {path.relative_to(root).as_posix() for path in found}
