"""The district and school export: results of students, a row each, in the columns of CERS.

Column names and their order are those of the reporting system that districts know, so that
what reads its files reads these. Where it is known to go wrong, this doesn't: two or more
races are told, a student without a known school stays, and columns it lacks come after its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.errors import UsageError
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.engine import quoted
from scorehouse.warehouse.schema import ROW_ID, TABLES
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.whereabouts import students

PARTS = 6
_AT_ONCE = 50_000
_FLAGS: Mapping[str, str] = {
    "MigrantStatus": "migrant", "Section504Status": "section_504",
    "IDEAIndicator": "student_with_disabilities", "LEPStatus": "limited_english",
}  # fmt: skip
_RACES: Mapping[str, str] = {
    "HispanicOrLatinoEthnicity": "hispanic_or_latino",
    "AmericanIndianOrAlaskaNative": "american_indian_or_alaska_native",
    "Asian": "asian", "BlackOrAfricanAmerican": "black_or_african_american", "White": "white",
    "NativeHawaiianOrOtherPacificIslander": "native_hawaiian_or_other_pacific_islander",
    "TwoOrMoreRaces": "two_or_more_races", "Filipino": "filipino",
}  # fmt: skip
_PLAIN: Mapping[str, str] = {
    "DistrictId": "district_key", "DistrictName": "district_name", "NcesId": "nces_id",
    "SchoolId": "school_id", "SchoolName": "school_name", "StudentIdentifier": "id_in_force",
    "FirstName": "first_name", "LastOrSurname": "last_or_surname",
}  # fmt: skip
_ALT = ("ScoreAchievementLevel", "ScaleScore", "ScaleScoreStandardError")
_NUMBERS = range(1, PARTS + 1)
KNOWN_COLUMNS: tuple[str, ...] = (
    *_PLAIN, "SubmitDateTime", "SchoolYear", "TestSessionId", "AssessmentType",
    "AssessmentSubType", "AssessmentName", "Subject", "GradeLevelWhenAssessed", "Completeness",
    "AdministrationCondition", "ScaleScoreAchievementLevel", "ScaleScore",
    "ScaleScoreStandardError",
    *(f"Alt{number}{name}" for number in _NUMBERS for name in _ALT),
    *(f"Claim{number}ScoreAchievementLevel" for number in _NUMBERS),
    "Sex", *_FLAGS, "LanguageCode", "LanguageAltCode", "MilitaryConnectedStudentIndicator",
    "EnglishLanguageAcquisitionStatus", "EnglishLanguageAcquisitionStatusStartDate", *_RACES,
    "AssignedAccommodationList",
)  # fmt: skip
"""The columns of the reporting system's export, in its order."""
ADDED_COLUMNS: tuple[str, ...] = (
    "EconomicDisadvantageStatus", "AssessmentId", "AssessmentGrade", "MiddleName", "Birthdate",
    *(f"Claim{number}{name}" for number in _NUMBERS for name in _ALT[1:]),
)  # fmt: skip
"""Columns that it lacks, after its own."""
COLUMNS = (*KNOWN_COLUMNS, *ADDED_COLUMNS)
SCHEMA = pa.schema([(name, pa.string()) for name in COLUMNS])
_MORE_MEANINGS: Mapping[str, str] = {
    "DistrictId": "The district of the school; as delivered where the school isn't known.",
    "DistrictName": "Name of the district.", "NcesId": "National identifier of the school.",
    "SchoolName": "Name of the school.", "SubmitDateTime": "When the sitting ended.",
    "SchoolYear": "The year the school year ends in.",
    "AssessmentType": "Summative or Interim.",
    "AssessmentSubType": "SUM, ICA or IAB.", "AssessmentName": "Name of the test.",
    "LanguageAltCode": "Empty: only one code of a language is kept.",
    "AssignedAccommodationList": "Codes of accessibility resources, joined by |.",
    "AssessmentGrade": "Grade of the test.", "MiddleName": "Middle name.",
    "Birthdate": "Birth date.", "FirstName": "First name.", "LastOrSurname": "Last name.",
}  # fmt: skip
_MEANT: Mapping[str, str] = {
    **_FLAGS, **_RACES, "SchoolId": "school_id", "StudentIdentifier": "student_id",
    "TestSessionId": "session_id", "Subject": "subject", "AssessmentId": "assessment_id",
    "GradeLevelWhenAssessed": "grade_when_assessed", "Completeness": "completeness",
    "AdministrationCondition": "administration_condition", "Sex": "sex",
    "ScaleScoreAchievementLevel": "achievement_level", "ScaleScore": "scale_score",
    "ScaleScoreStandardError": "se_scale", "LanguageCode": "language_code",
    "MilitaryConnectedStudentIndicator": "military_connected",
    "EnglishLanguageAcquisitionStatus": "el_status",
    "EnglishLanguageAcquisitionStatusStartDate": "el_status_on",
    "EconomicDisadvantageStatus": "economically_disadvantaged",
}  # fmt: skip


