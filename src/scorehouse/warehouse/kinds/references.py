"""Norms and accessibility resources.

Testing windows and census days come as tables in the warehouse's own form. Source: the
incumbent's imports of norms (percentiles) and of its accessibility configuration.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa

from scorehouse.errors import InputRefusedError
from scorehouse.intake.readers.tables import TextRow
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.kinds.xml_file import root_of, text_in
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES

_NORM_MARKS = {"assessment_id", "start_date", "end_date", "percentile_rank", "score"}
_FEWEST_RANKS = 3
_LONGEST_CODE = 25


def recognise_norms(head: Head) -> Guess | None:
    """Tell norms by their columns."""
    if set(head.columns) >= _NORM_MARKS:
        return Guess(1.0, "it has the columns of norms")
    return None


def recognise_accessibility(head: Head) -> Guess | None:
    """Tell accessibility resources by their root."""
    if head.root == "Accessibility":
        return Guess(1.0, "its root element is Accessibility")
    return None


# --- norms ---


@dataclass
class _Norm:
    """A norm as its rows come: its own row, which may have a rank, then a row for each rank."""

    row: int
    values: dict[str, object]
    ranks: list[tuple[int, float]] = field(default_factory=list)


def bring_norms(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring norms; one that breaks a rule is left out whole, the others are brought."""
    norms: dict[tuple[str, str], _Norm] = {}
    for row in _norm_rows(path):
        _gather(loading, path, row, norms)
    good = [norm for norm in norms.values() if _is_sound(loading, path, norm, norms)]
    if not good:
        return Ending(BAD_DATA, "no norm could be taken; see the findings", {})
    held = pa.Table.from_pylist([norm.values for norm in good], schema=TABLES["norm"].own_schema)
    ranks = pa.Table.from_pylist(
        [
            {
                "assessment_id": norm.values["assessment_id"],
                "starts_on": norm.values["starts_on"],
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


def _norm_rows(path: Path) -> Iterator[TextRow]:
    """The rows of the file; comment lines and blank ones don't count."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputRefusedError("the text is not UTF-8; save it again as UTF-8") from None
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    for number, cells in enumerate(csv.DictReader(lines, restval=""), 1):
        filled = {str(name).strip(): str(value or "").strip() for name, value in cells.items()}
        if any(filled.values()):
            yield TextRow(number, filled)


def _gather(
    loading: Loading, path: Path, row: TextRow, norms: dict[tuple[str, str], _Norm]
) -> None:
    key = row.get("assessment_id"), row.get("start_date")
    try:
        if row.get("count") or row.get("mean"):
            norms[key] = _Norm(row.number, _norm_values(row))
        if row.get("percentile_rank"):
            rank = int(row.get("percentile_rank")), float(row.get("score"))
            norms[key].ranks.append(rank)
    except KeyError:
        _tell(loading, path, row.number, "a row of ranks comes before the norm's own row")
    except ValueError:
        _tell(loading, path, row.number, "a cell is no number or no day")
        norms.pop(key, None)


def _norm_values(row: TextRow) -> dict[str, object]:
    def number(name: str) -> float | None:
        return float(row.get(name)) if row.get(name) else None

    return {
        "assessment_id": row.get("assessment_id"),
        "starts_on": date.fromisoformat(row.get("start_date")),
        "ends_on": date.fromisoformat(row.get("end_date")),
        "n_scored": int(number("count") or 0) or None,
        "mean_scale_score": number("mean"),
        "standard_deviation": number("standard_deviation"),
        "lowest_scale_score": number("min_score"),
        "highest_scale_score": number("max_score"),
    }


def _is_sound(
    loading: Loading, path: Path, norm: _Norm, norms: dict[tuple[str, str], _Norm]
) -> bool:
    ranks, scores = [rank for rank, _ in norm.ranks], [score for _, score in norm.ranks]
    starts, ends = norm.values["starts_on"], norm.values["ends_on"]
    assert isinstance(starts, date)
    assert isinstance(ends, date)
    problems = [
        (len(ranks) < _FEWEST_RANKS, f"it has fewer than {_FEWEST_RANKS} ranks"),
        (ranks != sorted(set(ranks)), "its ranks don't increase"),
        (scores != sorted(scores), "its scores decrease"),
        (ends < starts, "it ends before it starts"),
        (any(_overlap(norm, other) for other in norms.values()), "its days overlap another's"),
    ]
    for is_so, why in problems:
        if is_so:
            _tell(loading, path, norm.row, why)
    return not any(is_so for is_so, _ in problems)


def _overlap(one: _Norm, other: _Norm) -> bool:
    if one is other or one.values["assessment_id"] != other.values["assessment_id"]:
        return False
    a, b = one.values, other.values
    return bool(a["starts_on"] <= b["ends_on"] and b["starts_on"] <= a["ends_on"])  # type: ignore[operator]


def _tell(loading: Loading, path: Path, row: int, why: str) -> None:
    loading.log.add("norm_unsound", file=path.name, row=row, value=why)


# --- accessibility ---


def bring_accessibility(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the codes of accessibility resources with their words, of one school year."""
    root = root_of(path)
    stated = root.get("schoolYear") or loading.school_year
    if not stated:
        raise InputRefusedError("the file names no school year; say which with --year")
    year = str(SchoolYear.parse_file_year(stated))
    rows = list(_resources(loading, path, root, year))
    if not rows:
        return Ending(BAD_DATA, "no resource could be taken; see the findings", {})
    table = pa.Table.from_pylist(rows, schema=TABLES["accommodation"].own_schema)
    return ending_of(merge(loading.transaction, "accommodation", table, import_id))


def _resources(
    loading: Loading, path: Path, root: object, year: str
) -> Iterator[dict[str, object]]:
    from lxml import etree

    assert isinstance(root, etree._Element)
    for resource in root.iter("SingleSelectResource", "MultiSelectResource", "EliminatedResource"):
        resource_type = text_in(resource, "ResourceType")
        for coded in (resource, *resource.iter("Selection")):
            code = text_in(coded, "Code") or ""
            if not 0 < len(code) <= _LONGEST_CODE:
                loading.log.add(
                    "column_value", file=path.name, field="Code", value=code,
                    expected=f"filled, and of at most {_LONGEST_CODE} characters",
                )  # fmt: skip
                continue
            for text in coded.findall("Text"):
                yield {
                    "school_year": year,
                    "code": code,
                    "language": text_in(text, "Language") or "",
                    "label": text_in(text, "Label"),
                    "description": text_in(text, "Description"),
                    "resource_type": resource_type,
                }


KINDS = (
    Kind("norms", "norms (percentiles)", 25, recognise_norms, bring_norms),
    Kind(
        "accessibility",
        "accessibility resources (XML)",
        25,
        recognise_accessibility,
        bring_accessibility,
    ),
)
