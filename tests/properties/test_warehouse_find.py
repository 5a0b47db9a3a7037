"""The index answers as a reader with all the time in the world would."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from find_help import bring, contents, empty, ids, person
from scorehouse.warehouse.find import find
from scorehouse.warehouse.find_words import Dictionary, codes, letters_of, pairs_of
from scorehouse.warehouse.index import rebuild_index, update_index
from scorehouse.warehouse.names import fit, full_order, words_of

LETTERS = "abcé"
NAMES = st.lists(st.text(LETTERS, min_size=1, max_size=8), min_size=1, max_size=2).map(" ".join)
PEOPLE = st.dictionaries(st.integers(1, 40), st.tuples(NAMES, st.none() | NAMES), max_size=25)
ASKED = st.lists(st.text("abcd", min_size=1, max_size=8), min_size=1, max_size=3)
ANY_WORD = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=9)


def typos(one: str, two: str) -> int:
    """Letters too many, missing, wrong, and neighbors exchanged, counted the long way."""

    @cache
    def between(i: int, j: int) -> int:
        if not i or not j:
            return i + j
        same = one[i - 1] == two[j - 1]
        best = min(between(i - 1, j) + 1, between(i, j - 1) + 1, between(i - 1, j - 1) + (not same))
        if i > 1 and j > 1 and one[i - 1] == two[j - 2] and one[i - 2] == two[j - 1]:
            best = min(best, between(i - 2, j - 2) + 1)
        return best

    return between(len(one), len(two))


def plainly(asked: str, word: str) -> int | None:
    """How well a word fits, by the words of the documentation."""
    allowed = 2 if len(asked) >= 7 else 1 if len(asked) >= 4 else 0
    ways = [
        asked == word,
        word.startswith(asked),
        len(asked) >= 3 and asked in word,
        allowed >= 1 and typos(asked, word) == 1,
        allowed >= 2 and typos(asked, word) == 2,
        len(asked) >= 5 and any(typos(asked, word[:end]) <= 1 for end in range(len(word) + 1)),
    ]
    return next((way for way, fits in enumerate(ways) if fits), None)


def expected(people: dict[int, tuple[str, str | None]], asked: list[str]) -> list[int]:
    """Everybody who fits every word, the best first."""
    ranked = []
    for number, (last, first) in people.items():
        words = words_of([last, first])
        fits = [
            min((way for word in words if (way := plainly(one, word)) is not None), default=None)
            for one in dict.fromkeys(asked)
        ]
        known = [way for way in fits if way is not None]
        if len(known) == len(fits):
            place = full_order(last, first, f"9{number:09d}")
            ranked.append((max(known), sum(known), place, number))
    return [number for *_, number in sorted(ranked)]


@given(st.text("abc", min_size=1, max_size=9), st.text("abc", min_size=1, max_size=9))
def test_one_word_against_one(asked: str, word: str) -> None:
    assert fit(asked, word) == plainly(asked, word)


@given(st.lists(ANY_WORD, min_size=1, max_size=30, unique=True), ANY_WORD, st.data())
def test_all_words_at_once_as_one_by_one(words: list[str], other: str, data: st.DataObject) -> None:
    asked = data.draw(
        st.sampled_from([other, *words, words[0][:-1] + "ab", words[0][1:]]) | ANY_WORD
    )
    by_width: dict[int, list[str]] = {}
    for word in words:
        by_width.setdefault(len(word), []).append(word)
    names = {
        (segment << 12) + place: word
        for segment, same in enumerate(by_width.values())
        for place, word in enumerate(same)
    }
    dictionary = Dictionary(
        (
            segment, width, b"".join(codes(word).tobytes() for word in same),
            np.array([letters_of(word) for word in same], np.uint32).tobytes(),
            np.array([pairs_of(word) for word in same], np.uint64).tobytes(),
        )
        for segment, (width, same) in enumerate(by_width.items())
    )  # fmt: skip
    best: dict[str, int] = {}
    for how in range(6):
        for word_id in dictionary.fitting(asked, how).tolist() if asked else ():
            best.setdefault(names[word_id], how)
    ids = np.array(list(names), np.int64)
    if asked:
        every = dict(
            zip(words_by(names, ids), dictionary.best(asked, ids, 5).tolist(), strict=True)
        )
        assert {word: way for word, way in every.items() if way <= 5} == best
    assert best == {word: way for word in words if asked and (way := fit(asked, word)) is not None}


def words_by(names: dict[int, str], ids: np.ndarray) -> list[str]:
    return [names[word_id] for word_id in ids.tolist()]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(PEOPLE, min_size=1, max_size=3), st.lists(ASKED, min_size=5, max_size=10))
def test_the_index_finds_what_a_scan_finds(
    loads: list[dict[int, tuple[str, str | None]]], questions: list[list[str]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = empty(Path(folder, "w"))
        held: dict[int, tuple[str, str | None]] = {}
        for load in loads:
            held |= load
            bring(house, student=[person(number, *names) for number, names in load.items()])
            update_index(house)
            for asked in questions:
                wanted = expected(held, asked)
                answer = find(house, " ".join(asked), limit=3)
                assert ids(answer.students) == wanted[:3]
                assert answer.is_cut == (len(wanted) > 3)
        caught_up = contents(house)
        rebuild_index(house)
        assert contents(house) == caught_up
