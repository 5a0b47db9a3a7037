"""What `scorehouse load` answers about files that aren't loaded, and by which exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from e2e.invented import scorehouse
from warehouse_help import loaded, made, trt

FORMS = ("csv", "parquet")


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """A warehouse with one result."""
    folder = tmp_path / "house"
    opened = made(folder)
    loaded(opened, trt(tmp_path, "first.xml"))
    opened.close()
    return folder


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sim") / "d"
    done = scorehouse(
        *("simulate", "-o", folder, "--students", 30, "--seed", 3, "--trt"),
        *("--grade", "5", "--subject", "ELA", "--year", "2018-19"),
    )
    assert done.code == 0, done.err
    return folder


@pytest.mark.parametrize("form", FORMS)
def test_a_history_is_no_test_package(house: Path, tmp_path: Path, form: str) -> None:
    out = tmp_path / f"history.{form}"
    assert scorehouse("history", "9000000001", "-w", house, "-o", out).code == 0
    done = scorehouse("load", out, "-w", house, "--json")
    assert done.code == 2
    assert done.json["files"][0] | {"told_by": ""} == {
        "file": out.name, "kind": "written_history", "told_by": "", "sureness": 1.0, "import": 0,
        "status": "NOT_LOADED", "message": "a student's history that Scorehouse wrote: not loaded",
        "counts": {},
    }  # fmt: skip
    assert done.json["findings"] == {"load_own_output": 1}


@pytest.mark.parametrize("profile", ["staff", "public"])
@pytest.mark.parametrize("form", FORMS)
def test_a_report_is_no_test_package(house: Path, tmp_path: Path, form: str, profile: str) -> None:
    out = tmp_path / f"report.{form}"
    done = scorehouse(
        *("report", "aggregate", "--year", "2018-19", "--by", "sex", "--by", "race"),
        *("--profile", profile, "-o", out, "-w", house),
    )
    assert done.code == 0, done.err
    done = scorehouse("load", out, "-w", house, "--json")
    assert (done.code, done.json["snapshot"]) == (2, 0)
    assert done.json["files"][0]["kind"] == "written_report"
    assert done.json["findings"] == {"load_own_output": 1}


def test_findings_are_told_too(house: Path, tmp_path: Path) -> None:
    out, nothing = tmp_path / "findings.csv", tmp_path / "nothing.txt"
    nothing.write_text("nothing that is known", encoding="utf-8")
    assert scorehouse("load", nothing, "-w", house, "--findings", out).code == 2
    done = scorehouse("load", out, "-w", house, "--json")
    assert done.json["files"][0]["kind"] == "written_findings"


def test_a_simulated_folder_loads_as_it_is(simulated: Path, tmp_path: Path) -> None:
    assert scorehouse("init", tmp_path / "w").code == 0
    done = scorehouse("load", simulated, "-w", tmp_path / "w", "--json")
    assert done.code == 0
    told = {one["file"]: (one["kind"], one["status"]) for one in done.json["files"]}
    assert told["truth.parquet"] == ("simulated_truth", "NOT_LOADED")
    assert told["trt.zip"] == ("results", "PROCESSED")
    assert done.json["findings"]["load_simulated_truth"] == 1
    alone = scorehouse("load", simulated / "truth.parquet", "-w", tmp_path / "w")
    assert alone.code == 2


def test_nothing_taken_is_two_and_held_already_is_none(house: Path, tmp_path: Path) -> None:
    assert scorehouse("load", tmp_path / "first.xml", "-w", house).code == 0
    bad = trt(tmp_path, "bad.xml", school="", key="k-2")
    done = scorehouse("load", bad, "-w", house, "--json")
    assert (done.code, done.json["files"][0]["status"]) == (2, "BAD_DATA")
    stated = scorehouse("load", bad, "--as", "roster", "-w", house, "--json")
    assert (stated.code, stated.json["files"][0]["status"]) == (2, "BAD_FORMAT")
    assert "needs school_id" in stated.json["files"][0]["message"]
    good = trt(tmp_path, "good.xml", key="k-3", number="3")
    assert scorehouse("load", bad, good, "-w", house).code == 1
