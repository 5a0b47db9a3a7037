"""What transfers and spreadsheets do to tables: seen in the rows, told, never repaired."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.two_tables_layout import STUDENT, Layout

IDENTIFIERS = (
    STUDENT, "ExternalSSID", "TestOpportunityId", "TestOpportunityAltId", "AssessmentId",
    "DistrictId", "SchoolId", "ItemId",
)  # fmt: skip
_KEYS = (STUDENT, "TestOpportunityId", "ItemId")
_NUMBERED = (STUDENT, "ExternalSSID", "DistrictId", "SchoolId")
_DATES = ("Birthdate", "AssessmentAdministrationStartDate")
_MOMENTS = ("StartDateTime", "SubmitDateTime", "StatusDateTime", "AdminDateTime")
_EXPONENT = r"^\s*[+-]?[0-9]+([.,][0-9]+)?[eE]\+[0-9]{2,3}\s*$"  # as spreadsheets write
_YES_NO = r"(?i)^\s*(yes|no|y|n|true|false|t|f|0|1)\s*$"
_ANCHORS: Mapping[str, str] = {
    "Subject": r"(?i)^\s*(ela|math|ma|mathematics)\s*$",
    "DeliveryMode": r"(?i)^\s*(online|paper|scanned)\s*$",
    "AssessmentType": r"(?i)^\s*(summative|interim.*|formative)\s*$",
    "SchoolYear": r"^\s*(19|20)[0-9][0-9]\s*$",
    "Sex": r"(?i)^\s*(male|female|m|f|non-?binary|neutral|other|notselected)\s*$",
    "HispanicOrLatinoEthnicity": _YES_NO,
    "EconomicDisadvantageStatus": _YES_NO,
    "StateAbbreviation": r"^\s*[A-Z]{2}\s*$",
    "StartDateTime": r"^\s*[0-9]{4}-[0-9][0-9]-[0-9][0-9]",
    "SubmitDateTime": r"^\s*[0-9]{4}-[0-9][0-9]-[0-9][0-9]",
    "AdministrationCondition": r"(?i)^\s*(valid|invalid|in|sd|ns|(non)?standardized)\s*$",
    "Completeness": r"(?i)^\s*(partial|complete|expired)\s*$",
    "ItemId": r"^\s*[0-9]+-[0-9]+\s*$",
    "AdminDateTime": r"^\s*[0-9]{4}-[0-9][0-9]-[0-9][0-9]T",
    "ItemPosition": r"^\s*[0-9]+\s*$",
}
"""Columns whose values are unlike their neighbors': where a shift shows."""
_LEAST_ANCHORS = 2


class Shift(NamedTuple):
    """A row whose cells stand beside their columns from `column` on."""

    place: int
    column: str
    direction: str


def find_shifts(cells: pl.DataFrame, layout: Layout) -> list[Shift]:
    """Find rows whose cells stand one column to the right or to the left.

    `cells` are the columns of the file in its own order. At least two columns of a known
    vocabulary must hold something foreign that their neighbor on one side would make good,
    and no such column may be left unexplained.
    """
    anchors = [
        (place, name, pattern)
        for place, name in layout.columns.items()
        if (pattern := _ANCHORS.get(name))
    ]
    names = cells.columns
    here = {n: _fits(names[p], pattern) for p, n, pattern in anchors}
    shifts = []
    for step, direction in ((1, "right"), (-1, "left")):
        there = {
            n: _fits(names[p + step], pattern)
            for p, n, pattern in anchors
            if 0 <= p + step < len(names)
        }
        wrong = [(~here[n]) & (pl.col(names[p]) != "") for p, n, _ in anchors]
        matched = [
            (~here[n]) & there[n] & (pl.col(names[p]) != "") for p, n, _ in anchors if n in there
        ]
        if len(matched) < _LEAST_ANCHORS:
            continue
        is_shifted = (pl.sum_horizontal(matched) >= _LEAST_ANCHORS) & (
            pl.sum_horizontal(wrong) <= pl.sum_horizontal(matched) + 1
        )
        first = pl.coalesce(
            *(pl.when(m).then(pl.lit(n)) for m, n in zip(matched, there, strict=True))
        )
        found = cells.select(place=pl.int_range(pl.len()), shifted=is_shifted, first=first).filter(
            "shifted"
        )
        shifts += [Shift(row[0], row[2], direction) for row in found.iter_rows()]
    return shifts


def _fits(column: str, pattern: str) -> pl.Expr:
    return pl.col(column).str.contains(pattern)


def find_exponents(cells: pl.DataFrame, layout: Layout) -> list[tuple[int, str, str]]:
    """Find identifiers that became numbers with an exponent: (row, column, value)."""
    found = []
    for place, name in layout.columns.items():
        if name in IDENTIFIERS:
            column = cells.columns[place]
            hits = cells.select(place=pl.int_range(pl.len()), text=pl.col(column)).filter(
                pl.col("text").str.contains(_EXPONENT)
            )
            found += [(row[0], name, row[1]) for row in hits.iter_rows()]
    return found


@dataclass
class FileSigns:
    """What only a whole file shows; fed batch by batch, told at its end."""

    layout: Layout
    lengths: dict[str, Counter[int]] = field(default_factory=dict)
    leading_zeros: set[str] = field(default_factory=set)
    odd_dates: dict[str, tuple[int, int, str]] = field(default_factory=dict)

    def see(self, cells: pl.DataFrame, first_row: int) -> None:
        """Count lengths of numeric identifiers and dates of another form."""
        for place, name in self.layout.columns.items():
            texts = cells.get_column(cells.columns[place]).str.strip_chars()
            if name in _NUMBERED:
                self._see_identifiers(name, texts)
            elif name in _DATES or name in _MOMENTS:
                self._see_dates(name, texts, first_row)

    def _see_identifiers(self, name: str, texts: pl.Series) -> None:
        digits = texts.filter(texts.str.contains(r"^[0-9]+$"))
        if digits.str.starts_with("0").any():
            self.leading_zeros.add(name)
        counts = digits.str.len_bytes().value_counts()
        self.lengths.setdefault(name, Counter()).update(dict(counts.iter_rows()))

    def _see_dates(self, name: str, texts: pl.Series, first_row: int) -> None:
        wanted = r"^[0-9]{4}-[0-9][0-9]-[0-9][0-9]" + ("T" if name in _MOMENTS else "")
        is_older = bool(self.layout.older)
        odd = (texts != "") & ~texts.str.contains(
            wanted if not is_older else r"^[0-9]{4}-[0-9][0-9]-[0-9][0-9]"
        )
        if odd.any():
            place = odd.arg_true()[0]
            count, row, text = self.odd_dates.get(name, (0, first_row + place, texts[place]))
            self.odd_dates[name] = (count + int(odd.sum()), row, text)

    def tell(self, shown: str, log: FindingLog) -> None:
        """Say what the whole file showed."""
        for name, (count, row, text) in self.odd_dates.items():
            log.add("spreadsheet_dates", file=shown, field=name, row=row, value=text, count=count)
        for name, lengths in self.lengths.items():
            width = max(lengths, default=0)
            shorter = sum(n for length, n in lengths.items() if length < width)
            is_regular = lengths[width] > shorter
            if shorter and is_regular and name not in self.leading_zeros:
                log.add("spreadsheet_zeros", file=shown, field=name, count=shorter, width=width)


def keys_of(layout: Layout) -> Sequence[str]:
    """The identifiers without which a row belongs to nobody."""
    return [name for name in _KEYS if name in layout.columns.values()]
