"""Norms: how a test's scores were distributed in a period, with scores at percentile ranks.

A norm's own row (its count, mean and so on are filled) may carry the first rank, and comes
before the rows of the other ranks. A norm that breaks a rule is left out whole; the others
load. Lines that begin with # are comments. Source: the incumbent's import of percentiles; the
lowest and highest score may be blank, as its manual says.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from scorehouse.errors import InputRefusedError
from scorehouse.intake.readers.tables import TextRow
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES

_MARKS = {"assessment_id", "start_date", "end_date", "percentile_rank", "score"}
_OWN = ("count", "mean", "standard_deviation")
_FEWEST_RANKS = 3
Key = tuple[str, str]


class _UnsoundError(ValueError):
    """A rule that a norm breaks, and the row where it does."""

    def __init__(self, row: int, why: str) -> None:
        super().__init__(why)
        self.row = row


class _Norm(NamedTuple):
    row: int
    values: dict[str, object]
    ranks: list[tuple[int, float]]
    starts: date
    ends: date

    def overlaps(self, starts: date, ends: date) -> bool:
        return self.starts <= ends and starts <= self.ends


def recognise(head: Head) -> Guess | None:
    """Tell norms by their columns."""
    if set(head.columns) >= _MARKS:
        return Guess(1.0, "it has the columns of norms")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring norms: one that breaks a rule is left out whole, the others are brought."""
    good = _without_overlaps(loading, path, list(_read(loading, path)))
    if not good:
        return Ending(BAD_DATA, "no norm could be taken; see the findings", {})
    _tell_unknown_tests(loading, path, good)
    held = pa.Table.from_pylist([norm.values for norm in good], schema=TABLES["norm"].own_schema)
    ranks = pa.Table.from_pylist(
        [
            {
                "assessment_id": norm.values["assessment_id"],
                "starts_on": norm.starts,
                "percentile_rank": rank,
                "scale_score": score,
            }
            for norm in good
            for rank, score in norm.ranks
        ],
        schema=TABLES["norm_rank"].own_schema,
    )
    keys = ("assessment_id", "starts_on")
    return ending_of(
        merge(loading.transaction, "norm", held, import_id),
        merge(loading.transaction, "norm_rank", ranks, import_id, within=keys),
        prefixes=("norms", "ranks"),
    )


def _read(loading: Loading, path: Path) -> Iterator[_Norm]:
    rows: dict[Key, list[TextRow]] = {}
    for row in _rows(path):
        rows.setdefault((row.get("assessment_id"), row.get("start_date")), []).append(row)
    for own in rows.values():
        try:
            yield _norm(own)
        except _UnsoundError as error:
            loading.log.add("norm_unsound", file=path.name, row=error.row, value=str(error))


def _rows(path: Path) -> Iterator[TextRow]:
    """The rows of the file; comment lines and blank ones don't count."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefusedError("the text is not UTF-8; save it again as UTF-8") from None
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    try:
        for number, cells in enumerate(csv.DictReader(lines, restkey="", restval=""), 1):
            filled = {name.strip(): str(value or "").strip() for name, value in cells.items()}
            if any(filled.values()):
                yield TextRow(number, filled)
    except csv.Error:
        raise InputRefusedError("a cell is longer than any norm's; is this the file?") from None


def _norm(rows: list[TextRow]) -> _Norm:
    """One norm of its rows. Raises _UnsoundError at the first rule it breaks."""
    first = rows[0]
    own = [row for row in rows if any(row.get(name) for name in _OWN)]
    if own != [first]:
        raise _UnsoundError(first.number, "it has to begin with one row of its own")
    if not first.get("assessment_id"):
        raise _UnsoundError(first.number, "it names no test")
    starts, ends = _day(first, "start_date"), _day(first, "end_date")
    if ends < starts:
        raise _UnsoundError(first.number, "it ends before it starts")
    if any(row.get("end_date") != first.get("end_date") for row in rows):
        raise _UnsoundError(first.number, "its rows end on several days")
    ranks = [
        (int(_number(row, "percentile_rank")), _number(row, "score"))
        for row in rows
        if row.get("percentile_rank") or row is not first
    ]
    _check_ranks(first, ranks)
    return _Norm(first.number, _values(first, starts, ends), ranks, starts, ends)


def _check_ranks(first: TextRow, ranks: list[tuple[int, float]]) -> None:
    numbers, scores = [rank for rank, _ in ranks], [score for _, score in ranks]
    if len(ranks) < _FEWEST_RANKS:
        raise _UnsoundError(first.number, f"it has fewer than {_FEWEST_RANKS} ranks")
    if numbers != sorted(set(numbers)):
        raise _UnsoundError(first.number, "its ranks don't increase")
    if scores != sorted(scores):
        raise _UnsoundError(first.number, "its scores decrease")


def _values(row: TextRow, starts: date, ends: date) -> dict[str, object]:
    return {
        "assessment_id": row.get("assessment_id"),
        "starts_on": starts,
        "ends_on": ends,
        "n_scored": int(_number(row, "count")),
        "mean_scale_score": _number(row, "mean"),
        "standard_deviation": _number(row, "standard_deviation"),
        "lowest_scale_score": _number(row, "min_score") if row.get("min_score") else None,
        "highest_scale_score": _number(row, "max_score") if row.get("max_score") else None,
    }


def _number(row: TextRow, name: str) -> float:
    whole = name in ("count", "percentile_rank")
    try:
        return int(row.get(name)) if whole else float(row.get(name))
    except ValueError:
        kind = "whole number" if whole else "number"
        raise _UnsoundError(row.number, f"{name} of row {row.number} is no {kind}") from None


def _day(row: TextRow, name: str) -> date:
    try:
        return date.fromisoformat(row.get(name))
    except ValueError:
        raise _UnsoundError(row.number, f"{name} is no day as in 2019-06-30") from None


def _without_overlaps(loading: Loading, path: Path, norms: list[_Norm]) -> list[_Norm]:
    """Leave out norms of days for which another one of the file, or one held, is."""
    held = loading.transaction.sql("SELECT assessment_id, starts_on, ends_on FROM norm").to_pylist()
    good = []
    for norm in norms:
        name = norm.values["assessment_id"]
        beside = [
            other for other in norms
            if other is not norm and other.values["assessment_id"] == name
        ]  # fmt: skip
        others = [(one.starts, one.ends) for one in beside] + [
            (row["starts_on"], row["ends_on"])
            for row in held
            if row["assessment_id"] == name and row["starts_on"] != norm.starts
        ]
        if any(norm.overlaps(starts, ends) for starts, ends in others):
            why = "its days overlap those of another norm of the test"
            loading.log.add("norm_unsound", file=path.name, row=norm.row, value=why)
        else:
            good.append(norm)
    return good


def _tell_unknown_tests(loading: Loading, path: Path, norms: list[_Norm]) -> None:
    held = loading.transaction.sql("SELECT assessment_id FROM assessment")["assessment_id"]
    known = set(held.to_pylist())
    for name in dict.fromkeys(str(norm.values["assessment_id"]) for norm in norms):
        if name not in known:
            loading.log.add("norm_assessment_unknown", file=path.name, record=name)


KINDS = (Kind("norms", "norms (percentiles)", 25, recognise, bring),)
