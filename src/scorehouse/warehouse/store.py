"""A warehouse as an object: make it, open it, read it, write to it."""

from __future__ import annotations

import getpass
import os
import secrets
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import sqlalchemy as sa

from scorehouse.errors import UsageError
from scorehouse.stop import STOP
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import Catalog, now
from scorehouse.warehouse.engine import Engine, Local
from scorehouse.warehouse.lock import Say, writer
from scorehouse.warehouse.places import (
    ARCHIVE_FOLDER,
    CATALOG_FILE,
    SCRATCH_FOLDER,
    SETTINGS_FILE,
    TABLES_FOLDER,
    data_files,
    remove,
)
from scorehouse.warehouse.schema import FORMAT
from scorehouse.warehouse.snapshot import Snapshot, leased
from scorehouse.warehouse.transaction import Transaction

DEFAULT_MEMORY = 2_000  # megabytes that the engine may hold


class Warehouse:
    """One warehouse: a folder, and its catalog. Two of them in one process are two objects.

    `engine_url` blank: the engine is in this process; `sc://host:port` names a cluster that
    sees the same folder.
    """

    def __init__(
        self,
        root: Path,
        catalog: Catalog,
        *,
        engine_url: str = "",
        memory_megabytes: int = DEFAULT_MEMORY,
        threads: int | None = None,
    ) -> None:
        self.root = root
        self.catalog = catalog
        self.engine_url = engine_url
        self._memory = memory_megabytes
        self._threads = threads

    @classmethod
    def create(cls, root: Path, catalog_url: str = "") -> Warehouse:
        """Make an empty warehouse in a folder that doesn't exist yet, or is empty.

        Raises UsageError when the folder holds anything, or the URL a password.
        """
        if root.exists() and (not root.is_dir() or any(root.iterdir())):
            raise UsageError(f"{root} exists and is not an empty folder; choose another")
        check_url(catalog_url)
        for name in (TABLES_FOLDER, ARCHIVE_FOLDER, SCRATCH_FOLDER):
            (root / name).mkdir(parents=True, exist_ok=True)
        root.chmod(0o700)
        catalog = Catalog(catalog_url or f"sqlite:///{(root / CATALOG_FILE).resolve()}")
        catalog.create()
        if catalog.get("format") is not None:
            raise UsageError("that catalog belongs to another warehouse; give each its own")
        catalog.put("warehouse_id", secrets.token_hex(16))
        catalog.put("audit_key", secrets.token_hex(32))
        catalog.put("format", str(FORMAT))
        (root / SETTINGS_FILE).write_text(settings_text(catalog_url), encoding="utf-8")
        return cls(root.resolve(), catalog)

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        engine_url: str = "",
        memory_megabytes: int = DEFAULT_MEMORY,
        threads: int | None = None,
    ) -> Warehouse:
        """Open a warehouse. Raises UsageError if there is none, or one of another version."""
        settings = root / SETTINGS_FILE
        if not settings.is_file():
            raise UsageError(f"there is no warehouse in {root}; `scorehouse init {root}` makes one")
        told = tomllib.loads(settings.read_text(encoding="utf-8"))
        catalog = Catalog(told["catalog"] or f"sqlite:///{(root / CATALOG_FILE).resolve()}")
        _check_format(told.get("format"), catalog.get("format"))
        return cls(
            root.resolve(),
            catalog,
            engine_url=engine_url,
            memory_megabytes=memory_megabytes,
            threads=threads,
        )

    def engine(self) -> Engine:
        """A new session of the engine."""
        scratch = self.root / SCRATCH_FOLDER
        if self.engine_url:
            from scorehouse.warehouse.spark import connect

            return connect(self.engine_url, scratch)
        return Local(scratch, memory_megabytes=self._memory, threads=self._threads)

    def snapshot(self, as_of: str = "") -> Snapshot:
        """Open the newest state for reading, or what it was as of an import or a date."""
        return Snapshot(self.root, self.catalog, self.engine(), as_of)

    @contextmanager
    def transaction(self, what: str, say: Say = lambda _sentence: None) -> Iterator[Transaction]:
        """Write: one load. Waits for its turn; what isn't committed in the block is removed."""
        with writer(self.root, self.catalog, what, say):
            self._clear_interrupted()
            turn = _Turn(self)
            try:
                with STOP.owing(turn.end):
                    yield turn.begin(what)
            finally:
                self.vacuum()

    def _clear_interrupted(self) -> None:
        """Remove what loads that were killed left on disk, and take note of them."""
        with self.catalog.reading() as connection:
            query = sa.select(tables.load.c.load_id).where(tables.load.c.status == "running")
            killed = [int(row[0]) for row in connection.execute(query)]
        if killed:
            remove([self.root / name for name in self.orphans()])
            remove(self.unlisted())
            _empty(self.root / SCRATCH_FOLDER)
            with self.catalog.noting() as connection:
                _close_loads(connection, killed, "interrupted")

    def orphans(self) -> list[str]:
        """Data files on disk that the catalog doesn't list."""
        with self.catalog.reading() as connection:
            listed = {row[0] for row in connection.execute(sa.select(tables.data_file.c.path))}
        return sorted(data_files(self.root) - listed)

    def unlisted(self) -> list[Path]:
        """Files of the archive that no payload is kept in. Asked with the writer's lock held."""
        path = tables.payload.c.path
        with self.catalog.reading() as connection:
            rows = connection.execute(sa.select(path).where(path != "")).all()
        listed = {self.root / row[0] for row in rows}
        found = (self.root / ARCHIVE_FOLDER).rglob("*")
        return sorted(path for path in found if path.is_file() and path not in listed)

    def vacuum(self) -> int:
        """Remove the files that were replaced and that nobody reads any more.

        Called by whoever holds the writer's lock. Returns how many are gone.
        """
        oldest = min(leased(self.catalog), default=newest_snapshot(self.catalog))
        file = tables.data_file.c
        with self.catalog.reading() as connection:
            query = sa.select(file.file_id, file.path).where(file.removed_in <= oldest)
            gone = connection.execute(query).all()
        remove([self.root / row[1] for row in gone])
        with self.catalog.writing() as connection:
            for row in gone:
                connection.execute(sa.delete(tables.data_file).where(file.file_id == row[0]))
        return len(gone)

    def note(self, verb: str, about: str = "", details: str = "") -> None:
        """Write into the audit; never a student's identifier: `mark` gives what stands for it."""
        values = {
            "verb": verb,
            "who": who(),
            "about": about,
            "details": details,
            "snapshot_id": newest_snapshot(self.catalog),
            "created_at": now(),
        }
        with self.catalog.noting() as connection:
            connection.execute(sa.insert(tables.audit).values(values))

    def mark(self, student_id: str) -> str:
        """What stands for a student in the audit: a keyed digest."""
        import hashlib
        import hmac

        key = bytes.fromhex(self.catalog.get("audit_key") or "")
        return hmac.new(key, student_id.encode(), hashlib.sha256).hexdigest()[:32]

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()


