"""What a search shows of a student, and the words it is found by, after rows have changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np

from scorehouse.warehouse.index_file import CHUNK_BITS, CHUNK_STUDENTS, listed
from scorehouse.warehouse.index_postings import Pairs, PostingWriter
from scorehouse.warehouse.index_source import BAR, ENROLLMENT, RESULT
from scorehouse.warehouse.index_words import WordWriter
from scorehouse.warehouse.names import order_key, words_of

_PREFERENCE = f"CASE source WHEN {ENROLLMENT} THEN '2' WHEN {RESULT} THEN '1' ELSE '0' END"
_NEWEST = (
    f"max(school_year || '{BAR}' || {_PREFERENCE} || '{BAR}' || latest || '{BAR}' || school_id)"
)
_FACTS = (
    f"SELECT t.number, {_NEWEST}, count(*) FROM json_each(?) AS j CROSS JOIN stand AS t "
    "ON t.number = j.value GROUP BY t.number"
)
_STUDENTS = (
    "SELECT s.number, s.replaced_by, s.is_known, s.last_name, s.first_name, s.middle_name, "
    "s.alias_name, s.birth_date, s.sex, s.grade, s.words "
    "FROM json_each(?) AS j CROSS JOIN student AS s ON s.number = j.value ORDER BY s.number"
)
_MEMBERS = "SELECT number FROM student WHERE replaced_by = ? ORDER BY student_id"
_UPDATE = (
    "UPDATE student SET last_name = ?, first_name = ?, middle_name = ?, alias_name = ?, "
    "birth_date = ?, sex = ?, school_id = ?, grade = ?, last_year = ?, is_shown = ?, words = ? "
    "WHERE number = ?"
)


class _Row(NamedTuple):
    number: int
    replaced_by: int | None
    is_known: int
    last_name: str | None
    first_name: str | None
    middle_name: str | None
    alias_name: str | None
    birth_date: str | None
    sex: str | None
    grade: str | None
    words: bytes | None

    @property
    def person(self) -> tuple[str | None, ...]:
        return self[3:9]

    @property
    def names(self) -> tuple[str | None, ...]:
        return self[3:7]

    @property
    def own_words(self) -> list[int]:
        return [] if self.words is None else np.frombuffer(self.words, np.int64).tolist()


class Facts(NamedTuple):
    """Where a student was last, and whether there is anything of them."""

    school_id: str | None = None
    grade: str | None = None
    last_year: str | None = None
    is_anywhere: bool = False


def facts_of(newest: str | None, rows: int) -> Facts:
    """Take the newest stand apart."""
    if newest is None:
        return Facts(is_anywhere=rows > 0)
    year, _preference, _seen, grade, school = newest.split(BAR)
    return Facts(school or None, grade or None, year or None, True)


class _Settled(NamedTuple):
    """A student as they are now, with the words and the grade that they are and were found by."""

    number: int
    person: tuple[str | None, ...]
    facts: Facts
    is_shown: bool
    words: list[str]
    grade: str | None
    old_words: list[str]
    old_grade: str | None


class Settler:
    """Brings what is shown and found up to date, chunk by chunk of students."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._postings = PostingWriter(connection)
        self._gone: set[int] = set()
        self._words = WordWriter(connection)
        self._heads = {
            row[0]
            for row in connection.execute(
                "SELECT DISTINCT replaced_by FROM student WHERE replaced_by IS NOT NULL"
            )
        }

    def settle(self, numbers: Iterable[int]) -> Iterator[int]:
        """Settle students by number; yield how many of each chunk."""
        for chunk, few in groupby(sorted(numbers), key=lambda number: number >> CHUNK_BITS):
            yield self._settle_chunk(chunk, list(few))
        self._postings.flush()
        self._words.forget_unused(self._gone)

    def _settle_chunk(self, chunk: int, numbers: list[int]) -> int:
        settled = self._settled(numbers)
        added: Pairs = []
        removed: Pairs = []
        updates: list[tuple[Any, ...]] = []
        keys: list[tuple[int, int]] = []
        for one in settled:
            ids, labels = self._words.ids(one.words, one.grade)
            old_ids, old_labels = self._words.ids(one.old_words, one.old_grade)
            fresh, old = labels.union(ids), old_labels.union(old_ids)
            added += [(word, one.number) for word in fresh - old]
            removed += [(word, one.number) for word in old - fresh]
            self._gone |= old - fresh
            blob = np.array(ids, np.int64).tobytes() if one.is_shown else None
            updates.append((*one.person, *one.facts[:3], int(one.is_shown), blob, one.number))
            keys.append((one.number & (CHUNK_STUDENTS - 1), order_key(*one.person[:2])))
        self._connection.executemany(_UPDATE, updates)
        self._postings.write(added, removed)
        self._put_keys(chunk, keys)
        return len(numbers)

    def _settled(self, numbers: list[int]) -> list[_Settled]:
        """What students are now, and what the index says of them; all their words are learned."""
        facts = self._facts(numbers)
        query = self._connection.execute(_STUDENTS, (listed(numbers),))
        rows = [_Row._make(row) for row in query]
        texts = self._words.texts(word for row in rows for word in row.own_words)
        found = [
            self._one(row, facts.get(row.number, Facts()), [texts[one] for one in row.own_words])
            for row in rows
        ]
        self._words.learn(
            [word for one in found for word in (*one.words, *one.old_words)],
            {grade for one in found for grade in (one.grade, one.old_grade) if grade},
        )
        return found

    def _one(self, row: _Row, facts: Facts, old_words: list[str]) -> _Settled:
        own, now = self._now(row, facts)
        is_shown = row.replaced_by is None and (now.is_anywhere or bool(own.is_known))
        return _Settled(
            row.number,
            own.person,
            now,
            is_shown,
            words_of(own.names) if is_shown else [],
            now.grade if is_shown else None,
            old_words,
            None if row.words is None else row.grade,
        )

    def _facts(self, numbers: list[int]) -> dict[int, Facts]:
        rows = self._connection.execute(_FACTS, (listed(numbers),))
        return {number: facts_of(newest, count) for number, newest, count in rows}

    def _now(self, row: _Row, facts: Facts) -> tuple[_Row, Facts]:
        """A student with what stands under identifiers that were replaced by theirs."""
        if row.number not in self._heads:
            return row, facts
        members = [one[0] for one in self._connection.execute(_MEMBERS, (row.number,))]
        everyone = listed([row.number, *members])
        newest, rows = self._connection.execute(
            f"SELECT {_NEWEST}, count(*) FROM stand WHERE number IN "
            "(SELECT value FROM json_each(?))",
            (everyone,),
        ).fetchone()
        return self._named(row, members), facts_of(newest, rows)

    def _named(self, row: _Row, members: list[int]) -> _Row:
        if row.is_known:
            return row
        for member in members:
            found = self._connection.execute(_STUDENTS, (listed([member]),)).fetchone()
            other = _Row._make(found)
            if other.is_known:
                return other._replace(number=row.number)
        return row

    def _put_keys(self, chunk: int, keys: list[tuple[int, int]]) -> None:
        row = self._connection.execute(
            "SELECT keys FROM standing WHERE chunk = ?", (chunk,)
        ).fetchone()
        held = np.frombuffer(row[0] if row else bytes(8 * CHUNK_STUDENTS), np.uint64).copy()
        held[[low for low, _ in keys]] = np.array([key for _, key in keys], np.uint64)
        self._connection.execute(
            "INSERT OR REPLACE INTO standing VALUES (?, ?)", (chunk, held.tobytes())
        )
