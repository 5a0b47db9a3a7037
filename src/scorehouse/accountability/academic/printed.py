"""Rows with printed values only: what a file or a page of the state says, read and checked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction

from scorehouse.accountability.academic.figure import Evidence
from scorehouse.accountability.academic.sums import DISTRICT, SCHOOL, STATE, Row

_YES = frozenset({"Y", "YES", "TRUE", "1"})
_NOTHING = frozenset({"", "NA", "N/A", "NULL", "NONE", "*", "--"})
"""What stands in tables where there is no number."""

_TYPES = {"S": SCHOOL, "D": DISTRICT, "L": DISTRICT, "X": STATE}
_SUBJECTS = {"ELA": "ELA", "MATH": "Math"}
_ENOUGH = 1_000_000
_GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
_LONGEST = 40
"""More characters than any number of a file has."""

COUNTS = ("n", "prior_n", "color_n", "prior_color_n", "enrolled", "tested", "participation",
          "loss_count", "n_without_loss", "prior_enrolled", "prior_tested",
          "prior_participation", "prior_loss_count", "prior_n_without_loss")  # fmt: skip
POINTS = ("status", "prior_status", "change", "status_without_loss", "prior_status_without_loss",
          "adjustment", "prior_adjustment")  # fmt: skip
CODES = ("status_level", "change_level", "color", "box")


@dataclass(frozen=True)
class Problem:
    """What of a printed row can't be read: the column, its text, and why."""

    column: str
    value: str
    why: str


@dataclass(frozen=True)
class Printed:
    """A printed row.

    `counts`, `points` and `codes` hold what was given; a code that the row's file has no
    column for is absent, one that is there and empty is 0. `recomputed_change`: Change was
    taken from printed Statuses and may differ from the state's by a tenth. `has_prior_n`: there is
    a column of it; `has_cut_set`: one that says which Status cuts hold.
    """

    row: Row
    dashboard: str
    counts: Mapping[str, int]
    points: Mapping[str, Fraction]
    codes: Mapping[str, int]
    flags: Mapping[str, bool]
    pair_and_share: str = ""
    recomputed_change: bool = False
    has_prior_n: bool = True
    has_cut_set: bool = True

    @property
    def evidence(self) -> Evidence:
        """What decides on the row's levels; without counts, there are taken to be enough."""
        knows = "n" in self.counts
        return Evidence(
            self.counts.get("n", _ENOUGH), self.points.get("status"),
            self.counts.get("prior_n", 0 if knows and self.has_prior_n else _ENOUGH),
            self.points.get("prior_status"), self.points.get("change"),
            self.counts.get("color_n"), self.counts.get("prior_color_n"), self.pair_and_share,
        )  # fmt: skip

    @property
    def taken(self) -> Iterator[tuple[str, str]]:
        """Columns whose count isn't printed beside a Status, and what was taken instead."""
        evidence = self.evidence
        if evidence.status is not None and "n" not in self.counts:
            yield "n", "there are enough students"
        if evidence.prior_status is not None and "prior_n" not in self.counts:
            yield "prior_n", "there are enough students" if evidence.prior_n else "there are none"


def printed_row(
    cells: Mapping[str, str], dashboard: str, subject: str, *, compute_change: bool = False
) -> tuple[Printed | None, list[Problem]]:
    """A row from its cells, by what they hold; None where it can't be used at all.

    With `compute_change`, a Change that isn't printed is the difference of the printed
    Statuses.
    """
    problems: list[Problem] = []
    row = _row(cells, subject, problems)
    counted = {name: _count(cells, name, problems) for name in COUNTS}
    pointed = {name: _points(cells, name, problems) for name in POINTS}
    counts = {name: value for name, value in counted.items() if value is not None}
    points = {name: value for name, value in pointed.items() if value is not None}
    codes = {name: _count(cells, name, problems) or 0 for name in CODES if name in cells}
    flags = {name: _is_yes(cells[name]) for name in ("is_n_enough", "is_prior_n_enough",
             "is_accountable") if name in cells}  # fmt: skip
    recomputed = (
        compute_change and "change" not in points and {"status", "prior_status"} <= {*points}
    )
    if recomputed:
        points["change"] = points["status"] - points["prior_status"]
    if row is None:
        return None, problems
    pair_and_share = cells.get("pair_and_share", "").strip()
    return Printed(
        row,
        dashboard,
        counts,
        points,
        codes,
        flags,
        pair_and_share,
        recomputed,
        "prior_n" in cells,
        "high_school_cuts" in cells,
    ), problems


def _row(cells: Mapping[str, str], subject: str, problems: list[Problem]) -> Row | None:
    entity, kind = cells.get("cds", "").strip(), cells.get("entity_type", "").strip().upper()
    found = len(problems)
    if entity and not re.fullmatch(r"\d{14}", entity):
        lost = " A lost leading zero is the usual cause." if len(entity) == 13 else ""
        problems.append(Problem("cds", entity, f"a CDS code has 14 digits.{lost}"))
    if kind not in _TYPES:
        problems.append(Problem("entity_type", kind, "the type is S, D or X"))
    if _SUBJECTS.get(subject.upper()) is None:
        problems.append(Problem("subject", subject, "the subject is ELA or Math"))
    if len(problems) > found:
        return None
    return Row(
        entity, _TYPES[kind], cells.get("student_group", "").strip().upper(),
        _SUBJECTS[subject.upper()], _is_yes(cells.get("high_school_cuts", "")),
        _is_yes(cells.get("charter", "")), _is_yes(cells.get("dass", "")),
    )  # fmt: skip


def _is_yes(text: str) -> bool:
    return text.strip().upper() in _YES


def _ungrouped(text: str) -> str:
    """A number without commas between its thousands; a decimal comma is left, and refused.

    >>> _ungrouped("4,000"), _ungrouped("-33,2")
    ('4000', '-33,2')
    """
    return text.replace(",", "") if _GROUPED.fullmatch(text) else text


def _count(cells: Mapping[str, str], name: str, problems: list[Problem]) -> int | None:
    text = _ungrouped(cells.get(name, "").strip().removesuffix("%"))
    if text.upper() in _NOTHING:
        return None
    if len(text) > _LONGEST or not re.fullmatch(r"\d+(\.0+)?", text):
        problems.append(Problem(name, text, "a whole number is expected"))
        return None
    return int(text.partition(".")[0])


def _points(cells: Mapping[str, str], name: str, problems: list[Problem]) -> Fraction | None:
    text = _ungrouped(cells.get(name, "").strip())
    if text.upper() in _NOTHING:
        return None
    if len(text) > _LONGEST or not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)", text):
        problems.append(Problem(name, text, "a number of points is expected"))
        return None
    return Fraction(text)
