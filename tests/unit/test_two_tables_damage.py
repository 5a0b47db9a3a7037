"""What transfers and spreadsheets do to the two tables: told, never repaired, nothing else lost."""

from __future__ import annotations

import tracemalloc
import zipfile
from pathlib import Path

import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.readers.two_tables import read_two_tables
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from unit.intake_files import trt
from unit.two_table_files import ITEM, TEST, as_csv, cells, of, read, write_tables

THREE = [of(TEST, f"op-{n}", StudentIdentifier=f"900000000{n}") for n in range(3)]
ITEMS = [of(ITEM, f"op-{n}") for n in range(3)]


def kept(paths: list[Path]) -> tuple[list[object], FindingLog]:
    chunks, log = read(paths)
    return [key for (key,) in cells(chunks, "tests", "TestOpportunityId")], log


def test_a_cut_off_last_row_costs_its_result_only(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, THREE, ITEMS)
    content = paths[1].read_bytes()
    paths[1].write_bytes(content[: content.rindex(b"2016-04")])
    keys, log = kept(paths)
    assert keys == ["op-0", "op-1"]
    assert log.counts() == {
        "csv_row_short": 1,
        "result_item_row_refused": 1,
        "csv_not_ended": 1,
    }
    assert next(f for f in log if f.rule == "csv_row_short").row == 3


def test_a_file_that_ends_in_its_last_cell_is_suspected(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, THREE, ITEMS)
    paths[0].write_bytes(paths[0].read_bytes().removesuffix(b"\r\n"))
    keys, log = kept(paths)
    assert keys == ["op-0", "op-1", "op-2"]
    assert log.counts() == {"csv_not_ended": 1}


@pytest.mark.parametrize("direction", ["right", "left"])
def test_shifted_columns_leave_the_row_out(tmp_path: Path, direction: str) -> None:
    row = [TEST.get(name, "") for name in REQUIRED_TEST_COLUMNS]
    moved = [*row[:2], "", *row[2:-1]] if direction == "right" else row[:2] + row[3:] + [""]
    shifted = dict(zip(REQUIRED_TEST_COLUMNS, moved, strict=True))
    keys, log = kept(write_tables(tmp_path, [*THREE, shifted], ITEMS))
    assert keys == ["op-0", "op-1", "op-2"]
    found = next(f for f in log if f.rule == "csv_row_shifted")
    assert (found.row, found.consequence) == (4, "record_left_out")
    assert f"one column to the {direction}" in found.message


def test_odd_values_are_no_shift(tmp_path: Path) -> None:
    odd = {**TEST, "Sex": "X", "DeliveryMode": "tablet", "Subject": "Science", "TestGrade": ""}
    keys, log = kept(write_tables(tmp_path, [odd], [ITEM]))
    assert keys == ["op-1"]
    assert len(log) == 0


def test_identifiers_with_an_exponent_are_lost(tmp_path: Path) -> None:
    bad = of(TEST, "op-2", StudentIdentifier="9.00E+09")
    score = of(TEST, "op-3", OverallTheta="1E-3")
    keys, log = kept(write_tables(tmp_path, [TEST, bad, score], [ITEM]))
    assert keys == ["op-1", "op-3"]
    found = next(f for f in log if f.rule == "spreadsheet_exponent")
    assert (found.record, found.row, found.field) == ("op-2", 2, "StudentIdentifier")
    assert found.value == "(8 characters, hidden)"


def test_lost_leading_zeros_are_suspected_by_file(tmp_path: Path) -> None:
    columns = (*REQUIRED_TEST_COLUMNS, "SchoolId")
    ids = ["12345678901234", "1611350000000", "98765432109876"]
    rows = [{**row, "SchoolId": school} for row, school in zip(THREE, ids, strict=True)]
    keys, log = kept(write_tables(tmp_path, rows, ITEMS, test_columns=columns))
    assert len(keys) == 3
    found = next(iter(log))
    assert (found.rule, found.field) == ("spreadsheet_zeros", "SchoolId")
    assert "in 1 rows" in found.message
    whole = [{**row, "SchoolId": school.zfill(14)} for row, school in zip(THREE, ids, strict=True)]
    _, log = kept(write_tables(tmp_path, whole, ITEMS, test_columns=columns))
    assert len(log) == 0


