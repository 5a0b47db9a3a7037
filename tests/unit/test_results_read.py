"""Reading results files of every kind, good ones kept beside bad ones."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import ELEMENTS, ITEM_TABLE, TEST_TABLE
from unit.intake_files import trt, trt_item, zipped


class Read:
    """All that reading gave, checked against the shape every chunk must have."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.log = FindingLog()
        self.chunks = list(read_results(path, self.log, **options))
        for chunk in self.chunks:
            check_shape(chunk)

    @property
    def keys(self) -> list[str]:
        return [
            key for chunk in self.chunks for key in chunk.tests["TestOpportunityId"].to_pylist()
        ]

    @property
    def numbers(self) -> list[int]:
        return [number for chunk in self.chunks for number in chunk.tests["result"].to_pylist()]

    @property
    def counts(self) -> dict[str, int]:
        return self.log.counts()


def check_shape(chunk: ResultChunk) -> None:
    assert chunk.tests.schema == TEST_TABLE
    assert chunk.items.schema == ITEM_TABLE
    if chunk.is_xml:
        assert {name: table.schema for name, table in chunk.elements.items()} == ELEMENTS
        numbers = chunk.tests["result"].to_pylist()
        for table in (*chunk.elements.values(), chunk.items):
            found = table["result"].to_pylist()
            assert found == sorted(found)
            assert set(found) <= set(numbers)


def read(tmp_path: Path, content: bytes, **options: Any) -> Read:
    path = tmp_path / "delivery"
    path.write_bytes(content)
    return Read(path, **options)


GOOD = {"1.xml": trt("a"), "2.xml": trt("b"), "3.xml": trt("c")}


@pytest.mark.parametrize(
    "content",
    [
        trt("a"),
        b"\xef\xbb\xbf" + trt("a"),
        b'<?xml version="1.0" encoding="UTF-8"?>\n' + trt("a"),
        b'\xef\xbb\xbf<?xml version="1.0" encoding="utf-8" standalone="yes" ?>\r\n' + trt("a"),
        b'<?xml version="1.0" encoding="ISO-8859-1"?>' + trt("a"),
        ('<?xml version="1.0" encoding="UTF-16"?>' + trt("a").decode()).encode("utf-16"),
        b"<!-- c -->" + trt("a"),
        trt("a").replace(b"<Test ", b"<?pi x?><!-- c --><Test "),
        b"<TDSReports>" + trt("a") + b"</TDSReports>",
        zipped({"x": trt("a")}),
        zipped({"x": zipped({"y": trt("a")})}),
        zipped({"x": b"<TDSReports>" + trt("a") + b"</TDSReports>"}),
        zipped({"x": trt("a")}, zipfile.ZIP_STORED),
    ],
)
def test_every_wrapping_gives_the_same_result(tmp_path: Path, content: bytes) -> None:
    reading, plain = read(tmp_path, content), read(tmp_path, trt("a"))
    assert (reading.counts, reading.keys, reading.numbers) == ({}, ["a"], [0])
    for name, table in reading.chunks[0].elements.items():
        wanted = plain.chunks[0].elements[name]
        columns = [column for column in wanted.column_names if column != "file"]
        assert table.select(columns).equals(wanted.select(columns))


def test_text_in_another_encoding_arrives(tmp_path: Path) -> None:
    item = trt_item(1, inside="<Response>é中</Response>")
    text = trt("a", items=item).decode()
    reading = read(tmp_path, ('<?xml version="1.0" encoding="UTF-16"?>' + text).encode("utf-16"))
    assert reading.chunks[0].items["ResponseValue"].to_pylist() == ["é中"]


BAD = [
    (b"<TDSReport><Test></TDSReport>", "xml_malformed"),
    (trt("x")[:-20], "xml_malformed"),
    (trt("x").replace(b"9000000001", b"\xff"), "xml_malformed"),
    (trt("x").replace(b"<Test ", b"<Test name='2' "), "xml_malformed"),
    (b"<!DOCTYPE TDSReport><TDSReport/>", "xml_doctype"),
    (
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
        b"<TDSReport><Test name='&b;'/></TDSReport>",
        "xml_doctype",
    ),
    (b'<?xml version="1.0"?><!-- c --><!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>', "xml_doctype"),
    (b"<Other/>", "xml_not_trt"),
    (b"just text", "file_unknown_kind"),
]


