"""The words of all names, in memory: which of them fit a word that is asked for.

Every word has two sets as bits: its letters, and its pairs of neighbors (with its beginning and
end). A word that fits can't lack more of them than its typos take away, so that most words are
left out by a few operations on whole arrays, and letters are compared for the few that remain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, reduce
from itertools import pairwise

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
_LETTER_BITS, _PAIR_BITS = 31, 63
_PAIRS_A_TYPO = 3
"""Pairs that one typo can take away: two neighbors exchanged are in three."""

_HEAD_LETTERS, _HEAD_BITS = 12, 5
"""First letters of a word that stand in one number, and the bits that each takes."""

Ids = NDArray[np.int64]
Codes = NDArray[np.uint32]
Places = NDArray[np.intp]
_BITS_SET = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)


def codes(word: str) -> Codes:
    """A word as numbers of its letters."""
    return np.frombuffer(word.encode("utf-32-le"), np.uint32)


def letters_of(word: str) -> int:
    """The set of a word's letters, as bits."""
    return reduce(lambda bits, letter: bits | 1 << (ord(letter) & _LETTER_BITS), word, 0)


def pairs_of(word: str, *, begins: bool = True, ends: bool = True) -> int:
    """The set of a word's pairs of neighbors, as bits; with its beginning and its end."""
    whole = "^" * begins + word + "$" * ends
    bits = 0
    for one, two in pairwise(whole):
        bits |= 1 << (ord(one) * 29 + ord(two) & _PAIR_BITS)
    return bits


def segment_arrays(words: Sequence[str]) -> tuple[Codes, Codes, NDArray[np.uint64]]:
    """Words of one length as a segment has them: their letters, and the two sets of each."""
    rows = codes("".join(words)).reshape(len(words), -1)
    letters = np.bitwise_or.reduce(np.uint32(1) << (rows & np.uint32(_LETTER_BITS)), axis=1)
    whole = np.pad(rows.astype(np.uint64), ((0, 0), (1, 1)))
    whole[:, 0], whole[:, -1] = ord("^"), ord("$")
    places = whole[:, :-1] * np.uint64(29) + whole[:, 1:] & np.uint64(_PAIR_BITS)
    return rows, letters, np.bitwise_or.reduce(np.uint64(1) << places, axis=1)


def _count(sets: NDArray[np.uint32] | NDArray[np.uint64]) -> NDArray[np.uint8]:
    """How many bits are set in each."""
    fast = getattr(np, "bitwise_count", None)
    if fast is not None:
        counted: NDArray[np.uint8] = fast(sets)
        return counted
    parts = np.ascontiguousarray(sets).view(np.uint16).reshape(len(sets), -1)
    summed: NDArray[np.uint8] = _BITS_SET[parts].sum(axis=1, dtype=np.uint8)
    return summed


