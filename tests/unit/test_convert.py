"""The convert command: its directions, options, findings and exit codes."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from scorehouse.cli.app import app
from scorehouse.intake.checks.rule_data import accessibility_codes
from scorehouse.intake.unflatten_rest import REST
from unit.two_table_files import ITEM, TEST, TRAITS, of, read, write_tables

TRT = """<?xml version="1.0"?>
<TDSReport>
<Test name="T" subject="MATH" testId="t" mode="online" grade="3" assessmentType="summative"
 academicYear="2016" bankKey="187"/>
<Examinee key="77">
<ExamineeAttribute context="INITIAL" name="FirstName" value="Ada"
 contextDate="2016-01-01T00:00:00"/>
<ExamineeAttribute context="FINAL" name="SSID" value="9000000001"
 contextDate="2016-04-01T00:00:00"/>
</Examinee>
<Opportunity key="op-1" clientName="c" startDate="2016-04-01T09:00:00" status="completed"
 dateCompleted="2016-04-01T10:00:00" statusDate="2016-04-01T10:00:00" opportunity="2"
 pauseCount="0" itemCount="1" ftCount="0" abnormalStarts="0" gracePeriodRestarts="0" windowId="w"
 assessmentParticipantSessionPlatformUserAgent="x" completeness="Complete">
<Segment id="s" position="1" formKey="F9"/>
<Score measureOf="Overall" measureLabel="ScaleScore" value="2400" standardError="20"/>
<Score measureOf="1|P|A" measureLabel="RawScore" value="3" standardError=""/>
<GenericVariable context="OTHER" name="n" value="v"/>
<Item position="1" segmentId="s" bankKey="187" key="5" operational="1" isSelected="1" format="MC"
 score="1" adminDate="2016-04-01T09:10:00" numberVisits="4" mimeType="text/plain" pageNumber="1"
 pageVisits="2" pageTime="9000" dropped="0" responseDuration="9.0">
<Response date="2016-04-01T09:11:00">B</Response></Item>
</Opportunity>
<Comment context="GlobalNotes" itemPosition="" date="2016-04-01T09:30:00">a note</Comment>
<ToolUsage type="Highlighter" code="h"><ToolPage page="1" groupId="g" count="2"/></ToolUsage>
</TDSReport>
"""


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])


@pytest.fixture
def trt(tmp_path: Path) -> Path:
    path = tmp_path / "one.xml"
    path.write_text(TRT)
    return path


def rules(path: Path) -> dict[str, set[str]]:
    """The fields that each rule of a findings file is about."""
    found: dict[str, set[str]] = {}
    for row in csv.DictReader(path.read_text().splitlines()):
        found.setdefault(row["rule"], set()).add(row["field"])
    return found


def test_trt_becomes_tables_and_says_what_is_lost(trt: Path, tmp_path: Path) -> None:
    result = run(trt, "-o", tmp_path / "out", "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (summary["to"], summary["results"], summary["item_rows"]) == ("csv", 1, 1)
    assert summary["files"] == ["items.csv", "tests.csv"]
    told = rules(tmp_path / "out.findings.csv")
    assert told["value_not_carried"] >= {
        "Examinee/@key", "ExamineeAttribute FirstName (INITIAL)", "Segment/@formKey", "Score",
        "GenericVariable", "Comment", "ToolPage", "Item/@numberVisits", "Response/@date",
    }  # fmt: skip
    assert told["value_upgraded"] == {"Status"}
    assert "9000000001" not in (tmp_path / "out.findings.csv").read_text()


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_the_sidecar_keeps_it_and_gives_it_back(trt: Path, tmp_path: Path, suffix: str) -> None:
    sidecar = tmp_path / f"rest{suffix}"
    run(trt, "-o", tmp_path / "csv", "--sidecar", sidecar)
    assert "value_not_carried" not in rules(tmp_path / "csv.findings.csv")
    if suffix == ".parquet":
        assert pq.read_schema(sidecar) == REST
    result = run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", sidecar)
    assert result.exit_code == 0
    text = (tmp_path / "back" / "000000001.xml").read_text()
    for kept in ("Ada", 'formKey="F9"', "a note", 'groupId="g"', 'status="completed"', "1|P|A"):
        assert kept in text


def test_a_corrected_score_survives_the_sidecar(trt: Path, tmp_path: Path) -> None:
    run(trt, "-o", tmp_path / "csv", "--sidecar", tmp_path / "rest.parquet")
    items = tmp_path / "csv" / "items.csv"
    items.write_bytes(items.read_bytes().replace(b"9.0,B,1", b"9.0,B,0"))
    run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", tmp_path / "rest.parquet")
    text = (tmp_path / "back" / "000000001.xml").read_text()
    assert 'score="0"' in text
    assert 'numberVisits="4"' in text


def test_a_sidecar_of_other_rows_is_not_used(trt: Path, tmp_path: Path) -> None:
    run(trt, "-o", tmp_path / "csv", "--sidecar", tmp_path / "rest.parquet")
    items = tmp_path / "csv" / "items.csv"
    items.write_bytes(items.read_bytes().replace(b"187-5", b"187-6"))
    run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", tmp_path / "rest.parquet")
    assert rules(tmp_path / "back.findings.csv")["sidecar_misfit"] == {"item"}
    assert 'numberVisits="1"' in (tmp_path / "back" / "000000001.xml").read_text()


def test_what_the_sidecar_gives_back_is_not_told_as_invented(trt: Path, tmp_path: Path) -> None:
    supports = (
        '<Accommodation type="Own Kind" value="own value" code="TDS_OwnCode" segment="0"/>'
        '<Accommodation type="A Kind" value="of old" code="OBSOLETE" segment="0"/>'
    )
    obsolete = next(old for old, new in accessibility_codes().items() if new)
    text = TRT.replace("<Score ", supports.replace("OBSOLETE", obsolete) + "<Score ", 1)
    trt.write_text(text)
    run(trt, "-o", tmp_path / "csv", "--sidecar", tmp_path / "rest.parquet")
    run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", tmp_path / "rest.parquet")
    assert rules(tmp_path / "back.findings.csv") == {}
    back = (tmp_path / "back" / "000000001.xml").read_text()
    assert f'type="A Kind" value="of old" code="{obsolete}"' in back
    run(tmp_path / "csv", "-o", tmp_path / "alone")
    told = rules(tmp_path / "alone.findings.csv")
    assert told["value_invented"] >= {"Item/@numberVisits", "Opportunity/@clientName"}
    assert told["accessibility_unknown"] == {"Accommodation/@type"}


def test_what_the_sidecar_does_not_hold_is_told_as_invented(trt: Path, tmp_path: Path) -> None:
    run(trt, "-o", tmp_path / "csv", "--sidecar", tmp_path / "rest.parquet")
    for name in ("tests.csv", "items.csv"):
        table = tmp_path / "csv" / name
        header, row = table.read_bytes().splitlines()
        table.write_bytes(b"\r\n".join([header, row, row.replace(b"op-1", b"op-2"), b""]))
    run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", tmp_path / "rest.parquet")
    invented = counts(tmp_path / "back.findings.csv", "value_invented")
    assert invented["Item/@numberVisits"] == invented["Opportunity/@clientName"] == "1"


def test_of_rows_that_differ_only_what_they_lack_is_told(trt: Path, tmp_path: Path) -> None:
    run(trt, "-o", tmp_path / "csv", "--sidecar", tmp_path / "rest.parquet")
    items = tmp_path / "csv" / "items.csv"
    items.write_bytes(items.read_bytes().replace(b"187-5", b"187-6"))
    run(tmp_path / "csv", "-o", tmp_path / "back", "--sidecar", tmp_path / "rest.parquet")
    invented = counts(tmp_path / "back.findings.csv", "value_invented")
    assert {field.partition("/")[0] for field in invented} == {"Item", "Response"}
    assert invented["Item/@numberVisits"] == "1"


def counts(path: Path, rule: str) -> dict[str, str]:
    """How many values of each field a rule's findings are about."""
    rows = csv.DictReader(path.read_text().splitlines())
    return {r["field"]: r["message"].partition(" ")[0] for r in rows if r["rule"] == rule}


