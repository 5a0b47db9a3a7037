"""Scores and accessibility: from elements, one a measure or a code, to columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake import flatten_values as values
from scorehouse.intake.flatten_columns import (
    Places,
    blank_where,
    blanks,
    mapped,
    numbered,
    numbers_of,
    taken,
    trimmed,
)

_CLAIMS = {
    "ELA": (
        ("SOCK_R", "Claim1", "Claim1Reading", "Reading"),
        ("2-W", "Claim2", "Claim2Writing", "Writing"),
        ("SOCK_LS", "Claim3", "Claim3Listening", "Listening"),
        ("4-CR", "Claim4", "Claim4ReadingResearch and Inquiry", "Research"),
    ),
    "Math": (
        ("1", "Claim1", "Concepts"),
        (
            "SOCK_2",
            "Claim2",
            "Claim2Problem Solving and Modeling and Data Analysis",
            "PSMDA",
        ),
        ("3", "Claim3", "Claim3Communicating Reasoning", "Reasoning"),
    ),
}
"""Claim by claim: the published measure, then its older names."""

_LABELS = {
    "ScaleScore": 0,
    "PerformanceLevel": 1,
    "ThetaScore": 2,
    "Theta": 2,
    "Pre-LOSS/HOSS theta": 2,
}
_OLDER_LABELS = ("Theta", "Pre-LOSS/HOSS theta")
_MEASURES, _KINDS = 5, 3  # overall and four claims; scale score, level, theta
_PARTS = _MEASURES * _KINDS
_PREFIXES = ("", "Claim1", "Claim2", "Claim3", "Claim4")
_OTHER = len(_CLAIMS)  # a subject without claims of its own


def _measures() -> list[dict[str, tuple[int, int]]]:
    """By subject: measure -> its number and its rank (the published name comes first)."""
    overall = {"Overall": (0, 0)}
    found = [
        overall
        | {
            name: (number, min(rank, 1))
            for number, names in enumerate(claims, 1)
            for rank, name in enumerate(names)
        }
        for claims in _CLAIMS.values()
    ]
    return [*found, overall]


def score_columns(elements: Mapping[str, pa.Table], subjects: pa.Array) -> dict[str, pa.Array]:
    """Return the test table's columns of scale scores, levels and thetas.

    `subjects` are the canonical ones, by result: the same words name other claims.
    """
    table, results = elements["score"], elements["result"].num_rows
    best = _best_scores(table, subjects, results)
    value, error = trimmed(table, "value"), trimmed(table, "standardError")
    columns: dict[str, pa.Array] = {}
    for measure, prefix in enumerate(_PREFIXES):
        scale, level, theta = (best[:, measure * _KINDS + kind] for kind in range(_KINDS))
        columns |= _scale_columns(prefix, value, error, scale, level)
        name = "OverallTheta" if not prefix else f"{prefix}Theta"
        columns[name] = taken(value, theta)
        columns[f"{name}StandardError"] = taken(error, theta)
    return columns


def _scale_columns(
    prefix: str, value: pa.Array, error: pa.Array, scale: Places, level: Places
) -> dict[str, pa.Array]:
    score = mapped(taken(value, scale), values.scale_score)
    name = f"{prefix}Score" if prefix else "ScaleScore"
    return {
        name: score,
        f"{name}StandardError": blank_where(taken(error, scale), pc.equal(score, "")),
        f"{name}AchievementLevel": mapped(taken(value, level), values.whole_number),
    }


def _best_scores(table: pa.Table, subjects: pa.Array, results: int) -> Places:
    """Return by result and part the row to take: published names first, then the earliest."""
    subject_of = numbered(subjects, _subject_number)
    result = numbers_of(table, "result")
    measure = np.full(len(result), -1, np.int64)
    rank = np.zeros(len(result), np.int64)
    for number, names in enumerate(_measures()):
        is_subject = subject_of[result] == number
        for part, into in ((0, measure), (1, rank)):
            found = numbered(trimmed(table, "measureOf"), _lookup(names, part))
            into[is_subject] = found[is_subject]
    label = numbered(trimmed(table, "measureLabel"), lambda text: _LABELS.get(text, -1))
    is_alias = numbered(trimmed(table, "measureLabel"), lambda text: text in _OLDER_LABELS)
    rank = rank + is_alias
    best = np.full(results * _PARTS, -1, np.int64)
    wanted = np.flatnonzero((measure >= 0) & (label >= 0))
    for worse in np.unique(rank[wanted])[::-1]:
        rows = wanted[rank[wanted] == worse][::-1]
        best[result[rows] * _PARTS + measure[rows] * _KINDS + label[rows]] = rows
    return best.reshape(results, _PARTS)


def _subject_number(subject: str) -> int:
    return list(_CLAIMS).index(subject) if subject in _CLAIMS else _OTHER


def _lookup(names: Mapping[str, tuple[int, int]], part: int) -> Callable[[str], int]:
    return lambda text: names.get(text, (-1, 0))[part]


def accessibility_codes(elements: Mapping[str, pa.Table]) -> pa.Array:
    """Return by result the codes in force with how each was delivered: `code:UYU;…`.

    How it was delivered comes from the result's own Accommodation scores where there are
    any; else it was available, and nothing more is known (UYU). A code stands once.
    """
    table, results = elements["accommodation"], elements["result"].num_rows
    code = trimmed(table, "code")
    result = numbers_of(table, "result")
    kept = _first_of_each(result, code)
    if not len(kept):
        return blanks(results)
    words = pc.binary_join_element_wise(
        code, _delivery(elements, trimmed(table, "type"), code, result), ":"
    ).take(pa.array(kept))
    counts = np.bincount(result[kept], minlength=results)
    offsets = np.concatenate(([0], np.cumsum(counts))).astype(np.int32)
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), words), ";")


def _first_of_each(result: Places, code: pa.Array) -> Places:
    """Return the rows of codes that aren't blank, each result's code once, in order."""
    coded = code.dictionary_encode()
    numbers = coded.indices.to_numpy().astype(np.int64)
    key = result * (len(coded.dictionary) + 1) + numbers
    _, first = np.unique(key, return_index=True)
    filled = pc.not_equal(code, "").to_numpy(zero_copy_only=False)
    rows: Places = np.sort(first).astype(np.int64)
    kept: Places = rows[filled[rows]]
    return kept


def _delivery(
    elements: Mapping[str, pa.Table], kind: pa.Array, code: pa.Array, result: Places
) -> pa.Array:
    """Return how each code was delivered."""
    told = _told_deliveries(elements["score"])
    if not told:
        return pa.repeat(pa.scalar("UYU"), len(code))
    rows = zip(result.tolist(), kind.to_pylist(), code.to_pylist(), strict=True)
    found = (
        told.get((number, f"{family}|{text}")) or told.get((number, family)) or "UYU"
        for number, family, text in rows
    )
    return pa.array(found, pa.string())


def _told_deliveries(scores: pa.Table) -> dict[tuple[int, str], str]:
    """Return delivery letters by result and measure, from scores labeled Accommodation."""
    label = trimmed(scores, "measureLabel")
    is_use = numbered(label, lambda text: text.lower() == "accommodation") != 0
    found = scores.filter(pa.array(is_use))
    rows = zip(
        found["result"].to_pylist(),
        trimmed(found, "measureOf").to_pylist(),
        trimmed(found, "value").to_pylist(),
        strict=True,
    )
    told = {(result, measure): values.delivery_code(value) for result, measure, value in rows}
    return {key: letters for key, letters in told.items() if letters}
