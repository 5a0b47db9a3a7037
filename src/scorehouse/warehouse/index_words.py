"""Writing words and postings into the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import SEGMENT_BITS, SEGMENT_WORDS, codes, letters_of, pairs_of
from scorehouse.warehouse.index_file import (
    FIRST_LABEL,
    PREFIX_LETTERS,
    WORD_STEP,
    layout,
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
        self._read: dict[int, tuple[int, bytes]] = {}  # segments' words, until one is written
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
        if not self._changed:
            return
        self._read.clear()
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
        number = word_id >> SEGMENT_BITS
        if number not in self._read:
            self.flush()
            self._read[number] = self._connection.execute(
                "SELECT width, words FROM segment WHERE segment = ?", (number,)
            ).fetchone()
        width, words = self._read[number]
        size = width * _CODE_BYTES
        start = (word_id & (SEGMENT_WORDS - 1)) * size
        return words[start : start + size].decode("utf-32-le")

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
        self._read.clear()
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
Packed = NDArray[np.int64]
_NOTHING: Packed = np.empty((0, 2), np.int64)


class PostingWriter:
    """Adds and removes pairs of a word, or a label, and a student's number.

    Students come in order. Labels are written chunk by chunk; words wait until no student of
    their larger chunk can come any more.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Packed, Packed]] = []
        self._chunk = 0

    def write(self, added: Pairs, removed: Pairs) -> None:
        """Take the pairs of one chunk of students."""
        if not (added or removed):
            return
        both = [np.array(pairs, np.int64).reshape(-1, 2) for pairs in (added, removed)]
        labels = [pairs[pairs[:, 0] >= FIRST_LABEL] for pairs in both]
        words = [pairs[pairs[:, 0] < FIRST_LABEL] for pairs in both]
        first = int((added or removed)[0][1])
        self._store(FIRST_LABEL, labels[0], labels[1])
        bits, _ = layout(0)
        if first >> bits != self._chunk:
            self.flush()
            self._chunk = first >> bits
        self._waiting.append((words[0], words[1]))

    def flush(self) -> None:
        """Write the words that wait."""
        added = np.concatenate([_NOTHING, *(one for one, _ in self._waiting)])
        removed = np.concatenate([_NOTHING, *(one for _, one in self._waiting)])
        self._waiting = []
        self._store(0, added, removed)

    def _store(self, kind: int, added: Packed, removed: Packed) -> None:
        if not (len(added) or len(removed)):
            return
        bits, _ = layout(kind)
        chunk = int((added if len(added) else removed)[0, 1]) >> bits
        adding, removing = _by_word(added), _by_word(removed)
        nobody = np.empty(0, layout(kind)[1])
        rows: list[tuple[int, bytes]] = []
        for word in sorted({*adding, *removing}):
            key = word * WORD_STEP + chunk
            numbers = self._changed(key, adding.get(word, nobody), removing.get(word, nobody))
            rows.append((key, numbers.tobytes()))
        self._connection.executemany("INSERT OR REPLACE INTO posting VALUES (?, ?)", rows)
        empty = [(key,) for key, numbers in rows if not numbers]
        self._connection.executemany("DELETE FROM posting WHERE key = ?", empty)

    def _changed(self, key: int, added: NDArray[Any], removed: NDArray[Any]) -> NDArray[Any]:
        row = self._connection.execute(
            "SELECT numbers FROM posting WHERE key = ?", (key,)
        ).fetchone()
        held = np.frombuffer(row[0] if row else b"", added.dtype)
        if len(removed):
            held = held[~np.isin(held, removed)]
        whole = np.sort(np.concatenate([held, added]))
        return whole[np.concatenate([[True], whole[1:] != whole[:-1]])] if len(whole) else whole


def _by_word(pairs: Packed) -> dict[int, NDArray[Any]]:
    """Numbers within their chunk by word, in order."""
    if not len(pairs):
        return {}
    bits, kind = layout(int(pairs[0, 0]))
    mask = (1 << bits) - 1
    packed = np.sort(pairs[:, 0] << bits | pairs[:, 1] & mask)
    words, starts = np.unique(packed >> bits, return_index=True)
    low = (packed & mask).astype(kind)
    ends = [*starts[1:].tolist(), len(low)]
    return {
        word: low[start:end]
        for word, start, end in zip(words.tolist(), starts.tolist(), ends, strict=True)
    }
