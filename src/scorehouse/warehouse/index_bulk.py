"""The index made at one go: sorted tables written once, names taken apart once each.

What it says is what `index_settle` arrives at step by step; a million students at a time are in
memory.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import SEGMENT_BITS, SEGMENT_WORDS, segment_arrays
from scorehouse.warehouse.index_bulk_source import PERSON_COLUMNS, Everyone
from scorehouse.warehouse.index_file import (
    CHUNK_BITS,
    CHUNK_STUDENTS,
    FIRST_LABEL,
    PREFIX_LETTERS,
    WORD_STEP,
    layout,
    make_indexes,
    make_tables,
)
from scorehouse.warehouse.index_source import NarrowSnapshot
from scorehouse.warehouse.index_words import beginning, grade_label
from scorehouse.warehouse.loading import Progress
from scorehouse.warehouse.names import KEY_LETTERS, LETTER_BITS, OTHER_LETTER, joined, name_words

_BITS = layout(0)[0]
_WINDOW = 1 << _BITS
_LOW = _WINDOW - 1
_NAMES = ("last_name", "first_name", "middle_name", "alias_name")
_NO_LABEL = -1
_ROWS = 100_000

Numbers = NDArray[np.int64]


def build(connection: sqlite3.Connection, snapshot: NarrowSnapshot, progress: Progress) -> None:
    """Make the whole index from a snapshot, inside a transaction."""
    everyone = Everyone(snapshot)
    make_tables(connection)
    words, postings = _Words(), _Postings()
    done = 0
    for window in range((everyone.count >> _BITS) + 1):
        table = everyone.people(window << _BITS, (window + 1) << _BITS)
        _Window(connection, words, postings, window, table).write()
        done += table.num_rows
        progress(done, everyone.count)
    words.write(connection)
    postings.write(connection)
    for name, batches in (("stand", everyone.stands()), ("local_id", everyone.local_ids())):
        for batch in batches:
            _insert(connection, name, [column.to_pylist() for column in batch.columns])
    make_indexes(connection)


def _insert(
    connection: sqlite3.Connection, table: str, columns: Sequence[Sequence[Any]]
) -> None:  # fmt: skip
    marks = ", ".join("?" * len(columns))
    rows = zip(*columns, strict=True)
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


class _Words:
    """Every word and label met so far, with its id."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._segments: list[list[str]] = []
        self._open: dict[int, int] = {}
        self._labels: dict[str, int] = {}
        self._words_of: dict[str, list[int]] = {}
        self._joined: dict[str, str] = {}
        self._labels_of: dict[int, tuple[int, ...]] = {}

    def of_names(self, names: Iterable[str]) -> list[list[int]]:
        """Ids of the words of each name."""
        known = self._words_of
        return [known.get(name) or self._take_apart(name) for name in names]

    def of_orders(self, names: Iterable[str]) -> list[str]:
        """The letters of each name that tell where it stands."""
        known = self._joined
        return [known[name] if name in known else self._join(name) for name in names]

    def _join(self, name: str) -> str:
        found = self._joined[name] = joined(name)[:KEY_LETTERS]
        return found

    def _take_apart(self, name: str) -> list[int]:
        ids = self._ids
        found = [ids[word] if word in ids else self._new(word) for word in name_words(name)]
        self._words_of[name] = found
        self._join(name)
        return found

    def _new(self, word: str) -> int:
        """A word's id: its segment, which holds words of one length, and its place there."""
        width = len(word)
        segment = self._open.get(width)
        if segment is None or len(self._segments[segment]) == SEGMENT_WORDS:
            segment = self._open[width] = len(self._segments)
            self._segments.append([])
        made = segment << SEGMENT_BITS | len(self._segments[segment])
        self._segments[segment].append(word)
        self._ids[word] = made
        sizes = range(1, min(PREFIX_LETTERS, width) + 1)
        self._labels_of[made] = tuple(self.label(beginning(word[:size])) for size in sizes)
        return made

    def label(self, text: str) -> int:
        """A label's number, from 0."""
        return self._labels.setdefault(text, len(self._labels))

    def labels_of(self, words: Numbers) -> Numbers:
        """The labels of some words, a row each; -1 where there are fewer."""
        found = np.full((len(words), PREFIX_LETTERS), _NO_LABEL, np.int64)
        for row, word in enumerate(words.tolist()):
            labels = self._labels_of[word]
            found[row, : len(labels)] = labels
        return found

    def write(self, connection: sqlite3.Connection) -> None:
        """Write words, labels and segments."""
        labels = {text: FIRST_LABEL + number for text, number in self._labels.items()}
        rows = sorted((self._ids | labels).items(), key=lambda pair: pair[0].encode())
        connection.executemany("INSERT INTO word VALUES (?, ?)", rows)
        for number, segment in enumerate(self._segments):
            blobs = [array.tobytes() for array in segment_arrays(segment)]
            connection.execute(
                "INSERT INTO segment VALUES (?, ?, ?, ?, ?)", (number, len(segment[0]), *blobs)
            )


