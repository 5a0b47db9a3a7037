"""The two tables of the generated samples, against a plain reading of the published mapping.

One short function a rule, from the TRT element by element, with nothing of the product's but
the names and the order of the columns.
"""

from __future__ import annotations

import csv
import io
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from e2e.invented import scorehouse
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS

Element = ElementTree.Element
Row = dict[str, str]

YES_NO = {
    **{name: name for name in (
        "HispanicOrLatinoEthnicity", "AmericanIndianOrAlaskaNative", "Asian",
        "BlackOrAfricanAmerican", "White", "NativeHawaiianOrOtherPacificIslander",
        "IDEAIndicator", "LEPStatus", "Section504Status", "EconomicDisadvantageStatus",
    )},
    "TwoOrMoreRaces": "DemographicRaceTwoOrMoreRaces",
}  # fmt: skip
CLAIMS = {
    "ELA": {"1": "SOCK_R", "2": "2-W", "3": "SOCK_LS", "4": "4-CR"},
    "Math": {"1": "1", "2": "SOCK_2", "3": "3"},
}
CONDITIONS = {"IN": "Invalid", "SD": "Standardized", "NS": "Nonstandardized"}
OBSOLETE_CODES = {"TDS_WL_ESNGlossary": "TDS_WL_ESNGloss"}
SUBJECTS = {"MATH": "Math", "ELA": "ELA"}


def of_examinee(examinee: Element, kind: str, *names: str) -> str:
    """The first of these names that has a value, its FINAL one before its INITIAL one."""
    for name in names:
        for context in ("FINAL", "INITIAL"):
            for element in examinee.iter(kind):
                if (element.get("name"), element.get("context")) == (name, context):
                    value = (element.get("value") or "").strip()
                    if value:
                        return value
    return ""


def of_score(opportunity: Element, of: str | None, label: str, what: str) -> str:
    for score in opportunity.findall("Score"):
        if of is not None and (score.get("measureOf"), score.get("measureLabel")) == (of, label):
            return (score.get(what) or "").strip()
    return ""


def scores(opportunity: Element, subject: str) -> Row:
    """Columns 33 to 57."""
    measures: dict[str, str | None] = {"": "Overall"}
    measures |= {n: CLAIMS.get(subject, {}).get(n) for n in "1234"}
    found: Row = {}
    for number, of in measures.items():
        name = f"Claim{number}Score" if number else "ScaleScore"
        theta = f"Claim{number}Theta" if number else "OverallTheta"
        found[name] = of_score(opportunity, of, "ScaleScore", "value")
        found[f"{name}StandardError"] = of_score(opportunity, of, "ScaleScore", "standardError")
        found[f"{name}AchievementLevel"] = of_score(opportunity, of, "PerformanceLevel", "value")
        found[theta] = of_score(opportunity, of, "ThetaScore", "value")
        found[f"{theta}StandardError"] = of_score(opportunity, of, "ThetaScore", "standardError")
    return found