def test_reformatted_dates_are_told_once_and_kept(tmp_path: Path) -> None:
    rows = [{**row, "StartDateTime": "4/14/2016 9:02"} for row in THREE]
    chunks, log = read(write_tables(tmp_path, rows, ITEMS))
    assert cells(chunks, "tests", "StartDateTime") == [("4/14/2016 9:02",)] * 3
    found = list(log)
    assert [(f.rule, f.field, f.row) for f in found] == [("spreadsheet_dates", "StartDateTime", 1)]
    assert "3 rows" in found[0].message


def test_a_spreadsheets_semicolons_are_read_and_told(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, [{**TEST, "AccessibilityCodes": ""}], [ITEM])
    paths[0].write_text(paths[0].read_text().replace(",", ";"))
    keys, log = kept(paths)
    assert keys == ["op-1"]
    assert log.counts() == {"csv_delimiter": 1}


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_another_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    paths = write_tables(tmp_path)
    text = as_csv([{**TEST, "AssessmentName": "Lengua espa\u00f1ola"}], REQUIRED_TEST_COLUMNS)
    paths[0].write_bytes(text.encode(encoding))
    keys, log = kept(paths)
    assert keys == []
    assert log.counts()["file_encoding"] == 1


def test_nul_costs_its_row(tmp_path: Path) -> None:
    rows = [THREE[0], {**THREE[1], "UserAgent": "a\0b"}, THREE[2]]
    keys, log = kept(write_tables(tmp_path, rows, ITEMS))
    assert keys == ["op-0", "op-2"]
    assert log.counts() == {"csv_nul": 1, "item_rows_of_left_out_test": 1}


def test_a_quotation_mark_never_closed_costs_one_result(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, THREE, ITEMS)
    lines = paths[1].read_text().split("\n")
    lines[2] = lines[2].replace(",B,", ',"B,')
    paths[1].write_text("\n".join(lines))
    keys, log = kept(paths)
    assert {"op-0", "op-2"} <= set(keys)
    assert log.left_out >= 1


def test_long_responses_are_read_whole(tmp_path: Path) -> None:
    text = "x" * 300_000 + "\n" + "y" * 10
    chunks, log = read(write_tables(tmp_path, items=[{**ITEM, "ResponseValue": text}]))
    assert cells(chunks, "items", "ResponseValue") == [(text,)]
    assert len(log) == 0


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"a,b,c\n1,2,3\n", "results_header_unknown"),
        (b"", "results_header_unknown"),
        (b"\0\0\0\0", "results_header_unknown"),
        (b"TestOpportunityId,ItemId,ItemScore,Score\n", "column_twice"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, rule: str) -> None:
    paths = write_tables(tmp_path)
    (tmp_path / "other.csv").write_bytes(content)
    keys, log = kept([*paths, tmp_path / "other.csv", tmp_path / "not there"])
    assert keys == ["op-1"]
    assert log.counts() == {"file_missing": 1, rule: 1}


def test_absent_required_columns_are_named(tmp_path: Path) -> None:
    fewer = [name for name in REQUIRED_ITEM_COLUMNS if not name.startswith("Rater3")]
    _, log = kept(write_tables(tmp_path, item_columns=fewer))
    assert [(f.rule, f.field) for f in log] == [
        ("results_column_absent", "Rater3Score"),
        ("results_column_absent", "Rater3UserId"),
    ]


def test_a_zip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    target = tmp_path / "bomb.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("t.csv", as_csv([TEST], REQUIRED_TEST_COLUMNS))
        archive.writestr("b.csv", b"0" * (8 << 20))
    log = FindingLog()
    chunks = list(read_two_tables(target, log, limits=Limits(ratio=50)))
    assert cells(chunks, "tests", "TestOpportunityId") == [("op-1",)]
    assert log.counts()["zip_bomb"] == 1


def zip_of(target: Path, members: dict[str, str | bytes], packing: int = 8) -> Path:
    with zipfile.ZipFile(target, "w", packing) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return target


