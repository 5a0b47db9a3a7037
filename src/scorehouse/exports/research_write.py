"""Research files as bytes: one line a row, delimited or in fixed places, as their era writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Final

from scorehouse.errors import UsageError
from scorehouse.exports.research_layout import Column, Era, codes


class Hidden:
    """The value of a cell that was hidden."""

    def __repr__(self) -> str:
        """Say what it is."""
        return "HIDDEN"


HIDDEN: Final = Hidden()

Value = str | int | Fraction | Hidden | None
"""A cell: text, a count, an exact number still to be rounded, hidden, or not known."""

Changed = Callable[[str, str], None]
"""Told the column and the reason when a text can't be written as it is."""


def lines(
    rows: Iterable[Mapping[str, Value]],
    columns: Sequence[Column],
    era: Era,
    changed: Changed = lambda _column, _why: None,
) -> Iterator[bytes]:
    """A delimited file, its header first; lines end in CR LF.

    Rows map what a column holds to its value; what a row lacks is written empty.
    """
    yield _joined([column.header for column in columns], era)
    for row in rows:
        cells = [written(row.get(column.what), column, era) for column in columns]
        yield _joined([_fit(cell, column, era, changed)
                       for cell, column in zip(cells, columns, strict=True)], era)  # fmt: skip


def fixed_lines(
    rows: Iterable[Mapping[str, Value]],
    columns: Sequence[Column],
    era: Era,
    changed: Changed = lambda _column, _why: None,
) -> Iterator[bytes]:
    """A file in fixed places, without a header; texts begin left, counts stand right.

    Raises UsageError where the places of a column are not published.
    """
    without = [column.header for column in columns if not column.start]
    if without:
        raise UsageError(f"the places of {without[0]!r} in the fixed form are not published")
    for row in rows:
        line = "".join(_placed(row.get(column.what), column, era, changed) for column in columns)
        yield line.encode(era.encoding) + b"\r\n"


def written(value: Value, column: Column, era: Era) -> str:
    """A value as its era writes it.

    >>> from scorehouse.exports.research_layout import eras
    >>> percent = Column("Percentage Standard Met", "percent:3", 0, 0, False)
    >>> [written(Fraction(100, 3), percent, era) for era in (eras()[0], eras()[-1])]
    ['33', '33.33']
    """
    if value is None:
        return ""
    if isinstance(value, Hidden):
        return codes().hidden
    if isinstance(value, Fraction):
        is_percent = "percent" in column.what.split(":")
        return rounded(value, era.percent_decimals if is_percent else codes().mean_decimals)
    return str(value)


def rounded(value: Fraction, decimals: int) -> str:
    """Half away from zero, with all its decimals.

    >>> rounded(Fraction(1, 8), 2), rounded(Fraction(-1, 8), 2), rounded(Fraction(5, 2), 0)
    ('0.13', '-0.13', '3')
    """
    scaled = abs(value) * 10**decimals
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    number = Decimal(whole if value >= 0 else -whole).scaleb(-decimals)
    return str(number.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP))


def _joined(cells: Sequence[str], era: Era) -> bytes:
    if era.is_quoted:
        cells = ['"' + cell.replace('"', '""') + '"' for cell in cells]
    return era.delimiter.join(cells).encode(era.encoding) + b"\r\n"


def _fit(cell: str, column: Column, era: Era, changed: Changed) -> str:
    """A text without what would break its line, and in letters that the file has."""
    plain = " ".join(cell.split("\n")).replace("\r", "")
    if not era.is_quoted:
        plain = plain.replace(era.delimiter, " ")
    if plain != cell:
        changed(column.header, "a character that separates cells or lines became a blank")
    known = plain.encode(era.encoding, "replace").decode(era.encoding)
    if known != plain:
        changed(column.header, f"letters that {era.encoding} lacks became question marks")
    return known


def _placed(value: Value, column: Column, era: Era, changed: Changed) -> str:
    cell = _fit(written(value, column, era), column, era, changed)
    if len(cell) > column.width:
        changed(column.header, f"cut to the {column.width} characters of its place")
        cell = cell[: column.width]
    is_number = isinstance(value, int | Fraction | Hidden)
    return cell.rjust(column.width) if is_number else cell.ljust(column.width)
