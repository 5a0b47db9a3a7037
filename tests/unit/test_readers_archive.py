"""Zips and folders: nothing in them is trusted, nothing good in them is lost."""

from __future__ import annotations

import io
import stat
import zipfile
from pathlib import Path

import pytest

from scorehouse.intake.readers.archive import Limits
from unit.intake_files import RESPONSES_HEADER as HEADER
from unit.intake_files import Reading, csv_of, response_row, trt, zipped


def read(tmp_path: Path, content: bytes, **options: object) -> Reading:
    path = tmp_path / "results.zip"
    path.write_bytes(content)
    return Reading(path, **options)


def results(*keys: str) -> dict[str, bytes]:
    return {f"90000{key}.xml": trt(key) for key in keys}


def test_all_members_are_read_and_named_by_their_place(tmp_path: Path) -> None:
    reading = read(tmp_path, zipped(results("a", "b", "c")))
    assert list(reading.tests) == ["a", "b", "c"]
    assert reading.opportunities[2]["file"] == "results.zip#3"


def test_kind_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    path = tmp_path / "results.txt"
    path.write_bytes(zipped(results("a")))
    assert list(Reading(path).tests) == ["a"]


def test_a_zip_in_a_zip_is_opened_once_more_but_not_twice(tmp_path: Path) -> None:
    deepest = zipped(results("c"))
    inner = zipped({"1.xml": trt("b"), "deep.zip": deepest})
    reading = read(tmp_path, zipped({"1.xml": trt("a"), "inner.zip": inner}))
    assert list(reading.tests) == ["a", "b"]
    assert reading.counts == {"zip_nested_too_deep": 1}
    assert reading.opportunities[1]["file"] == "results.zip#2#1"


def test_a_bad_member_does_not_lose_the_others(tmp_path: Path) -> None:
    members = {"1": trt("a"), "2": b"<oops", "3": b"binary\0", "4": trt("d")}
    reading = read(tmp_path, zipped(members))
    assert list(reading.tests) == ["a", "d"]
    assert reading.counts == {"xml_malformed": 1, "file_unknown_kind": 1}


def test_the_same_opportunity_twice_keeps_the_first(tmp_path: Path) -> None:
    reading = read(tmp_path, zipped({"1": trt("a", subject="x"), "2": trt("b"), "3": trt("a")}))
    assert list(reading.tests) == ["a", "b"]
    (finding,) = reading.log
    assert (finding.rule, finding.file) == ("opportunity_twice", "results.zip#3")


@pytest.mark.parametrize("name", ["../x.xml", "a/../../x.xml", "/etc/x.xml", "C:\\x.xml", "..\\x"])
def test_names_that_point_outside_are_not_read(tmp_path: Path, name: str) -> None:
    reading = read(tmp_path, zipped({name: trt("a"), "fine.xml": trt("b")}))
    assert list(reading.tests) == ["b"]
    assert reading.counts == {"zip_member_unsafe": 1}


def test_links_are_not_followed(tmp_path: Path) -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        link = zipfile.ZipInfo("link.xml")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    assert read(tmp_path, stream.getvalue()).counts == {"zip_member_unsafe": 1}


def test_an_empty_zip_is_refused(tmp_path: Path) -> None:
    assert read(tmp_path, zipped({})).counts == {"zip_empty": 1}


def test_a_bomb_stops_the_archive_and_keeps_what_came_before(tmp_path: Path) -> None:
    members = {"1": trt("a"), "2": b" " * 3_000_000 + trt("b"), "3": trt("c")}
    reading = read(tmp_path, zipped(members))
    assert list(reading.tests) == ["a"]
    assert reading.counts == {"zip_bomb": 1}


def test_limits_hold_for_members_and_bytes(tmp_path: Path) -> None:
    content = zipped(results("a", "b", "c"))
    assert read(tmp_path, content, limits=Limits(members=2)).counts == {"zip_bomb": 1}
    assert read(tmp_path, content, limits=Limits(total_bytes=1500)).counts == {"zip_bomb": 1}
    assert read(tmp_path, content, limits=Limits(member_bytes=100)).counts == {"xml_too_large": 3}


