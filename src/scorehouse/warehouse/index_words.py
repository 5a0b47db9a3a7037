"""Writing words into the index."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby

from scorehouse.warehouse.find_words import SEGMENT_BITS, SEGMENT_WORDS, codes, letters_of, pairs_of
from scorehouse.warehouse.index_file import FIRST_LABEL, PREFIX_LETTERS, WORD_STEP, listed

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
        self._labels_of: dict[str, tuple[int, ...]] = {}
        self._texts: dict[int, str] = {}
        self._open: dict[int, _Segment] = {}
        self._next_label = self._first_free("word", "word_id", FIRST_LABEL)
        self._next_segment = self._first_free("segment", "segment", 0)

    def _first_free(self, table: str, column: str, least: int) -> int:
        row = self._connection.execute(f"SELECT max({column}) FROM {table}").fetchone()
        return max(least, least if row[0] is None else row[0] + 1)

    def learn(self, words: Iterable[str], grades: Iterable[str]) -> None:
        """Make sure that words, grades and the labels that go with them have ids."""
        fresh = {word for word in words if word not in self._labels_of}
        labels = {word: [*labels_of([word], None)] for word in sorted(fresh)}
        grade_labels = (grade_label(grade) for grade in sorted(grades))
        asked = dict.fromkeys([*labels, *chain.from_iterable(labels.values()), *grade_labels])
        self._look_up([text for text in asked if text not in self._ids])
        for word, own in labels.items():
            self._labels_of[word] = tuple(self._ids[label] for label in own)

    def _look_up(self, texts: list[str]) -> None:
        """Find the ids of words and labels; make those that aren't there."""
        found = self._connection.execute(
            "SELECT w.word, w.word_id FROM json_each(?) AS j CROSS JOIN word AS w "
            "ON w.word = j.value",
            (listed(texts),),
        ).fetchall()
        self._ids.update(found)
        made = [(text, self._make(text)) for text in texts if text not in self._ids]
        self._connection.executemany("INSERT INTO word VALUES (?, ?)", made)
        self._ids.update(made)
        self._texts.update((word_id, text) for text, word_id in (*found, *made))

    def ids(self, words: Sequence[str], grade: str | None) -> tuple[list[int], set[int]]:
        """Ids of words that were learned, and of the labels that go with them."""
        labels = {label for word in words for label in self._labels_of[word]}
        if grade:
            labels.add(self._ids[grade_label(grade)])
        return [self._ids[word] for word in words], labels

    def _make(self, word: str) -> int:
        if word[0] in "~=":
            made, self._next_label = self._next_label, self._next_label + 1
        else:
            made = self._append(word)
        return made

    def _append(self, word: str) -> int:
        width = len(word)
        segment = self._open.get(width) or self._last(width)
        place = len(segment.letters) // _LETTERS_BYTES
        if place == SEGMENT_WORDS:
            self._write(width, segment)
            segment, place = self._new_segment(), 0
        self._open[width] = segment
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

    def _write(self, width: int, segment: _Segment) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO segment VALUES (?, ?, ?, ?, ?)",
            (segment.number, width, segment.words, segment.letters, segment.pairs),
        )

    def flush(self) -> None:
        """Write the segments that have new words."""
        for width, segment in self._open.items():
            self._write(width, segment)
        self._open.clear()

    def texts(self, ids: Iterable[int]) -> Mapping[int, str]:
        """Words by their ids: at least some that were there before this writer made any."""
        by_segment: dict[int, list[int]] = {}
        for word_id in sorted({*ids} - self._texts.keys()):
            by_segment.setdefault(word_id >> SEGMENT_BITS, []).append(word_id)
        for number, some in by_segment.items():
            width, words = self._connection.execute(
                "SELECT width, words FROM segment WHERE segment = ?", (number,)
            ).fetchone()
            size = width * _CODE_BYTES
            for word_id in some:
                start = (word_id & (SEGMENT_WORDS - 1)) * size
                self._texts[word_id] = words[start : start + size].decode("utf-32-le")
        return self._texts

    def forget_unused(self, ids: Iterable[int]) -> None:
        """Take words and labels out, all learned, that have no posting left."""
        rows = self._connection.execute(
            "SELECT j.value FROM json_each(?) AS j WHERE NOT EXISTS (SELECT 1 FROM posting "
            f"WHERE key BETWEEN j.value * {WORD_STEP} AND j.value * {WORD_STEP} + {WORD_STEP - 1})",
            (listed(sorted(ids)),),
        )
        unused = [row[0] for row in rows]
        self._connection.executemany(
            "DELETE FROM word WHERE word = ?", [(self._texts[word_id],) for word_id in unused]
        )
        self.flush()
        for number, some in groupby(
            (one for one in unused if one < FIRST_LABEL), key=lambda one: one >> SEGMENT_BITS
        ):
            self._blank(number, [one & (SEGMENT_WORDS - 1) for one in some])

    def _blank(self, number: int, places: list[int]) -> None:
        """Overwrite words' letters where they stand; their places stay empty."""
        row = self._connection.execute("SELECT width FROM segment WHERE segment = ?", (number,))
        sizes = {
            "words": row.fetchone()[0] * _CODE_BYTES,
            "letters": _LETTERS_BYTES,
            "pairs": _PAIRS_BYTES,
        }
        for column, size in sizes.items():
            with self._connection.blobopen("segment", column, number) as blob:
                for place in places:
                    blob.seek(place * size)
                    blob.write(bytes(size))
