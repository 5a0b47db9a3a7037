"""The words of all names, in memory: which of them fit a word that is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from scorehouse.warehouse.names import (
    BEGINNING_TYPO,
    EXACT,
    ONE_TYPO,
    PART,
    PART_LETTERS,
    PREFIX,
    TWO_TYPOS,
    allowed_typos,
    may_begin_wrong,
)

SEGMENT_BITS = 12
"""Words stand in segments of words of one length; a word's id is segment and place."""

SEGMENT_WORDS = 1 << SEGMENT_BITS
_MASK_BITS = 31
_BITS_SET = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)

Ids = NDArray[np.int64]
Codes = NDArray[np.uint32]


def codes(word: str) -> Codes:
    """A word as numbers of its letters."""
    return np.frombuffer(word.encode("utf-32-le"), np.uint32)


def mask_of(letters: Codes) -> int:
    """A set of a word's letters, as bits."""
    return reduce(lambda mask, code: mask | 1 << (int(code) & _MASK_BITS), letters, 0)


@dataclass(frozen=True)
class SameLength:
    """Words of one length: a row of letters each, their sets of letters, their ids."""

    letters: Codes
    masks: NDArray[np.uint32]
    ids: Ids


class Dictionary:
    """Every word of every name."""

    def __init__(self, segments: Iterable[tuple[int, int, bytes, bytes]]) -> None:
        """Take segments as the index keeps them: number, length of words, letters, masks."""
        parts: dict[int, list[SameLength]] = {}
        for number, width, letters, masks in segments:
            rows = np.frombuffer(letters, np.uint32).reshape(-1, width)
            ids = (number << SEGMENT_BITS) + np.arange(len(rows), dtype=np.int64)
            part = SameLength(rows, np.frombuffer(masks, np.uint32), ids)
            parts.setdefault(width, []).append(part)
        self._by_width = {width: _joined(same) for width, same in parts.items()}

    def fitting(self, asked: str, how: int) -> Ids:
        """Ids of the words that fit in one way; words that fit better may be among them."""
        query = codes(asked)
        found = [
            same.ids[_RULES[how](query, asked, width, same)]
            for width, same in sorted(self._by_width.items())
        ]
        return np.concatenate([np.empty(0, np.int64), *found])


def _joined(parts: list[SameLength]) -> SameLength:
    return SameLength(
        np.concatenate([part.letters for part in parts]),
        np.concatenate([part.masks for part in parts]),
        np.concatenate([part.ids for part in parts]),
    )


_NONE = np.empty(0, np.intp)


def _holding(query: Codes, same: SameLength) -> NDArray[np.intp]:
    """The words that have every letter of the query."""
    return np.flatnonzero(~same.masks & np.uint32(mask_of(query)) == 0)


def _exact(query: Codes, _asked: str, width: int, same: SameLength) -> NDArray[np.intp]:
    if width != len(query):
        return _NONE
    near = np.flatnonzero(same.masks == np.uint32(mask_of(query)))
    return near[(same.letters[near] == query).all(axis=1)]


def _prefix(query: Codes, _asked: str, width: int, same: SameLength) -> NDArray[np.intp]:
    if width <= len(query):
        return _NONE
    near = _holding(query, same)
    return near[(same.letters[near, : len(query)] == query).all(axis=1)]


def _part(query: Codes, asked: str, width: int, same: SameLength) -> NDArray[np.intp]:
    if width <= len(query) or len(asked) < PART_LETTERS:
        return _NONE
    near = _holding(query, same)
    letters, hit = same.letters[near], np.zeros(len(near), bool)
    for start in range(width - len(query) + 1):
        hit |= (letters[:, start : start + len(query)] == query).all(axis=1)
    return near[hit]


def _typed_wrong(typos: int) -> _Rule:
    def rule(query: Codes, asked: str, width: int, same: SameLength) -> NDArray[np.intp]:
        if typos > allowed_typos(asked) or abs(width - len(query)) > typos:
            return _NONE
        near = _near(query, same, typos, both_ways=True)
        whole, _beginning = distances(query, same.letters[near], typos)
        return near[whole <= typos]

    return rule


def _begun_wrong(query: Codes, asked: str, width: int, same: SameLength) -> NDArray[np.intp]:
    if not may_begin_wrong(asked) or width < len(query) - 1:
        return _NONE
    near = _near(query, same, 1, both_ways=False)
    _whole, beginning = distances(query, same.letters[near], 1)
    return near[beginning <= 1]


def _near(query: Codes, same: SameLength, typos: int, *, both_ways: bool) -> NDArray[np.intp]:
    """Words whose sets of letters differ from the query's by no more than typos can do."""
    mask = np.uint32(mask_of(query))
    is_near = (_count(~same.masks & mask) <= typos) & (same.masks != 0)
    if both_ways:
        is_near &= _count(same.masks & ~mask) <= typos
    return np.flatnonzero(is_near)


def _count(masks: NDArray[np.uint32]) -> NDArray[np.uint8]:
    return _BITS_SET[masks & 0xFFFF] + _BITS_SET[masks >> 16]


def distances(
    query: Codes, letters: Codes, typos: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Typos between a query and each row, and the row's nearest beginning.

    Numbers above `typos` mean no more than that: too many.
    """
    rows, width = letters.shape
    far = np.full(rows, typos + 1, np.uint8)
    above = [np.full(rows, min(j, typos + 1), np.uint8) for j in range(width + 1)]
    before = above
    for i, letter in enumerate(query, 1):
        line = [far] * (width + 1)
        line[0] = np.full(rows, min(i, typos + 1), np.uint8)
        for j in range(max(1, i - typos), min(width, i + typos) + 1):
            column = letters[:, j - 1]
            least = np.minimum(above[j], line[j - 1]) + np.uint8(1)
            np.minimum(least, above[j - 1] + (column != letter), out=least)
            if i > 1 and j > 1:
                swapped = (column == query[i - 2]) & (letters[:, j - 2] == letter)
                np.minimum(least, np.where(swapped, before[j - 2] + 1, least), out=least)
            line[j] = np.minimum(least, far)
        before, above = above, line
    return above[width], reduce(np.minimum, above, far)


_Rule = Callable[[Codes, str, int, SameLength], NDArray[np.intp]]
_RULES: dict[int, _Rule] = {
    EXACT: _exact,
    PREFIX: _prefix,
    PART: _part,
    ONE_TYPO: _typed_wrong(1),
    TWO_TYPOS: _typed_wrong(2),
    BEGINNING_TYPO: _begun_wrong,
}
