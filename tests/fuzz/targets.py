"""What is fuzzed: each target takes any bytes, reads them, and asserts what must always hold.

Nothing here needs the fuzzer; the finds it left in `cases` run with the other tests.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path

from properties.test_results_read_twice import check_same
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits, Walk
from scorehouse.intake.readers.delimited import is_utf8, read_batches, read_header
from scorehouse.intake.readers.packages import read_package
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.readers.two_tables import read_two_tables
from scorehouse.intake.readers.two_tables_files import Unpacking
from scorehouse.intake.results import ResultChunk
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from scorehouse.verbs.check import CheckRequest, check_file
from unit.intake_files import Reading, trt, zipped
from unit.two_table_files import ITEM, TEST, as_csv, of

LIMITS = Limits(
    member_bytes=1 << 16,
    nested_bytes=1 << 18,
    total_bytes=1 << 20,
    members=50,
    ratio=50,
    ratio_from_bytes=1 << 12,
)
BETWEEN = b"\n=====\n"
"""Parts the two files of a target that reads two."""
GOOD = "11111111-2222-4333-8444-555555555555"
"""The opportunity of the result that stands beside and must not be lost."""


@contextmanager
def folder_of(**contents: bytes) -> Iterator[Path]:
    """Yield a folder with files; a name's last underscore becomes the point."""
    with tempfile.TemporaryDirectory(prefix="scorehouse-fuzz-") as name:
        for file, content in contents.items():
            (Path(name) / ".".join(file.rsplit("_", 1))).write_bytes(content)
        yield Path(name)


def scanner(data: bytes) -> None:
    """Both TRT readers take the same out of a document that the scanner accepts."""
    check_same(data)


def trt_files(data: bytes) -> None:
    """A document gives results or a finding, alone and in a zip beside a good one."""
    with folder_of(a_xml=data, b_zip=zipped({"1.xml": data, "2.xml": trt(GOOD)})) as folder:
        log = FindingLog()
        keys = _keys(read_results(folder / "a.xml", log), "opportunity_key")
        assert keys or len(log)
        _read_for_scoring(folder / "a.xml")
        assert GOOD in _keys(read_results(folder / "b.zip", FindingLog()), "opportunity_key")
        assert GOOD in _read_for_scoring(folder / "b.zip")


def _read_for_scoring(path: Path) -> Sequence[str]:
    reading = Reading(path)
    return [str(row["opportunity_id"]) for row in reading.opportunities]


def _keys(chunks: Iterable[ResultChunk], column: str) -> list[str]:
    found: list[str] = []
    for chunk in chunks:
        table = chunk.tests if column in chunk.tests.column_names else chunk.elements["result"]
        _check_chunk(chunk)
        found += table[column].to_pylist()
    return found


def _check_chunk(chunk: ResultChunk) -> None:
    for table in (chunk.tests, chunk.items, *chunk.elements.values()):
        table.validate(full=True)
    items = chunk.items["result"].to_pylist()
    assert items == sorted(items)


def tables(data: bytes) -> None:
    """Two tables of any content cost nothing that stands in other files."""
    tests, _, items = data.partition(BETWEEN)
    with folder_of(a_csv=tests, b_csv=items, c_csv=_good_test(), d_csv=_good_item()) as folder:
        log = FindingLog()
        paths = [folder / name for name in ("a.csv", "b.csv", "c.csv", "d.csv")]
        chunks = list(read_two_tables(paths, log, limits=LIMITS))
        keys = _keys(chunks, "TestOpportunityId")
        if GOOD.encode() not in data:
            assert keys.count(GOOD) == 1
            kept = chain.from_iterable(c.items["TestOpportunityId"].to_pylist() for c in chunks)
            assert list(kept).count(GOOD) == 1


@cache
def _good_test() -> bytes:
    return as_csv([of(TEST, GOOD)], REQUIRED_TEST_COLUMNS).encode()


@cache
def _good_item() -> bytes:
    return as_csv([of(ITEM, GOOD)], REQUIRED_ITEM_COLUMNS).encode()


def checks(data: bytes) -> None:
    """Checking ends with a verdict, whatever the input is."""
    tests, _, items = data.partition(BETWEEN)
    files = {"a_csv": tests, "b_csv": items} if items else {"a_xml": data}
    with folder_of(**files) as folder, tempfile.TemporaryDirectory() as out:
        request = CheckRequest(folder, "annual-2015-16")
        summary = check_file(request, Path(out) / "findings.json", Path(out) / "page.html")
        assert summary.rules
        assert (Path(out) / "page.html").stat().st_size


def delimited(data: bytes) -> None:
    """Text that is UTF-8 gives rows, each cell under its column, or findings."""
    with folder_of(a_csv=data) as folder:
        path, log = folder / "a.csv", FindingLog()
        if not is_utf8(path, "a.csv", log):
            assert log.counts() == {"file_encoding": 1}
            return
        names = read_header(path)
        expected_row = 1
        for batch in read_batches(path, "a.csv", log, batch_rows=3):
            assert batch.first_row == expected_row
            assert {len(column) for column in batch.columns.values()} == {len(batch)}
            assert len(batch.columns) <= len(names)
            expected_row += len(batch)


def archive(data: bytes) -> None:
    """What a zip gives stays within the limits, whatever the zip says of itself."""
    with folder_of(a_zip=data) as folder:
        walk = Walk(FindingLog(), LIMITS)
        members = list(walk.zip_members(folder / "a.zip", "a.zip"))
        assert members or len(walk.log)
        assert sum(len(m.content) for m in members) <= LIMITS.total_bytes + LIMITS.nested_bytes
        assert len(members) <= LIMITS.members
        scratch = folder / "scratch"
        scratch.mkdir()
        log = FindingLog()
        found = list(Unpacking(scratch, log, LIMITS).files([folder / "a.zip"]))
        assert found or len(log)
        assert all(file.path.parent in (scratch, folder) for file in found)
        written = sum(path.stat().st_size for path in scratch.iterdir())
        assert written <= LIMITS.total_bytes + LIMITS.nested_bytes
        list(read_results(folder / "a.zip", FindingLog(), limits=LIMITS))


def package(data: bytes) -> None:
    """A package gives items that can be scored or say why not, or a finding."""
    items, _, assessments = data.partition(BETWEEN)
    with folder_of(items_csv=items, assessments_csv=assessments) as folder:
        for path in (folder, folder / "items.csv"):
            log = FindingLog()
            found = read_package(path, log)
            found.items.validate(full=True)
            assert found.items.num_rows or len(log)
            for row in found.items.to_pylist():
                assert row["unscorable"] or (0 < row["a"] < float("inf"))


Target = Callable[[bytes], None]
TARGETS: dict[str, Target] = {
    "archive": archive,
    "checks": checks,
    "delimited": delimited,
    "package": package,
    "scanner": scanner,
    "tables": tables,
    "trt": trt_files,
}
