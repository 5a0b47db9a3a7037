"""Test packages: what the columns mean, and which items can't be scored."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.packages import Package, read_package, read_packages
from scorehouse.shapes import ASSESSMENTS, ITEMS

TABULATOR = {
    "AssessmentId": "(SBAC)ICA-3",
    "AssessmentName": "ICA-3",
    "AssessmentSubject": "MATH",
    "AssessmentGrade": "3",
    "AssessmentSubtype": "ICA",
    "AcademicYear": "2019",
    "BankKey": "200",
    "ItemId": "1",
    "ItemType": "MC",
    "Claim": "1\t",
    "Target": "B-3\t",
    "ClaimContentTarget": "2|NBT|C-3",
    "IsFieldTest": "FALSE",
    "MeasurementModel": "IRT3PLn",
    "ScorePoints": "1",
    "a": "0.38189",
    "b0_b": "-0.01616",
    "b1_c": "0",
    "b2": "",
    "b3": "",
    "PerformanceTask": "N",
    "PtWritingType": "",
}
ASSESSMENT = {
    "assessment_id": "A",
    "name": "Grade 3",
    "subject": "Math",
    "test_grade": "3",
    "assessment_type": "summative",
    "school_year": "2018-19",
    "minimum_cat_items": "34",
}
ITEM = {
    "assessment_id": "A",
    "item_id": "200-1",
    "dimension": "",
    "part": "CAT",
    "model": "GPCM",
    "a": "0.5",
    "b1": "-1",
    "b2": "0.5",
    "b3": "",
    "claim": "1",
    "target": "A",
    "operational": "true",
}


def write(path: Path, *rows: dict[str, str]) -> Path:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


class Given:
    def __init__(self, path: Path) -> None:
        self.log = FindingLog()
        self.package: Package = read_package(path, self.log)
        assert self.package.items.schema == ITEMS
        assert self.package.assessments.schema == ASSESSMENTS
        self.items = self.package.items.to_pylist()
        self.counts = self.log.counts()


def tabulator(folder: Path, *changes: dict[str, str]) -> Given:
    rows = [{**TABULATOR, "ItemId": str(n), **change} for n, change in enumerate(changes, 1)]
    return Given(write(folder / "package.csv", *rows))


def two_files(folder: Path, *changes: dict[str, str], **assessment: str) -> Given:
    write(folder / "assessments.csv", {**ASSESSMENT, **assessment})
    rows = [{**ITEM, "item_id": f"200-{n}", **change} for n, change in enumerate(changes, 1)]
    write(folder / "items.csv", *rows)
    return Given(folder)


def test_tabulator_columns_are_found_by_name(tmp_path: Path) -> None:
    given = tabulator(tmp_path, {})
    assert given.counts == {}
    assert given.package.assessments.to_pylist() == [
        {
            "assessment_id": "(SBAC)ICA-3",
            "name": "ICA-3",
            "subject": "Math",
            "test_grade": "03",
            "assessment_type": "ICA",
            "school_year": "2018-19",
            "minimum_cat_items": None,
        }
    ]
    assert given.items == [
        {
            "assessment_id": "(SBAC)ICA-3",
            "item_id": "200-1",
            "dimension": "",
            "part": "fixed",
            "model": "2PL",
            "a": 0.38189,
            "b1": -0.01616,
            **dict.fromkeys(("b2", "b3", "b4", "b5", "b6")),
            "claim": "1",
            "target": "B-3",
            "operational": True,
            "item_type": "MC",
            "purpose": "",
            "unscorable": None,
        }
    ]


GPCM = {"MeasurementModel": "IRTGPC", "ScorePoints": "2", "b0_b": "3.8811", "b1_c": "-2.96168"}


def test_gpc_columns_are_steps_as_many_as_points(tmp_path: Path) -> None:
    four = {**GPCM, "ScorePoints": "4", "b2": "1", "b3": "2"}
    given = tabulator(tmp_path, GPCM, four, {**GPCM, "ScorePoints": "1"})
    assert [[row[f"b{k}"] for k in range(1, 6)] for row in given.items] == [
        [3.8811, -2.96168, None, None, None],
        [3.8811, -2.96168, 1.0, 2.0, None],
        [3.8811, None, None, None, None],
    ]
    assert given.counts == {}


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"PerformanceTask": "Y"}, "PT"),
        ({"AssessmentSubtype": "SUM"}, "CAT"),
        ({"AssessmentSubtype": "SUM", "PerformanceTask": "Y"}, "PT"),
        ({"AssessmentSubtype": "IAB", "PerformanceTask": ""}, "fixed"),
    ],
)
def test_the_part_follows_the_type(tmp_path: Path, change: dict[str, str], part: str) -> None:
    assert tabulator(tmp_path, change).items[0]["part"] == part


def test_a_blank_claim_is_taken_from_the_content_target(tmp_path: Path) -> None:
    (item,) = tabulator(tmp_path, {"Claim": "", "Target": ""}).items
    assert (item["claim"], item["target"]) == ("2", "C-3")


UNSCORABLE = [
    ({"MeasurementModel": "IRT3PL"}, "item_model_unmarked_metric"),
    ({"MeasurementModel": ""}, "item_model_unknown"),
    ({"MeasurementModel": "RASCH"}, "item_model_unknown"),
    ({"b1_c": "0.2"}, "item_guessing_nonzero"),
    ({"b1_c": "x"}, "item_guessing_nonzero"),
    ({"ScorePoints": "2"}, "item_step_count"),
    ({"ScorePoints": ""}, "item_step_count"),
    ({"ScorePoints": "two"}, "item_step_count"),
    ({**GPCM, "ScorePoints": "3"}, "item_step_count"),
    ({**GPCM, "ScorePoints": "5", "b2": "1", "b3": "1"}, "item_step_count"),
    ({"ItemType": "WER", "PtWritingType": "Narrative"}, "item_writing_row_lossy"),
    ({"a": "0"}, "item_parameter"),
    ({"a": "-0.5"}, "item_parameter"),
    ({"a": "NaN"}, "item_parameter"),
    ({"a": "inf"}, "item_parameter"),
    ({"a": ""}, "item_parameter"),
    ({"b0_b": "NaN"}, "item_parameter"),
    ({**GPCM, "b0_b": ""}, "item_parameter"),
]


@pytest.mark.parametrize(("change", "rule"), UNSCORABLE)
def test_an_item_that_cannot_be_scored_stays_with_its_reason(
    tmp_path: Path, change: dict[str, str], rule: str
) -> None:
    given = tabulator(tmp_path, {}, change)
    assert [row["unscorable"] for row in given.items] == [None, rule]
    assert given.counts == {rule: 1}
    (finding,) = given.log
    assert (finding.record, finding.row, finding.consequence) == ("200-2", 2, "warning")


def test_the_purpose_stands_on_writing_items_only(tmp_path: Path) -> None:
    given = tabulator(
        tmp_path, {"PtWritingType": "Opinion"}, {"PtWritingType": "Opinion", "ItemType": "WER"}
    )
    assert [row["purpose"] for row in given.items] == ["", "OPIN"]


def test_an_item_twice(tmp_path: Path) -> None:
    given = tabulator(tmp_path, {"ItemId": "1"}, {"ItemId": "1"}, {"ItemId": "1", "a": "0.9"})
    assert [(row["a"], row["unscorable"]) for row in given.items] == [(0.38189, "item_duplicate")]
    assert given.counts == {"item_duplicate": 2}


def test_the_two_file_form(tmp_path: Path) -> None:
    given = two_files(tmp_path, {}, {"model": "2pl", "b2": "", "operational": "false"})
    assert given.counts == {}
    (assessment,) = given.package.assessments.to_pylist()
    assert assessment == {**ASSESSMENT, "test_grade": "03", "minimum_cat_items": 34}
    first, second = given.items
    assert (first["model"], first["a"], first["b1"], first["b2"]) == ("GPCM", 0.5, -1.0, 0.5)
    assert (second["model"], second["operational"]) == ("2PL", False)


@pytest.mark.parametrize("name", ["", "assessments.csv", "items.csv"])
def test_the_two_file_form_is_found_from_any_of_its_names(tmp_path: Path, name: str) -> None:
    two_files(tmp_path, {})
    assert Given(tmp_path / name).package.items.num_rows == 1


def test_the_two_file_form_may_be_parquet(tmp_path: Path) -> None:
    two_files(tmp_path, {"a": "0.1"})
    for name in ("assessments", "items"):
        table = pyarrow.csv.read_csv(tmp_path / f"{name}.csv")
        pq.write_table(table, tmp_path / f"{name}.parquet")
        (tmp_path / f"{name}.csv").unlink()
    (item,) = Given(tmp_path).items
    assert (item["a"], item["b1"], item["unscorable"]) == (0.1, -1.0, None)


@pytest.mark.parametrize(
    ("dimension", "kept", "rule"),
    [
        ("C", "C", None),
        ("conventions", "C", None),
        ("organization_evidence", "D", None),
        ("d", "D", None),
        ("style", "style", "dimension_unknown"),
    ],
)
def test_writing_dimensions(tmp_path: Path, dimension: str, kept: str, rule: str | None) -> None:
    (item,) = two_files(tmp_path, {"dimension": dimension}).items
    assert (item["dimension"], item["unscorable"]) == (kept, rule)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"model": "2PL"}, "item_step_count"),
        ({"b1": ""}, "item_parameter"),
        ({"b1": "", "b2": ""}, "item_step_count"),
        ({"a": "0"}, "item_parameter"),
        ({"model": "IRT3PL"}, "item_model_unmarked_metric"),
        ({"a": "1_0"}, "item_parameter"),
    ],
)
def test_two_file_items_that_cannot_be_scored(
    tmp_path: Path, change: dict[str, str], rule: str
) -> None:
    given = two_files(tmp_path, change)
    assert given.items[0]["unscorable"] == rule
    assert given.counts == {rule: 1}


def test_odd_cells_of_an_assessment_are_kept_and_said(tmp_path: Path) -> None:
    given = two_files(tmp_path, {}, subject="Science", minimum_cat_items="many")
    (assessment,) = given.package.assessments.to_pylist()
    assert (assessment["subject"], assessment["minimum_cat_items"]) == ("Science", None)
    assert given.counts == {"column_value_ignored": 2}


def test_a_blank_minimum_is_not_known(tmp_path: Path) -> None:
    given = two_files(tmp_path, {}, minimum_cat_items="")
    assert given.package.assessments["minimum_cat_items"].to_pylist() == [None]
    assert given.counts == {}


def test_an_item_of_an_unlisted_assessment_is_kept_for_matching(tmp_path: Path) -> None:
    given = two_files(tmp_path, {}, {"assessment_id": "B"})
    assert len(given.items) == 2
    assert given.counts == {"item_assessment_unknown": 1}


def test_an_item_without_identifier_is_left_out(tmp_path: Path) -> None:
    given = two_files(tmp_path, {}, {"item_id": ""})
    assert len(given.items) == 1
    assert given.counts == {"column_value": 1}


def test_of_two_packages_with_one_assessment_the_first_is_used(tmp_path: Path) -> None:
    first = write(tmp_path / "first.csv", TABULATOR)
    second = write(
        tmp_path / "second.csv", {**TABULATOR, "a": "0.9"}, {**TABULATOR, "AssessmentId": "B"}
    )
    log = FindingLog()
    package = read_packages([first, second], log)
    assert package.items["a"].to_pylist() == [0.38189, 0.38189]
    assert package.assessments["assessment_id"].to_pylist() == ["(SBAC)ICA-3", "B"]
    assert log.counts() == {"assessment_twice": 1}


def test_no_packages_are_an_empty_one() -> None:
    assert read_packages([], FindingLog()).is_empty


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", "file_unknown_kind"),
        (b"a,b\n1,2\n", "file_unknown_kind"),
        (b"MeasurementModel,a\nIRT3PLn,1\n", "column_missing"),
        (",".join(TABULATOR).encode() + b"\n", "package_empty"),
        (",".join(TABULATOR).encode() + b"\n\xe9", "file_encoding"),
        (b"PAR1", "file_unknown_kind"),
    ],
)
def test_what_is_no_package_is_said(tmp_path: Path, content: bytes, rule: str) -> None:
    path = tmp_path / "package.csv"
    path.write_bytes(content)
    given = Given(path)
    assert given.package.is_empty
    assert rule in given.counts


def test_a_missing_package_is_said(tmp_path: Path) -> None:
    assert Given(tmp_path / "nowhere.csv").counts == {"file_missing": 1}
    assert Given(tmp_path).counts == {"package_folder": 1}


def test_a_folder_of_tabulator_files_is_told_as_such(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("ItemId,MeasurementModel\n")
    log = FindingLog()
    assert read_packages([tmp_path], log).is_empty
    (told,) = log.table()["message"].to_pylist()
    assert "holds packages in tabulator form (a.csv and 1 more)" in told


def test_a_table_with_two_bytes_a_letter_says_so(tmp_path: Path) -> None:
    path = tmp_path / "p.csv"
    path.write_text("ItemId,MeasurementModel\n", encoding="utf-16")
    log = FindingLog()
    assert read_packages([path], log).is_empty
    (told,) = log.table()["message"].to_pylist()
    assert "UTF-16" in told
