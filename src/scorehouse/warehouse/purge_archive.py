"""The archive without what goes: payloads written anew, their old bytes removed afterwards."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import sqlalchemy as sa

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import read_results
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.going import Counted, Going
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.needles import Needles
from scorehouse.warehouse.payload_rewrite import UnsearchableError, chunks, rewrite
from scorehouse.warehouse.places import ARCHIVE_FOLDER, SCRATCH_FOLDER, digest_of, settle
from scorehouse.warehouse.schema import ROW_ID
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.transaction import Transaction

_FEW = 64


class PayloadChange(NamedTuple):
    """A payload that is another from now on. `kept_digest` blank: nothing of it is left.

    `how`: rewritten, gone (all of it was to go), or removed (it couldn't be written anew).
    """

    digest: str
    kept_digest: str
    path: str
    size: int
    how: str
    records: int = 0


class ArchiveChanges(NamedTuple):
    """What changes in the archive, and payloads that nobody can open to look."""

    payloads: tuple[PayloadChange, ...]
    unsearchable: tuple[str, ...]


def rewrite_archive(
    warehouse: Warehouse, transaction: Transaction, going: Going, progress: Progress
) -> ArchiveChanges:
    """Write every payload anew that holds what goes. Nothing of it counts until it is listed."""
    changed, unsearchable = [], []
    kept = _payloads(warehouse)
    own_sittings = _sittings_by_digest(warehouse, transaction)
    for number, (digest, path) in enumerate(kept, 1):
        own = own_sittings.get(digest, set())
        found = replace(going, sittings=going.sittings | own, links=set())
        try:
            change = _rewrite_one(warehouse, transaction, digest, path, found)
        except UnsearchableError:
            change = _unopened(warehouse, digest, warehouse.root / path, found, bool(own))
            unsearchable += [digest] if change is None else []
        changed += [change] if change else []
        progress(number, len(kept))
    return ArchiveChanges(tuple(changed), tuple(unsearchable))


def _payloads(warehouse: Warehouse) -> list[tuple[str, str]]:
    row = tables.payload.c
    with warehouse.catalog.reading() as connection:
        query = sa.select(row.digest, row.path).where(row.path != "").order_by(row.digest)
        return [(str(one[0]), str(one[1])) for one in connection.execute(query)]


def _sittings_by_digest(warehouse: Warehouse, transaction: Transaction) -> dict[str, set[str]]:
    """The sittings that go of each payload, as its submissions tell."""
    found = transaction.sql(
        f"SELECT s.import_id, s.opportunity_id FROM submission__rows AS s "
        f"JOIN going_row AS g ON g.{ROW_ID} = s.{ROW_ID} WHERE s.opportunity_id <> ''"
    )
    digests = digests_of_imports(warehouse)
    by_digest: dict[str, set[str]] = {}
    for row in found.to_pylist():
        digest = digests.get(row["import_id"], "")
        by_digest.setdefault(digest, set()).add(row["opportunity_id"])
    return by_digest


def digests_of_imports(warehouse: Warehouse) -> dict[int, str]:
    """The payload of each import."""
    one = tables.imported.c
    with warehouse.catalog.reading() as connection:
        rows = connection.execute(sa.select(one.import_id, one.digest)).all()
    return {int(row[0]): str(row[1]) for row in rows}


def _rewrite_one(
    warehouse: Warehouse, transaction: Transaction, digest: str, place: str, going: Going
) -> PayloadChange | None:
    scratch, path = warehouse.root / SCRATCH_FOLDER, warehouse.root / place
    if not _may_hold(path, going, scratch):
        return None
    part = warehouse.root / ARCHIVE_FOLDER / f".{secrets.token_hex(8)}.part"
    try:
        counted = rewrite(path, part, going, scratch)
        if not counted.is_changed:
            return None
        if counted.is_empty:
            return PayloadChange(digest, "", "", 0, "gone", counted.dropped)
        if _count(part, going.needles, scratch):
            return PayloadChange(digest, "", "", 0, "removed", counted.dropped)
        return _placed(transaction, digest, part, counted)
    finally:
        part.unlink(missing_ok=True)


def _placed(transaction: Transaction, digest: str, part: Path, counted: Counted) -> PayloadChange:
    kept = digest_of(part)
    place = f"{ARCHIVE_FOLDER}/{kept[:2]}/{kept[2:4]}/{kept}"
    target, size = transaction.root / place, part.stat().st_size
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        transaction.own(target)
    part.replace(target)
    settle([target])
    return PayloadChange(digest, kept, place, size, "rewritten", counted.dropped)


def _may_hold(path: Path, going: Going, scratch: Path) -> bool:
    """Whether a payload has to be looked at record by record: a quick search of its bytes."""
    wanted = {*going.needles.all, *going.sittings}
    if going.years or len(wanted) > _FEW or len(going.needles.sure) < len(going.needles.all):
        return True
    words = [word.encode() for word in wanted]
    return any(
        b"&#" in chunk or chunk.startswith((b"\xff\xfe", b"\xfe\xff"))
        or any(word in chunk for word in words)
        for chunk in chunks(path, scratch)
    )  # fmt: skip


def _count(path: Path, needles: Needles, scratch: Path) -> int:
    return sum(needles.count(chunk) for chunk in chunks(path, scratch))


def _unopened(
    warehouse: Warehouse, digest: str, path: Path, going: Going, is_named: bool
) -> PayloadChange | None:
    """A damaged payload goes whole if what can be read of it, or its fates, name what goes."""
    if is_named or _names(path, going):
        return PayloadChange(digest, "", "", 0, "removed")
    return None


def _names(path: Path, going: Going) -> bool:
    from scorehouse.intake.readers.archive import Walk

    with path.open("rb") as stream:
        if going.needles.count(stream.read(1 << 26)):
            return True
    members = Walk(FindingLog()).zip_members(path, "payload")
    return any(going.needles.count(member.content) for member in members)


# --- what waits in a payload that changed ---


def name_moved_numbers(
    warehouse: Warehouse, transaction: Transaction, changes: ArchiveChanges
) -> None:
    """Name `moved_number`: the new place of each waiting result in its payload; none: it went."""
    digests = digests_of_imports(warehouse)
    changed = {change.digest: change for change in changes.payloads}
    waiting = transaction.sql(
        f"SELECT s.{ROW_ID}, s.import_id, s.number FROM submission AS s "
        f"WHERE s.fate = 'waits' AND s.{ROW_ID} NOT IN (SELECT {ROW_ID} FROM going_row)"
    ).to_pylist()
    places: dict[str, dict[int, int]] = {}
    rows: list[tuple[int, int | None]] = []
    for row in waiting:
        change = changed.get(digests.get(row["import_id"], ""))
        if change is not None:
            if change.digest not in places:
                places[change.digest] = _moved(warehouse, change)
            rows.append((row[ROW_ID], places[change.digest].get(row["number"])))
    columns = {ROW_ID: [row[0] for row in rows], "new_number": [row[1] for row in rows]}
    transaction.engine.register(
        "moved_number",
        pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()}),
    )


def _moved(warehouse: Warehouse, change: PayloadChange) -> dict[int, int]:
    """Old place -> new place of the results of a payload that are left."""
    if not change.path:
        return {}
    row = tables.payload.c
    with warehouse.catalog.reading() as connection:
        query = sa.select(row.path).where(row.digest == change.digest)
        old = warehouse.root / str(connection.execute(query).scalar_one())
    left = _results(warehouse.root / change.path)
    moved: dict[int, int] = {}
    expected = next(left, None)
    for number, key in _results(old):
        if expected is not None and key == expected[1]:
            moved[number] = expected[0]
            expected = next(left, None)
    return moved


def _results(path: Path) -> Iterator[tuple[int, tuple[str | None, ...]]]:
    """The results of a payload in their order, each with what tells it apart."""
    names = ("StudentIdentifier", "TestOpportunityId", "AssessmentName", "StatusDateTime")
    for chunk in read_results(path, FindingLog()):
        columns = [chunk.tests[name].to_pylist() for name in ("result", *names)]
        for number, *key in zip(*columns, strict=True):
            yield int(number), tuple(key)


# --- the bytes themselves ---


def list_changes(connection: sa.Connection, changes: ArchiveChanges) -> None:
    """Say in the catalog what is kept of each payload now."""
    for change in changes.payloads:
        values = {"path": change.path, "kept_digest": change.kept_digest, "bytes": change.size}
        connection.execute(
            sa.update(tables.payload).where(tables.payload.c.digest == change.digest).values(values)
        )