def meanings() -> dict[str, str]:
    """What each column means."""
    fields = {field.name: field.meaning for field in TABLES["result"].fields}
    parts = {name: _part_meaning(name) for name in COLUMNS if name[:3] in ("Alt", "Cla")}
    meant = {name: fields[field] for name, field in _MEANT.items()}
    known = {**parts, **meant, **_MORE_MEANINGS}
    return {name: known[name] for name in COLUMNS}


def _part_meaning(name: str) -> str:
    kind = "alternate score" if name.startswith("Alt") else "claim"
    number = name.removeprefix("Alt").removeprefix("Claim")[0]
    what = {_ALT[0]: "Level", _ALT[1]: "Scale score", _ALT[2]: "Standard error"}
    figure = what[name.partition(number)[2]]
    return f"{figure} of {kind} {number} of the subject."


@dataclass(frozen=True)
class ResultsAsked:
    """Which results to export; what is empty chooses all.

    `entities`: ids of schools, districts or groups of them; `completeness` and `condition` as
    delivered (Complete, Partial; Valid, SD, NS, IN).
    """

    school_year: str = ""
    subject: str = ""
    assessment_types: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    completeness: str = ""
    condition: str = ""


class Piece(NamedTuple):
    """Some rows, how many there are in all, and scores of parts that have no column."""

    rows: pa.Table
    expected: int
    without_column: int


def exported_results(snapshot: Snapshot, asked: ResultsAsked) -> Iterator[Piece]:
    """The results asked for, some thousand at a time, by school and student.

    Raises UsageError for an entity that isn't known.
    """
    where = _where(asked, _schools(snapshot, asked.entities))
    claims = _claim_numbers(snapshot)
    rows = snapshot.sql(
        f"SELECT r.{ROW_ID} FROM result AS r{where} "
        f"ORDER BY r.school_id NULLS LAST, r.student_id NULLS LAST, r.{ROW_ID}"
    )[ROW_ID].to_pylist()
    for first in range(0, len(rows), _AT_ONCE):
        listed = ", ".join(map(str, rows[first : first + _AT_ONCE]))
        results = snapshot.sql(_results_text(listed)).to_pylist()
        subjects = {row[ROW_ID]: row["subject"] or "" for row in results}
        cells = _part_cells(snapshot, listed, subjects, claims)
        table = _rows(results, cells, _accommodations(snapshot, listed))
        lost = sum(name not in COLUMNS for own in cells.values() for name in own)
        yield Piece(table, len(rows), lost)


def _schools(snapshot: Snapshot, entities: Sequence[str]) -> frozenset[str]:
    """The schools that stand anywhere below some entities, and those themselves."""
    if not entities:
        return frozenset()
    pairs = snapshot.sql("SELECT DISTINCT entity_id, parent_id FROM entity").to_pylist()
    unknown = sorted(set(entities) - {pair["entity_id"] for pair in pairs})
    if unknown:
        raise UsageError(f"no entity {unknown[0]} is known; `scorehouse find` finds schools")
    below: dict[str, set[str]] = {}
    for pair in pairs:
        below.setdefault(pair["parent_id"] or "", set()).add(pair["entity_id"])
    found, ahead = set(entities), list(entities)
    while ahead:
        new = below.get(ahead.pop(), set()) - found
        found |= new
        ahead.extend(new)
    return frozenset(found)


