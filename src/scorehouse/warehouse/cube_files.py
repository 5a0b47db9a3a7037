"""Where the cube of a school year stands: parts whose counts add up, and what they hold.

A part is a Parquet file sorted by school. The manifest names the parts that hold together and
the imports they count; it is replaced in one step, so a reader finds the old state or the new.
"""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from scorehouse.warehouse.places import remove

FOLDER = "cube"
_MANIFEST = "manifest.json"
_ROWS_TOGETHER = 16_384
_STALE_SECONDS = 3_600


@dataclass(frozen=True)
class Manifest:
    """What a cube holds: by which rules, up to which import, over which data files."""

    rules: str
    last_import: int
    files: tuple[str, ...]
    parts: Mapping[str, tuple[str, ...]]  # kind of cube -> names of its parts


def folder_of(root: Path, year: str) -> Path:
    """Where the cube of a year stands."""
    return root / FOLDER / year


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a cube; None: there is no cube, or none that can be read."""
    try:
        told = json.loads((folder / _MANIFEST).read_text(encoding="utf-8"))
        parts = {kind: tuple(names) for kind, names in told["parts"].items()}
        return Manifest(told["rules"], told["last_import"], tuple(told["files"]), parts)
    except (OSError, ValueError, KeyError):
        return None


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Let a manifest hold from now on, and remove parts that none has held for an hour."""
    draft = folder / f"{_MANIFEST}.{secrets.token_hex(4)}"
    draft.write_text(json.dumps(asdict(manifest)), encoding="utf-8")
    os.replace(draft, folder / _MANIFEST)
    held = {name for names in manifest.parts.values() for name in names}
    limit = time.time() - _STALE_SECONDS
    old = [p for p in folder.glob("*.parquet") if p.name not in held and _written(p) < limit]
    remove(old)


def _written(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def write_part(folder: Path, kind: str, rows: pl.DataFrame) -> str:
    """Write rows as a new part; return its name."""
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{kind}-{secrets.token_hex(8)}.parquet"
    ordered = rows.sort("school_id")
    ordered.write_parquet(folder / name, row_group_size=_ROWS_TOGETHER, compression="lz4")
    return name


def scan_parts(folder: Path, names: Sequence[str]) -> pl.LazyFrame:
    """The rows of parts, not read yet."""
    return pl.scan_parquet([folder / name for name in names])


def read_parts(folder: Path, names: Sequence[str]) -> pl.DataFrame:
    """The rows of parts."""
    return scan_parts(folder, names).collect()


def forget(root: Path) -> None:
    """Remove every cube: what was purged must not stand in counts either."""
    import shutil

    shutil.rmtree(root / FOLDER, ignore_errors=True)