class Dictionary:
    """Every word of every name."""

    def __init__(self, segments: Iterable[tuple[int, int, bytes, bytes, bytes]]) -> None:
        """Take segments as the index keeps them: number, length of words, and three arrays."""
        ordered = sorted(segments, key=lambda segment: segment[1])
        self._letters = np.frombuffer(b"".join(segment[3] for segment in ordered), np.uint32)
        self._pairs = np.frombuffer(b"".join(segment[4] for segment in ordered), np.uint64)
        sizes = [len(segment[3]) // 4 for segment in ordered]
        starts = [(segment[0] << SEGMENT_BITS) for segment in ordered]
        self._ids = np.concatenate(
            [np.empty(0, np.int64)]
            + [np.arange(start, start + size) for start, size in zip(starts, sizes, strict=True)]
        )
        self._widths = np.repeat(np.array([s[1] for s in ordered], np.int16), sizes)
        self._rows: dict[int, tuple[int, Codes]] = {}
        for width in dict.fromkeys(segment[1] for segment in ordered):
            blob = b"".join(segment[2] for segment in ordered if segment[1] == width)
            first = int(np.searchsorted(self._widths, width))
            self._rows[width] = first, np.frombuffer(blob, np.uint32).reshape(-1, width)
        self._place_of = np.zeros(int(self._ids.max(initial=0)) + 1, np.intp)
        self._place_of[self._ids] = np.arange(len(self._ids))
        self._typed: tuple[str, dict[int, Ids]] = "", {}

    def fitting(self, asked: str, how: int) -> Ids:
        """Ids of the words that fit in one way; words that fit better may be among them."""
        if how in (ONE_TYPO, TWO_TYPOS):
            return self._typed_wrong(asked)[how]
        return self._ids[_RULES[how](self, asked, None)]

    def best(self, asked: str, ids: Ids, most: int) -> NDArray[np.int8]:
        """How well each of some words fits, up to a way; above it: it doesn't."""
        places = self._place_of[ids]
        found = np.full(len(self._ids), most + 1, np.int8) if len(ids) else np.empty(0, np.int8)
        among = np.unique(places)
        for how in range(most, -1, -1):
            if how in (ONE_TYPO, TWO_TYPOS):
                hits = self._typed_apart(asked, among)[how]
            else:
                hits = _RULES[how](self, asked, among)
            found[hits] = how
        return found[places]

    def _some(self, among: Places | None, least: int, most: int) -> Places | slice:
        """The places, all or of some, of words of some lengths."""
        if among is None:
            low, high = (int(np.searchsorted(self._widths, width)) for width in (least, most + 1))
            return slice(low, high)
        widths = self._widths[among]
        return among[(widths >= least) & (widths <= most)]

    def _holding(self, asked: str, pairs: int, some: Places | slice) -> Places:
        """Words that have every letter and pair asked for."""
        letters, wanted = np.uint32(letters_of(asked)), np.uint64(pairs)
        places = _hits(some, self._letters[some] & letters == letters)
        holding: Places = places[self._pairs[places] & wanted == wanted]
        return holding

    def _near(self, asked: str, pairs: int, typos: int, some: Places | slice) -> Places:
        """Words that lack no more of letters and pairs than typos can take."""
        letters = np.uint32(letters_of(asked))
        places = _hits(some, _count(~self._letters[some] & letters) <= typos)
        lacking = _count(~self._pairs[places] & np.uint64(pairs))
        near: Places = places[(lacking <= _PAIRS_A_TYPO * typos) & (self._letters[places] != 0)]
        return near

    def _by_width(self, places: Places) -> Iterator[tuple[Places, Codes]]:
        """Places, and the letters of the words there, by length of word."""
        widths, starts = np.unique(self._widths[places], return_index=True)
        ends = [*starts[1:].tolist(), len(places)][: len(starts)]
        for width, start, end in zip(widths.tolist(), starts.tolist(), ends, strict=True):
            first, rows = self._rows[width]
            some = places[start:end]
            yield some, rows[some - first]

    def _kept(self, places: Places, rule: Callable[[Codes], NDArray[np.bool_]]) -> Places:
        kept = [some[rule(letters)] for some, letters in self._by_width(places)]
        return np.concatenate([np.empty(0, np.intp), *kept])

    def _beginnings(self, places: Places, size: int) -> Codes:
        """The first letters of the words at some places, in order; zeros after a word's end."""
        rows = np.zeros((len(places), size), np.uint32)
        done = 0
        for some, letters in self._by_width(places):
            width = min(size, letters.shape[1])
            rows[done : done + len(some), :width] = letters[:, :width]
            done += len(some)
        return rows

    @cached_property
    def _heads(self) -> NDArray[np.uint64]:
        """The first letters of each word, as one number; letters that differ may look alike."""
        heads = np.zeros(len(self._ids), np.uint64)
        for first, rows in self._rows.values():
            own = heads[first : first + len(rows)]
            for column, place in zip(rows.T, range(_HEAD_LETTERS), strict=False):
                own |= (column & np.uint32(_LETTER_BITS)).astype(np.uint64) << _head_shift(place, 1)
        return heads

    def _begun(self, query: Codes, some: Places | slice) -> Places | slice:
        """Of all words, those that can begin so."""
        if not isinstance(some, slice):
            return some
        return _hits(some, _stands(self._heads[some], query[:_HEAD_LETTERS], 0))

    def _may_begin(self, query: Codes, some: slice) -> Places:
        """The words that can begin so but for one typo.

        Wherever a query is cut, a typo leaves one of its parts: the first where it is, or what
        follows on the next letter, which it moves by one at most.
        """
        query = query[: _HEAD_LETTERS - 1]
        places, heads = np.arange(some.start, some.stop), self._heads[some]
        middle = len(query) // 2
        for cut in sorted(range(1, len(query) - 1), key=lambda place: abs(place - middle)):
            kept = _stands(heads, query[:cut], 0)
            for moved in (-1, 0, 1):
                kept |= _stands(heads, query[cut + 1 :], cut + 1 + moved)
            hits = np.flatnonzero(kept)
            places, heads = places[hits], heads[hits]
        return places

    def exact(self, asked: str, among: Places | None) -> Places:
        """Where the word itself is."""
        query = codes(asked)
        some = self._begun(query, self._some(among, len(query), len(query)))
        places = self._holding(asked, pairs_of(asked), some)
        return self._kept(places, lambda letters: (letters == query).all(axis=1))

    def prefix(self, asked: str, among: Places | None) -> Places:
        """Longer words that begin so."""
        query = codes(asked)
        size = len(query)
        some = self._begun(query, self._some(among, size + 1, _LONGEST))
        places = self._holding(asked, pairs_of(asked, ends=False), some)
        return self._kept(places, lambda letters: (letters[:, :size] == query).all(axis=1))

    def part(self, asked: str, among: Places | None) -> Places:
        """Longer words that have it somewhere."""
        query = codes(asked)
        if len(query) < PART_LETTERS:
            return np.empty(0, np.intp)
        some = self._some(among, len(query) + 1, _LONGEST)
        places = self._holding(asked, pairs_of(asked, begins=False, ends=False), some)
        if len(places) > _MANY_PLACES:
            return self._kept(places, lambda letters: _has_part(letters, query))
        longest = int(self._widths[places].max(initial=0))
        return places[_has_part(self._beginnings(places, longest), query)]

    def begun_wrong(self, asked: str, among: Places | None) -> Places:
        """Words that begin so but for one typo."""
        query = codes(asked)
        if not may_begin_wrong(asked):
            return np.empty(0, np.intp)
        some = self._some(among, len(query) - 1, _LONGEST)
        if isinstance(some, slice):
            some = self._may_begin(query, some)
        places = self._near(asked, pairs_of(asked, ends=False), 1, some)
        lines = distances(query, self._beginnings(places, len(query) + 1), 1)
        return places[reduce(np.minimum, lines) <= 1]

    def _typed_wrong(self, asked: str) -> dict[int, Ids]:
        """Words that are the one asked for but for typos: by one and by two, at one go."""
        if self._typed[0] != asked:
            apart = self._typed_apart(asked, None)
            self._typed = asked, {how: self._ids[places] for how, places in apart.items()}
        return self._typed[1]

    def _typed_apart(self, asked: str, among: Places | None) -> dict[int, Places]:
        nowhere = np.empty(0, np.intp)
        found = {ONE_TYPO: nowhere, TWO_TYPOS: nowhere}
        typos, query = allowed_typos(asked), codes(asked)
        if not typos:
            return found
        some = self._some(among, len(query) - typos, len(query) + typos)
        places = self._near(asked, pairs_of(asked), typos, some)
        letters = np.uint32(letters_of(asked))
        places = places[_count(self._letters[places] & ~letters) <= typos]
        lines = distances(query, self._beginnings(places, len(query) + typos), typos)
        whole = np.stack(lines)[self._widths[places], np.arange(len(places))]
        for how, count in ((ONE_TYPO, 1), (TWO_TYPOS, 2)):
            if count <= typos:
                found[how] = places[whole == count]
        return found


def _hits(some: Places | slice, hit: NDArray[np.bool_]) -> Places:
    found = np.flatnonzero(hit)
    return found + some.start if isinstance(some, slice) else some[found]


def _head_shift(place: int, letters: int) -> np.uint64:
    return np.uint64((_HEAD_LETTERS - place - letters) * _HEAD_BITS)


def _stands(heads: NDArray[np.uint64], letters: Codes, place: int) -> NDArray[np.bool_]:
    """Which words can have some letters at a place."""
    wanted = 0
    for letter in letters.tolist():
        wanted = wanted << _HEAD_BITS | letter & _LETTER_BITS
    shift = _head_shift(place, len(letters))
    mask = np.uint64((1 << _HEAD_BITS * len(letters)) - 1) << shift
    found: NDArray[np.bool_] = heads & mask == np.uint64(wanted) << shift
    return found


_LONGEST = 1_000
_MANY_PLACES = 20_000  # are looked through length by length
_RULES: dict[int, Callable[[Dictionary, str, Places | None], Places]] = {
    EXACT: Dictionary.exact,
    PREFIX: Dictionary.prefix,
    PART: Dictionary.part,
    BEGINNING_TYPO: Dictionary.begun_wrong,
}


def _has_part(letters: Codes, query: Codes) -> NDArray[np.bool_]:
    columns = np.ascontiguousarray(letters.T)
    hit = np.zeros(len(letters), bool)
    for start in range(letters.shape[1] - len(query) + 1):
        here = columns[start] == query[0]
        for place in range(1, len(query)):
            here &= columns[start + place] == query[place]
        hit |= here
    return hit


def distances(query: Codes, letters: Codes, typos: int) -> list[NDArray[np.uint8]]:
    """Typos between a query and each beginning of each row: the empty one first.

    Numbers above `typos` mean no more than that: too many.
    """
    rows, width = letters.shape
    columns = np.ascontiguousarray(letters.T)
    far = np.full(rows, typos + 1, np.uint8)
    steps = [np.full(rows, min(j, typos + 1), np.uint8) for j in range(typos + 2)]
    above = [steps[min(j, typos + 1)] for j in range(width + 1)]
    before = above
    for i, letter in enumerate(query, 1):
        line = [far] * (width + 1)
        line[0] = steps[min(i, typos + 1)]
        for j in range(max(1, i - typos), min(width, i + typos) + 1):
            column = columns[j - 1]
            least = np.minimum(above[j], line[j - 1]) + np.uint8(1)
            np.minimum(least, above[j - 1] + (column != letter), out=least)
            if i > 1 and j > 1:
                swapped = (column == query[i - 2]) & (columns[j - 2] == letter)
                np.minimum(least, np.where(swapped, before[j - 2] + 1, least), out=least)
            line[j] = np.minimum(least, far)
        before, above = above, line
    return above