def test_a_large_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "result.xml"
    path.write_bytes(trt())
    assert Reading(path, limits=Limits(member_bytes=100)).counts == {"xml_too_large": 1}


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_a_truncated_zip_gives_every_complete_member(tmp_path: Path, compression: int) -> None:
    whole = zipped(results("a", "b", "c"), compression)
    cut = whole[: whole.index(b"90000c.xml") + 60]
    reading = read(tmp_path, cut)
    assert list(reading.tests) == ["a", "b"]
    (finding,) = reading.log
    assert finding.rule == "zip_truncated"
    assert finding.consequence == "record_left_out"
    assert "2 complete members" in finding.message


class Unseekable(io.RawIOBase):
    """Makes zipfile write sizes after the data, as a zip that was streamed has them."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.content += data
        return len(data)


def test_a_truncated_streamed_zip_is_salvaged_too(tmp_path: Path) -> None:
    stream = Unseekable()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[call-overload]
        for name, content in results("a", "b").items():
            archive.writestr(name, content)
    cut = bytes(stream.content).partition(b"PK\x01\x02")[0]
    assert list(read(tmp_path, cut).tests) == ["a", "b"]


def test_a_damaged_member_is_said_and_the_rest_read(tmp_path: Path) -> None:
    content = bytearray(zipped(results("a", "b", "c")))
    start = content.index(b"90000b.xml") + len("90000b.xml")
    content[start + 20 : start + 60] = b"\xff" * 40
    reading = read(tmp_path, bytes(content))
    assert list(reading.tests) == ["a", "c"]
    assert reading.counts == {"file_unreadable": 1}


def test_files_an_operating_system_leaves_are_passed_over(tmp_path: Path) -> None:
    members = {"1.xml": trt("a"), "__MACOSX/._1.xml": b"\0\5\x16\7", ".DS_Store": b"\0"}
    reading = read(tmp_path, zipped(members))
    assert list(reading.tests) == ["a"]
    assert reading.counts == {"file_passed_over": 2}
    assert reading.log.left_out == 0


def test_a_folder_may_hold_everything_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "inbox"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "9000000001.xml").write_bytes(trt("a"))
    (folder / "more.zip").write_bytes(zipped(results("b")))
    (folder / "deep" / "responses.csv").write_bytes(csv_of(HEADER, response_row("c")))
    (folder / "readme.txt").write_text("hello")
    reading = Reading(folder)
    assert set(reading.tests) == {"a", "b", "c"}
    assert reading.counts == {"file_unknown_kind": 1, "opportunities_missing": 1}
    assert not any("9000000001" in str(row["file"]) for row in reading.opportunities)


def test_a_folder_with_a_responses_table_of_its_own_is_read_for_it_alone(tmp_path: Path) -> None:
    (tmp_path / "responses.csv").write_bytes(csv_of(HEADER, response_row("c")))
    (tmp_path / "trt.zip").write_bytes(zipped(results("c")))
    reading = Reading(tmp_path)
    assert set(reading.tests) == {"c"}
    assert reading.counts == {"opportunities_missing": 1, "file_not_read": 1}


def test_an_empty_folder_and_a_missing_file_are_said(tmp_path: Path) -> None:
    assert Reading(tmp_path).counts == {"file_unreadable": 1}
    assert Reading(tmp_path / "nowhere").counts == {"file_missing": 1}


def test_progress_counts_up_to_the_number_of_members(tmp_path: Path) -> None:
    calls: list[tuple[int, int | None]] = []
    read(tmp_path, zipped(results("a", "b")), progress=lambda *call: calls.append(call))
    assert calls == [(1, 2), (2, 2)]


def test_chunks_have_at_most_the_tests_asked_for(tmp_path: Path) -> None:
    reading = read(tmp_path, zipped(results("a", "b", "c")), chunk_tests=2)
    assert [chunk.opportunities.num_rows for chunk in reading.chunks] == [2, 1]
