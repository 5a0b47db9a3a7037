"""The archive: every delivered payload as it came, by its digest."""

from __future__ import annotations

import secrets
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.stop import STOP
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import now
from scorehouse.warehouse.places import ARCHIVE_FOLDER, digest_of, settle
from scorehouse.warehouse.store import Warehouse

Say = Callable[[str], None]
_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same folder gives the same bytes


def keep(warehouse: Warehouse, paths: Sequence[Path], content: str) -> str:
    """Keep a delivery (a folder, or several files, as one zip); return its digest.

    A payload that is there already isn't kept twice.
    """
    with as_file(warehouse, paths) as part:
        digest = digest_of(part)
        place = _place(digest)
        target = warehouse.root / place
        is_new = not target.exists()
        if is_new:
            target.parent.mkdir(parents=True, exist_ok=True)
            settle([part])  # what takes long, before the stop has to wait
        with STOP.after():
            if is_new:
                part.replace(target)
                settle([target])
            _list(warehouse, digest, content, target.stat().st_size, place)
    return digest


@contextmanager
def as_file(warehouse: Warehouse, paths: Sequence[Path]) -> Iterator[Path]:
    """A copy of the payload inside the archive's folder, gone at the end if it wasn't taken."""
    path = paths[0]
    part = warehouse.root / ARCHIVE_FOLDER / f".{secrets.token_hex(8)}.part"
    try:
        if len(paths) > 1:
            _pack(_named_apart(paths), part)
        elif path.is_dir():
            inside = sorted(file for file in path.rglob("*") if file.is_file())
            _pack([(file.relative_to(path).as_posix(), file) for file in inside], part)
        else:
            shutil.copyfile(path, part)
        yield part
    finally:
        part.unlink(missing_ok=True)


def _named_apart(paths: Sequence[Path]) -> list[tuple[str, Path]]:
    """Files with their names, numbered where two have the same."""
    are_apart = len({path.name for path in paths}) == len(paths)
    return [
        (path.name if are_apart else f"{number}/{path.name}", path)
        for number, path in enumerate(paths, 1)
    ]


def _pack(files: Sequence[tuple[str, Path]], part: Path) -> None:
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, file in files:
            member = zipfile.ZipInfo(name, _EPOCH)
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
