"""From results with names to a package on a server, by the commands."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from e2e.sftp_server import serving
from scorehouse.cli.app import app
from scorehouse.intake.schema import verdict
from scorehouse.transmit.hashing import student_hash
from scorehouse.transmit.leaks import LeakCheck
from scorehouse.transmit.manifest import digest_of
from scorehouse.transmit.proof import prove
from unit.schema_document import DOCUMENT

KEY = "Slartibartfast"
PERSONAL = (
    b"Quillfeather",
    b"Wilhelmina",
    b"2003-02-17",
    b"9000007",
    b"@school.example",
    b"Minnie",
)
Run = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def run() -> Run:
    def run_command(*arguments: object) -> tuple[int, dict[str, Any]]:
        result = CliRunner().invoke(app, [*map(str, arguments), "--json"])
        return result.exit_code, json.loads(result.stdout)

    return run_command


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n", encoding="utf-8")
    path.chmod(0o600)
    return path


def document(number: int, *, subject: str = "ELA", grade: str = "07", said: str = "B") -> bytes:
    """An invented result of a student of its own."""
    made = DOCUMENT.replace(b"9000007722", f"{9000007000 + number}".encode())
    made = made.replace(b'key="opp-1"', f'key="opp-{number}"'.encode())
    made = made.replace(b'oppId="5001"', f'oppId="{5000 + number}"'.encode())
    made = made.replace(b'subject="ELA"', f'subject="{subject}"'.encode())
    made = made.replace(b'grade="07"', f'grade="{grade}"'.encode())
    return made.replace(b">B</Response>", f">{said}</Response>".encode())


def zipped(path: Path, *documents: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for number, content in enumerate(documents):
            archive.writestr(f"{number}.xml", content)
    return path


def contents(path: Path) -> list[bytes]:
    with zipfile.ZipFile(path) as archive:
        return [archive.read(name) for name in archive.namelist()]


# --- deidentify ----------------------------------------------------------------------


def test_deidentify_writes_valid_documents_without_identities(
    run: Run, tmp_path: Path, key_file: Path
) -> None:
    source = zipped(tmp_path / "in.zip", document(1), document(2))
    out = tmp_path / "out.zip"
    code, told = run("deidentify", source, "-o", out, "--key-file", key_file)
    assert code == 0
    written = contents(out)
    assert [verdict(content) for content in written] == [[], []]
    assert [word for word in PERSONAL for content in written if word in content] == []
    for number, content in enumerate(written, 1):
        assert student_hash(f"{9000007000 + number}", KEY).encode() in content
    assert (told["results"], told["proof"]["leaks"]) == (2, 0)
    assert told["proof"]["identifiers"] >= 6
    assert told["proof"]["bytes"] == sum(map(len, written))


def test_a_result_without_an_id_is_left_out_and_exit_code_says_so(
    run: Run, tmp_path: Path, key_file: Path
) -> None:
    blank = document(3).replace(b"9000007003", b" ")
    source = zipped(tmp_path / "in.zip", document(1), blank)
    code, told = run("deidentify", source, "-o", tmp_path / "out.zip", "--key-file", key_file)
    assert (code, told["results"], told["left_out"]) == (1, 1, 1)
    assert told["findings"]["deidentify_id_blank"] == 1
    assert len(contents(tmp_path / "out.zip")) == 1


def test_a_response_that_names_the_student_is_told_and_kept(
    run: Run, tmp_path: Path, key_file: Path
) -> None:
    source = zipped(tmp_path / "in.zip", document(1, said="by Wilhelmina, 9000007001"))
    code, told = run("deidentify", source, "-o", tmp_path / "out.zip", "--key-file", key_file)
    assert code == 0
    assert told["findings"]["deidentify_text_mentions"] == 1
    assert told["proof"]["in_responses"] == 1
    assert b"by Wilhelmina, 9000007001" in contents(tmp_path / "out.zip")[0]
    findings = Path(told["findings_file"]).read_text(encoding="utf-8")
    assert "Wilhelmina" not in findings
    assert "9000007001" not in findings


def test_a_leak_keeps_the_output_back(run: Run, tmp_path: Path, key_file: Path) -> None:
    leaking = document(1).replace(b'windowId="ANNUAL"', b'windowId="of-9000007001"')
    source = zipped(tmp_path / "in.zip", leaking)
    out = tmp_path / "out.zip"
    code, told = run("deidentify", source, "-o", out, "--key-file", key_file)
    assert code == 2
    assert "still in the output" in told["error"]
    assert not out.exists()
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".")] == []
    assert "deidentify_leak" in (tmp_path / "out.zip.findings.csv").read_text(encoding="utf-8")


def test_the_two_tables_stay_two_tables(run: Run, tmp_path: Path, key_file: Path) -> None:
    zipped(tmp_path / "in.zip", document(1), document(2))
    code, _ = run("convert", tmp_path / "in.zip", "-o", tmp_path / "tables")
    assert code == 0
    out = tmp_path / "out"
    code, told = run("deidentify", tmp_path / "tables", "-o", out, "--key-file", key_file)
    assert (code, told["results"]) == (0, 2)
    with (out / "tests.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["StudentIdentifier"] for row in rows] == [
        student_hash("9000007001", KEY),
        student_hash("9000007002", KEY),
    ]
    everything = b"".join(path.read_bytes() for path in out.iterdir())
    assert [word for word in PERSONAL if word in everything] == []


def test_the_key_comes_from_one_place(
    run: Run, tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = zipped(tmp_path / "in.zip", document(1))
    refused = run("deidentify", source, "-o", tmp_path / "a.zip")
    assert (refused[0], "one of them" in refused[1]["error"]) == (2, True)
    monkeypatch.setenv("SCHOOL_KEY", KEY)
    both = ("--key-file", key_file, "--key-env", "SCHOOL_KEY")
    assert run("deidentify", source, "-o", tmp_path / "a.zip", *both)[0] == 2
    assert run("deidentify", source, "-o", tmp_path / "a.zip", "--key-env", "SCHOOL_KEY")[0] == 0
    assert run("deidentify", source, "-o", tmp_path / "b.zip", "--key-file", key_file)[0] == 0
    assert contents(tmp_path / "a.zip") == contents(tmp_path / "b.zip")
    absent = run("deidentify", source, "-o", tmp_path / "c.zip", "--key-env", "NO_SUCH_KEY")
    assert "holds no key" in absent[1]["error"]


def test_an_open_key_file_is_warned_of(run: Run, tmp_path: Path, key_file: Path) -> None:
    key_file.chmod(0o644)
    source = zipped(tmp_path / "in.zip", document(1))
    code, told = run("deidentify", source, "-o", tmp_path / "a.zip", "--key-file", key_file)
    assert (code, told["findings"]["deidentify_key_open"]) == (0, 1)
    assert KEY not in Path(told["findings_file"]).read_text(encoding="utf-8")


def test_the_stronger_method_is_said_to_be_incompatible(
    run: Run, tmp_path: Path, key_file: Path
) -> None:
    source = zipped(tmp_path / "in.zip", document(1))
    method = ("--key-file", key_file, "--method", "hmac-sha256")
    code, told = run("deidentify", source, "-o", tmp_path / "a.zip", *method)
    assert (code, told["findings"]["deidentify_method_incompatible"]) == (0, 1)
    assert student_hash("9000007001", KEY).encode() not in contents(tmp_path / "a.zip")[0]


def test_proof_knows_ids_of_others_from_leaks(tmp_path: Path) -> None:
    check = LeakCheck()
    check.add(["9000007001"])
    for text, leaks, coincidences in (
        (b'<Opportunity key="9000007001" oppId="1"/>', 0, 1),
        (b'<Examinee key="9000007001"/>', 1, 0),
        (b'<Opportunity key="a-9000007001"/>', 1, 0),
        (b'<Item key="9000007001"><Response date="">x</Response></Item>', 0, 1),
    ):
        path = tmp_path / "one.xml"
        path.write_bytes(text)
        proof = prove(path, check)
        assert (proof.leaks, proof.coincidences) == (leaks, coincidences), text


# --- package -------------------------------------------------------------------------


def test_package_splits_by_subject_and_grade(run: Run, tmp_path: Path) -> None:
    documents = [document(1), document(2, subject="MATH", grade="4"), document(3)]
    source = zipped(tmp_path / "in.zip", *documents)
    code, told = run("package", source, "-o", tmp_path / "pack")
    assert code == 0
    assert [(f["name"], f["results"], f["item_rows"]) for f in told["files"]] == [
        ("results-ELA-07-001.zip", 2, 4),
        ("results-Math-04-001.zip", 1, 2),
    ]
    assert contents(tmp_path / "pack" / "results-ELA-07-001.zip") == [documents[0], documents[2]]
    for file in told["files"]:
        path = tmp_path / "pack" / file["name"]
        assert file["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert file["size"] == path.stat().st_size
    readable = (tmp_path / "pack" / "manifest.txt").read_text(encoding="utf-8")
    assert readable.startswith("3 results in 2 files")


def test_package_keeps_to_the_size_and_loses_nothing(run: Run, tmp_path: Path) -> None:
    documents = [document(number, said=os.urandom(900).hex()) for number in range(30)]
    source = zipped(tmp_path / "in.zip", *documents)
    code, told = run("package", source, "-o", tmp_path / "pack", "--most-megabytes", "0.02")
    assert code == 0
    assert len(told["files"]) > 3
    assert max(file["size"] for file in told["files"]) <= 20_000
    packed = [d for f in told["files"] for d in contents(tmp_path / "pack" / f["name"])]
    assert packed == documents


def test_the_same_input_gives_the_same_zips(run: Run, tmp_path: Path) -> None:
    source = zipped(tmp_path / "in.zip", document(1), document(2))
    run("package", source, "-o", tmp_path / "one")
    run("package", source, "-o", tmp_path / "two")
    name = "results-ELA-07-001.zip"
    assert digest_of(tmp_path / "one" / name) == digest_of(tmp_path / "two" / name)


def tables(folder: Path, count: int) -> Path:
    """Two tables, a test with two items each, ELA and Math by turns."""
    folder.mkdir()
    with (folder / "t.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["Subject", "TestGrade", "TestOpportunityId"])
        rows.writerows([["ELA", "Math"][n % 2], "7", f"opp-{n}"] for n in range(count))
    with (folder / "i.csv").open("w", encoding="utf-8", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(["TestOpportunityId", "ItemId", "ResponseValue"])
        for n in range(count):
            rows.writerows([f"opp-{n}", f"200-{i}", 'said "so",\r\nthen left'] for i in (1, 2))
    return folder


def test_package_splits_the_two_tables_together(run: Run, tmp_path: Path) -> None:
    source = tables(tmp_path / "tables", 40)
    code, told = run("package", source, "-o", tmp_path / "pack", "--most-megabytes", "0.001")
    assert code == 0
    assert len(told["files"]) > 4
    assert sum(file["results"] for file in told["files"]) == 40
    seen = []
    for file in told["files"]:
        with zipfile.ZipFile(tmp_path / "pack" / file["name"]) as archive:
            tests, items = (
                list(csv.DictReader(io.StringIO(archive.read(name).decode(), newline="")))
                for name in ("tests.csv", "items.csv")
            )
        assert {row["Subject"] for row in tests} == {file["subject"]}
        assert [row["TestOpportunityId"] for row in items] == [
            row["TestOpportunityId"] for row in tests for _ in (1, 2)
        ]
        assert {row["ResponseValue"] for row in items} == {'said "so",\r\nthen left'}
        assert (len(tests), len(items)) == (file["results"], file["item_rows"])
        seen += [row["TestOpportunityId"] for row in tests]
    assert sorted(seen) == sorted(f"opp-{n}" for n in range(40))


def test_tables_with_long_cells_leave_the_limit_of_cells_as_it_was(
    run: Run, tmp_path: Path, key_file: Path
) -> None:
    before = csv.field_size_limit()
    zipped(tmp_path / "in.zip", document(1), document(2))
    source = tmp_path / "tables"
    assert run("convert", tmp_path / "in.zip", "-o", source)[0] == 0
    assert run("package", source, "-o", tmp_path / "pack")[0] == 0
    assert run("deidentify", source, "-o", tmp_path / "d", "--key-file", key_file)[0] == 0
    assert csv.field_size_limit() == before


def test_items_without_a_test_are_told(run: Run, tmp_path: Path) -> None:
    source = tables(tmp_path / "tables", 4)
    with (source / "i.csv").open("a", encoding="utf-8") as stream:
        stream.write("opp-99,200-1,A\r\n")
    code, told = run("package", source, "-o", tmp_path / "pack")
    assert (code, told["findings"]) == (1, {"item_rows_without_test": 1})


def test_package_refuses_what_it_cannot_read(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing", encoding="utf-8")
    code, told = run("package", tmp_path / "notes.txt", "-o", tmp_path / "pack")
    assert (code, "no result to pack" in told["error"]) == (2, True)
    assert not (tmp_path / "pack").exists()
    ragged = tables(tmp_path / "tables", 2)
    with (ragged / "t.csv").open("a", encoding="utf-8") as stream:
        stream.write("ELA,7\r\n")
    code, told = run("package", ragged, "-o", tmp_path / "pack")
    assert (code, "row 3 has 2 cells" in told["error"]) == (2, True)
    assert not (tmp_path / "pack").exists()


GOOD = document(1)
DAMAGED = {
    "cut off": (GOOD[: len(GOOD) // 2], "xml_malformed"),
    "tags crossed": (GOOD.replace(b"</TDSReport>", b"</Test></TDSReport>"), "xml_malformed"),
    "doctype": (GOOD.replace(b"<TDSReport", b"<!DOCTYPE TDSReport><TDSReport", 1), "xml_doctype"),
    "another root": (b"<TDSOther>" + b"<TDSReport/>" + b"</TDSOther>", "xml_not_trt"),
    "no XML": (b"<TDSReport in words", "xml_malformed"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_a_damaged_document_alone_is_refused(run: Run, tmp_path: Path, kind: str) -> None:
    content, rule = DAMAGED[kind]
    (tmp_path / "one.xml").write_bytes(content)
    code, told = run("package", tmp_path / "one.xml", "-o", tmp_path / "pack")
    assert (code, "no result to pack" in told["error"]) == (2, True)
    assert not (tmp_path / "pack").exists()
    assert rules_in(tmp_path / "pack.findings.csv") == [rule]


def rules_in(findings: Path) -> list[str]:
    with findings.open(encoding="utf-8", newline="") as stream:
        return [row["rule"] for row in csv.DictReader(stream)]


@pytest.mark.parametrize("form", ["folder", "zip"])
def test_damaged_documents_among_good_ones_are_left_out(
    run: Run, tmp_path: Path, form: str
) -> None:
    good = [document(number) for number in range(6)]
    damaged = [content for content, _ in DAMAGED.values()]
    source = zipped(tmp_path / "in.zip", *damaged[:2], *good, *damaged[2:])
    if form == "folder":
        source = tmp_path / "in"
        source.mkdir()
        with zipfile.ZipFile(tmp_path / "in.zip") as archive:
            archive.extractall(source)
    code, told = run("package", source, "-o", tmp_path / "pack")
    assert (code, told["left_out"]) == (1, 5)
    assert told["findings"] == {"xml_malformed": 3, "xml_doctype": 1, "xml_not_trt": 1}
    assert [file["results"] for file in told["files"]] == [6]
    assert sorted(contents(tmp_path / "pack" / told["files"][0]["name"])) == sorted(good)


def test_a_broken_result_of_a_wrapper_is_left_out(run: Run, tmp_path: Path) -> None:
    bare = [document(n).partition(b"?>")[2] for n in (1, 2, 3)]
    bare[1] = bare[1].replace(b"</TDSReport>", b"</Test></TDSReport>")
    (tmp_path / "all.xml").write_bytes(b"<TDSReports>" + b"\n".join(bare) + b"</TDSReports>")
    code, told = run("package", tmp_path / "all.xml", "-o", tmp_path / "pack")
    assert (code, told["findings"]) == (1, {"xml_malformed": 1})
    assert [(file["results"], file["item_rows"]) for file in told["files"]] == [(2, 4)]


def test_a_document_of_two_bytes_a_letter_is_packed_as_it_is(run: Run, tmp_path: Path) -> None:
    body = GOOD.partition(b"?>")[2].decode()
    wide = f'<?xml version="1.0" encoding="UTF-16"?>{body}'.encode("utf-16")
    (tmp_path / "wide.xml").write_bytes(wide)
    code, told = run("package", tmp_path / "wide.xml", "-o", tmp_path / "pack")
    assert (code, told["findings"]) == (0, {})
    assert [(f["name"], f["results"], f["item_rows"]) for f in told["files"]] == [
        ("results-ELA-07-001.zip", 1, 2)
    ]
    assert contents(tmp_path / "pack" / "results-ELA-07-001.zip") == [wide]
    assert run("check", tmp_path / "pack", "--profile", "annual-later")[1]["results"] == 1


def test_what_stands_in_comments_is_not_the_result(run: Run, tmp_path: Path) -> None:
    said = b'<!-- <Test subject="Math" grade="3"/><Item/> -->'
    (tmp_path / "one.xml").write_bytes(GOOD.replace(b"<Test ", said + b"<Test ", 1))
    code, told = run("package", tmp_path / "one.xml", "-o", tmp_path / "pack")
    assert code == 0
    assert [(f["name"], f["item_rows"]) for f in told["files"]] == [("results-ELA-07-001.zip", 2)]


# --- the whole way -------------------------------------------------------------------


def test_results_go_from_a_file_to_a_server(run: Run, tmp_path: Path, key_file: Path) -> None:
    source = zipped(tmp_path / "in.zip", document(1), document(2, subject="Math"))
    assert run("deidentify", source, "-o", tmp_path / "d.zip", "--key-file", key_file)[0] == 0
    assert run("package", tmp_path / "d.zip", "-o", tmp_path / "pack")[0] == 0
    with serving(tmp_path / "server") as server:
        options = ("--identity", server.client_key, "--known-hosts", server.known_hosts)
        code, told = run("send", tmp_path / "pack", server.address, *options, "--dry-run")
        assert (code, list(server.inbox.iterdir())) == (0, [])
        assert {file["state"] for file in told["files"]} == {"would_send"}
        code, told = run("send", tmp_path / "pack", server.address, *options)
        assert code == 0
        assert told["host_key"] == server.host_key.get_fingerprint()
        there = {path.name: digest_of(path) for path in server.inbox.iterdir()}
    assert there == {path.name: digest_of(path) for path in (tmp_path / "pack").iterdir()}
    assert len(Path(told["audit_record"]).read_text("utf-8").splitlines()) == 4


def test_send_refuses_an_unknown_server(run: Run, tmp_path: Path) -> None:
    source = zipped(tmp_path / "in.zip", document(1))
    run("package", source, "-o", tmp_path / "pack")
    with serving(tmp_path / "server") as server:
        options = ("--identity", server.client_key, "--known-hosts", tmp_path / "nobody")
        code, told = run("send", tmp_path / "pack", server.address, *options)
    assert code == 2
    assert server.host_key.get_fingerprint() in told["error"]


def test_a_zip_that_is_cut_off_is_told_with_what_was_packed(tmp_path: Path) -> None:
    whole, cut = tmp_path / "whole.zip", tmp_path / "cut.zip"
    with zipfile.ZipFile(whole, "w") as archive:
        for number in range(2):
            archive.writestr(f"{number}.xml", document(number))
    size = whole.stat().st_size
    cut.write_bytes(whole.read_bytes()[: size * 2 // 3])
    done = CliRunner().invoke(app, ["package", str(cut), "-o", str(tmp_path / "out")])
    told = " ".join(done.stderr.split())
    assert done.exit_code == 1
    assert "cut.zip is cut off or damaged: 1 result that could be read was packed" in told
    assert "what follows is lost" in told
