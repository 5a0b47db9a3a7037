"""How names are compared: folded to plain letters, word by word, and in one order."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from string import ascii_lowercase

EXACT, PREFIX, PART, ONE_TYPO, TWO_TYPOS, BEGINNING_TYPO = range(6)
"""How well a word found fits the word asked for, best first."""

PART_LETTERS = 3
"""A piece from inside a name is looked for when it has this many letters."""

LONGEST = 64
"""Letters of a word that count."""

_ONE_TYPO_LETTERS, _TWO_TYPO_LETTERS, _BEGINNING_LETTERS = 4, 7, 5
_JOINING = frozenset("'’‘ʻʼ`´.")
_PLAIN = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h"}
)
KEY_LETTERS, LETTER_BITS = 12, 5
"""How many letters of names tell where people stand, and the bits that each takes."""

OTHER_LETTER = 31
"""What stands for a letter that isn't one of a to z there."""


_CODES = {letter: number for number, letter in enumerate(f" {ascii_lowercase}")}


@lru_cache(maxsize=100_000)
def folded(name: str) -> tuple[str, ...]:
    """Fold a text to words of plain letters and digits.

    >>> folded("Muñoz-O’Neill, José")
    ('munoz', 'oneill', 'jose')
    """
    if name.isascii() and name.isalpha():
        return (name.lower()[:LONGEST],)
    decomposed = unicodedata.normalize("NFKD", name.casefold()).translate(_PLAIN)
    kept = (
        letter if letter.isalnum() else "" if _vanishes(letter) else " " for letter in decomposed
    )
    return tuple(word[:LONGEST] for word in "".join(kept).split())


def _vanishes(letter: str) -> bool:
    return letter in _JOINING or unicodedata.combining(letter) != 0


@lru_cache(maxsize=100_000)
def name_words(name: str) -> tuple[str, ...]:
    """The words by which one name is found; one of several words is found written together too.

    >>> name_words("De la Cruz")
    ('de', 'la', 'cruz', 'delacruz')
    """
    words = folded(name)
    return (*words, "".join(words)[:LONGEST]) if len(words) > 1 else words


def words_of(names: Iterable[str | None]) -> list[str]:
    """Each word by which a person is found, once."""
    found = {word: None for name in names if name for word in name_words(name)}
    return list(found)


def allowed_typos(word: str) -> int:
    """How many typos a word may have and still be found: the longer, the more."""
    return (len(word) >= _ONE_TYPO_LETTERS) + (len(word) >= _TWO_TYPO_LETTERS)


def may_begin_wrong(word: str) -> bool:
    """Whether a word is long enough to stand for a longer one with a typo in what is there."""
    return len(word) >= _BEGINNING_LETTERS


def order_key(last_name: str | None, first_name: str | None) -> int:
    """A number in which people stand by last name, then first, as far as twelve letters tell."""
    letters = f"{joined(last_name)} {joined(first_name)}"[:KEY_LETTERS]
    number = 0
    for letter in letters.ljust(KEY_LETTERS):
        number = number << LETTER_BITS | _CODES.get(letter, OTHER_LETTER)
    return number


@lru_cache(maxsize=100_000)
def joined(name: str | None) -> str:
    """A name's words written together."""
    return "".join(folded(name or ""))


def full_order(
    last_name: str | None, first_name: str | None, student_id: str
) -> tuple[int, str, str, str]:
    """The order of people who fit equally well."""
    key = order_key(last_name, first_name)
    return key, joined(last_name), joined(first_name), student_id


def fit(asked: str, word: str) -> int | None:
    """How well a word fits the word asked for; None: it doesn't.

    >>> fit("garcia", "garica") == ONE_TYPO
    True
    """
    if asked == word:
        return EXACT
    if word.startswith(asked):
        return PREFIX
    if len(asked) >= PART_LETTERS and asked in word:
        return PART
    return _typing_fit(asked, word)


def _typing_fit(asked: str, word: str) -> int | None:
    allowed = allowed_typos(asked)
    if not allowed:
        return None
    whole, beginning = _distances(asked, word)
    if whole <= allowed:
        return ONE_TYPO if whole == 1 else TWO_TYPOS
    return BEGINNING_TYPO if may_begin_wrong(asked) and beginning <= 1 else None


def _distances(asked: str, word: str) -> tuple[int, int]:
    """Typos between two words, and between the first and the nearest beginning of the second.

    A typo is a letter too many, missing or wrong, or two neighbors exchanged.
    """
    before: list[int] = []
    above = list(range(len(word) + 1))
    for row, letter in enumerate(asked, 1):
        line = [row]
        for column, other in enumerate(word, 1):
            least = min(above[column], line[column - 1]) + 1
            least = min(least, above[column - 1] + (letter != other))
            swaps = row > 1 and column > 1
            if swaps and letter == word[column - 2] and other == asked[row - 2]:
                least = min(least, before[column - 2] + 1)
            line.append(least)
        before, above = above, line
    return above[-1], min(above)
