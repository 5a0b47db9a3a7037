"""Every way of finding finds what looking at everyone finds: postings, own words, short cuts."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from find_help import bring, empty, enrolled, ids, person, ssid
from scorehouse.warehouse import Warehouse, find_asked, find_words
from scorehouse.warehouse.find import find, reading_index
from scorehouse.warehouse.index_file import dictionary
from scorehouse.warehouse.names import fit, folded, full_order, words_of

PEOPLE, QUESTIONS = 600, 60
SYLLABLES = ("ba", "cá", "ra", "re", "ñe")
SCHOOLS = ("99900000000001", "99900000000002")
WAYS = {
    "as it is": (3_000, 1_000, 20_000),
    "own words of nobody": (0, 1_000, 20_000),
    "short cuts of two words": (40, 1_000, 0),
    "postings counted": (0, 0, 0),
    "own words of few": (15, 20, 0),
}
"""Few students, many words, many places: what is few or many decides which way is taken."""


def name(random: np.random.Generator) -> str:
    return "".join(random.choice(SYLLABLES, random.integers(2, 5))).capitalize()


def everyone() -> list[tuple[str, str]]:
    random = np.random.default_rng(4)
    return [(name(random), name(random)) for _ in range(PEOPLE)]


NAMES = everyone()
PLACES = [(SCHOOLS[number % 2], f"0{3 + number % 3}") for number in range(PEOPLE)]
fits = cache(fit)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    house = empty(tmp_path_factory.mktemp("ways") / "w")
    bring(
        house,
        student=[person(number, *names) for number, names in enumerate(NAMES)],
        enrollment=[
            enrolled(number, school, "2018-19", grade)
            for number, (school, grade) in enumerate(PLACES)
        ],
    )
    return house


def question(random: np.random.Generator) -> list[str]:
    """Beginnings, pieces from inside and typos of the names of somebody, or almost."""
    last, first = NAMES[random.integers(PEOPLE)]
    words = []
    for whole in (last, first, name(random))[: random.choice([1, 2, 2, 2, 3])]:
        word = folded(whole)[0]
        start, letters = random.integers(0, 3), random.choice([1, 2, 3, 3, 3, 4, 7])
        word = word[start : start + letters]
        words.append(word[:2] + "x" + word[3:] if random.random() < 0.3 else word)
    return list(dict.fromkeys(words))


def ranks(asked: list[str], school: str = "", grade: str = "") -> dict[int, tuple[int, int]]:
    """Everybody who fits every word: how well at worst, and in sum."""
    found = {}
    for number, names in enumerate(NAMES):
        best = [
            min((way for own in words_of(names) if (way := fits(word, own)) is not None), default=9)
            for word in asked
        ]
        if school in ("", PLACES[number][0]) and grade in ("", PLACES[number][1]):
            found[number] = max(best), sum(best)
    return {number: rank for number, rank in found.items() if rank[0] < 9}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    few, words, places = WAYS[request.param]
    monkeypatch.setattr(find_asked, "_FEW_STUDENTS", few)
    monkeypatch.setattr(find_asked, "_MANY_WORDS", words)
    monkeypatch.setattr(find_words, "_MANY_PLACES", places)
    return str(request.param)


@pytest.mark.usefixtures("way")
def test_all_ways_find_the_same(house: Warehouse) -> None:
    random, cuts = np.random.default_rng(5), []
    for _ in range(QUESTIONS):
        asked, limit = question(random), int(random.choice([1, 20, 90]))
        school, grade = random.choice(["", "", *SCHOOLS]), random.choice(["", "", "", "04"])
        wanted = ranks(asked, school, grade)
        order = sorted(wanted, key=lambda one: (wanted[one], full_order(*NAMES[one], ssid(one))))
        found = find(house, " ".join(asked), school=school, grade=grade, limit=limit)
        assert ids(found.students) == order[:limit]
        assert found.is_cut == (len(order) > limit)
        cuts.append((bool(order), found.is_cut))
    assert all(cuts.count(kind) > 5 for kind in ((True, True), (True, False)))


def test_only_those_are_left_out_who_fit_worse_than_enough_others(
    house: Warehouse, way: str
) -> None:
    random, left_out = np.random.default_rng(6), 0
    with reading_index(house) as index:
        assert index is not None
        words = dictionary(index)
        numbers = dict(index.execute("SELECT number, student_id FROM student"))
        for enough in (0, 2, 5, 12, 30) * (QUESTIONS // 2):
            asked = question(random)
            search, everyone = find_asked.Search(index, words, asked, None), ranks(asked)
            for level in range(6):
                pool, fits = search.fitting(level, enough)
                found = {
                    int(numbers[one][1:]): (max(own), sum(own))
                    for one, own in zip(pool.tolist(), fits.T.tolist(), strict=True)
                }
                wanted = {one: rank for one, rank in everyone.items() if rank[0] <= level}
                assert found.items() <= wanted.items()
                worse = [rank for one, rank in wanted.items() if one not in found]
                left_out += len(worse)
                assert not worse or sum(rank < min(worse) for rank in found.values()) > enough
    assert left_out > 0 or way in ("as it is", "postings counted")
