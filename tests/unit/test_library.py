"""The verbs from Python: the same results as the commands give, on the same files."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import pytest

import scorehouse
from cases import results_rules_base as base
from e2e.invented import scorehouse as command
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.shapes import FINDINGS
from scorehouse.transmit.manifest import digest_of

PROFILE, STUDENT = "annual-later", "9000000077"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two documents of a student with an id; the second has an unknown condition."""
    folder = tmp_path / "results"
    folder.mkdir()
    roots = [base.document(), base.document()]
    for number, root in enumerate(roots, 1):
        base.name_document(root, number)
        base.change_document(root, f"ExamineeAttribute[StudentIdentifier]@value={STUDENT}{number}")
    base.change_document(roots[1], "Opportunity@administrationCondition=XX")
    return base.write_documents(folder, *roots)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_check_finds_what_the_command_finds(results: Path, tmp_path: Path) -> None:
    checked = scorehouse.check(results, PROFILE, page=tmp_path / "page.html")
    written = tmp_path / "found.csv"
    done = command("check", results, "--profile", PROFILE, "--findings", written, "--json")
    assert checked.findings.schema.equals(FINDINGS)
    assert checked.findings["rule"].to_pylist() == [row["rule"] for row in rows(written)]
    assert checked.findings.num_rows == sum(checked.summary.by_consequence.values()) > 0
    assert checked.summary.by_consequence == done.json["findings"]
    assert checked.summary.leaves_out == (done.code == 1)
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert STUDENT not in str(checked.findings.to_pylist())


def test_check_raises_for_a_request_and_not_for_a_delivery(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        scorehouse.check(tmp_path, "no-such-profile")
    (tmp_path / "notes.txt").write_text("no results")
    assert scorehouse.check(tmp_path, PROFILE).summary.is_refused


def test_convert_there_and_back(results: Path, tmp_path: Path) -> None:
    tables, again = tmp_path / "tables", tmp_path / "again"
    there = scorehouse.convert(str(results), str(tables))
    assert (there.to, there.results, there.item_rows) == ("csv", 2, 12)
    assert len(rows(tmp_path / "tables.findings.csv")) == sum(there.findings.values())
    back = scorehouse.convert(tables, again, findings=tmp_path / "back.json")
    assert (back.to, back.results, back.left_out) == ("trt", 1, 1)
    assert "trt_value_impossible" in (tmp_path / "back.json").read_text(encoding="utf-8")
    with pytest.raises(UsageError):
        scorehouse.convert(results, tables)


def test_deidentify_proves_that_no_identifier_is_left(results: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("an invented passphrase for tests")
    key.chmod(0o600)
    done = scorehouse.deidentify(results, tmp_path / "open", key_file=key)
    assert (done.results, done.proof.leaks) == (2, 0)
    assert done.identifiers > 0
    text = "".join(path.read_text() for path in (tmp_path / "open").rglob("*.xml"))
    assert "<TDSReport" in text
    assert STUDENT not in text
    with pytest.raises(ValueError, match="md5"):
        scorehouse.deidentify(results, tmp_path / "other", key_file=key, method="md5")


def test_package_writes_what_its_manifest_says(results: Path, tmp_path: Path) -> None:
    packed = scorehouse.package(results, tmp_path / "package")
    (file,) = packed.manifest.files
    assert (file.subject, file.test_grade, file.results) == ("ELA", "07", 2)
    assert file.sha256 == digest_of(tmp_path / "package" / file.name)
    assert (tmp_path / "package.findings.csv").is_file()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefusedError):
        scorehouse.package(tmp_path / "empty", tmp_path / "none")


def test_rescale_gives_the_report_that_it_writes(results: Path, tmp_path: Path) -> None:
    done = scorehouse.rescale([results], tmp_path / "out", as_in="2018-19")
    assert (done.form, done.rows) == ("results", 2)
    assert done.report.num_rows == len(rows(tmp_path / "out.report.csv")) > 0
    assert done.levels.num_rows == len(rows(tmp_path / "out.levels.csv"))
    with pytest.raises(UsageError):
        scorehouse.rescale(results, tmp_path / "two", policy="no such option")


def test_importing_the_package_imports_no_verb() -> None:
    program = "import sys, scorehouse; sys.exit(any('verbs' in m for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