def test_a_cut_off_zip_gives_its_whole_members(tmp_path: Path) -> None:
    tests, items = as_csv(THREE, REQUIRED_TEST_COLUMNS), as_csv(ITEMS, REQUIRED_ITEM_COLUMNS)
    target = zip_of(tmp_path / "cut.zip", {"t.csv": tests, "i.csv": items, "more.csv": tests})
    target.write_bytes(target.read_bytes()[: target.read_bytes().index(b"more.csv") + 40])
    log = FindingLog()
    chunks = list(read_results(target, log))
    found = [key for (key,) in cells(chunks, "tests", "TestOpportunityId")]
    assert found == ["op-0", "op-1", "op-2"]
    assert log.counts() == {"zip_truncated": 1}
    assert "2 complete members" in next(iter(log)).message


def test_a_damaged_first_member_costs_itself_only(tmp_path: Path) -> None:
    tests, items = as_csv(THREE, REQUIRED_TEST_COLUMNS), as_csv(ITEMS, REQUIRED_ITEM_COLUMNS)
    members = {"first.csv": tests, "t.csv": tests, "i.csv": items}
    target = zip_of(tmp_path / "damaged.zip", members)
    content = bytearray(target.read_bytes())
    content[39:60] = b"\xff" * 21  # inside the packed bytes of the first
    target.write_bytes(bytes(content))
    log = FindingLog()
    chunks = list(read_results(target, log))
    found = [key for (key,) in cells(chunks, "tests", "TestOpportunityId")]
    assert (found, log.counts()) == (["op-0", "op-1", "op-2"], {"file_unreadable": 1})


@pytest.mark.parametrize("name", ["../t.csv", "/t.csv", "a/../../t.csv", "C:\\t.csv"])
def test_members_that_point_outside_are_told_and_not_read(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "below"
    folder.mkdir()
    tests, items = as_csv(THREE, REQUIRED_TEST_COLUMNS), as_csv(ITEMS, REQUIRED_ITEM_COLUMNS)
    other = as_csv([of(TEST, "op-9")], REQUIRED_TEST_COLUMNS)
    keys, log = kept([zip_of(folder / "a.zip", {"t.csv": tests, name: other, "i.csv": items})])
    assert (keys, log.counts()) == (["op-0", "op-1", "op-2"], {"zip_member_unsafe": 1})
    assert sorted(tmp_path.rglob("*")) == [folder, folder / "a.zip"]


@pytest.mark.parametrize("packing", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
@pytest.mark.parametrize("name", ["b.csv", "b.xml"])
def test_packings_that_cannot_be_stopped_are_not_begun(
    tmp_path: Path, packing: int, name: str
) -> None:
    """4,000 bytes may become 400 MB in one step with them, before any limit is asked."""
    start = b"<TDSReport>" if name == "b.xml" else as_csv([TEST], REQUIRED_TEST_COLUMNS).encode()
    target = zip_of(tmp_path / "bomb.zip", {name: start + bytes(100 << 20)}, packing)
    log = FindingLog()
    tracemalloc.start()
    chunks = list(read_results(target, log))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert (chunks, log.counts()) == ([], {"file_unreadable": 1})
    assert "not packed with deflate" in next(iter(log)).message
    assert peak < 20 << 20


def test_a_stray_text_does_not_decide_what_a_zip_holds(tmp_path: Path) -> None:
    target = zip_of(tmp_path / "mixed.zip", {"read,me": "one,two\n", "1.xml": trt("a")})
    log = FindingLog()
    (chunk,) = read_results(target, log)
    assert chunk.elements["result"]["opportunity_key"].to_pylist() == ["a"]
    assert log.counts() == {"file_unknown_kind": 1}


def test_a_blank_first_line_is_no_header(tmp_path: Path) -> None:
    paths = write_tables(tmp_path, THREE, ITEMS)
    paths[0].write_bytes(b"\r\n" + paths[0].read_bytes())
    log = FindingLog()
    chunks = list(read_results(tmp_path, log))
    assert cells(chunks, "tests", "TestOpportunityId") == [("op-0",), ("op-1",), ("op-2",)]
    assert log.counts() == {}


def test_findings_hide_what_is_private(tmp_path: Path) -> None:
    bad = {**TEST, "StudentIdentifier": "9.00E+09"}
    _, log = kept(write_tables(tmp_path, [bad], [ITEM]))
    assert "9.00E+09" not in str(log.table().to_pylist())
