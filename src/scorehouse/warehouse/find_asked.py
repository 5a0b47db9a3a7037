"""How well students fit the words asked for, from postings or from the words each of them has.

Postings tell at once who has one of many words; a student's own words tell at once how well they
fit every word asked for. Whichever needs less reading is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import Dictionary, Ids
from scorehouse.warehouse.index_file import (
    PREFIX_LETTERS,
    Numbers,
    are_among,
    listed,
    postings,
    union,
)
from scorehouse.warehouse.index_words import beginning
from scorehouse.warehouse.names import BEGINNING_TYPO, PREFIX

Fits = NDArray[np.int8]
_Fitting = tuple[Numbers, Fits]

NOBODY: Numbers = np.empty(0, np.int64)
_FEW_STUDENTS = 3_000  # whose own words are looked at before any word's postings are counted
_MANY_WORDS = 1_000  # so many words' postings are worth asking whether another word has fewer
_NOT_AT_ALL = BEGINNING_TYPO + 1
_TWO = 2
_WORD_BYTES = 8


def labeled(connection: sqlite3.Connection, label: str) -> Numbers:
    """The students who have a label."""
    row = connection.execute("SELECT word_id FROM word WHERE word = ?", (label,)).fetchone()
    return postings(connection, [row[0]]) if row else NOBODY


@dataclass
class _Asked:
    """A word asked for: at each level the words that fit, and the students who have one."""

    connection: sqlite3.Connection
    words: Dictionary
    word: str
    _fitting: dict[int, Ids] = field(default_factory=dict)
    _students: dict[int, Numbers] = field(default_factory=dict)

    def fitting(self, level: int) -> Ids:
        """Ids of the words that fit at a level."""
        if level not in self._fitting:
            self._fitting[level] = self.words.fitting(self.word, level)
        return self._fitting[level]

    def _is_short(self, level: int) -> bool:
        return level == PREFIX and len(self.word) <= PREFIX_LETTERS

    def cost(self, level: int) -> int:
        """How much there is to read up to a level."""
        levels = [one for one in range(level + 1) if not self._is_short(one)]
        return sum(len(self.fitting(one)) for one in levels if one not in self._students)

    def students(self, level: int) -> Numbers:
        """The students who have a word that fits at a level."""
        if level not in self._students:
            if self._is_short(level):
                found = labeled(self.connection, beginning(self.word))
            else:
                found = postings(self.connection, self.fitting(level).tolist())
            self._students[level] = found
        return self._students[level]

    def up_to(self, level: int) -> Numbers:
        """The students who have a word that fits at a level or better."""
        sets = [self.students(one) for one in range(level + 1)]
        sets = [one for one in sets if len(one)]
        return sets[0] if len(sets) == 1 else union(sets)

    def is_read(self, level: int) -> bool:
        """Whether the postings up to a level were read, or are read at once."""
        unread = [one for one in range(level + 1) if one not in self._students]
        return not unread or (level <= PREFIX and self._is_short(PREFIX))

    def levels(self, pool: Numbers, level: int) -> Fits:
        """At which level each student of a pool fits best; above `level`: at none."""
        best = np.full(len(pool), _NOT_AT_ALL, np.int8)
        for one in range(level, -1, -1):
            best[are_among(pool, self.students(one))] = one
        return best


class _LookedAt:
    """Students whose own words were looked at, with how well they fit each word asked for."""

    def __init__(
        self, connection: sqlite3.Connection, words: Dictionary, asked: Sequence[str]
    ) -> None:
        self._connection, self._words, self._asked = connection, words, asked
        self._numbers = NOBODY
        self._fits = np.empty((len(asked), 0), np.int8)

    def has(self, pool: Numbers) -> NDArray[np.bool_]:
        """Which of some students were looked at."""
        return are_among(pool, self._numbers)

    def of(self, pool: Numbers) -> Fits:
        """How well students fit who were looked at: a row for each word."""
        fits: Fits = self._fits[:, np.searchsorted(self._numbers, pool)]
        return fits

    def look(self, pool: Numbers) -> None:
        """Look at students who weren't."""
        if not len(pool):
            return
        owners, own = self._own_words(pool)
        fits = np.full((len(self._asked), len(pool)), _NOT_AT_ALL, np.int8)
        for row, word in zip(fits, self._asked, strict=True):
            np.minimum.at(row, owners, self._words.best(word, own, BEGINNING_TYPO))
        self._numbers, self._fits = _together((self._numbers, self._fits), (pool, fits))

    def _own_words(self, pool: Numbers) -> tuple[Numbers, Ids]:
        """The words of some students: as pairs of a student's place and a word."""
        rows = self._connection.execute(
            "SELECT s.words FROM json_each(?) AS j CROSS JOIN student AS s ON s.number = j.value",
            (listed(pool.tolist()),),
        ).fetchall()
        blobs = [row[0] for row in rows]
        sizes = np.fromiter(map(len, blobs), np.int64, len(blobs)) // _WORD_BYTES
        return np.repeat(np.arange(len(pool)), sizes), np.frombuffer(b"".join(blobs), np.int64)