class _Turn:
    """A load between its beginning and its end, which may come at any moment, and again."""

    def __init__(self, house: Warehouse) -> None:
        self._house = house
        self._load_id = 0
        self._engine: Engine | None = None
        self._transaction: Transaction | None = None

    def begin(self, what: str) -> Transaction:
        """Note the load, and begin what it writes."""
        house = self._house
        with STOP.after():
            self._load_id = _begin_load(house.catalog, what)
        self._engine = house.engine()
        newest = newest_snapshot(house.catalog)
        self._transaction = Transaction(
            house.root, house.catalog, self._engine, self._load_id, newest
        )
        return self._transaction

    def end(self) -> None:
        """Remove what wasn't committed: such a load is refused, and its imports with it."""
        if self._engine is not None:
            self._engine.close()
        if self._transaction is not None:
            self._transaction.discard()
        if self._load_id:
            with self._house.catalog.noting() as connection:
                _close_loads(connection, [self._load_id], "refused")


def check_url(catalog_url: str) -> None:
    """Raise UsageError for a catalog's URL that holds a password."""
    if urlsplit(catalog_url).password:
        raise UsageError("leave the password out of the URL; PGPASSWORD or ~/.pgpass has it")


def settings_text(catalog_url: str) -> str:
    """What a warehouse's settings file holds."""
    return f'format = {FORMAT}\ncatalog = "{catalog_url}"\n'


def newest_snapshot(catalog: Catalog) -> int:
    """The number of the newest snapshot; 0: nothing was ever loaded."""
    with catalog.reading() as connection:
        found = connection.execute(sa.select(sa.func.max(tables.snapshot.c.snapshot_id))).scalar()
    return int(found or 0)


def who() -> str:
    """Who is at work: the account's name."""
    return os.environ.get("SCOREHOUSE_USER") or getpass.getuser()


def _check_format(folder: object, catalog: str | None) -> None:
    if folder != FORMAT or catalog != str(FORMAT):
        told = folder if folder != FORMAT else catalog
        raise UsageError(
            f"this warehouse has format {told}, and this version of scorehouse reads format "
            f"{FORMAT}. If its format is older: with the version that made it, write "
            "`scorehouse export --all`; load its tables but those of results, and then the "
            "deliveries in its archive, into a new warehouse. If it is newer: install the newer "
            "scorehouse."
        )


def _begin_load(catalog: Catalog, what: str) -> int:
    values = {"what": what, "who": who(), "started_at": now(), "status": "running"}
    with catalog.noting() as connection:
        statement = sa.insert(tables.load).values(values).returning(tables.load.c.load_id)
        return int(connection.execute(statement).scalar_one())


def _close_loads(connection: sa.Connection, loads: list[int], status: str) -> None:
    """End loads that are still said to run; their imports brought nothing."""
    running = tables.load.c.status == "running"
    for load_id in loads:
        ended = connection.execute(
            sa.update(tables.load)
            .where(tables.load.c.load_id == load_id, running)
            .values(status=status, ended_at=now())
        )
        if ended.rowcount:
            connection.execute(
                sa.update(tables.imported)
                .where(tables.imported.c.load_id == load_id)
                .where(tables.imported.c.status == "ACCEPTED")
                .values(status=status.upper(), message="nothing of it was kept", updated_at=now())
            )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()