class _Postings:
    """Who has which word, kept as a few arrays until all can be written in order."""

    def __init__(self) -> None:
        self._keys: list[Numbers] = []
        self._edges: list[Numbers] = []
        self._blobs: list[bytes] = []

    def take(
        self, groups: Numbers, low: Numbers, kind: Any, chunk: int, small: int = 0, first: int = 0
    ) -> None:
        """Take the students of each group; a group is a word and `small` bits of a chunk."""
        starts = _firsts(groups)
        found = groups[starts]
        words, chunks = (found >> small) + first, (found & (1 << small) - 1) + chunk
        self._keys.append(words * WORD_STEP + chunks)
        self._edges.append(np.append(starts, len(low)) * np.dtype(kind).itemsize)
        self._blobs.append(low.astype(kind).tobytes())

    def write(self, connection: sqlite3.Connection) -> None:
        """Write all, by word and chunk."""
        connection.executemany("INSERT INTO posting VALUES (?, ?)", self._rows())

    def _rows(self) -> Iterator[tuple[int, bytes]]:
        keys = np.concatenate(self._keys)
        of = np.repeat(np.arange(len(self._keys)), [len(one) for one in self._keys])
        starts = np.concatenate([edges[:-1] for edges in self._edges])
        ends = np.concatenate([edges[1:] for edges in self._edges])
        order = np.argsort(keys)
        for some in np.array_split(order, len(order) // _ROWS + 1):
            columns = (column[some].tolist() for column in (keys, of, starts, ends))
            for key, blob, start, end in zip(*columns, strict=True):
                yield key, self._blobs[blob][start:end]


class _Window:
    """The students whose postings of words are in one chunk, written together."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        words: _Words,
        postings: _Postings,
        window: int,
        table: pa.Table,
    ) -> None:
        self._connection = connection
        self._words = words
        self._postings = postings
        self._window = window
        self._table = table
        self._low = table["number"].to_numpy().astype(np.int64) & _LOW
        self._is_shown = table["is_shown"].to_numpy()

    def write(self) -> None:
        pairs = self._pairs()
        self._put_students(pairs)
        self._put_words(np.sort((pairs & _MASK) << _BITS | pairs >> _WORD_BITS))
        self._put_labels(pairs)
        self._put_keys()

    def _pairs(self) -> Numbers:
        """Each student who is shown with each of their words, once, in order."""
        found = [np.empty(0, np.int64)]
        for column in _NAMES:
            who, places, names = self._shown(column)
            ids = self._words.of_names(names)
            sizes = np.array([len(one) for one in ids], np.int64)
            flat = np.array([word for one in ids for word in one], np.int64)
            counts = sizes[places]
            starts = (np.cumsum(sizes) - sizes)[places]
            found.append(np.repeat(who, counts) << _WORD_BITS | flat[_runs(starts, counts)])
        return _once(np.concatenate(found))

    def _shown(self, column: str) -> tuple[Numbers, Numbers, list[str]]:
        """Students who are shown and have a value, its place among all values, and these."""
        places, values = _encoded(self._table[column].filter(self._table["is_shown"]))
        has = places >= 0
        return self._low[self._is_shown][has], places[has], values

    def _put_students(self, pairs: Numbers) -> None:
        blob = (pairs & _MASK).tobytes()
        edges = np.searchsorted(pairs >> _WORD_BITS, [self._low, self._low + 1]) * 8
        starts, ends = edges.tolist()
        words = [
            blob[start:end] if is_shown else None
            for start, end, is_shown in zip(starts, ends, self._is_shown.tolist(), strict=True)
        ]
        columns = [self._table[name].to_pylist() for name in PERSON_COLUMNS]
        _insert(self._connection, "student", [*columns, words])

    def _put_words(self, packed: Numbers) -> None:
        self._postings.take(packed >> _BITS, packed & _LOW, layout(0)[1], self._window)

    def _put_labels(self, pairs: Numbers) -> None:
        words = _once(pairs & _MASK)
        labels = self._words.labels_of(words)[np.searchsorted(words, pairs & _MASK)]
        who = pairs >> _WORD_BITS
        packed = [(labels[:, size] << _BITS | who)[labels[:, size] >= 0]
                  for size in range(PREFIX_LETTERS)]  # fmt: skip
        ordered = _once(np.concatenate([*packed, self._grades()]))
        bits, kind = layout(FIRST_LABEL)
        small = _BITS - bits
        groups, low = ordered >> bits, ordered & (1 << bits) - 1
        self._postings.take(groups, low, kind, self._window << small, small, FIRST_LABEL)

    def _grades(self) -> Numbers:
        who, places, grades = self._shown("grade")
        labels = np.array([self._words.label(grade_label(one)) for one in grades], np.int64)
        return labels[places] << _BITS | who

    def _put_keys(self) -> None:
        """Write where each student stands by name."""
        whole = np.zeros(_WINDOW, np.uint64)
        last, sizes = self._keys(_NAMES[0])
        first, _ = self._keys(_NAMES[1])
        behind = np.minimum(sizes + 1, KEY_LETTERS) * LETTER_BITS
        whole[self._low] = last | first >> behind.astype(np.uint64)
        for place, keys in enumerate(whole.reshape(-1, CHUNK_STUDENTS)):
            chunk = (self._window << (_BITS - CHUNK_BITS)) + place
            if (self._low >> CHUNK_BITS == place).any():
                self._connection.execute(
                    "INSERT INTO standing VALUES (?, ?)", (chunk, keys.tobytes())
                )

    def _keys(self, column: str) -> tuple[NDArray[np.uint64], Numbers]:
        """For each student a name's letters as a number, as `order_key` has them; how many."""
        places, names = _encoded(self._table[column])
        texts = np.array([*self._words.of_orders(names), ""], f"U{KEY_LETTERS}")
        letters = texts.view(np.uint32).reshape(-1, KEY_LETTERS).astype(np.int64)
        plain = letters - _BEFORE_A
        codes = np.where((plain > 0) & (plain <= _PLAIN_LETTERS), plain, OTHER_LETTER)
        shifts = LETTER_BITS * np.arange(KEY_LETTERS - 1, -1, -1)
        keys = (np.where(letters == 0, 0, codes) << shifts).sum(axis=1)
        return keys.astype(np.uint64)[places], (letters != 0).sum(axis=1)[places]


_WORD_BITS = 40
_MASK = (1 << _WORD_BITS) - 1
_BEFORE_A, _PLAIN_LETTERS = ord("a") - 1, 26


def _encoded(column: pa.ChunkedArray) -> tuple[Numbers, list[str]]:
    """For each row the place of its value among all values, and these; -1: it has none."""
    encoded = column.combine_chunks().dictionary_encode()
    places = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    return places, encoded.dictionary.to_pylist()


def _firsts(ordered: Numbers) -> Numbers:
    """Where each value of an ordered array is first."""
    return np.flatnonzero(np.concatenate([[True] * (len(ordered) > 0), np.diff(ordered) != 0]))


def _once(values: Numbers) -> Numbers:
    """Each value once, in order; faster than numpy's own way, which hashes."""
    ordered = np.sort(values)
    once: Numbers = ordered[_firsts(ordered)]
    return once


def _runs(starts: Numbers, counts: Numbers) -> Numbers:
    """The places `start`, `start + 1` … of each run, one run after another."""
    ends = np.cumsum(counts)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
    places: Numbers = np.repeat(starts, counts) + inside
    return places
