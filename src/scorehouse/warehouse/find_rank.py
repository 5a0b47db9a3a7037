"""Which students fit all words asked for, and in which order they are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_words import Dictionary, Ids
from scorehouse.warehouse.found import FoundStudent
from scorehouse.warehouse.index_file import (
    PREFIX_LETTERS,
    Numbers,
    listed,
    postings,
    standing_keys,
    union,
)
from scorehouse.warehouse.index_words import beginning, grade_label
from scorehouse.warehouse.names import BEGINNING_TYPO, PREFIX, full_order

_MANY_WORDS = 1_000  # so many words' postings are worth asking whether another word has fewer
_FEW_STUDENTS = 3_000
_WORST = 1 << 16  # what a student's worst fit weighs beside the sum of all
_SORTED_WHOLE = 200
_NOBODY: Numbers = np.empty(0, np.int64)
_SHOWN = (
    "SELECT s.number, s.student_id, s.last_name, s.first_name, s.middle_name, s.birth_date, s.sex, "
    "s.school_id, s.grade, s.last_year FROM json_each(?) AS j "
    "CROSS JOIN student AS s ON s.number = j.value"
)


class Ranked(NamedTuple):
    """Students in order, and whether there are more."""

    students: list[FoundStudent]
    is_cut: bool


@dataclass(frozen=True)
class Filters:
    """What narrows a search down; empty: nothing. `roster` None: any."""

    school: str = ""
    grade: str = ""
    roster: frozenset[str] | None = None

    def everyone(self, connection: sqlite3.Connection) -> Numbers:
        """All who pass."""
        passed = self._passing(connection)
        assert passed is not None
        return passed

    def keep(self, connection: sqlite3.Connection, numbers: Numbers) -> Numbers:
        """Those of some students who pass."""
        passed = self._passing(connection)
        return numbers if passed is None else np.intersect1d(numbers, passed, assume_unique=True)

    def _passing(self, connection: sqlite3.Connection) -> Numbers | None:
        sets = []
        if self.school:
            query = "SELECT number FROM student WHERE school_id = ? AND is_shown"
            sets.append(_numbers(connection, query, self.school))
        if self.grade:
            sets.append(_labeled(connection, grade_label(self.grade)))
        if self.roster is not None:
            query = (
                "SELECT h.number FROM json_each(?) AS j CROSS JOIN student AS s "
                "ON s.student_id = j.value JOIN student AS h "
                "ON h.number = coalesce(s.replaced_by, s.number) AND h.is_shown"
            )
            sets.append(_numbers(connection, query, listed(sorted(self.roster))))
        if not sets:
            return None
        passed = sets[0]
        for other in sets[1:]:
            passed = np.intersect1d(passed, other, assume_unique=True)
        return passed


def _numbers(connection: sqlite3.Connection, query: str, value: str) -> Numbers:
    return np.unique(np.array([row[0] for row in connection.execute(query, (value,))], np.int64))


def _labeled(connection: sqlite3.Connection, label: str) -> Numbers:
    row = connection.execute("SELECT word_id FROM word WHERE word = ?", (label,)).fetchone()
    return postings(connection, [row[0]]) if row else _NOBODY


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
                found = _labeled(self.connection, beginning(self.word))
            else:
                found = postings(self.connection, self.fitting(level).tolist())
            self._students[level] = found
        return self._students[level]

    def up_to(self, level: int) -> Numbers:
        """The students who have a word that fits at a level or better."""
        sets = [self.students(one) for one in range(level + 1)]
        sets = [one for one in sets if len(one)]
        return sets[0] if len(sets) == 1 else union(sets)

    def levels(self, pool: Numbers, level: int) -> NDArray[np.int8]:
        """At which level each student of a pool fits best; above `level`: at none."""
        is_read = all(one in self._students for one in range(level + 1))
        if len(pool) <= _FEW_STUDENTS and not is_read:
            return self._own_levels(pool, level)
        best = np.full(len(pool), level + 1, np.int8)
        for one in range(level, -1, -1):
            best[np.isin(pool, self.students(one), assume_unique=True)] = one
        return best

    def _own_levels(self, pool: Numbers, level: int) -> NDArray[np.int8]:
        """The same for a few students, by looking at the words that each of them has."""
        owners, own = _own_words(self.connection, pool)
        best = np.full(len(pool), level + 1, np.int8)
        np.minimum.at(best, np.searchsorted(pool, owners), self.words.best(self.word, own, level))
        return best


def _own_words(connection: sqlite3.Connection, pool: Numbers) -> tuple[Numbers, Ids]:
    """The words of some students, as pairs of student and word."""
    rows = connection.execute(
        "SELECT s.number, s.words FROM json_each(?) AS j "
        "CROSS JOIN student AS s ON s.number = j.value",
        (listed(pool.tolist()),),
    ).fetchall()
    words = np.frombuffer(b"".join(row[1] for row in rows), np.int64)
    sizes = [len(row[1]) // 8 for row in rows]
    return np.repeat(np.array([row[0] for row in rows], np.int64), sizes), words


def by_words(
    connection: sqlite3.Connection,
    words: Dictionary,
    asked: Sequence[str],
    filters: Filters,
    limit: int,
) -> Ranked:
    """The students who fit every word: those first whose worst fit is best.

    Worse fits are looked for only while those found don't suffice.
    """
    each = [_Asked(connection, words, word) for word in asked]
    pool, worst, total = _NOBODY, np.empty(0, np.int8), np.empty(0, np.int64)
    for level in range(BEGINNING_TYPO + 1):
        ordered = _narrowest_first(each, level)
        pool = filters.keep(connection, ordered[0].up_to(level))
        worst, total = np.zeros(len(pool), np.int8), np.zeros(len(pool), np.int64)
        for one in ordered:
            fits = one.levels(pool, level)
            kept = fits <= level
            pool, worst, total = pool[kept], np.maximum(worst, fits)[kept], (total + fits)[kept]
        if len(pool) > limit:
            break
    return _in_order(connection, pool, worst.astype(np.int64) * _WORST + total, limit)


def _narrowest_first(each: Sequence[_Asked], level: int) -> list[_Asked]:
    """The word that few have first; the longest one, without looking further, if it is such."""
    by_length = sorted(each, key=lambda one: -len(one.word))
    if len(each) == 1 or by_length[0].cost(level) <= _MANY_WORDS:
        return by_length
    return sorted(each, key=lambda one: one.cost(level))


def shown_in_order(connection: sqlite3.Connection, numbers: Numbers, limit: int) -> Ranked:
    """Students by name."""
    return _in_order(connection, numbers, np.zeros(len(numbers), np.int64), limit)


def _in_order(
    connection: sqlite3.Connection, pool: Numbers, ranks: NDArray[np.int64], limit: int
) -> Ranked:
    """The first students by rank, then by name."""
    is_cut = len(pool) > limit
    if len(pool) > max(limit, _SORTED_WHOLE):
        pool, ranks = _first(connection, pool, ranks, limit)
    rank_of = dict(zip(pool.tolist(), ranks.tolist(), strict=True))
    rows = connection.execute(_SHOWN, (listed(pool.tolist()),)).fetchall()
    rows.sort(key=lambda row: (rank_of[row[0]], full_order(row[2], row[3], row[1])))
    students = [FoundStudent(*("" if cell is None else cell for cell in row[1:])) for row in rows]
    return Ranked(students[:limit], is_cut)


def _first(
    connection: sqlite3.Connection, pool: Numbers, ranks: NDArray[np.int64], limit: int
) -> tuple[Numbers, NDArray[np.int64]]:
    """Those who can be among the first: by rank, and by the standing of their names."""
    last_rank = int(np.searchsorted(np.cumsum(np.bincount(ranks)), limit))
    better, even = ranks < last_rank, np.flatnonzero(ranks == last_rank)
    wanted = limit - int(better.sum())
    keys = standing_keys(connection, pool[even])
    even = even[keys <= np.partition(keys, wanted - 1)[wanted - 1]]
    kept = np.sort(np.concatenate([np.flatnonzero(better), even]))
    return pool[kept], ranks[kept]
