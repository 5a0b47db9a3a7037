"""Which students fit all words asked for, and in which order they are shown."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.find_asked import Search, labeled
from scorehouse.warehouse.find_words import Dictionary
from scorehouse.warehouse.found import FoundStudent
from scorehouse.warehouse.index_file import Numbers, are_among, listed, standing_keys
from scorehouse.warehouse.index_words import grade_label
from scorehouse.warehouse.names import BEGINNING_TYPO, full_order

_WORST = 1 << 16  # what a student's worst fit weighs beside the sum of all
_SORTED_WHOLE = 200
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
        passed = self.passing(connection)
        assert passed is not None
        return passed

    def keep(self, connection: sqlite3.Connection, numbers: Numbers) -> Numbers:
        """Those of some students who pass."""
        passed = self.passing(connection)
        return numbers if passed is None else numbers[are_among(numbers, passed)]

    def passing(self, connection: sqlite3.Connection) -> Numbers | None:
        """All who pass; None: nothing is asked, so everybody does."""
        sets = []
        if self.school:
            query = "SELECT number FROM student WHERE school_id = ? AND is_shown"
            sets.append(_numbers(connection, query, self.school))
        if self.grade:
            sets.append(labeled(connection, grade_label(self.grade)))
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
            passed = passed[are_among(passed, other)]
        return passed


def _numbers(connection: sqlite3.Connection, query: str, value: str) -> Numbers:
    return np.unique(np.array([row[0] for row in connection.execute(query, (value,))], np.int64))


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
    search = Search(connection, words, asked, filters.passing(connection))
    for level in range(BEGINNING_TYPO + 1):
        pool, fits = search.fitting(level, limit)
        if len(pool) > limit:
            break
    ranks = fits.max(axis=0).astype(np.int64) * _WORST + fits.sum(axis=0, dtype=np.int64)
    return _in_order(connection, pool, ranks, limit)


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
