"""What charts are given and what they give back. Numbers come in rounded; nothing is computed.

A number that may not be shown is an `Amount` without a value that says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

Number = int | float | Decimal


@dataclass(frozen=True)
class Amount:
    """One number as a reader may see it, with its interval and how many students it is about.

    Without a value, `why` says why not, in words ("fewer than 11 students"). `coded` is what
    stands in place of an extreme percentage ("≥95"). `is_marked`: the public doesn't see it.
    """

    value: Number | None = None
    low: Number | None = None
    high: Number | None = None
    n: int | None = None
    why: str = ""
    coded: str = ""
    is_marked: bool = False


@dataclass(frozen=True)
class Table:
    """The same numbers as text: the first column names the rows, the others are numbers.

    `text_columns` are those that hold words and stand to the left.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Chart:
    """A picture, what it shows in words, and its numbers. `key` makes its ids unique."""

    key: str
    title: str
    description: str
    svg: str
    table: Table
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LevelRow:
    """Percentages by level, lowest level first. `met` is the share that met the standard."""

    name: str
    percents: Sequence[Amount]
    met: Amount = Amount()
    n: int | None = None


@dataclass(frozen=True)
class Series:
    """One line: a point for each place of the x axis, in order."""

    name: str
    points: Sequence[Amount]


@dataclass(frozen=True)
class DotRow:
    """One dot with its interval. Rows of the same section stand together."""

    name: str
    amount: Amount
    section: str = ""
    remark: str = ""


@dataclass(frozen=True)
class TargetRow:
    """One target, compared with the whole test and with Standard Met.

    A rating is `above`, `near` or `below`; any other word is why there is none.
    """

    name: str
    to_test: str
    to_standard: str
    section: str = ""
    n: int | None = None


@dataclass(frozen=True)
class ItemRow:
    """One item: share of students by points (from 0), average share of the points, difficulty."""

    name: str
    percents: Sequence[Amount]
    difficulty: Amount = Amount()
    remark: str = ""
    n: int | None = None


@dataclass(frozen=True)
class Grid:
    """Colors by status (best first) and change (worst first), as in the year's rulebook."""

    status_levels: Sequence[str]
    change_levels: Sequence[str]
    colors: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Cuts:
    """Where levels begin, lowest first: one fewer than there are levels."""

    status: Sequence[Number]
    change: Sequence[Number]


@dataclass(frozen=True)
class IndicatorRow:
    """A school or group on the indicator: figures, level words and color word, or why not.

    `status_level` and `change_level` are words of the grid; `color` is blank without one.
    """

    name: str
    status: Amount
    change: Amount = Amount()
    status_level: str = ""
    change_level: str = ""
    color: str = ""
    n: int | None = None
    remark: str = ""


@dataclass(frozen=True)
class ColorCount:
    """How many groups have each color; `without` are groups with figures and no color."""

    name: str
    counts: Sequence[tuple[str, int]]
    without: int = 0