class Search:
    """The students who fit all words asked for, level by level.

    `among`: nobody else is wanted.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        words: Dictionary,
        asked: Sequence[str],
        among: Numbers | None,
    ) -> None:
        self._asked = [_Asked(connection, words, word) for word in asked]
        self._looked = _LookedAt(connection, words, asked)
        self._among = among

    def fitting(self, level: int, enough: int) -> _Fitting:
        """The students who fit every word at a level or better, and how well: a row for each word.

        Of more than `enough`, some that fit worse than all of these may be left out.
        """
        pool, narrow = self._pool(level)
        seen, new = self._apart(pool, level)
        if len(self._asked) == _TWO and len(new) > _FEW_STUDENTS:
            better = self._better(new, narrow, level)
            seen, new = self._apart(pool, level)
            if better is not None:
                found = _together(seen, better)
                if (found[1] < level).any(axis=0).sum() > enough:
                    return found
        return _together(seen, self._of_new(new, narrow, level))

    def _apart(self, pool: Numbers, level: int) -> tuple[_Fitting, Numbers]:
        """Those who fit of students who were looked at; those who weren't."""
        is_seen = self._looked.has(pool)
        return self._fitting(pool[is_seen], level), pool[~is_seen]

    def _pool(self, level: int) -> tuple[Numbers, int]:
        """Students who alone can fit all words, and the place of the word by which they do."""
        among = self._among
        if among is not None and len(among) <= _FEW_STUDENTS:
            return among, 0
        narrow = self._narrowest(level)
        pool = self._asked[narrow].up_to(level)
        if among is not None:
            pool = pool[are_among(pool, among)]
        return pool, narrow

    def _narrowest(self, level: int) -> int:
        """The word that few have; the longest, without looking further, if it is such."""
        by_length = sorted(range(len(self._asked)), key=lambda place: -len(self._asked[place].word))
        if len(by_length) == 1 or self._asked[by_length[0]].cost(level) <= _MANY_WORDS:
            return by_length[0]
        return min(by_length, key=lambda place: self._asked[place].cost(level))

    def _fitting(self, pool: Numbers, level: int) -> _Fitting:
        return _kept(pool, self._looked.of(pool), level)

    def _of_new(self, pool: Numbers, narrow: int, level: int) -> _Fitting:
        """Those who fit of students who weren't looked at, all of whom fit one word."""
        fits: dict[int, Fits] = {}
        others = [place for place in range(len(self._asked)) if place != narrow]
        for place in (*others, narrow):
            if self._is_sooner_looked(pool, place, level):
                self._looked.look(pool)
                return self._fitting(pool, level)
            own = self._asked[place].levels(pool, level)
            kept = own <= level
            pool = pool[kept]
            fits = {one: other[kept] for one, other in {**fits, place: own}.items()}
        return pool, np.stack([fits[place] for place in range(len(self._asked))])

    def _is_sooner_looked(self, pool: Numbers, place: int, level: int) -> bool:
        one = self._asked[place]
        if one.is_read(level):
            return False
        return len(pool) <= _FEW_STUDENTS or len(pool) <= one.cost(level)

    def _better(self, pool: Numbers, narrow: int, level: int) -> _Fitting | None:
        """Of two words: who fits the narrow one at a level, and the other one better.

        Those who fit the narrow one better are looked at. None: too much would have to be read.
        """
        other = self._asked[1 - narrow]
        own = self._asked[narrow].levels(pool, level)
        even, above = pool[own == level], pool[own < level]
        if not level or len(above) > _FEW_STUDENTS or other.cost(level - 1) > _MANY_WORDS:
            return None
        self._looked.look(above)
        fits = np.full((_TWO, len(even)), level, np.int8)
        fits[1 - narrow] = other.levels(even, level - 1)
        return _kept(even, fits, level)


def _kept(pool: Numbers, fits: Fits, level: int) -> _Fitting:
    kept = (fits <= level).all(axis=0)
    return pool[kept], fits[:, kept]


def _together(one: _Fitting, other: _Fitting) -> _Fitting:
    """Two sets of students as one, in order."""
    if not (len(one[0]) and len(other[0])):
        return one if len(one[0]) else other
    numbers = np.concatenate([one[0], other[0]])
    order = np.argsort(numbers)
    return numbers[order], np.concatenate([one[1], other[1]], axis=1)[:, order]
