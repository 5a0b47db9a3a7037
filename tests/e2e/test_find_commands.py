"""`scorehouse find` and `scorehouse history`, as a school's office uses them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from e2e.invented import scorehouse
from warehouse_help import loaded, made, trt

STUDENT, OTHER = "9000000001", "9000000002"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two students, one of whose results was corrected."""
    folder = tmp_path_factory.mktemp("found")
    files = (trt(folder, "a.xml"), trt(folder, "b.xml", student=OTHER, key="k-2", last="Quilter"))
    warehouse = made(folder / "w")
    loaded(warehouse, *files)
    loaded(warehouse, trt(folder, "c.xml", score=2520, at="2019-05-03T10:00:00.000"))
    warehouse.close()
    return folder / "w"


def test_a_student_is_found_in_spite_of_a_typo(house: Path) -> None:
    done = scorehouse("find", "Quiltre", "ada", "-w", house, "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["how"], told["is_cut"]) == ("name", False)
    assert [one["student_id"] for one in told["students"]] == [OTHER]
    assert told["students"][0]["birth_date"] == "2008-03-04"


def test_a_table_for_people(house: Path) -> None:
    done = scorehouse("find", "quil", "-w", house)
    assert done.code == 0
    assert STUDENT in done.out
    assert OTHER in done.out
    cut = scorehouse("find", "quil", "-w", house, "--limit", 1)
    assert OTHER not in cut.out
    assert "There are more" in cut.err


def test_nobody_found_is_exit_code_1(house: Path) -> None:
    done = scorehouse("find", "zebulon", "-w", house)
    assert (done.code, done.out) == (1, "")
    assert "Nobody" in done.err
    assert scorehouse("history", "9999999999", "-w", house).code == 1
    assert json.loads(scorehouse("history", "9999999999", "-w", house, "--json").out) is None


def test_what_cannot_be_asked_is_refused(house: Path, tmp_path: Path) -> None:
    assert scorehouse("find", "-w", house).code == 2
    assert scorehouse("find", "quil", "-w", tmp_path / "none").code == 2
    refused = scorehouse("history", STUDENT, "-w", house, "-o", tmp_path / "h.xlsx")
    assert refused.code == 2
    assert ".csv or .parquet" in refused.err


def test_a_history_in_the_terminal(house: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scorehouse.cli.console.out.width", 160)
    done = scorehouse("history", STUDENT, "-w", house, "--replaced")
    assert done.code == 0, done.err
    for told in ("Quill", "2520", "2510", "correction", "█", "claim:SOCK_R"):
        assert told in done.out
    assert OTHER not in done.out


def test_a_history_as_json_as_of_an_import(house: Path) -> None:
    told = json.loads(scorehouse("history", STUDENT, "-w", house, "--json", "--as-of", 2).out)
    assert [one["result"]["scale_score"] for one in told["sittings"]] == [2510.0]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_history_as_a_file(house: Path, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"history{suffix}"
    done = scorehouse("history", STUDENT, "-w", house, "--responses", "-o", path)
    assert done.code == 0, done.err
    if suffix == ".csv":
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    else:
        rows = pq.read_table(path).to_pylist()
    assert [row["measure"] for row in rows] == [
        "overall", "claim:SOCK_R", "response:200-1", "response:200-2",
    ]  # fmt: skip
    assert float(rows[0]["scale_score"]) == 2520.0
