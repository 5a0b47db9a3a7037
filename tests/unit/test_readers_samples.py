"""Public samples and the incumbent's own defective files: read to the end, nothing raised."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.packages import read_package
from unit.intake_files import Reading


def test_the_scored_sample_is_read_whole(shared: Path) -> None:
    reading = Reading(shared / "samples/trt-scored/trt_scored.zip")
    assert reading.counts == {}
    assert len(reading.tests) == 500
    with (shared / "samples/trt-scored/expected_theta.csv").open() as stream:
        expected = {Path(row["file"]).stem: row for row in csv.DictReader(stream)}
    for key, rows in reading.tests.items():
        counted = [row for row in rows if row["item_type"] != "WER"]
        assert len(counted) == int(expected[key]["n_items"])
        assert sum(row["score"] or 0 for row in counted) == int(expected[key]["raw"])  # type: ignore[misc]


@pytest.mark.parametrize(
    ("name", "tests", "rows"), [("trt_small.zip", 500, 14_433), ("trt_custom_subjects.zip", 300, 0)]
)
def test_generated_samples(shared: Path, name: str, tests: int, rows: int) -> None:
    reading = Reading(shared / "samples/trt-generated" / name)
    assert reading.counts == {}
    assert len(reading.opportunities) == tests
    assert sum(chunk.responses.num_rows for chunk in reading.chunks) == rows


def test_the_operational_results(shared: Path) -> None:
    reading = Reading(shared / "samples/trt-engine")
    assert reading.counts == {}
    assert sorted(len(rows) for rows in reading.tests.values()) == [11, 15, 50]
    (combined,) = (row for row in reading.opportunities if "COMBINED" in str(row["assessment_id"]))
    assert (combined["logged_on_cat"], combined["logged_on_pt"]) == (True, True)


def test_defective_results(shared: Path) -> None:
    reading = Reading(shared / "samples/rdw/trt")
    assert len(reading.tests) == 4
    assert reading.counts == {
        "opportunity_twice": 1,
        "trt_demo_record": 2,
        "trt_field_blank": 1,
        "trt_field_missing": 3,
        "xml_not_trt": 1,
    }


def test_a_sample_cut_in_half(shared: Path, tmp_path: Path) -> None:
    content = (shared / "samples/trt-scored/trt_scored.zip").read_bytes()
    path = tmp_path / "cut.zip"
    path.write_bytes(content[: len(content) // 2])
    reading = Reading(path)
    assert len(reading.tests) == 256
    assert reading.counts == {"zip_truncated": 1}


@pytest.mark.parametrize(
    ("name", "assessments", "items", "findings"),
    [
        ("packages/2019v2.interim.csv", 121, 1968, {"item_writing_row_lossy": 14}),
        ("packages/2018.demo.summative.csv", 14, 488, {"item_writing_row_lossy": 7}),
        ("packages/2018.summative.ELPAC.csv", 0, 0, {"file_unknown_kind": 1}),
        (
            "rdw/packages/IAB_ICA_Combined.bad-item.csv",
            3,
            12,
            {"item_step_count": 1, "item_duplicate": 1},
        ),
    ],
)
def test_public_packages(
    shared: Path, name: str, assessments: int, items: int, findings: dict[str, int]
) -> None:
    log = FindingLog()
    package = read_package(shared / "samples" / name, log)
    assert (package.assessments.num_rows, package.items.num_rows) == (assessments, items)
    assert log.counts() == findings
