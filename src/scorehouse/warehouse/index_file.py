"""The index on disk: a SQLite database beside the catalog, made from the tables, never a source.

Every identifier is a row of `student` with a number of its own. One that was replaced says by
which (`replaced_by`); the identifier in force shows the names, and stands in the postings.
`stand` has where a student has rows, ever: per school year, table and school, with the newest
that holds (`latest`: when, a bar, the grade; empty: nothing there holds any more).
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import Dictionary

VERSION = "2"
"""Of the index's layout; an index of another one is made again."""

CHUNK_BITS = 16
"""Students are brought up to date in chunks of this many bits of their numbers."""

CHUNK_STUDENTS = 1 << CHUNK_BITS
WORD_STEP = 1 << 20
"""A posting's key is `word * WORD_STEP + chunk`."""

FIRST_LABEL = 1 << 36
"""Ids of beginnings of words and of grades; those of whole words are lower."""

PREFIX_LETTERS = 3
"""Beginnings of up to this many letters have postings of their own."""

Numbers = NDArray[np.int64]

_WORD_CHUNK_BITS = 20
_MANY_NUMBERS = 20_000  # from here on, marking them is faster than sorting them
_CACHE_KILOBYTES = 64 * 1024
_TABLES = """
CREATE TABLE stamp (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE student (
    number INTEGER PRIMARY KEY, student_id TEXT NOT NULL, replaced_by INTEGER,
    last_name TEXT, first_name TEXT, middle_name TEXT, alias_name TEXT,
    birth_date TEXT, sex TEXT, school_id TEXT, grade TEXT, last_year TEXT,
    is_known INTEGER NOT NULL, is_shown INTEGER NOT NULL DEFAULT 0, words BLOB
);
CREATE TABLE local_id (
    local_id TEXT NOT NULL, number INTEGER NOT NULL, entity_id TEXT NOT NULL,
    PRIMARY KEY (local_id, number, entity_id)
) WITHOUT ROWID;
CREATE TABLE stand (
    number INTEGER NOT NULL, school_year TEXT NOT NULL, source INTEGER NOT NULL,
    school_id TEXT NOT NULL, latest TEXT,
    PRIMARY KEY (number, school_year, source, school_id)
) WITHOUT ROWID;
CREATE TABLE word (word TEXT PRIMARY KEY, word_id INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE segment (
    segment INTEGER PRIMARY KEY, width INTEGER NOT NULL, words BLOB NOT NULL,
    letters BLOB NOT NULL, pairs BLOB NOT NULL
);
CREATE TABLE posting (key INTEGER PRIMARY KEY, numbers BLOB NOT NULL);
CREATE TABLE standing (chunk INTEGER PRIMARY KEY, keys BLOB NOT NULL);
"""
_INDEXES = """
CREATE UNIQUE INDEX student_by_id ON student (student_id);
CREATE INDEX student_replaced ON student (replaced_by) WHERE replaced_by IS NOT NULL;
CREATE INDEX student_school ON student (school_id) WHERE is_shown;
CREATE INDEX local_id_student ON local_id (number);
"""
NAMES = (
    "stamp", "student", "local_id", "stand", "word", "segment", "posting", "standing"
)  # fmt: skip

_MOST_IDLE = 4
_MAPPED_BYTES = 4 << 30  # of the index, read as memory


def connect(path: Path) -> sqlite3.Connection:
    """Open the index, making the file if there is none. Its owner alone may read it."""
    if not path.exists():
        path.touch(mode=0o600)
    connection = sqlite3.connect(path, isolation_level=None, timeout=600, check_same_thread=False)
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "secure_delete=ON",
        f"cache_size=-{_CACHE_KILOBYTES}",
        f"mmap_size={_MAPPED_BYTES}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    return connection


