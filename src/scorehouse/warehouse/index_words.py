"""Writing words and postings into the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import SEGMENT_BITS, SEGMENT_WORDS, codes, letters_of, pairs_of
from scorehouse.warehouse.index_file import (
    CHUNK_BITS,
    CHUNK_STUDENTS,
    FIRST_LABEL,
    PREFIX_LETTERS,
    WORD_STEP,
)

_CODE_BYTES, _LETTERS_BYTES, _PAIRS_BYTES = 4, 4, 8


def beginning(word: str) -> str:
    """What stands for all words that begin so; no word is written like it."""
    return f"~{word}"


def grade_label(grade: str) -> str:
    """What stands for all students of a grade."""
    return f"={grade}"


def labels_of(words: Iterable[str], grade: str | None) -> set[str]:
    """The labels of a student with these words."""
    sizes = range(1, PREFIX_LETTERS + 1)
    found = {beginning(word[:size]) for word in words for size in sizes if len(word) >= size}
    return found | ({grade_label(grade)} if grade else set())


@dataclass
class _Segment:
    number: int
    words: bytearray = field(default_factory=bytearray)
    letters: bytearray = field(default_factory=bytearray)
    pairs: bytearray = field(default_factory=bytearray)


class WordWriter:
    """Gives words and labels their ids, and takes those away that nobody has any more."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[str, int] = {}
        self._known: dict[str, tuple[int, tuple[int, ...]]] = {}
        self._open: dict[int, _Segment] = {}
        self._changed: set[int] = set()
        self._next_label = self._first_free("word", "word_id", FIRST_LABEL)
        self._next_segment = self._first_free("segment", "segment", 0)

    def _first_free(self, table: str, column: str, least: int) -> int:
        row = self._connection.execute(f"SELECT max({column}) FROM {table}").fetchone()
        return max(least, least if row[0] is None else row[0] + 1)

    def ids(self, words: Sequence[str], grade: str | None) -> tuple[list[int], list[int]]:
        """Ids of words, and of the labels that go with them; new ones are made."""
        known = [self._known.get(word) or self._know(word) for word in words]
        labels = {label for _, own in known for label in own}
        if grade:
            labels.add(self._id(grade_label(grade)))
        return [word for word, _ in known], [*labels]

    def _know(self, word: str) -> tuple[int, tuple[int, ...]]:
        labels = tuple(self._id(label) for label in labels_of([word], None))
        known = self._known[word] = self._id(word), labels
        return known

    def _id(self, word: str) -> int:
        found = self._ids.get(word)
        if found is None:
            row = self._connection.execute(
                "SELECT word_id FROM word WHERE word = ?", (word,)
            ).fetchone()
            found = self._ids[word] = row[0] if row else self._make(word)
        return found

    def _make(self, word: str) -> int:
        if word[0] in "~=":
            made, self._next_label = self._next_label, self._next_label + 1
        else:
            made = self._append(word)
        self._connection.execute("INSERT INTO word VALUES (?, ?)", (word, made))
        return made

    def _append(self, word: str) -> int:
        width = len(word)
        segment = self._open.get(width) or self._last(width)
        place = len(segment.letters) // _LETTERS_BYTES
        if place == SEGMENT_WORDS:
            self.flush()
            segment, place = self._new_segment(), 0
        self._open[width] = segment
        self._changed.add(width)
        segment.words += codes(word).tobytes()
        segment.letters += letters_of(word).to_bytes(_LETTERS_BYTES, "little")
        segment.pairs += pairs_of(word).to_bytes(_PAIRS_BYTES, "little")
        return segment.number << SEGMENT_BITS | place

    def _new_segment(self) -> _Segment:
        made, self._next_segment = _Segment(self._next_segment), self._next_segment + 1
        return made

    def _last(self, width: int) -> _Segment:
        row = self._connection.execute(
            "SELECT segment, words, letters, pairs FROM segment WHERE width = ? "
            "ORDER BY segment DESC LIMIT 1",
            (width,),
        ).fetchone()
        if row is None:
            return self._new_segment()
        return _Segment(row[0], *map(bytearray, row[1:]))

    def flush(self) -> None:
        """Write the segments that have new words."""
        rows = [
            (segment.number, width, segment.words, segment.letters, segment.pairs)
            for width, segment in self._open.items()
            if width in self._changed
        ]
        self._connection.executemany("INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?)", rows)
        self._changed = set()

    def texts(self, ids: Iterable[int]) -> list[str]:
        """Words by their ids."""
        return [self._text(word_id) for word_id in ids]

    def _text(self, word_id: int) -> str:
        self.flush()
        width, words = self._connection.execute(
            "SELECT width, words FROM segment WHERE segment = ?", (word_id >> SEGMENT_BITS,)
        ).fetchone()
        size = width * _CODE_BYTES
        start = (word_id & (SEGMENT_WORDS - 1)) * size
        return bytes(words[start : start + size]).decode("utf-32-le")

    def forget_unused(self, words: Iterable[str]) -> None:
        """Take words and labels out that have no posting left."""
        self._known.clear()
        for word in words:
            word_id = self._id(word)
            key = word_id * WORD_STEP
            used = self._connection.execute(
                "SELECT 1 FROM posting WHERE key BETWEEN ? AND ? LIMIT 1",
                (key, key + WORD_STEP - 1),
            ).fetchone()
            if used is None:
                self._connection.execute("DELETE FROM word WHERE word = ?", (word,))
                del self._ids[word]
                if word_id < FIRST_LABEL:
                    self._blank(word_id)

    def _blank(self, word_id: int) -> None:
        """Overwrite a word's letters; its place stays empty."""
        self.flush()
        self._open.clear()
        number, place = word_id >> SEGMENT_BITS, word_id & (SEGMENT_WORDS - 1)
        width, *blobs = self._connection.execute(
            "SELECT width, words, letters, pairs FROM segment WHERE segment = ?", (number,)
        ).fetchone()
        sizes = width * _CODE_BYTES, _LETTERS_BYTES, _PAIRS_BYTES
        written = [
            _overwritten(blob, place * size, size) for blob, size in zip(blobs, sizes, strict=True)
        ]
        self._connection.execute(
            "UPDATE segment SET words = ?, letters = ?, pairs = ? WHERE segment = ?",
            (*written, number),
        )