def _claim_numbers(snapshot: Snapshot) -> dict[tuple[str, str], int]:
    """The place of each claim and alternate score in its subject, by subject and measure."""
    parts = snapshot.sql(
        "SELECT subject, part_kind, code, data_order FROM subject_part "
        "WHERE part_kind IN ('claim', 'alt') AND is_scorable IS DISTINCT FROM FALSE"
    ).to_pylist()
    parts.sort(key=lambda part: (part["data_order"] is None, part["data_order"] or 0, part["code"]))
    found: dict[tuple[str, str], int] = {}
    counts: dict[tuple[str, str], int] = {}
    for part in parts:
        kind = (part["subject"], part["part_kind"])
        counts[kind] = counts.get(kind, 0) + 1
        found[part["subject"], f"{part['part_kind']}:{part['code']}"] = counts[kind]
    return found


def _where(asked: ResultsAsked, schools: frozenset[str]) -> str:
    chosen = {
        "r.school_year": (asked.school_year,), "r.subject": (asked.subject,),
        "r.assessment_type": asked.assessment_types, "r.completeness": (asked.completeness,),
        "r.administration_condition": (asked.condition,), "r.school_id": tuple(sorted(schools)),
    }  # fmt: skip
    conditions = [
        f"{column} IN ({', '.join(map(quoted, values))})"
        for column, values in chosen.items()
        if any(values)
    ]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""


def _results_text(rows: str) -> str:
    """Results with student, school, district and test as they are called now."""
    newest = (
        "row_number() OVER (PARTITION BY entity_id ORDER BY valid_to DESC NULLS FIRST, "
        "valid_from DESC NULLS LAST)"
    )
    return f"""
        WITH place AS (
          SELECT * FROM (
            SELECT entity_id, parent_id, entity_name, nces_id, {newest} AS newest FROM entity
          ) AS every WHERE newest = 1)
        SELECT r.*, s.first_name, s.last_or_surname, s.middle_name, s.birth_date,
          coalesce(c.student_id, r.student_id) AS id_in_force,
          p.entity_name AS school_name, p.nces_id, coalesce(p.parent_id, r.district_id)
          AS district_key, d.entity_name AS district_name, coalesce(a.label, a.name) AS test_name
        FROM result AS r
        LEFT JOIN ssid_replacement AS c ON c.old_id = r.student_id
        LEFT JOIN ({students()}) AS s ON s.student_id = coalesce(c.student_id, r.student_id)
        LEFT JOIN place AS p ON p.entity_id = r.school_id
        LEFT JOIN place AS d ON d.entity_id = coalesce(p.parent_id, r.district_id)
        LEFT JOIN assessment AS a ON a.assessment_id = r.assessment_id
        WHERE r.{ROW_ID} IN ({rows})
        ORDER BY r.school_id NULLS LAST, r.student_id NULLS LAST, r.{ROW_ID}"""


def _part_cells(
    snapshot: Snapshot,
    rows: str,
    subjects: Mapping[int, str],
    claims: Mapping[tuple[str, str], int],
) -> dict[int, dict[str, str]]:
    """Cells of claims and alternate scores as delivered, by result."""
    found = snapshot.sql(
        "SELECT owner_row, measure, level, scale_score, se_scale FROM score "
        f"WHERE owner_row IN ({rows}) AND origin <> 'scored' ORDER BY owner_row, measure"
    )
    cells: dict[int, dict[str, str]] = {}
    for part in found.to_pylist():
        owner, (kind, _, code) = part["owner_row"], part["measure"].partition(":")
        if kind not in ("claim", "alt"):
            continue
        own = cells.setdefault(owner, {})
        number = claims.get((subjects[owner], part["measure"])) or _free(own, kind, code)
        for name, value in zip(
            _ALT, (part["level"], part["scale_score"], part["se_scale"]), strict=True
        ):
            own[f"{kind.title()}{number}{name}"] = _number(value)
    return cells


