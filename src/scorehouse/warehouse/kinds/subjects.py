"""Subject definitions: what a subject reports, its levels, claims, targets, traits, words.

Source: the incumbent's subject definition (its schema and its rules: an interim block has
three levels; levels count from 1 without a gap; codes stand once).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
from lxml import etree

from scorehouse.errors import InputRefusedError
from scorehouse.terms import AssessmentType
from scorehouse.warehouse.kinds.xml_file import root_of, text_in
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import TABLES

_SCORINGS = {"OverallScoring": "overall", "AltScoring": "alt", "ClaimScoring": "claim"}
_BLOCK_LEVELS = 3
_MOST_LEVELS = 6
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
Row = dict[str, object]
Rows = dict[str, list[Row]]
_TABLES = tuple(name for name, table in TABLES.items() if table.group == "subjects")


def recognise(head: Head) -> Guess | None:
    """Tell a subject definition by its root."""
    if head.root == "Subject":
        return Guess(1.0, "its root element is Subject")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring a subject's definition: what it no longer holds is withdrawn."""
    root = root_of(path)
    subject = (root.get("code") or "").strip()
    if not subject:
        raise InputRefusedError("the subject has no code")
    rows = subject_rows(root, subject)
    _check(loading, path, rows)
    _tell_changed_levels(loading, path, subject, rows["subject_level"])
    merged = []
    for name in _TABLES:
        table = pa.Table.from_pylist(rows[name], schema=TABLES[name].own_schema)
        merged.append(merge(loading.transaction, name, table, import_id, within=("subject",)))
    return ending_of(*merged, prefixes=tuple(name.removeprefix("subject_") for name in _TABLES))


def subject_rows(root: etree._Element, subject: str) -> Rows:
    """The rows of each table that a definition declares."""
    rows: Rows = {name: [] for name in _TABLES}
    for kind in root.iterfind("AssessmentTypes/AssessmentType"):
        _add_type(rows, root, kind, subject)
    rows["subject_difficulty"] = [
        {
            "subject": subject,
            "test_grade": (cuts.get("gradeCode") or "").zfill(2),
            "moderate_from": _number(cuts.get("moderateLowEnd")),
            "difficult_from": _number(cuts.get("difficultLowEnd")),
        }
        for cuts in root.iterfind("ItemDifficulties/ItemDifficulty")
    ]
    rows["subject_part"] = [{"subject": subject, **part} for part in _parts(root)]
    rows["subject_text"] = [
        {"subject": subject, "text_key": key, "words": words} for key, words in _words(root)
    ]
    return rows


def _add_type(rows: Rows, root: etree._Element, kind: etree._Element, subject: str) -> None:
    code = _type_of(kind.get("code"))
    keys: Row = {"subject": subject, "assessment_type": code}
    rows["subject_type"].append(
        {
            **keys,
            "subject_name": root.get("name"),
            "name": kind.get("name"),
            "long_name": kind.get("longName"),
            "has_target_report": _flag(kind, "targetReport", code == "summative"),
            "has_printed_report": _flag(kind, "printedReport", default=True),
            "has_trait_report": _flag(kind, "traitReport", default=False),
        }
    )
    for name, score_kind in _SCORINGS.items():
        for scoring in kind.iterfind(name):
            _add_scoring(rows, scoring, {**keys, "score_kind": score_kind})


def _add_scoring(rows: Rows, scoring: etree._Element, keys: Row) -> None:
    levels = scoring.find("PerformanceLevels")
    standard = levels.get("standardCutoff") if levels is not None else None
    rows["subject_scale"].append(
        {
            **keys,
            "name": scoring.get("name"),
            "lowest_scale_score": _number(scoring.get("minScore")),
            "highest_scale_score": _number(scoring.get("maxScore")),
            "standard_level": _whole(standard),
        }
    )
    for level in scoring.iterfind("PerformanceLevels/PerformanceLevel"):
        rows["subject_level"].append(
            {
                **keys,
                "level": _whole(level.get("level")),
                "name": level.get("name"),
                "short_name": level.get("shortName"),
                "suffix": level.get("suffix") or None,
                "color": level.get("color"),
            }
        )


