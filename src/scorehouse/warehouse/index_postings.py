"""Writing postings into the index: who has which word or label."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from itertools import chain
from typing import Any

import numpy as np

from scorehouse.warehouse.index_file import FIRST_LABEL, WORD_STEP, Numbers, layout, listed

Pairs = list[tuple[int, int]]

_NOTHING: Numbers = np.empty((0, 2), np.int64)


class PostingWriter:
    """Adds and removes pairs of a word, or a label, and a student's number.

    Students come in order. Labels are written chunk by chunk; words wait until no student of
    their larger chunk can come any more.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._waiting: list[tuple[Numbers, Numbers]] = []
        self._chunk = 0

    def write(self, added: Pairs, removed: Pairs) -> None:
        """Take the pairs of one chunk of students."""
        if not (added or removed):
            return
        both = [_array(pairs) for pairs in (added, removed)]
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

    def _store(self, kind: int, added: Numbers, removed: Numbers) -> None:
        """Change the postings of one chunk."""
        if not (len(added) or len(removed)):
            return
        bits, form = layout(kind)
        chunk = int((added if len(added) else removed)[0, 1]) >> bits
        new, gone = _packed(added, bits), _packed(removed, bits)
        words = np.unique(np.concatenate([new, gone]) >> bits)
        keys = words * WORD_STEP + chunk
        whole = _changed(self._held(keys, bits, form), new, gone)
        low = (whole & (1 << bits) - 1).astype(form)
        edges = np.searchsorted(whole, [words << bits, words + 1 << bits]) * low.itemsize
        self._put(keys, low.tobytes(), edges)

    def _held(self, keys: Numbers, bits: int, form: Any) -> Numbers:
        """What some postings hold, packed, in order."""
        rows = self._connection.execute(
            "SELECT p.key, p.numbers FROM json_each(?) AS j CROSS JOIN posting AS p "
            "ON p.key = j.value",
            (listed(keys.tolist()),),
        ).fetchall()
        sizes = [len(row[1]) // np.dtype(form).itemsize for row in rows]
        words = np.array([row[0] for row in rows], np.int64) // WORD_STEP
        low = np.frombuffer(b"".join([row[1] for row in rows]), form).astype(np.int64)
        held: Numbers = np.repeat(words << bits, sizes) | low
        return held

    def _put(self, keys: Numbers, blob: bytes, edges: Numbers) -> None:
        """Write postings, which are pieces of a blob; those of nobody go."""
        pieces = [*zip(keys.tolist(), *edges.tolist(), strict=True)]
        self._connection.executemany(
            "INSERT OR REPLACE INTO posting VALUES (?, ?)",
            [(key, blob[start:end]) for key, start, end in pieces if start < end],
        )
        nobodys = [(key,) for key, start, end in pieces if start == end]
        self._connection.executemany("DELETE FROM posting WHERE key = ?", nobodys)


def _array(pairs: Pairs) -> Numbers:
    flat: Iterator[int] = chain.from_iterable(pairs)
    return np.fromiter(flat, np.int64, 2 * len(pairs)).reshape(-1, 2)


def _packed(pairs: Numbers, bits: int) -> Numbers:
    """Pairs as one number each, once, in order."""
    once: Numbers = np.unique(pairs[:, 0] << bits | pairs[:, 1] & (1 << bits) - 1)
    return once


def _changed(held: Numbers, added: Numbers, removed: Numbers) -> Numbers:
    """Numbers without some and with others; all are in order."""
    kept = np.delete(held, np.flatnonzero(_has(removed, held)))
    new = added[~_has(kept, added)]
    whole: Numbers = np.insert(kept, np.searchsorted(kept, new), new)
    return whole


def _has(held: Numbers, asked: Numbers) -> Any:
    """Which numbers are among some that are held, in order."""
    if not len(held):
        return np.zeros(len(asked), bool)
    places = np.minimum(np.searchsorted(held, asked), len(held) - 1)
    return held[places] == asked
