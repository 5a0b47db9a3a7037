"""The catalog: imports, snapshots, data files, leases, audit. Facts never live here.

A small port over SQLAlchemy Core: SQLite (write-ahead log, on a local disk) unless a URL
names PostgreSQL. What makes a load whole is one transaction here: the data files are written
and flushed before, and nothing that the catalog doesn't list is ever read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, MetaData
from sqlalchemy.pool import NullPool

from scorehouse.errors import UsageError

METADATA = MetaData()
_TEXT, _BIG = sa.Text(), sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_INSTANT = sa.String(32)  # ISO 8601 in UTC: the same text on every database, and it sorts

setting = sa.Table(
    "setting",
    METADATA,
    sa.Column("name", _TEXT, primary_key=True),
    sa.Column("value", _TEXT, nullable=False),
)

load = sa.Table(
    "load",
    METADATA,
    sa.Column("load_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("what", _TEXT, nullable=False),
    sa.Column("who", _TEXT, nullable=False),
    sa.Column("started_at", _INSTANT, nullable=False),
    sa.Column("ended_at", _INSTANT),
    sa.Column("status", _TEXT, nullable=False),  # running, done, refused, interrupted
)

imported = sa.Table(
    "import",
    METADATA,
    sa.Column("import_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("load_id", _BIG, sa.ForeignKey("load.load_id"), nullable=False, index=True),
    sa.Column("content", _TEXT, nullable=False),
    sa.Column("digest", _TEXT, nullable=False, index=True),
    sa.Column("file", _TEXT, nullable=False),  # as findings may show it
    sa.Column("status", _TEXT, nullable=False),
    sa.Column("message", _TEXT, nullable=False),
    sa.Column("counts", _TEXT, nullable=False),  # JSON
    sa.Column("replay_of", _BIG),
    sa.Column("created_at", _INSTANT, nullable=False),
    sa.Column("updated_at", _INSTANT, nullable=False),
)

snapshot = sa.Table(
    "snapshot",
    METADATA,
    sa.Column("snapshot_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("last_import", _BIG, nullable=False),
    sa.Column("why", _TEXT, nullable=False),
    sa.Column("load_id", _BIG),
    sa.Column("created_at", _INSTANT, nullable=False, index=True),
)

data_file = sa.Table(
    "data_file",
    METADATA,
    sa.Column("file_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("table_name", _TEXT, nullable=False, index=True),
    sa.Column("slice", _TEXT, nullable=False),
    sa.Column("path", _TEXT, nullable=False, unique=True),  # below the warehouse's folder
    sa.Column("rows", _BIG, nullable=False),
    sa.Column("bytes", _BIG, nullable=False),
    sa.Column("digest", _TEXT, nullable=False),
    sa.Column("first_import", _BIG, nullable=False),
    sa.Column("last_import", _BIG, nullable=False),
    sa.Column("added_in", _BIG, nullable=False),
    sa.Column("removed_in", _BIG, index=True),
)

lease = sa.Table(
    "lease",
    METADATA,
    sa.Column("lease_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("snapshot_id", _BIG, nullable=False),
    sa.Column("host", _TEXT, nullable=False),
    sa.Column("process", _BIG, nullable=False),
    sa.Column("expires_at", _INSTANT, nullable=False),
)

payload = sa.Table(
    "payload",
    METADATA,
    sa.Column("digest", _TEXT, primary_key=True),
    sa.Column("content", _TEXT, nullable=False),
    sa.Column("bytes", _BIG, nullable=False),
    sa.Column("path", _TEXT, nullable=False),  # empty: nothing of it is left
    sa.Column("kept_digest", _TEXT, nullable=False),  # of what is kept now; purges change it
    sa.Column("created_at", _INSTANT, nullable=False),
)

certificate = sa.Table(
    "certificate",
    METADATA,
    sa.Column("certificate_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("what", _TEXT, nullable=False),
    sa.Column("details", _TEXT, nullable=False),  # JSON: counts, old and new digests; no ids
    sa.Column("who", _TEXT, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
)

audit = sa.Table(
    "audit",
    METADATA,
    sa.Column("audit_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("verb", _TEXT, nullable=False),
    sa.Column("who", _TEXT, nullable=False),
    sa.Column("about", _TEXT, nullable=False),  # keyed digest of a student, or a public name
    sa.Column("details", _TEXT, nullable=False),
    sa.Column("snapshot_id", _BIG),
    sa.Column("created_at", _INSTANT, nullable=False, index=True),
)

released = sa.Table(
    "released",
    METADATA,
    sa.Column("release_id", _BIG, primary_key=True, autoincrement=True),
    sa.Column("number", _BIG, nullable=False, unique=True),  # two at once: one has to look again
    sa.Column("profile", _TEXT, nullable=False),
    sa.Column("audience", _TEXT, nullable=False),
    sa.Column("query", _TEXT, nullable=False),  # JSON
    sa.Column("snapshot_id", _BIG, nullable=False),
    sa.Column("years", _TEXT, nullable=False),  # school years, each in blanks
    sa.Column("rows", _BIG, nullable=False),
    sa.Column("hidden_rows", _BIG, nullable=False),
    sa.Column("digest", _TEXT, nullable=False),
    sa.Column("figures", sa.LargeBinary(), nullable=False),  # Arrow, as the audience saw them
    sa.Column("relations", sa.LargeBinary(), nullable=False),
    sa.Column("who", _TEXT, nullable=False),
    sa.Column("created_at", _INSTANT, nullable=False),
)


def now() -> str:
    """The moment, as the catalog writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Catalog:
    """Opens the catalog's database and hands out transactions."""

    def __init__(self, url: str) -> None:
        self.url = _url(url)
        self.is_embedded = self.url.get_backend_name() == "sqlite"
        try:
            self._engine: Engine = sa.create_engine(self.url, poolclass=self._pool())
        except ModuleNotFoundError as error:
            raise UsageError(
                "a catalog on PostgreSQL needs the extra packages of scorehouse[postgres]: "
                "pip install 'scorehouse[postgres]'"
            ) from error
        if self.is_embedded:
            sa.event.listen(self._engine, "connect", _prepare_sqlite)
        else:
            self._knock()

    def _knock(self) -> None:
        """See that the server answers, and lets us in."""
        try:
            self._engine.connect().close()
        except sa.exc.OperationalError as error:
            raise UsageError(
                f"the database server at {self.url.host or 'this machine'} doesn't answer, or "
                "doesn't let you in; the password belongs in PGPASSWORD or ~/.pgpass"
            ) from error

    def _pool(self) -> type[sa.Pool] | None:
        return NullPool if not self.is_embedded else None

    def create(self) -> None:
        """Make the tables that aren't there yet; another may be making them at the same time."""
        try:
            METADATA.create_all(self._engine)
        except sa.exc.DBAPIError:  # the other was first, and has ended: what is left is ours
            if not METADATA.tables.keys() <= self.tables():
                METADATA.create_all(self._engine)

    def tables(self) -> set[str]:
        """The tables that the database has."""
        return set(sa.inspect(self._engine).get_table_names())

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is on disk when the block ends, or leaves nothing."""
        with self._engine.connect() as connection:
            self._set_safety(connection, "FULL")
            with connection.begin():
                yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def noting(self) -> Iterator[Connection]:
        """A transaction for leases and audit: kept if this process dies, not if power fails."""
        with self._engine.connect() as connection:
            self._set_safety(connection, "NORMAL")
            with connection.begin():
                yield connection

    def _set_safety(self, connection: Connection, level: str) -> None:
        if self.is_embedded:
            connection.exec_driver_sql(f"PRAGMA synchronous={level}")
            connection.commit()

    def get(self, name: str) -> str | None:
        """A setting of the warehouse; None: it isn't set."""
        with self.reading() as connection:
            found = connection.execute(sa.select(setting.c.value).where(setting.c.name == name))
            value: str | None = found.scalar_one_or_none()
        return value

    def put(self, name: str, value: str) -> None:
        """Set a setting."""
        with self.writing() as connection:
            connection.execute(sa.delete(setting).where(setting.c.name == name))
            connection.execute(sa.insert(setting).values(name=name, value=value))

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def _url(text: str) -> sa.URL:
    wanted = "name the catalog's server as in postgresql+psycopg://user@host/name"
    try:
        url = sa.make_url(text)
    except sa.exc.ArgumentError as error:
        raise UsageError(wanted) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(wanted)
    return url


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=60000",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()
