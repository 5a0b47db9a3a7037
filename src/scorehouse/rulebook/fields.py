"""Reading one value of rulebook data: strict, and with a sentence for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scorehouse.terms import AssessmentType, SchoolYear, Subject, parse_grade


class Written(str):
    """Text as a file has it, whose type is for the reader of the field to decide.

    Every CSV cell is one, and every TOML number with a point: so 85.80 and 85.8 stay
    different to the digest, and no number is ever guessed from a quoted text.
    """

    __slots__ = ()


Reader = Callable[[object], Any]


@dataclass(frozen=True)
class Field:
    """A value field of a rule: its name, how it is read, and whether it may be left out."""

    name: str
    read: Reader
    is_required: bool = True


def number(raw: object) -> float:
    """Read a decimal number; no exponent, no sign but minus, no thousands separator."""
    is_number = isinstance(raw, Written) or type(raw) is int
    if not is_number or not re.fullmatch(r"-?\d+(\.\d+)?", str(raw)):
        raise ValueError(f"{raw!r} is not a number; write it as in -0.072")
    return float(str(raw))


def whole_number(raw: object) -> int:
    """Read a whole number."""
    is_number = isinstance(raw, Written) or type(raw) is int
    if not is_number or not re.fullmatch(r"-?\d+", str(raw)):
        raise ValueError(f"{raw!r} is not a whole number")
    return int(str(raw))


def positive_number(raw: object) -> float:
    """Read a number above 0."""
    found = number(raw)
    if found <= 0:
        raise ValueError(f"{raw!r} is not above 0")
    return found


def count(raw: object) -> int:
    """Read a whole number that is 0 or more."""
    found = whole_number(raw)
    if found < 0:
        raise ValueError(f"{raw!r} is below 0")
    return found


def flag(raw: object) -> bool:
    """Read true or false."""
    if isinstance(raw, Written) and raw in ("true", "false"):
        return raw == "true"
    if not isinstance(raw, bool):
        raise ValueError(f"{raw!r} is neither true nor false")
    return raw


def text(raw: object) -> str:
    """Read a text that is not blank."""
    if not isinstance(raw, str) or not raw.strip():
        raise ValueError(f"{raw!r} is not a text")
    if raw != raw.strip():
        raise ValueError(f"{raw!r} has spaces at an end")
    return str(raw)


def step(raw: object) -> str:
    """Read a text that can be a step of a rule path: a code, the name of a policy or set."""
    found = text(raw)
    if "/" in found:
        raise ValueError(f"{raw!r} has a slash in it; rule paths are split there")
    return found


def words(raw: object) -> tuple[str, ...]:
    """Read a list of texts; in a CSV cell they stand with spaces between them."""
    parts = str(raw).split() if isinstance(raw, Written) else raw
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise ValueError(f"{raw!r} is not a list of texts")
    if len(set(parts)) != len(parts):
        raise ValueError(f"{raw!r} names something twice")
    return tuple(str(part) for part in parts)


def choice(*names: str) -> Reader:
    """Make a reader that takes one of a few words."""

    def read(raw: object) -> str:
        if not isinstance(raw, str) or raw not in names:
            raise ValueError(f"{raw!r} is not one of {', '.join(names)}")
        return str(raw)

    return read


def some_of(*names: str) -> Reader:
    """Make a reader that takes a list of some of a few words, or none."""

    def read(raw: object) -> tuple[str, ...]:
        found = words(raw)
        for name in found:
            choice(*names)(name)
        return found

    return read


def blank_or_text(raw: object) -> str:
    """Read a text that may be blank on purpose."""
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is not a text")
    return str(raw)


def school_year(raw: object) -> SchoolYear:
    """Read a school year, as in "2018-19"."""
    if not isinstance(raw, str):
        raise ValueError(f"{raw!r} is not a school year; write it in quotes, as in '2018-19'")
    return SchoolYear.parse(raw)


def grade(raw: object) -> str:
    """Read a grade of two characters; 3 is refused, so that no table mixes 3 and 03."""
    found = text(raw)
    if parse_grade(found) != found:
        raise ValueError(f"{found!r} is not a grade of two characters; write {parse_grade(found)}")
    return found


def grades(raw: object) -> tuple[str, ...]:
    """Read a list of grades of two characters."""
    return tuple(grade(part) for part in words(raw))


def subject(raw: object) -> str:
    """Read a subject, spelled as in the published shapes."""
    return str(choice(*(known.value for known in Subject))(raw))


def assessment_type(raw: object) -> str:
    """Read an assessment type, spelled as in the published shapes."""
    return str(choice(*(known.value for known in AssessmentType))(raw))
