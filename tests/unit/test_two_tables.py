"""Reading the two tables: whatever order, split and spelling they come in."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.two_tables import is_two_tables_header, read_two_tables
from scorehouse.intake.readers.two_tables_layout import recognize
from scorehouse.result_shapes import (
    ITEM_TABLE,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    TEST_TABLE,
)
from unit.two_table_files import ITEM, TEST, TRAITS, as_csv, cells, of, read, write_tables

OLD_TESTS = (
    "StudentIdentifier,AssessmentGuid,AssessmentYear,AssessmentAcademicSubject,"
    "AssessmentSubtestResultScoreValue,AssessmentSubtestMinimumValue,"
    "AssessmentSubtestMaximumValue,OrganizationName,Group1Text,Group2Text,"
    "AccommodationAbacus,AccommodationReadAloud,Group1Id\n"
    "9000000001,INV-1,2015,ELA,2560,2538.6,2581.4,Old District,Blue,Green,6,3,77\n"
)
OLD_ITEMS = (
    "key,studentId,segmentId,position,clientId,operational,isSelected,format,score,"
    "scoreStatus,adminDate,numberVisits,strand,contentLevel,pageNumber,pageVisits,pageTime,"
    "dropped\n"
    "501,9000000001,S1,1,,1,1,MC,1,SCORED,2015-04-14T09:12:00,1,,,1,1,1000,0\n"
    "502,9000000001,S1,2,,0,1,MC,0,SCORED,2015-04-14T09:13:00,1,,,2,1,1000,0\n"
)


def test_a_result_comes_with_its_items(tmp_path: Path) -> None:
    chunks, log = read(write_tables(tmp_path))
    assert [chunk.tests.schema for chunk in chunks] == [TEST_TABLE]
    assert [chunk.items.schema for chunk in chunks] == [ITEM_TABLE]
    assert not chunks[0].is_xml
    assert cells(chunks, "tests", "result", "row", "StudentIdentifier", "Claim1Score") == [
        (0, 1, "9000000001", "")
    ]
    assert cells(chunks, "items", "result", "row", "item", "ItemScore", "ScoreDimension") == [
        (0, 1, 0, "1", ""),
        (0, 2, 1, "5", "Overall"),
        (0, 3, 1, "3", "Organization/Purpose"),
        (0, 4, 1, "3", "Evidence/Elaboration"),
        (0, 5, 1, "2", "Conventions"),
    ]
    assert len(log) == 0


def test_cells_are_read_as_written(tmp_path: Path) -> None:
    text = ' two\r\nlines, "quoted" \u00e9\u4e2d\n'
    chunks, _ = read(write_tables(tmp_path, items=[{**ITEM, "ResponseValue": text}]))
    assert cells(chunks, "items", "ResponseValue") == [(text,)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_any_column_order_line_end_and_mark(tmp_path: Path, end: str, mark: bytes) -> None:
    tests, items = tmp_path / "a.csv", tmp_path / "b.csv"
    tests.write_bytes(mark + as_csv([TEST], REQUIRED_TEST_COLUMNS[::-1], end=end).encode())
    items.write_bytes(mark + as_csv([ITEM], sorted(REQUIRED_ITEM_COLUMNS), end=end).encode())
    chunks, log = read([items, tests])
    assert cells(chunks, "tests", "TestOpportunityId", "OverallTheta") == [("op-1", "-0.6")]
    assert cells(chunks, "items", "result", "ItemId") == [(0, "200-501")]
    assert len(log) == 0


def test_split_files_in_a_nested_zip(tmp_path: Path) -> None:
    tests = [of(TEST, f"op-{n}") for n in range(4)]
    items = [of(ITEM, f"op-{n}", ItemId=f"200-{n}") for n in (3, 1, 0, 2)]
    inner, outer = tmp_path / "inner.zip", tmp_path / "outer.zip"
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x/tests-1.csv", as_csv(tests[:2], REQUIRED_TEST_COLUMNS))
        archive.writestr("x/items-1.csv", as_csv(items[:2], REQUIRED_ITEM_COLUMNS))
        archive.writestr("__MACOSX/._tests-1.csv", "rubbish")
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "inner.zip")
        archive.writestr("y/tests-2.csv", as_csv(tests[2:], REQUIRED_TEST_COLUMNS))
        archive.writestr("items-2.csv", as_csv(items[2:], REQUIRED_ITEM_COLUMNS))
    chunks, log = read(outer, chunk_results=3)
    assert [chunk.tests.num_rows for chunk in chunks] == [3, 1]
    found = cells(chunks, "tests", "result", "TestOpportunityId")
    assert sorted(found) == [(n, f"op-{n}") for n in range(4)]
    assert cells(chunks, "items", "result", "ItemId") == [(n, f"200-{n}") for n in range(4)]
    assert {name for (name,) in cells(chunks, "tests", "file")} == {
        "outer.zip#1#1",
        "outer.zip#2",
    }
    assert len(log) == 0


def test_rows_in_another_order_meet_in_chunks(tmp_path: Path) -> None:
    tests = [of(TEST, f"op-{n}") for n in range(25)]
    items = [of(ITEM, f"op-{n}", ItemPosition=str(p)) for p in (1, 2) for n in reversed(range(25))]
    chunks, _ = read(write_tables(tmp_path, tests, items), chunk_results=10)
    assert [chunk.tests.num_rows for chunk in chunks] == [10, 10, 5]
    assert [chunk.items.num_rows for chunk in chunks] == [20, 20, 10]
    for chunk in chunks:
        assert chunk.items["result"].to_pylist() == sorted(chunk.tests["result"].to_pylist() * 2)
    assert cells(chunks, "items", "item", "ItemPosition")[:2] == [(0, "1"), (1, "2")]


def test_identifiers_meet_as_uuids_and_without_outer_blanks(tmp_path: Path) -> None:
    key = "3F0C7A52-6A1E-4C38-9B6F-1D2A5B7C9E04"
    tests = [of(TEST, key), of(TEST, "A-1"), of(TEST, "a-1")]
    items = [of(ITEM, key.lower().replace("-", "")), of(ITEM, " A-1\t")]
    chunks, log = read(write_tables(tmp_path, tests, items))
    assert cells(chunks, "items", "result") == [(0,), (1,)]
    assert log.counts() == {"opportunity_without_responses": 1, "csv_trailing_tab": 1}


def test_converters_headers_and_tabs(tmp_path: Path) -> None:
    names = {
        "NativeHawaiianOrOtherPacificIslander": "NativeHataiianOrOtherPacificIslander",
        "TwoOrMoreRaces": "DemographRaceTwoOrMoreRaces",
        "Sex": "Gender",
        "AccessibilityCodes": "Accessibility Codes",
    }
    row = {**TEST, "StudentIdentifier": "9000000001\t"}
    text = as_csv([row], REQUIRED_TEST_COLUMNS)
    for right, wrong in names.items():
        text = text.replace(right, wrong, 1)
    (tmp_path / "t.csv").write_text(text)
    (tmp_path / "i.csv").write_text(
        as_csv([ITEM], REQUIRED_ITEM_COLUMNS).replace("ItemScore", "Score", 1)
    )
    chunks, log = read([tmp_path / "t.csv", tmp_path / "i.csv"])
    assert cells(chunks, "tests", *names) == [("No", "No", "Female", TEST["AccessibilityCodes"])]
    assert cells(chunks, "tests", "StudentIdentifier") == [("9000000001",)]
    assert cells(chunks, "items", "ItemScore") == [("1",)]
    assert log.counts() == {"results_column_alias": 5, "csv_trailing_tab": 1}


def test_the_older_warehouse_tables(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(OLD_TESTS)
    (tmp_path / "i.csv").write_text(OLD_ITEMS)
    chunks, log = read([tmp_path / "t.csv", tmp_path / "i.csv"])
    assert cells(
        chunks, "tests", "AssessmentId", "SchoolYear", "ScaleScore", "ScaleScoreStandardError",
        "DistrictName", "StudentGroupNames", "AccessibilityCodes",
    ) == [
        ("INV-1", "2015", "2560", "21.4", "Old District", "Blue;Green",
         "NEA_RA_Stimuli:UNU;NEA_Abacus:UYU"),
    ]  # fmt: skip
    assert cells(chunks, "items", "result", "ItemId", "FieldTest", "Submitted") == [
        (0, "501", "No", "1"),
        (0, "502", "Yes", "1"),
    ]
    told = {(f.rule, f.field) for f in log if f.rule == "results_value_derived"}
    assert told == {
        ("results_value_derived", name)
        for name in (
            "ScaleScoreStandardError", "AccessibilityCodes", "StudentGroupNames", "FieldTest",
        )
    }  # fmt: skip
    assert {f.field for f in log if f.rule == "column_unknown"} == {
        "Group1Id", "clientId", "pageNumber", "pageVisits", "pageTime",
    }  # fmt: skip


def test_a_table_without_a_header_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(as_csv([TEST], REQUIRED_TEST_COLUMNS).split("\n", 1)[1])
    (tmp_path / "i.csv").write_text(OLD_ITEMS.split("\n", 1)[1].replace("9000000001", "9000000009"))
    chunks, log = read([tmp_path / "t.csv", tmp_path / "i.csv"])
    assert cells(chunks, "tests", "TestOpportunityId", "row") == [("op-1", 1)]
    assert log.counts()["results_header_missing"] == 2
    assert log.counts()["item_rows_without_test"] == 1


def test_tests_without_items_and_items_without_tests(tmp_path: Path) -> None:
    tests = [TEST, of(TEST, "op-2")]
    items = [of(ITEM, "op-9"), ITEM, of(ITEM, "op-9", ItemPosition="2")]
    chunks, log = read(write_tables(tmp_path, tests, items))
    assert cells(chunks, "items", "result", "TestOpportunityId") == [
        (0, "op-1"),
        (-1, "op-9"),
        (-1, "op-9"),
    ]
    assert [(f.rule, f.record, f.row) for f in log] == [
        ("item_rows_without_test", "op-9", 1),
        ("opportunity_without_responses", "op-2", 2),
    ]
    assert "2 item rows" in next(iter(log)).message


def test_one_table_alone(tmp_path: Path) -> None:
    tests, items = write_tables(tmp_path)
    chunks, log = read(tests)
    assert cells(chunks, "tests", "TestOpportunityId") == [("op-1",)]
    assert log.counts() == {"results_item_table_missing": 1}
    chunks, log = read(items)
    assert cells(chunks, "items", "result") == [(-1,)] * 5
    assert log.counts() == {"results_test_table_missing": 1, "item_rows_without_test": 1}


def test_a_later_result_of_the_same_opportunity_is_left_out(tmp_path: Path) -> None:
    tests = [TEST, of(TEST, "op-2"), {**TEST, "ScaleScore": "2600"}]
    items = [ITEM, of(ITEM, "op-2"), {**ITEM, "ItemScore": "0"}]
    chunks, log = read(write_tables(tmp_path, tests, items))
    assert cells(chunks, "tests", "TestOpportunityId", "ScaleScore") == [
        ("op-1", "2560"),
        ("op-2", "2560"),
    ]
    assert cells(chunks, "items", "result", "ItemScore") == [(0, "1"), (1, "1")]
    assert [(f.rule, f.row) for f in log] == [("opportunity_twice", 3)]


def test_items_of_a_repeated_opportunity_that_nobody_can_part(tmp_path: Path) -> None:
    chunks, log = read(write_tables(tmp_path, [TEST, TEST, of(TEST, "op-2")], [ITEM, ITEM]))
    assert cells(chunks, "tests", "TestOpportunityId") == [("op-2",)]
    assert {"opportunity_twice", "item_rows_unpaired"} <= set(log.counts())


def test_the_same_row_twice_is_taken_once(tmp_path: Path) -> None:
    other = {**ITEM, "ItemScore": "0"}
    chunks, log = read(write_tables(tmp_path, items=[ITEM, ITEM, other]))
    assert cells(chunks, "items", "item", "ItemScore") == [(0, "1"), (1, "0")]
    assert [(f.rule, f.row) for f in log] == [("item_row_twice", 2)]


def test_progress_counts_results(tmp_path: Path) -> None:
    tests = [of(TEST, f"op-{n}") for n in range(5)]
    seen: list[tuple[int, int | None]] = []
    paths = write_tables(tmp_path, tests, [])
    reading = read_two_tables(
        paths, FindingLog(), chunk_results=2, progress=lambda *at: seen.append(at)
    )
    assert sum(chunk.tests.num_rows for chunk in reading) == 5
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_headers_are_told_apart() -> None:
    assert is_two_tables_header(REQUIRED_TEST_COLUMNS)
    assert is_two_tables_header(REQUIRED_ITEM_COLUMNS)
    assert not is_two_tables_header(("opportunity_id", "item_id", "answered", "score"))
    test, item = recognize(REQUIRED_TEST_COLUMNS), recognize(REQUIRED_ITEM_COLUMNS)
    assert test is not None
    assert item is not None
    assert (test.table, item.table) == ("test", "item")
    assert not test.aliases
    assert not item.absent


def test_the_public_example(shared: Path) -> None:
    folder = shared / "samples" / "trt-example"
    chunks, log = read([folder / "example_test.csv", folder / "example_item.csv"])
    assert cells(chunks, "items", "item", "Rater3UserId")[3] == (2, "1003")
    assert len(log) == 0


def test_three_traits_belong_to_one_item(tmp_path: Path) -> None:
    twice = [*TRAITS, *({**row, "ItemScore": "0"} for row in TRAITS)]
    chunks, _ = read(write_tables(tmp_path, items=twice))
    assert [item for (item,) in cells(chunks, "items", "item")] == [0] * 4 + [1] * 4