def test_tables_become_trt_and_say_what_was_invented(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", [TEST], [ITEM, *TRAITS])
    result = run(tmp_path / "in", "-o", tmp_path / "out.zip")
    assert result.exit_code == 0
    assert "1 result to TRT" in result.stdout
    assert "Item/@format" in rules(tmp_path / "out.zip.findings.csv")["value_invented"]


def test_a_result_that_cannot_be_written_gives_exit_code_one(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", [TEST, of(TEST, "op-2", SchoolYear="last")], [ITEM])
    result = run(tmp_path / "in", "-o", tmp_path / "out", "--json")
    summary = json.loads(result.stdout)
    assert result.exit_code == 1
    assert (summary["results"], summary["left_out"]) == (1, 1)


def test_tables_become_tidy_tables(tmp_path: Path) -> None:
    write_tables(tmp_path / "in", [TEST], [ITEM], item_columns=sorted(ITEM))
    assert run(tmp_path / "in", "-o", tmp_path / "out", "--to", "csv").exit_code == 0
    chunks, log = read(tmp_path / "out")
    assert chunks[0].tests.num_rows == 1
    assert len(log) == 0


def test_split_and_optional_columns(tmp_path: Path, trt: Path) -> None:
    result = run(trt, "-o", tmp_path / "out", "--optional", "--split-by", "subject", "--json")
    assert json.loads(result.stdout)["files"] == ["items-Math.csv", "tests-Math.csv"]
    assert ",OpportunityCount," in (tmp_path / "out" / "tests-Math.csv").read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["IN", "-o", "OUT.zip", "--to", "csv"], "into a folder"),
        (["IN", "-o", "OUT", "--to", "pdf"], "--to is trt or csv"),
        (["IN", "-o", "OUT", "--split-by", "school"], "subject or grade"),
        (["IN", "-o", "OUT", "--split-by", "grade"], "only the two tables are split"),
        (["IN", "-o", "IN"], "the output is the input"),
        (["IN", "-o", "OUT", "--sidecar", "x.csv"], "a sidecar is"),
        (["IN", "-o", "OUT", "--sidecar", "x.jsonl"], "there is no sidecar"),
        (["NOT-THERE", "-o", "OUT"], "there is no file or folder"),
        (["IN", "-o", "no/OUT"], "does not exist"),
        (["EMPTY", "-o", "OUT"], "Nothing could be read"),
        (["IN", "-o", "FULL"], "--overwrite"),
    ],
)
def test_what_makes_no_sense_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], words: str
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tables(tmp_path / "IN")
    write_tables(tmp_path / "FULL")
    (tmp_path / "EMPTY").mkdir()
    result = run(*arguments, "--json")
    assert result.exit_code == 2
    assert words in json.loads(result.stdout)["error"]
    assert not (tmp_path / "OUT").exists()


def test_overwriting_replaces(tmp_path: Path) -> None:
    write_tables(tmp_path / "in")
    for target in ("out", "out.zip"):
        run(tmp_path / "in", "-o", tmp_path / target)
        assert run(tmp_path / "in", "-o", tmp_path / target).exit_code == 2
        assert run(tmp_path / "in", "-o", tmp_path / target, "--overwrite").exit_code == 0
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["000000001.xml"]
