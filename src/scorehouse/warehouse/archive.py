"""The archive: every delivered payload as it came, by its digest."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import now
from scorehouse.warehouse.places import ARCHIVE_FOLDER, digest_of, settle
from scorehouse.warehouse.store import Warehouse

Say = Callable[[str], None]
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same bytes


def keep(warehouse: Warehouse, path: Path, content: str) -> str:
    """Keep a delivered file (a folder as one zip); return the digest it is found by.

    A payload that is there already isn't kept twice.
    """
    with _as_file(warehouse, path) as part:
        digest = digest_of(part)
        place = _place(digest)
        target = warehouse.root / place
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            part.replace(target)
            settle([target])
        _list(warehouse, digest, content, target.stat().st_size, place)
    return digest


@contextmanager
def _as_file(warehouse: Warehouse, path: Path) -> Iterator[Path]:
    """A copy of the payload inside the archive's folder, gone at the end if it wasn't taken."""
    part = warehouse.root / ARCHIVE_FOLDER / f".{secrets.token_hex(8)}.part"
    try:
        if path.is_dir():
            _pack(path, part)
        else:
            shutil.copyfile(path, part)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _pack(folder: Path, part: Path) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix(), _EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            with file.open("rb") as source, archive.open(member, "w") as target:
                shutil.copyfileobj(source, target, _CHUNK)


def _place(digest: str) -> str:
    return f"{ARCHIVE_FOLDER}/{digest[:2]}/{digest[2:4]}/{digest}"


def _list(warehouse: Warehouse, digest: str, content: str, size: int, place: str) -> None:
    with warehouse.catalog.writing() as connection:
        known = connection.execute(
            sa.select(tables.payload.c.path).where(tables.payload.c.digest == digest)
        ).scalar_one_or_none()
        values = {"path": place, "kept_digest": digest, "bytes": size}
        if known is None:
            values |= {"digest": digest, "content": content, "created_at": now()}
            connection.execute(sa.insert(tables.payload).values(values))
        elif known != place:
            connection.execute(
                sa.update(tables.payload).where(tables.payload.c.digest == digest).values(values)
            )


def payload_path(warehouse: Warehouse, digest: str) -> Path:
    """Where a payload is kept now. Raises UsageError if nothing of it is left."""
    with warehouse.catalog.reading() as connection:
        found = connection.execute(
            sa.select(tables.payload.c.path).where(tables.payload.c.digest == digest)
        ).scalar_one_or_none()
    if not found:
        raise UsageError("that payload is not in the archive any more; it was purged")
    return warehouse.root / str(found)


def imports_of(warehouse: Warehouse, digest: str) -> list[int]:
    """The imports that brought a payload before."""
    with warehouse.catalog.reading() as connection:
        rows = connection.execute(
            sa.select(tables.imported.c.import_id)
            .where(tables.imported.c.digest == digest)
            .where(tables.imported.c.replay_of.is_(None))
            .where(tables.imported.c.status.not_in(["INTERRUPTED", "REFUSED"]))
            .order_by(tables.imported.c.import_id)
        ).all()
    return [int(row[0]) for row in rows]
