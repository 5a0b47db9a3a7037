"""Subject definitions: what a subject reports, its levels, claims, targets, traits, words.

Source: the incumbent's subject definition (its schema and its rules: an interim block has
three levels; levels count from 1 without a gap; codes stand once). Words of reports stand under
the keys that the incumbent gives them: report-grade.05.asmt-type.sum.claim.1-LT.level.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
from lxml import etree

from scorehouse.errors import InputRefusedError
from scorehouse.terms import AssessmentType
from scorehouse.warehouse.kinds.subject_checks import (
    LONGEST_CODE,
    Row,
    Rows,
    check,
    keyed,
    tell_changes,
)
from scorehouse.warehouse.kinds.subject_checks import SUBJECT_TABLES as _TABLES
from scorehouse.warehouse.kinds.xml_file import root_of, text_in
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import ROW_ID, TABLES

_SCORINGS = {"OverallScoring": "overall", "AltScoring": "alt", "ClaimScoring": "claim"}
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}


def recognise(head: Head) -> Guess | None:
    """Tell a subject definition by its root."""
    if head.root == "Subject":
        return Guess(1.0, "its root element is Subject")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring a subject's definition: what it no longer holds is withdrawn."""
    root = root_of(path)
    subject = (root.get("code") or "").strip()
    if not 0 < len(subject) <= LONGEST_CODE:
        raise InputRefusedError(f"the subject's code has to have 1 to {LONGEST_CODE} characters")
    rows = keyed(loading, path.name, subject_rows(root, subject))
    check(loading, path.name, rows)
    tell_changes(loading, path.name, subject, rows)
    merged = [_replace(loading, name, subject, rows[name], import_id) for name in _TABLES]
    return ending_of(*merged, prefixes=tuple(name.removeprefix("subject_") for name in _TABLES))


def _replace(loading: Loading, name: str, subject: str, rows: list[Row], import_id: int) -> Merged:
    """Let the rows of a subject be these."""
    transaction = loading.transaction
    if rows:
        table = pa.Table.from_pylist(rows, schema=TABLES[name].own_schema)
        return merge(transaction, name, table, import_id, within=("subject",))
    held = transaction.sql(f"SELECT {ROW_ID} AS old_row, subject FROM {name}__latest")
    gone = held.filter(pc.equal(held["subject"], subject)).select(["old_row"])
    return Merged(gone=transaction.supersede(name, gone, import_id, "correction"))


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
        yield message.get("key") or "", _plain(message)
    for grade in root.iterfind("ReportGrades/ReportGrade"):
        for kind in grade.iterfind("ReportAssessmentTypes/ReportAssessmentType"):
            code = (grade.get("code") or "").zfill(2)
            place = f"report-grade.{code}.asmt-type.{kind.get('code') or ''}"
            yield from ((f"{place}.{key}", words) for key, words in _words_of(kind) if words)


def _words_of(kind: etree._Element) -> Iterator[tuple[str, str]]:
    for name, key in _ACHIEVEMENTS.items():
        for message in kind.iterfind(name):
            yield key, _plain(message)
    yield from _level_words(kind, "overall")
    for name, key in (
        ("ReportAltScores/ReportAltScore", "alt"),
        ("ReportClaims/ReportClaim", "claim"),
    ):
        for part in kind.iterfind(name):
            yield from _level_words(part, f"{key}.{part.get('code') or ''}")


_ACHIEVEMENTS = {
    "OverallAchievementMessage": "overall", "AltScoreAchievementMessage": "alt",
    "ClaimAchievementMessage": "claim",
}  # fmt: skip


def _level_words(element: etree._Element, place: str) -> Iterator[tuple[str, str]]:
    for level in element.iterfind("ReportPerformanceLevels/ReportPerformanceLevel"):
        yield f"{place}.level.{level.get('level') or ''}", _plain(level)


def _plain(element: etree._Element) -> str:
    """The words with each apostrophe once: definitions double it, as their formatter demands."""
    return (element.text or "").strip().replace("''", "'")


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
    try:
        return int(text or "")
    except ValueError:
        return None


KINDS = (Kind("subject", "subject definition (XML)", 15, recognise, bring),)