def _overwritten(blob: bytes, start: int, size: int) -> bytes:
    return blob[:start] + bytes(size) + blob[start + size :]


Pairs = list[tuple[int, int]]


def write_postings(
    connection: sqlite3.Connection, chunk: int, added: Pairs, removed: Pairs, *, is_fresh: bool
) -> None:
    """Add and remove (word, student within the chunk) pairs. Fresh: the chunk has none yet."""
    adding, removing = _by_word(added), _by_word(removed)
    rows: list[tuple[int, bytes]] = []
    for word in {**adding, **removing}:
        key = word * WORD_STEP + chunk
        numbers = adding.get(word, _NOBODY)
        if not is_fresh:
            numbers = _changed(connection, key, numbers, removing.get(word, _NOBODY))
        rows.append((key, numbers.tobytes()))
    rows.sort()
    connection.executemany("INSERT OR REPLACE INTO posting VALUES (?, ?)", rows)
    if removed:
        empty = [(key,) for key, numbers in rows if not numbers]
        connection.executemany("DELETE FROM posting WHERE key = ?", empty)


_NOBODY = np.empty(0, np.uint16)


def _changed(
    connection: sqlite3.Connection,
    key: int,
    added: NDArray[np.uint16],
    removed: NDArray[np.uint16],
) -> NDArray[np.uint16]:
    row = connection.execute("SELECT numbers FROM posting WHERE key = ?", (key,)).fetchone()
    held = np.frombuffer(row[0], np.uint16) if row else _NOBODY
    return np.union1d(np.setdiff1d(held, removed), added)


def _by_word(pairs: Pairs) -> dict[int, NDArray[np.uint16]]:
    """Numbers by word, in order."""
    if not pairs:
        return {}
    table = np.array(pairs, np.int64)
    packed = np.sort(table[:, 0] << CHUNK_BITS | table[:, 1])
    words, starts = np.unique(packed >> CHUNK_BITS, return_index=True)
    low = (packed & (CHUNK_STUDENTS - 1)).astype(np.uint16)
    ends = [*starts[1:].tolist(), len(low)]
    return {
        word: low[start:end]
        for word, start, end in zip(words.tolist(), starts.tolist(), ends, strict=True)
    }
