"""What `scorehouse load` answers about files that aren't loaded, and by which exit code."""

from __future__ import annotations

import zipfile
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


def refused(path: Path, house: Path) -> str:
    """Load what can't be read, and return why."""
    done = scorehouse("load", path, "-w", house, "--json")
    (one,) = done.json["files"]
    assert (done.code, one["status"], one["kind"]) == (2, "BAD_FORMAT", "")
    assert done.json["findings"] == {"file_unreadable": 1}
    return str(one["message"])


CUT_OFF = (
    ("trt.zip", "it is a zip that is cut off or damaged"),
    ("responses.parquet", "it is a Parquet file that is cut off or damaged"),
)


@pytest.mark.parametrize(("name", "why"), CUT_OFF)
def test_what_is_cut_off_is_told(
    simulated: Path, house: Path, tmp_path: Path, name: str, why: str
) -> None:
    cut = tmp_path / name
    cut.write_bytes((simulated / name).read_bytes()[:3000])
    assert refused(cut, house) == why


def test_scoring_says_what_is_cut_off_too(simulated: Path, tmp_path: Path) -> None:
    cut = tmp_path / "responses.parquet"
    cut.write_bytes((simulated / "responses.parquet").read_bytes()[:3000])
    words = ("score", cut, "--package", simulated, "--year", "2018-19")
    done = scorehouse(*words, "-o", tmp_path / "s.parquet")
    assert done.code == 2
    assert "it is a Parquet file that is cut off or damaged" in done.err


def test_converting_says_what_is_cut_off_too(simulated: Path, tmp_path: Path) -> None:
    cut = tmp_path / "trt.zip"
    cut.write_bytes((simulated / "trt.zip").read_bytes()[:3000])
    done = scorehouse("convert", cut, "-o", tmp_path / "tables")
    assert done.code == 2
    assert "The archive is cut off or damaged: 0 complete members were read" in done.err


def test_what_is_empty_is_told(house: Path, tmp_path: Path) -> None:
    nothing, folder, archive = (tmp_path / name for name in ("a.csv", "folder", "a.zip"))
    nothing.touch()
    (folder / "inside").mkdir(parents=True)
    zipfile.ZipFile(archive, "w").close()
    assert refused(nothing, house) == "it is empty (0 bytes)"
    assert refused(folder, house) == "the folder holds no file to read"
    assert refused(archive, house) == "the zip holds no file"


@pytest.mark.parametrize(
    "words",
    [
        ("check", "--profile", "reporting-load", "--json"),
        ("convert", "-o", "tables"),
        ("score", "--package", "package", "--year", "2018-19", "-o", "s.parquet"),
    ],
)
def test_an_empty_folder_is_there(
    simulated: Path, tmp_path: Path, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "package").symlink_to(simulated)
    done = scorehouse(words[0], "folder", *words[1:])
    assert done.code == 2
    said = done.out if "--json" in words else done.err
    assert "the folder holds no file to read" in said
    assert "no file or folder of this name" not in said


def test_results_in_utf_16_are_results(house: Path, tmp_path: Path) -> None:
    text = (tmp_path / "first.xml").read_text(encoding="utf-8").replace("UTF-8", "UTF-16")
    wide = text.replace("k-1", "k-2").replace('oppId="101"', 'oppId="102"')
    (tmp_path / "wide.xml").write_text(wide, encoding="utf-16")
    with zipfile.ZipFile(tmp_path / "wide.zip", "w") as archive:
        archive.write(tmp_path / "wide.xml", "1.xml")
    done = scorehouse("load", tmp_path / "wide.xml", "-w", house, "--json")
    assert (done.code, done.json["files"][0]["counts"]) == (0, {"new": 1})
    done = scorehouse("load", tmp_path / "wide.zip", "-w", house, "--json")
    assert (done.code, done.json["files"][0]["counts"]) == (0, {"unchanged": 1})


@pytest.mark.parametrize("name", ["items.csv", "assessments.csv"])
def test_a_table_in_utf_16_is_refused_with_its_encoding(
    simulated: Path, house: Path, tmp_path: Path, name: str
) -> None:
    text = (simulated / name).read_text(encoding="utf-8")
    (tmp_path / name).write_text(text, encoding="utf-16")
    assert "the text is UTF-16, and tables are read as UTF-8" in refused(tmp_path / name, house)
    stated = scorehouse("load", tmp_path / name, "--as", "package", "-w", house, "--json")
    [file] = stated.json["files"]
    assert (stated.code, file["status"]) == (2, "BAD_FORMAT")
    assert "the text is UTF-16" in file["message"]


def test_what_was_found_is_said_in_words(house: Path, tmp_path: Path) -> None:
    bad, nothing = trt(tmp_path, "bad.xml", school="", key="k-2"), tmp_path / "nothing.csv"
    nothing.touch()
    done = scorehouse("load", bad, nothing, tmp_path / "first.xml", "-w", house)
    assert done.code == 1
    said = done.err.splitlines()
    assert said[0] == "1 x file_unreadable (file refused): This can't be read: …"
    assert said[1] == "1 x P19 (record left out): What the reporting warehouse can't load without"
    assert said[-1] == "--findings FILE writes each of these, with its place and what to do."
    twice = "The same file was loaded before (import …); it was compared with what is held now"
    assert f"1 x load_twice (information): {twice}" in said
    assert "9000000001" not in done.err
    named = scorehouse("load", bad, "-w", house, "--findings", tmp_path / "f.csv")
    assert "--findings" not in named.err


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("--effective", "2019-13-45", "'2019-13-45' is not a day as in 2019-06-30"),
        ("--effective", "yesterday", "'yesterday' is not a day as in 2019-06-30"),
        ("--year", "1850-51", "--year 1850-51: no file is of that year; use one from 2014-15 to"),
        ("--year", "2950-51", "--year 2950-51: no file is of that year; use one from 2014-15 to"),
        ("--year", "2018-20", "'2018-20' is not a school year; write it as in 2018-19"),
    ],
)
@pytest.mark.parametrize("kind", ["results", "roster"])
def test_a_day_or_a_year_that_cant_be_is_refused_for_every_kind(
    house: Path, tmp_path: Path, kind: str, option: str, value: str, why: str
) -> None:
    path = tmp_path / "first.xml"
    if kind == "roster":
        path = tmp_path / "roster.csv"
        path.write_text("student_id,first_name\n9000000001,Ada\n", encoding="utf-8")
    before = scorehouse("imports", "-w", house, "--json").json
    done = scorehouse("load", path, option, value, "-w", house)
    assert done.code == 2
    assert why in " ".join(done.err.split())
    assert scorehouse("imports", "-w", house, "--json").json == before