@pytest.mark.parametrize(("bad", "rule"), BAD)
def test_one_bad_document_is_told_and_the_others_kept(
    tmp_path: Path, bad: bytes, rule: str
) -> None:
    reading = read(tmp_path, zipped({"1": trt("a"), "2": bad, "3": trt("c")}))
    assert reading.counts == {rule: 1}
    assert (reading.keys, reading.numbers) == (["a", "c"], [0, 1])
    (finding,) = reading.log
    assert finding.file == "delivery#2"


def test_what_has_no_column_is_counted_and_told(tmp_path: Path) -> None:
    strange = trt_item(1, later="1") + trt_item(2, later="2", inside="<Extra/>")
    content = trt("a", items=strange, TAID="7").replace(
        b"</TDSReport>", b"<More>x</More></TDSReport>"
    )
    reading = read(tmp_path, zipped({"1": content, "2": trt("b")}))
    told = {(f.rule, f.field, f.record): f.message for f in reading.log}
    assert set(told) == {
        ("trt_part_unknown", "Item/later", "a"),
        ("trt_part_unknown", "Item/Extra", "a"),
        ("trt_part_unknown", "TDSReport/More", "a"),
        ("trt_part_renamed", "Opportunity/TAID", "a"),
    }
    assert "2 times" in told["trt_part_unknown", "Item/later", "a"]
    assert reading.keys == ["a", "b"]
    assert reading.chunks[0].tests["TestAdministratorId"].to_pylist() == ["7", ""]


def test_markup_inside_a_response_is_kept_as_its_text(tmp_path: Path) -> None:
    reading = read(tmp_path, trt("a", items=trt_item(1, inside="<Response>a<b>c</b>d</Response>")))
    assert reading.chunks[0].items["ResponseValue"].to_pylist() == ["acd"]
    assert reading.counts == {"trt_part_unknown": 1}


def test_deep_score_nodes_keep_their_parents(tmp_path: Path) -> None:
    depth = 90
    opening = '<ScoreInfo scorePoint="1"><SubScoreList>' * depth
    closing = "</SubScoreList></ScoreInfo>" * depth
    shallow = '<ScoreInfo scorePoint="0"/>'
    content = trt("a", items=trt_item(1, inside=opening + shallow + closing))
    nodes = read(tmp_path, content).chunks[0].elements["score_info"]
    assert nodes["node"].to_pylist() == list(range(depth + 1))
    assert nodes["parent"].to_pylist() == list(range(-1, depth))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk_results", [1, 2, 100])
def test_chunks_and_threads_change_nothing_but_the_pieces(
    tmp_path: Path, threads: int, chunk_results: int
) -> None:
    members = {f"{k}": trt(f"op-{k}") for k in range(7)} | {"9": b"<Other/>", "x": trt("z")}
    reading = read(tmp_path, zipped(members), threads=threads, chunk_results=chunk_results)
    assert reading.keys == [f"op-{k}" for k in range(7)] + ["z"]
    assert reading.numbers == list(range(8))
    items = pa.concat_tables([chunk.items for chunk in reading.chunks])
    assert items["result"].to_pylist() == [k for k in range(8) for _ in range(2)]
    assert reading.counts == {"xml_not_trt": 1}
    assert max(chunk.tests.num_rows for chunk in reading.chunks) <= chunk_results