@contextmanager
def lent(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the index to read; what was read before is at hand when the process asks again."""
    connection = _taken(path) or connect(path)
    try:
        yield connection
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    except BaseException:
        connection.close()
        raise
    _give_back(path, connection)


_idle: dict[tuple[int, Path], list[tuple[tuple[int, int], sqlite3.Connection]]] = {}


def _taken(path: Path) -> sqlite3.Connection | None:
    """An idle connection of this process to the file that has the name now."""
    idle = _idle.get((os.getpid(), path), [])
    while idle:
        file, connection = idle.pop()
        if path.exists() and file == _file(path):
            return connection
        connection.close()
    return None


def _give_back(path: Path, connection: sqlite3.Connection) -> None:
    idle = _idle.setdefault((os.getpid(), path), [])
    if len(idle) < _MOST_IDLE and path.exists():
        idle.append((_file(path), connection))
    else:
        connection.close()


def _file(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


@contextmanager
def changing(connection: sqlite3.Connection) -> Iterator[None]:
    """All of the block, or nothing of it. The next to change waits."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables anew, empty, inside a transaction; what was there is overwritten."""
    for name in NAMES:
        connection.execute(f"DROP TABLE IF EXISTS {name}")
    _run(connection, _TABLES)


def make_indexes(connection: sqlite3.Connection) -> None:
    """Make what rows are looked up by, which is cheaper when the rows are there."""
    _run(connection, _INDEXES)


def _run(connection: sqlite3.Connection, statements: str) -> None:
    for statement in filter(str.strip, statements.split(";")):
        connection.execute(statement)


def stamps(connection: sqlite3.Connection) -> dict[str, str]:
    """What the index says about itself; nothing when it was never made."""
    try:
        return dict(connection.execute("SELECT name, value FROM stamp"))
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return {}
        raise


def put_stamps(connection: sqlite3.Connection, values: dict[str, str]) -> None:
    """Say what the index is made of."""
    connection.executemany("INSERT OR REPLACE INTO stamp VALUES (?, ?)", list(values.items()))


def tidy_log(connection: sqlite3.Connection) -> None:
    """Bring what was written into the database itself and empty its log, if nobody reads."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def listed(values: Iterable[Any]) -> str:
    """Values for `json_each(?)`."""
    return json.dumps(values if isinstance(values, list) else list(values))


def dictionary(connection: sqlite3.Connection) -> Dictionary:
    """Read all words."""
    return Dictionary(connection.execute("SELECT * FROM segment"))


def layout(word: int) -> tuple[int, type[np.unsignedinteger[Any]]]:
    """How a word's postings stand: bits of a number within a chunk, and their type.

    Labels, which many students have, have small chunks, so that a change rewrites little; words,
    which few have, have large ones, so that there is little to read.
    """
    return (CHUNK_BITS, np.uint16) if word >= FIRST_LABEL else (_WORD_CHUNK_BITS, np.uint32)


def postings(connection: sqlite3.Connection, words: Sequence[int]) -> Numbers:
    """The numbers of all students who have one of some words, or one of some labels, in order."""
    starts = [word * WORD_STEP for word in words]
    rows = connection.execute(
        "SELECT p.key, p.numbers FROM json_each(?) AS j CROSS JOIN posting AS p "
        f"ON p.key BETWEEN j.value AND j.value + {WORD_STEP - 1}",
        (listed(starts),),
    ).fetchall()
    if not rows:
        return np.empty(0, np.int64)
    bits, kind = layout(words[0])
    keys, blobs = zip(*rows, strict=True)
    low = np.frombuffer(b"".join(blobs), kind).astype(np.int64)
    chunks = np.array(keys, np.int64) % WORD_STEP
    sizes = np.array([*map(len, blobs)], np.int64) // np.dtype(kind).itemsize
    numbers = low + np.repeat(chunks << bits, sizes)
    return numbers if len(starts) == 1 else union([numbers])


def union(sets: Iterable[Numbers]) -> Numbers:
    """Each number of some sets once, in order."""
    numbers = np.concatenate([np.empty(0, np.int64), *sets])
    if len(numbers) < _MANY_NUMBERS:
        ordered = np.sort(numbers)  # numpy's own way to tell numbers once is slower
        once: Numbers = ordered[np.diff(ordered, prepend=-1) != 0]
        return once
    is_there = np.zeros(int(numbers.max()) + 1, bool)
    is_there[numbers] = True
    return np.flatnonzero(is_there)


def are_among(pool: Numbers, numbers: Numbers) -> NDArray[np.bool_]:
    """Which students of a pool are among some; both in order."""
    if not (len(pool) and len(numbers)):
        return np.zeros(len(pool), bool)
    return np.isin(pool, numbers, assume_unique=True, kind="table")  # ids are dense


def standing_keys(connection: sqlite3.Connection, numbers: Numbers) -> NDArray[np.uint64]:
    """For each student, in order of number, the number that says where they stand by name."""
    chunks = range(int(numbers[0]) >> CHUNK_BITS, (int(numbers[-1]) >> CHUNK_BITS) + 1)
    edges = np.searchsorted(numbers, [chunk << CHUNK_BITS for chunk in (*chunks, chunks.stop)])
    found = [np.empty(0, np.uint64)]
    for chunk, start, end in zip(chunks, edges.tolist(), edges[1:].tolist(), strict=False):
        if start == end:
            continue
        row = connection.execute("SELECT keys FROM standing WHERE chunk = ?", (chunk,)).fetchone()
        low = numbers[start:end] & (CHUNK_STUDENTS - 1)
        found.append(np.frombuffer(row[0], np.uint64)[low])
    return np.concatenate(found)