def _parts(root: etree._Element) -> Iterator[Row]:
    for score in root.iterfind("AltScores/AltScore"):
        yield _part(score, "alt", is_scorable=True)
    for claim in root.iterfind("Claims/Claim"):
        scorable = _flag(claim, "scorable", default=True)
        organizational = _flag(claim, "organizational", default=True)
        yield {
            **_part(claim, "claim", is_scorable=scorable),
            "is_organizational": organizational,
        }
        for target in claim.iterfind("Targets/Target"):
            yield _part(target, "target", parent=claim.get("code") or "")
    for trait in root.iterfind("Traits/Trait"):
        yield {
            **_part(trait, "trait"),
            "purpose": trait.get("purpose"),
            "category": trait.get("category"),
            "max_score": _number(trait.get("maxScore")),
        }
    for standard in root.iterfind("Standards/Standard"):
        yield _part(standard, "standard")
    for depth in root.iterfind("DepthsOfKnowledge/DepthOfKnowledge"):
        row = _part(depth, "depth")
        yield {**row, "code": depth.get("level") or "", "reference": text_in(depth, "Reference")}


def _part(
    element: etree._Element, kind: str, *, parent: str = "", is_scorable: bool | None = None
) -> Row:
    return {
        "part_kind": kind,
        "code": (element.get("code") or "").strip(),
        "parent_code": parent,
        "name": element.get("name"),
        "description": text_in(element, "Description"),
        "is_scorable": is_scorable,
        "display_order": _whole(element.get("displayOrder")),
        "data_order": _whole(element.get("dataOrder")),
    }


def _words(root: etree._Element) -> Iterator[tuple[str, str]]:
    for message in root.iterfind("Messages/Message"):
        yield message.get("key") or "", (message.text or "").strip()
    for grade in root.iterfind("ReportGrades/ReportGrade"):
        yield from _words_in(grade, f"report/{(grade.get('code') or '').zfill(2)}")


def _words_in(element: etree._Element, path: str) -> Iterator[tuple[str, str]]:
    """Words of reports, by where they stand: report/03/sum/claim 1-LT/level 2/Description."""
    for child in element:
        told = child.get("code") or child.get("level")
        tag = str(child.tag)
        if len(child):
            step = f"{tag} {told}" if told else tag
            yield from _words_in(child, f"{path}/{step}")
        elif (child.text or "").strip():
            yield f"{path}/{tag}{f' {told}' if told else ''}", (child.text or "").strip()


# --- checks ---


def _check(loading: Loading, path: Path, rows: Rows) -> None:
    """Codes stand once; levels count from 1; blocks have three. The last of a code counts."""
    for name in _TABLES:
        keys = TABLES[name].keys
        seen: set[tuple[object, ...]] = set()
        for row in rows[name]:
            key = tuple(row.get(column) for column in keys)
            if key in seen:
                loading.log.add(
                    "subject_code_twice", file=path.name, field=name, value=" ".join(map(str, key))
                )
            seen.add(key)
    for (kind, score_kind), levels in _levels(rows["subject_level"]).items():
        most = _BLOCK_LEVELS if kind == AssessmentType.IAB.value else _MOST_LEVELS
        is_whole = levels == list(range(1, len(levels) + 1))
        is_block = kind == AssessmentType.IAB.value
        if not is_whole or len(levels) > most or (is_block and len(levels) != most):
            loading.log.add(
                "subject_levels", file=path.name, field=f"{kind} {score_kind}",
                value=", ".join(map(str, levels)),
            )  # fmt: skip


def _levels(rows: list[Row]) -> Mapping[tuple[str, str], list[int]]:
    found: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        key = str(row["assessment_type"]), str(row["score_kind"])
        found.setdefault(key, []).append(int(str(row["level"] or 0)))
    return {key: sorted(levels) for key, levels in found.items()}


def _tell_changed_levels(loading: Loading, path: Path, subject: str, rows: list[Row]) -> None:
    """Results rest on levels: another number of them is told."""
    held = loading.transaction.sql(
        "SELECT subject, assessment_type, score_kind, level FROM subject_level "
        "WHERE EXISTS (SELECT 1 FROM result AS r WHERE r.subject = subject_level.subject)"
    ).to_pylist()
    before = _levels([row for row in held if row["subject"] == subject])
    for key, levels in before.items():
        if levels != _levels(rows).get(key, []):
            loading.log.add("subject_levels_changed", file=path.name, field=" ".join(key))


# --- values ---


def _type_of(code: str | None) -> str:
    try:
        return AssessmentType.parse(code or "").value
    except ValueError:
        return code or ""


def _flag(element: etree._Element, name: str, default: bool) -> bool:
    return _BOOLEANS.get((element.get(name) or "").strip().lower(), default)


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _whole(text: str | None) -> int | None:
    number = _number(text)
    return int(number) if number is not None else None


KINDS = (Kind("subject", "subject definition (XML)", 15, recognise, bring),)
