"""How names are folded and compared."""

from __future__ import annotations

import pytest

from scorehouse.warehouse.names import (
    BEGINNING_TYPO,
    EXACT,
    ONE_TYPO,
    PART,
    PREFIX,
    TWO_TYPOS,
    fit,
    folded,
    full_order,
    name_words,
    words_of,
)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("García", ("garcia",)),
        ("Nguyễn", ("nguyen",)),
        ("O’Brien", ("obrien",)),
        ("Garcia-Lopez", ("garcia", "lopez")),
        ("Jørgensen Łęcki", ("jorgensen", "lecki")),
        ("Weiß", ("weiss",)),
        ("St. Clair", ("st", "clair")),
        ("王小明", ("王小明",)),
        ("  ", ()),
    ],
)
def test_names_fold_to_plain_words(name: str, words: tuple[str, ...]) -> None:
    assert folded(name) == words


def test_composed_and_decomposed_accents_are_the_same() -> None:
    assert folded("Mu\u00f1oz") == folded("Mun\u0303oz") == ("munoz",)


def test_a_name_of_several_words_is_found_written_together() -> None:
    assert name_words("De La Cruz") == ("de", "la", "cruz", "delacruz")
    assert words_of(["Li", None, "Li Na"]) == ["li", "na", "lina"]


@pytest.mark.parametrize(
    ("asked", "word", "how"),
    [
        ("maria", "maria", EXACT),
        ("mar", "maria", PREFIX),
        ("aria", "maria", PART),
        ("ar", "maria", None),  # two letters from inside would find half of all names
        ("gonzales", "gonzalez", ONE_TYPO),
        ("gonzlaez", "gonzalez", ONE_TYPO),  # neighbors exchanged are one typo
        ("gonzaez", "gonzalez", ONE_TYPO),
        ("gonzallez", "gonzalez", ONE_TYPO),
        ("gozalles", "gonzalez", None),  # three
        ("gonsales", "gonzalez", TWO_TYPOS),
        ("gonsa", "gonzalez", BEGINNING_TYPO),
        ("lee", "leo", None),  # too short to be mistyped
        ("smih", "smith", ONE_TYPO),
        ("smth", "smit", None),  # two typos are too many for four letters
    ],
)
def test_how_well_a_word_fits(asked: str, word: str, how: int | None) -> None:
    assert fit(asked, word) == how


def test_people_stand_by_last_name_then_first() -> None:
    people = [
        *(("Zapata", "Ana", "1"), ("Álvarez", "Zoe", "2"), ("Alvarez", "Ana", "3")),
        *(("Garcia-Lopez", "Ana", "4"), ("García", "María", "5"), ("Garcia", "Mari", "6")),
    ]
    ordered = sorted(people, key=lambda one: full_order(*one))
    assert [one[2] for one in ordered] == ["3", "2", "6", "5", "4", "1"]