def test_a_folder_of_files_and_zips(tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    (folder / "below").mkdir(parents=True)
    (folder / "below" / "1.zip").write_bytes(zipped(GOOD))
    (folder / "0.xml").write_bytes(trt("first"))
    (folder / "notes.bin").write_bytes(b"\0\1\2")
    (folder / ".DS_Store").write_bytes(b"x")
    reading = Read(folder)
    assert reading.keys == ["first", "a", "b", "c"]
    assert reading.counts == {"file_unknown_kind": 1, "file_passed_over": 1}


def test_a_path_that_is_not_there(tmp_path: Path) -> None:
    assert Read(tmp_path / "nothing").counts == {"file_missing": 1}


def test_bytes_of_a_batch_are_bounded(tmp_path: Path) -> None:
    bomb = zipped({"1": trt("a"), "2": b"<TDSReport>" + b" " * 3_000_000 + b"</TDSReport>"})
    limits = Limits(ratio=50, ratio_from_bytes=1_000_000)
    reading = read(tmp_path, bomb, limits=limits)
    assert (reading.keys, reading.counts) == (["a"], {"zip_bomb": 1})


def test_a_document_beyond_the_limit_is_left_out(tmp_path: Path) -> None:
    large = trt("x", items=trt_item(1, inside=f"<Response>{'x' * 5_000}</Response>"))
    reading = read(tmp_path, zipped({"1": large, "2": trt("b")}), limits=Limits(member_bytes=4_000))
    assert (reading.keys, reading.counts) == (["b"], {"xml_too_large": 1})
    assert read(tmp_path, large, limits=Limits(member_bytes=4_000)).counts == {"xml_too_large": 1}


def test_members_damaged_or_disguised_are_told(tmp_path: Path) -> None:
    content = bytearray(zipped({"1": trt("a"), "2": trt("b")}))
    with zipfile.ZipFile(io.BytesIO(bytes(content))) as archive:
        second = archive.infolist()[1]
    content[second.header_offset + 60] ^= 0xFF
    reading = read(tmp_path, bytes(content))
    assert (reading.keys, reading.counts) == (["a"], {"file_unreadable": 1})


def test_two_tables_are_told_from_their_content(tmp_path: Path) -> None:
    from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS

    tests = ",".join(REQUIRED_TEST_COLUMNS) + "\r\n"
    tests += ",".join(
        "op-1" if name == "TestOpportunityId" else "" for name in REQUIRED_TEST_COLUMNS
    )
    items = ",".join(REQUIRED_ITEM_COLUMNS) + "\r\nop-1,200-1,1,,,A,1,,,,,,,\r\n"
    reading = read(tmp_path, zipped({"t": tests.encode(), "i": items.encode()}))
    assert reading.keys == ["op-1"]
    assert [chunk.is_xml for chunk in reading.chunks] == [False]


def test_no_name_or_identifier_reaches_a_finding(tmp_path: Path) -> None:
    content = trt(
        "a", examinee='<ExamineeAttribute context="FINAL" name="SSID" value="777" x="1"/>'
    )
    reading = read(tmp_path, zipped({"Jane_Doe_777.xml": content, "Jane_Doe_778.xml": b"<x"}))
    told = " ".join(str(finding) for finding in reading.log)
    assert len(reading.log) == 2
    assert "777" not in told
    assert "Jane" not in told


def test_a_wrapper_without_an_end_is_read_no_further_than_the_limit(tmp_path: Path) -> None:
    endless = b"<TDSReport><Opportunity>" + b"<Item/>" * 20_000
    limits = Limits(member_bytes=80_000)
    reading = read(tmp_path, b"<TDSReports>" + trt("a") + trt("b") + endless, limits=limits)
    assert (reading.keys, reading.counts) == (["a", "b"], {"xml_too_large": 1})


def test_a_wrapper_of_any_length_is_read_where_its_results_are_small(tmp_path: Path) -> None:
    keys = [f"k{number}" for number in range(400)]
    wrapped = b"<TDSReports>" + b"".join(trt(key) for key in keys) + b"</TDSReports>"
    assert len(wrapped) > 200_000
    reading = read(tmp_path, wrapped, limits=Limits(member_bytes=70_000))
    assert (reading.keys, reading.counts) == (keys, {})


def test_a_large_archive_in_an_archive_is_read_from_the_disk(tmp_path: Path) -> None:
    inner = zipped({f"{n}.xml": trt(f"k{n}") for n in range(20)}, 0)
    limits = Limits(member_bytes=len(inner) // 2)
    reading = read(tmp_path, zipped({"1.xml": trt("a"), "in.zip": inner}, 0), limits=limits)
    assert reading.keys == ["a", *(f"k{n}" for n in range(20))]
    cut = read(tmp_path, zipped({"in.zip": inner[:-200]}, 0), limits=limits)
    assert cut.keys == [f"k{n}" for n in range(20)]
    assert cut.counts == {"zip_truncated": 1}
