"""Small invented test and item tables, and the files that they stand in."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.two_tables import read_two_tables
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS

Row = Mapping[str, str]

TEST: Row = {
    "AssessmentId": "INV-ELA-7", "AssessmentName": "(INV)INV-ELA-7-Spring", "Subject": "ELA",
    "DeliveryMode": "Online", "TestGrade": "07", "AssessmentType": "Summative",
    "SchoolYear": "2016", "StudentIdentifier": "9000000001", "GradeLevelWhenAssessed": "07",
    "Sex": "Female", "HispanicOrLatinoEthnicity": "No", "AmericanIndianOrAlaskaNative": "No",
    "Asian": "No", "BlackOrAfricanAmerican": "No", "White": "Yes",
    "NativeHawaiianOrOtherPacificIslander": "No", "TwoOrMoreRaces": "No",
    "IDEAIndicator": "No", "LEPStatus": "No", "Section504Status": "No",
    "EconomicDisadvantageStatus": "Yes", "StateAbbreviation": "TS",
    "TestOpportunityId": "op-1", "AssessmentAdministrationStartDate": "2016-03-01",
    "StartDateTime": "2016-04-14T09:02:11", "SubmitDateTime": "2016-04-14T10:20:45",
    "AdministrationCondition": "Valid", "Completeness": "Complete",
    "AccessibilityCodes": "ENU:UYU;TDS_PS_L0:YYN", "NumberOfResponses": "2",
    "TestWindowId": "W1", "UserAgent": "Mozilla/5.0", "ScaleScore": "2560",
    "ScaleScoreStandardError": "21.4", "ScaleScoreAchievementLevel": "3",
    "OverallTheta": "-0.6", "OverallThetaStandardError": "0.25", "Claim2Score": "2585",
    "Claim2ScoreStandardError": "38.6", "Claim2ScoreAchievementLevel": "2",
}  # fmt: skip
"""One result's row of the test table; columns that aren't named are blank."""

ITEM: Row = {
    "TestOpportunityId": "op-1", "ItemId": "200-501", "ItemPosition": "1",
    "AdminDateTime": "2016-04-14T09:12:00", "ResponseDuration": "25.5", "ResponseValue": "B",
    "ItemScore": "1",
}  # fmt: skip
WRITING: Row = {
    **ITEM, "ItemId": "200-502", "ItemPosition": "2", "ResponseDuration": "1500.0",
    "ResponseValue": '<p>He said, "wait",\nand left.</p>',
}  # fmt: skip
TRAITS: tuple[Row, ...] = (
    {**WRITING, "ItemScore": "5", "ScoreDimension": "Overall"},
    {
        **WRITING, "ItemScore": "3", "ScoreDimension": "Organization/Purpose",
        "Rater1Score": "2", "Rater1UserId": "1001", "Rater2Score": "4",
        "Rater2UserId": "1002", "Rater3Score": "3", "Rater3UserId": "1003",
    },
    {**WRITING, "ItemScore": "3", "ScoreDimension": "Evidence/Elaboration"},
    {**WRITING, "ItemScore": "2", "ScoreDimension": "Conventions"},
)  # fmt: skip
"""One full write's rows of the item table."""


def of(row: Row, key: str, **others: str) -> Row:
    """A row of another opportunity."""
    return {**row, "TestOpportunityId": key, **others}


def as_csv(rows: Iterable[Row], columns: Sequence[str], *, end: str = "\r\n") -> str:
    """Rows as CSV text with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator=end)
    writer.writerow(columns)
    writer.writerows([row.get(name, "") for name in columns] for row in rows)
    return text.getvalue()


def write_tables(
    folder: Path,
    tests: Iterable[Row] = (TEST,),
    items: Iterable[Row] = (ITEM, *TRAITS),
    *,
    test_columns: Sequence[str] = REQUIRED_TEST_COLUMNS,
    item_columns: Sequence[str] = REQUIRED_ITEM_COLUMNS,
) -> list[Path]:
    """Write both tables and return their paths."""
    folder.mkdir(exist_ok=True)
    paths = [folder / "tests.csv", folder / "items.csv"]
    paths[0].write_bytes(as_csv(tests, test_columns).encode())
    paths[1].write_bytes(as_csv(items, item_columns).encode())
    return paths


def read(
    paths: Path | Sequence[Path], *, chunk_results: int = 2_000
) -> tuple[list[ResultChunk], FindingLog]:
    """Read everything there is."""
    log = FindingLog()
    return list(read_two_tables(paths, log, chunk_results=chunk_results)), log


def cells(chunks: Sequence[ResultChunk], table: str, *columns: str) -> list[tuple[object, ...]]:
    """The cells of some columns, row by row over all chunks."""
    found: list[tuple[object, ...]] = []
    for chunk in chunks:
        lists = [getattr(chunk, table)[name].to_pylist() for name in columns]
        found += list(zip(*lists, strict=True))
    return found