def _free(own: Mapping[str, str], kind: str, code: str) -> int:
    """The place of a part that no subject definition orders: its number, else the next free."""
    if kind == "alt" and code.isdigit():
        return int(code)
    taken = (f"{kind.title()}{number}{_ALT[0]}" in own for number in _NUMBERS)
    return 1 + sum(taken)


def _accommodations(snapshot: Snapshot, rows: str) -> dict[int, str]:
    """Codes of accessibility resources, by result."""
    found = snapshot.sql(
        f"SELECT DISTINCT result_row, code FROM accommodation_used WHERE result_row IN ({rows}) "
        "ORDER BY result_row, code"
    )
    codes: dict[int, list[str]] = {}
    for used in found.to_pylist():
        codes.setdefault(used["result_row"], []).append(used["code"])
    return {row: "|".join(listed) for row, listed in codes.items()}


def _rows(
    results: Sequence[Mapping[str, object]],
    cells: Mapping[int, Mapping[str, str]],
    codes: Mapping[int, str],
) -> pa.Table:
    rows = []
    for row in results:
        number = row[ROW_ID]
        assert isinstance(number, int)
        parts = {name: cell for name, cell in cells.get(number, {}).items() if name in COLUMNS}
        used = {"AssignedAccommodationList": codes.get(number, "")}
        rows.append(_about(row) | _demographics(row) | parts | used)
    frame = pl.DataFrame(rows, schema=dict.fromkeys(COLUMNS, pl.String))
    return frame.fill_null("").to_arrow().cast(SCHEMA)


def _about(row: Mapping[str, object]) -> dict[str, str]:
    kind = _text(row["assessment_type"])
    is_summative = kind.lower() == "summative"
    return {
        **{column: _text(row[name]) for column, name in _PLAIN.items()},
        "SubmitDateTime": _instant(row["completed_at"]), "SchoolYear": _year(row["school_year"]),
        "TestSessionId": _text(row["session_id"]),
        "AssessmentType": ("Summative" if is_summative else "Interim") if kind else "",
        "AssessmentSubType": "SUM" if is_summative else kind.upper(),
        "AssessmentName": _text(row["test_name"] or row["assessment_id"]),
        "AssessmentId": _text(row["assessment_id"]), "Subject": _text(row["subject"]),
        "AssessmentGrade": _text(row["test_grade"]),
        "GradeLevelWhenAssessed": _text(row["grade_when_assessed"]),
        "Completeness": _text(row["completeness"]),
        "AdministrationCondition": _text(row["administration_condition"]),
        "ScaleScoreAchievementLevel": _number(row["achievement_level"]),
        "ScaleScore": _number(row["scale_score"]),
        "ScaleScoreStandardError": _number(row["se_scale"]),
        "MiddleName": _text(row["middle_name"]), "Birthdate": _text(row["birth_date"]),
    }  # fmt: skip


def _demographics(row: Mapping[str, object]) -> dict[str, str]:
    return {
        "Sex": _text(row["sex"]),
        **{column: _flag(row[name]) for column, name in _FLAGS.items()},
        "EconomicDisadvantageStatus": _flag(row["economically_disadvantaged"]),
        "LanguageCode": _text(row["language_code"]),
        "MilitaryConnectedStudentIndicator": _text(row["military_connected"]),
        "EnglishLanguageAcquisitionStatus": _text(row["el_status"]),
        "EnglishLanguageAcquisitionStatusStartDate": _text(row["el_status_on"]),
        **{column: "Yes" if row[name] else "" for column, name in _RACES.items()},
    }


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _flag(value: object) -> str:
    """Yes, No, or nothing where it isn't known."""
    return "" if value is None else "Yes" if value else "No"


def _number(value: object) -> str:
    """Whole numbers without decimals."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return _text(value)


def _instant(value: object) -> str:
    isoformat = getattr(value, "isoformat", None)
    return "" if isoformat is None else str(isoformat(timespec="seconds"))


def _year(value: object) -> str:
    """The year a school year ends in, as the reporting system writes it."""
    return "" if not value else str(SchoolYear.parse(str(value)).ends)
