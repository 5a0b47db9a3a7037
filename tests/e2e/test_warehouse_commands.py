"""The warehouse's commands, as a district analyst uses them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from e2e.invented import scorehouse
from warehouse_help import trt


@pytest.fixture
def house(tmp_path: Path) -> Path:
    """An empty warehouse, made by the command."""
    done = scorehouse("init", tmp_path / "w")
    assert done.code == 0, done.err
    return tmp_path / "w"


@pytest.fixture
def known(district: Path, house: Path) -> Path:
    """A warehouse that holds a simulated district's tests, schools and people."""
    whole = district / "parquet"
    done = scorehouse(
        *("load", district / "package", whole / "entities.parquet", "-w", house),
        *(whole / "students.parquet", whole / "enrollments.parquet", "--json"),
    )
    assert done.code == 0, done.err
    return house


def told(*words: object) -> dict[str, object]:
    """What a command prints as JSON, whatever its exit code."""
    answer: dict[str, object] = json.loads(scorehouse(*words, "--json").out)
    return answer


def test_a_district_is_loaded_scored_and_loaded_again(
    district: Path, known: Path, tmp_path: Path
) -> None:
    scores = tmp_path / "scores.parquet"
    scorehouse(
        *("score", district / "parquet" / "responses.parquet", "--year", "2018-19"),
        *("--package", district / "package", "-o", scores),
    )
    files = (district / "trt.zip", scores)
    first = told("load", *files, "-w", known)
    assert [one["status"] for one in first["files"]] == ["PROCESSED", "PROCESSED"]
    again = told("load", *files, "-w", known)
    assert [one["status"] for one in again["files"]] == ["NO_UPDATE", "NO_UPDATE"]
    assert again["findings"]["load_twice"] == 2


def test_the_kinds_are_told_with_how_sure(district: Path, house: Path) -> None:
    answer = told("load", district / "parquet", district / "package", "-w", house, "--dry-run")
    kinds = {one["file"]: one["kind"] for one in answer["files"]}
    assert kinds["responses.parquet"] == "responses"
    assert kinds["items.csv"] == "package"
    assert all(one["sureness"] > 0.5 for one in answer["files"] if one["kind"])
    assert answer["snapshot"] == 0
    assert json.loads(scorehouse("imports", "-w", house, "--json").out) == []


def test_what_nothing_knows_is_refused_and_the_rest_loads(tmp_path: Path, house: Path) -> None:
    (tmp_path / "letter.csv").write_text("to,whom\nit,may\n")
    (tmp_path / "e.csv").write_text("entity_id,entity_type\n99900010000001,school\n")
    done = scorehouse("load", tmp_path / "letter.csv", tmp_path / "e.csv", "-w", house, "--json")
    answer = json.loads(done.out)
    assert done.code == 1
    assert {one["file"]: one["status"] for one in answer["files"]} == {
        "letter.csv": "BAD_FORMAT",
        "e.csv": "PROCESSED",
    }
    assert answer["findings"] == {"load_unknown_kind": 1}


def test_nothing_but_the_unknown_is_exit_code_two(tmp_path: Path, house: Path) -> None:
    (tmp_path / "letter.csv").write_text("to,whom\nit,may\n")
    assert scorehouse("load", tmp_path / "letter.csv", "-w", house).code == 2


@pytest.mark.parametrize(
    "words",
    [
        ("load", "nowhere.xml", "-w", "w"),
        ("load", "letter.csv", "-w", "w", "--as", "letters"),
        ("load", "letter.csv", "-w", "nowhere"),
        ("load", "letter.csv", "-w", "w", "--findings", "f.txt"),
        ("diff", "7", "-w", "w"),
        ("diff", "1", "-w", "w", "-o", "rows.txt"),
        ("init", "w"),
    ],
)
def test_what_cant_be_done_is_refused_in_one_sentence(
    words: tuple[str, ...], tmp_path: Path, house: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "letter.csv").write_text("to,whom\nit,may\n")
    done = scorehouse(*words)
    assert done.code == 2
    assert "error:" in done.err
    assert "Traceback" not in done.err


def test_the_fate_of_every_result_and_the_findings_go_to_files(tmp_path: Path, house: Path) -> None:
    trt(tmp_path, "a.xml")
    done = scorehouse(
        *("load", tmp_path / "a.xml", "-w", house),
        *("--reconciliation", tmp_path / "fates.csv", "--findings", tmp_path / "findings.csv"),
    )
    assert done.code == 1
    (row,) = csv.DictReader((tmp_path / "fates.csv").read_text().splitlines())
    assert (row["fate"], row["waits_for"]) == ("waits", "assessment")
    rules = [
        r["rule"] for r in csv.DictReader((tmp_path / "findings.csv").read_text().splitlines())
    ]
    assert "result_waits_for_assessment" in rules
    assert "9000000001" not in (tmp_path / "findings.csv").read_text()
    assert told_list("imports", "--waiting", "-w", house)[0]["n_results"] == 1
    assert scorehouse("replay", "-w", house).code == 0


def told_list(*words: object) -> list[dict[str, object]]:
    """The same of a command that prints a list."""
    answer: list[dict[str, object]] = json.loads(scorehouse(*words, "--json").out)
    return answer


def test_imports_and_differences_are_listed(tmp_path: Path, house: Path) -> None:
    for name in ("A", "B"):
        path = tmp_path / "e.csv"
        path.write_text(f"entity_id,entity_type,entity_name\n99900010000001,school,{name}\n")
        scorehouse("load", path, "-w", house)
    imports = told_list("imports", "-w", house)
    assert [one["status"] for one in imports] == ["PROCESSED", "PROCESSED"]
    assert told_list("imports", "--status", "NO_UPDATE", "-w", house) == []
    assert told_list("diff", "1", "-w", house) == [
        {"table": "entity", "change": "changed", "why": "correction", "rows": 1}
    ]
    scorehouse("diff", "1", "-w", house, "-o", tmp_path / "rows.csv")
    (row,) = csv.DictReader((tmp_path / "rows.csv").read_text().splitlines())
    assert row["change"] == "changed"
    assert row["key"].startswith("99900010000001")