def required_of(report: Element) -> Row:
    """Columns 1 to 57."""
    test, examinee, opportunity = (
        found for name in ("Test", "Examinee", "Opportunity")
        if (found := report.find(name)) is not None
    )  # fmt: skip
    given = (test.get("subject") or "").strip()
    subject = SUBJECTS.get(given.upper(), given)
    given_codes = (a.get("code", "").strip() for a in opportunity.findall("Accommodation"))
    codes = [OBSOLETE_CODES.get(code, code) for code in given_codes if code]
    grade = of_examinee(examinee, "ExamineeAttribute", "GradeLevelWhenAssessed", "Grade")
    condition = opportunity.get("administrationCondition", "")
    row = {
        "AssessmentId": test.get("testId", ""),
        "AssessmentName": test.get("name", ""),
        "Subject": subject,
        "DeliveryMode": test.get("mode", "online").capitalize(),
        "TestGrade": test.get("grade", "").zfill(2),
        "AssessmentType": test.get("assessmentType", "").capitalize(),
        "SchoolYear": test.get("academicYear", ""),
        "StudentIdentifier": of_examinee(
            examinee, "ExamineeAttribute", "StudentIdentifier", "SSID", "AlternateSSID"
        ),
        "GradeLevelWhenAssessed": grade.zfill(2) if grade else "",
        "Sex": of_examinee(examinee, "ExamineeAttribute", "Sex", "Gender").capitalize(),
        "StateAbbreviation": of_examinee(
            examinee, "ExamineeRelationship", "StateAbbreviation", "StateCode"
        ).upper(),
        "TestOpportunityId": opportunity.get("key", ""),
        "AssessmentAdministrationStartDate": opportunity.get("effectiveDate", ""),
        "StartDateTime": opportunity.get("startDate", ""),
        "SubmitDateTime": opportunity.get("dateCompleted", ""),
        "AdministrationCondition": CONDITIONS.get(condition, condition),
        "Completeness": opportunity.get("completeness", ""),
        "AccessibilityCodes": ";".join(f"{code}:UYU" for code in codes),
        "NumberOfResponses": opportunity.get("itemCount", ""),
        "TestWindowId": opportunity.get("windowId", ""),
        "UserAgent": opportunity.get("assessmentParticipantSessionPlatformUserAgent", ""),
    }
    row |= {
        column: of_examinee(examinee, "ExamineeAttribute", name).capitalize()
        for column, name in YES_NO.items()
    }
    return row | scores(opportunity, subject)


def item_rows(report: Element) -> Iterator[Row]:
    """Columns 1 to 14 of items that nobody rated in parts."""
    opportunity = report.find("Opportunity")
    assert opportunity is not None
    for item in opportunity.findall("Item"):
        response = item.find("Response")
        yield {
            **dict.fromkeys(REQUIRED_ITEM_COLUMNS, ""),
            "TestOpportunityId": opportunity.get("key", ""),
            "ItemId": f"{item.get('bankKey')}-{item.get('key')}",
            "ItemPosition": item.get("position", ""),
            "AdminDateTime": item.get("adminDate", ""),
            "ResponseDuration": item.get("responseDuration", ""),
            "ResponseValue": (response.text or "") if response is not None else "",
            "ItemScore": item.get("score", ""),
        }


def reports(source: Path) -> Iterator[Element]:
    with zipfile.ZipFile(source) as archive:
        for name in archive.namelist():
            if name.endswith(".xml"):
                yield ElementTree.fromstring(archive.read(name))


def rows_of(path: Path) -> list[Row]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))


@pytest.mark.parametrize("sample", ["trt_small.zip", "trt_custom_subjects.zip"])
def test_every_cell_of_the_required_columns(shared: Path, tmp_path: Path, sample: str) -> None:
    source = shared / "samples" / "trt-generated" / sample
    assert scorehouse("convert", source, "-o", tmp_path / "csv").code == 0
    ours = {row["TestOpportunityId"]: row for row in rows_of(tmp_path / "csv" / "tests.csv")}
    wrong: Counter[tuple[str, str, str]] = Counter()
    cells = 0
    for report in reports(source):
        expected = required_of(report)
        row = ours[expected["TestOpportunityId"]]
        for name in REQUIRED_TEST_COLUMNS:
            cells += 1
            if row[name] != expected[name]:
                wrong[name, row[name], expected[name]] += 1
    assert wrong == Counter()
    assert cells == len(ours) * 57


def test_every_cell_of_items_scored_whole(shared: Path, tmp_path: Path) -> None:
    source = shared / "samples" / "trt-generated" / "trt_small.zip"
    assert scorehouse("convert", source, "-o", tmp_path / "csv").code == 0
    key = ("TestOpportunityId", "ItemId", "ItemPosition")
    ours = {
        tuple(row[name] for name in key): row
        for row in rows_of(tmp_path / "csv" / "items.csv")
        if not row["ScoreDimension"]
    }
    expected = {
        tuple(row[name] for name in key): row for report in reports(source)
        for row in item_rows(report)
    }  # fmt: skip
    wrong = Counter(
        (name, row[name], expected[place][name])
        for place, row in ours.items()
        for name in REQUIRED_ITEM_COLUMNS
        if row[name] != expected[place][name]
    )
    assert wrong == Counter()
    assert len(ours) > 1000
