"""Files of 2 GB, good for nothing: a finding each, and no more memory than for small ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from scorehouse.result_shapes import REQUIRED_TEST_COLUMNS
from unit.intake_files import trt
from unit.two_table_files import TEST, as_csv, of

SIZE = 2 << 30
MOST_MEGABYTES = 500
_BLOCK = 1 << 20
READ = """
import resource, sys
from pathlib import Path
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import read_results
log = FindingLog()
kept = sum(chunk.tests.num_rows for chunk in read_results(Path(sys.argv[1]), log))
rules = ",".join(f"{rule}={count}" for rule, count in log.counts().items())
print(kept, rules, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def holes(stream: IO[bytes]) -> None:
    """Nothing but NUL to the end, without room on the disk."""
    stream.truncate(SIZE)


def one_document(folder: Path) -> None:
    with (folder / "b.xml").open("wb") as stream:
        stream.write(b"<TDSReport>")
        holes(stream)


def wrapper_of_one(folder: Path) -> None:
    with (folder / "b.xml").open("wb") as stream:
        stream.write(b"<TDSReports>" + trt("b"))
        stream.write(b"<TDSReport><Opportunity key='x'>")
        block = b"<Item position='1'/>" * (_BLOCK // 20)
        for _ in range(SIZE // _BLOCK):
            stream.write(block)


def line_without_end(folder: Path) -> None:
    with (folder / "b.csv").open("wb") as stream:
        stream.write(as_csv([of(TEST, "op-b")], REQUIRED_TEST_COLUMNS).encode())
        holes(stream)


CASES: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "one_document": (one_document, 1, "xml_too_large=1"),
    "wrapper_of_one": (wrapper_of_one, 2, "xml_too_large=1"),
    "line_without_end": (line_without_end, 2, "csv_malformed=1"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder with one good result of each form."""
    (tmp_path / "a.xml").write_bytes(trt("a"))
    yield tmp_path
    for path in tmp_path.iterdir():
        path.unlink()


@pytest.mark.torture
@pytest.mark.parametrize("name", CASES)
def test_two_gigabytes_cost_a_finding_and_no_memory(name: str, folder: Path) -> None:
    make, kept, rule = CASES[name]
    make(folder)
    assert max(path.stat().st_size for path in folder.iterdir()) >= SIZE - _BLOCK
    done = subprocess.run(
        [sys.executable, "-c", READ, str(folder)], capture_output=True, text=True, check=True
    )
    found, rules, megabytes = done.stdout.split()
    assert int(found) == kept
    assert rule in rules.split(",")
    assert int(megabytes) < MOST_MEGABYTES
