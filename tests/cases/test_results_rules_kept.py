"""Each numbered rule that no check keeps: what breaks it, and what passes.

Readers and the schema say so with a finding; the writer and the packager keep their rules
whatever came in, or refuse. Every case runs the verb that a person would run.
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow.csv
import pytest

from cases import results_rules_base as base
from cases.results_rules_run import Case, cases, run
from e2e.sftp_server import serving
from scorehouse.errors import UsageError
from scorehouse.intake.checks import results_rules
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.results import read_results
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from scorehouse.transmit.connect import SendError
from scorehouse.transmit.sftp import SendOptions
from scorehouse.verbs.check import CheckRequest, check_file
from scorehouse.verbs.convert import ConvertRequest, convert_file
from scorehouse.verbs.package import package_results
from scorehouse.verbs.send import SendRequest, send

PROFILE = "annual-2015-16"
Change = Callable[[bytes], bytes]
KEPT = {name: rule for name, rule in results_rules().items() if rule.by != "check"}


class Read(NamedTuple):
    """A delivery of one good record, changed; `expected` says what is found, blank: it passes."""

    rule: str
    file: str  # the file that is changed
    change: Change
    expected: str = ""


def swap(old: str, new: str) -> Change:
    """The bytes with a text of theirs replaced."""

    def changed(content: bytes) -> bytes:
        assert old.encode() in content
        return content.replace(old.encode(), new.encode())

    return changed


def rewritten(change: Callable[[list[list[str]]], list[list[str]]]) -> Change:
    """The table with its lines changed, as cells."""

    def changed(content: bytes) -> bytes:
        lines = change(list(csv.reader(content.decode().splitlines(keepends=True))))
        quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in line) for line in lines)
        return "".join(line + "\r\n" for line in quoted).encode()

    return changed


def without(column: str) -> Change:
    """The table without a column."""

    def cut(lines: list[list[str]]) -> list[list[str]]:
        place = lines[0].index(column)
        return [line[:place] + line[place + 1 :] for line in lines]

    return rewritten(cut)


def shifted(lines: list[list[str]]) -> list[list[str]]:
    """A row's cells one column to the right, from the third on."""
    return [lines[0], [*lines[1][:2], "", *lines[1][2:-1]], *lines[2:]]


def same(content: bytes) -> bytes:
    """The bytes as they are."""
    return content


def gone(content: bytes) -> bytes:
    """No bytes at all: the file isn't there."""
    return b""


READ = [
    Read("F1", "test.csv", same),
    Read("F1", "item.csv", rewritten(lambda lines: lines)),
    Read("F1", "test.csv", rewritten(lambda ls: [ls[0], ls[1][:-1]]), "csv_row_short"),
    Read("F1", "test.csv", rewritten(lambda ls: [ls[0], [*ls[1], "x"]]), "csv_row_long"),
    Read("F1", "test.csv", rewritten(shifted), "csv_row_shifted"),
    Read("F1", "test.csv", lambda text: text.replace(b";", b" ").replace(b",", b";"),
         "csv_delimiter"),
    Read("F1", "test.csv", lambda text: text.rstrip(b"\r\n"), "csv_not_ended"),
    Read("F1", "item.csv", lambda text: text + b'"' + b"x" * (9 << 20) + b"\r\n",
         "csv_malformed"),  # longer than any cell: the quotation mark is never closed
    Read("F1", "test.csv", swap("Mozilla", "Mo\0zilla"), "csv_nul"),
    Read("F2", "test.csv", same),
    Read("F2", "test.csv", lambda text: b"a,b,c\r\n1,2,3\r\n", "results_header_unknown"),
    Read("F2", "test.csv", rewritten(lambda ls: ls[1:]), "results_header_missing"),
    Read("F3", "test.csv", same),
    Read("F3", "test.csv", gone, "results_test_table_missing"),
    Read("F3", "item.csv", gone, "results_item_table_missing"),
    Read("F6", "test.csv", swap("Spring-2018", "Primavera espa\u00f1ola")),
    Read("F6", "test.csv", lambda text: text.replace(b"Spring-2018", b"espa\xf1ola"),
         "file_encoding"),
    Read("F7", "test.csv", same),
    Read("F7", "test.csv", rewritten(lambda ls: [[*ls[0], "ShoeSize"], [*ls[1], "38"]]),
         "column_unknown"),
    Read("F9", "1.xml", same),
    Read("F9", "1.xml", lambda text: b"<TestPackage/>", "xml_not_trt"),
    Read("F10", "1.xml", same),
    Read("F10", "1.xml", lambda text: b"%PDF-1.4 not results", "file_unknown_kind"),
    Read("F13", "1.xml", same),
    Read("F13", "1.xml", swap("</TDSReport>", ""), "xml_malformed"),
    Read("F13", "1.xml", swap("<TDSReport>", "<!DOCTYPE TDSReport><TDSReport>"), "xml_doctype"),
    Read("F13", "1.xml", swap("</TDSReport>", "<Shoe/></TDSReport>"), "F13"),
    Read("P1", "test.csv", same),
    Read("P1", "test.csv", without("Sex"), "P1 results_column_absent"),
    Read("P2", "item.csv", same),
    Read("P2", "item.csv", without("ItemScore"), "P2 results_column_absent"),
    Read("P14", "1.xml", same),
    Read("P14", "1.xml", swap(' clientName="Example State"', ""), "P14"),
    Read("P15", "1.xml", same),
    Read("P15", "1.xml", swap(' abnormalStarts="0"', "")),
    Read("P15", "1.xml", swap('abnormalStarts="0"', 'abnormalStarts="none"'), "P15"),
]  # fmt: skip


def delivery(case: Read, folder: Path) -> Path:
    """The good record in the form of the case's file, with that file changed."""
    folder.mkdir()
    if case.file.endswith(".csv"):
        base.write_tables(folder, ([base.test_row()], base.item_rows()))
        for path in folder.iterdir():  # the required columns in their order, and no other
            required = REQUIRED_TEST_COLUMNS if path.name == "test.csv" else REQUIRED_ITEM_COLUMNS
            only(path, required)
    else:
        base.write_documents(folder, base.document())
        (folder / "0001.xml").rename(folder / "1.xml")
    path = folder / case.file
    content = case.change(path.read_bytes())
    path.unlink()
    if content:
        path.write_bytes(content)
    return folder


def only(path: Path, columns: tuple[str, ...]) -> None:
    """Keep these columns of a table, in this order."""
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def own_findings(rule: str) -> set[str]:
    """The findings that say a rule is broken."""
    return {rule, *KEPT[rule].covered}


@pytest.mark.parametrize("case", READ, ids=lambda c: f"{c.rule}: {c.expected or 'passes'}")
def test_a_reader_or_the_schema_says_what_breaks_the_rule(case: Read, tmp_path: Path) -> None:
    written = tmp_path / "found.csv"
    request = CheckRequest(delivery(case, tmp_path / "delivery"), PROFILE)
    summary = check_file(request, written)
    found = {row["rule"] for row in pyarrow.csv.read_csv(written).to_pylist()}
    assert found & own_findings(case.rule) == set(case.expected.split())
    assert case.expected or summary.totals.results == 1


# --- kept by the writer and the packager --------------------------------------------


def header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return next(csv.reader(stream))


def kept_f5(folder: Path, *, breaks: bool) -> None:
    """Any order is read; what is written stands in the published one."""
    turned = rewritten(lambda ls: [line[::-1] for line in ls]) if breaks else same
    source = delivery(Read("F5", "test.csv", turned), folder / "in")
    before = header(source / "test.csv")
    assert (before == list(REQUIRED_TEST_COLUMNS)) is not breaks
    convert_file(ConvertRequest(source, folder / "out", to="csv"), folder / "found.csv")
    headers = sorted((header(path) for path in (folder / "out").rglob("*.csv")), key=len)
    assert headers == [list(REQUIRED_ITEM_COLUMNS), list(REQUIRED_TEST_COLUMNS)]


def packed(source: Path, folder: Path, name: str) -> Path:
    """A package of the source."""
    package_results(source, folder / name, folder / f"{name}.csv")
    return folder / name


def documents(folder: Path, numbers: range) -> Path:
    """Loose documents of several students."""
    folder.mkdir()
    roots = [base.document() for _ in numbers]
    for number, root in zip(numbers, roots, strict=True):
        base.name_document(root, number)
    return base.write_documents(folder, *roots)


def kept_f8(folder: Path, *, breaks: bool) -> None:
    """Many loose documents become one zip; those that came in a zip stay in one."""
    source = documents(folder / "in", range(1, 4))
    if not breaks:
        zipped = folder / "in.zip"
        with zipfile.ZipFile(zipped, "w") as archive:
            for path in sorted(source.iterdir()):
                archive.write(path, path.name)
        source = zipped
    package = packed(source, folder, "package")
    (zip_file,) = package.glob("*.zip")
    assert not list(package.rglob("*.xml"))
    assert len(zipfile.ZipFile(zip_file).namelist()) == 3


def kept_f14(folder: Path, *, breaks: bool) -> None:
    """A transport in the clear is refused; SFTP is used, and only to a host that is known."""
    package = packed(documents(folder / "in", range(1, 2)), folder, "package")
    with serving(folder) as server:
        address = server.address.replace("sftp:", "ftp:") if breaks else server.address
        request = SendRequest(package, address, server.known_hosts, server.client_key)
        if breaks:
            with pytest.raises(UsageError, match="sftp://"):
                send(request)
            assert server.trouble.connections == 0
            assert not list(server.inbox.iterdir())
        else:
            assert {file.state for file in send(request).files} == {"sent"}


def kept_f15(folder: Path, *, breaks: bool) -> None:
    """Packed and sent again, the same data change nothing; other data under its name stop."""
    first = packed(documents(folder / "in", range(1, 3)), folder, "package")
    numbers = range(5, 7) if breaks else range(1, 3)
    again = packed(documents(folder / "again", numbers), folder, "second")
    (again / "manifest.json").write_text(same_moment(first, again), encoding="utf-8")
    with serving(folder) as server:
        options = SendOptions(tries=1)
        how = (server.address, server.known_hosts, server.client_key, "", "", options)
        send(SendRequest(first, *how))
        before = {path.name: path.read_bytes() for path in server.inbox.iterdir()}
        if breaks:
            with pytest.raises(SendError, match="another"):
                send(SendRequest(again, *how))
        else:
            send(SendRequest(first, *how))
            zips = [file for file in send(SendRequest(again, *how)).files if "results" in file.name]
            assert {file.state for file in zips} == {"already_there"}
        assert {path.name: path.read_bytes() for path in server.inbox.iterdir()} == before


def same_moment(first: Path, again: Path) -> str:
    """The second manifest's text as if it had been made when the first was."""
    one, two = (
        json.loads((place / "manifest.json").read_text("utf-8")) for place in (first, again)
    )
    text = (again / "manifest.json").read_text("utf-8")
    return text.replace(two["made_at"], one["made_at"])


KEEPERS = {"F5": kept_f5, "F8": kept_f8, "F14": kept_f14, "F15": kept_f15}


@pytest.mark.parametrize("breaks", [True, False], ids=["breaks", "passes"])
@pytest.mark.parametrize("rule", KEEPERS)
def test_a_writer_or_packager_keeps_the_rule(rule: str, breaks: bool, tmp_path: Path) -> None:
    KEEPERS[rule](tmp_path, breaks=breaks)


# --- kept by another rule -----------------------------------------------------------


def by_other_rules() -> list[str]:
    return [name for name, rule in KEPT.items() if rule.by == "rule"]


@pytest.mark.parametrize("rule", by_other_rules())
def test_a_rule_kept_by_another_is_broken_where_that_one_is(rule: str, tmp_path: Path) -> None:
    covered = set(KEPT[rule].covered)
    breaking = next(c for c in cases() if {e[:-2] for e in c.expected.split()} & covered)
    for name, case in (("breaks", breaking), ("passes", Case("xml", "annual-later", *[""] * 4))):
        (tmp_path / name).mkdir()
        found = {told.partition(":")[0] for told in run(case, tmp_path / name)}
        assert bool(found & covered) is (name == "breaks")


def test_a_document_larger_than_a_result_can_be_is_left_out(tmp_path: Path) -> None:
    """The check's own limit is far larger than a file that a test should write."""
    source = delivery(Read("F13", "1.xml", same), tmp_path / "delivery")
    size = (source / "1.xml").stat().st_size
    for limit, expected in ((size, {}), (size - 1, {"xml_too_large": 1})):
        log = FindingLog()
        chunks = list(read_results(source, log, limits=Limits(member_bytes=limit)))
        assert log.counts() == expected
        assert sum(chunk.tests.num_rows for chunk in chunks) == (0 if expected else 1)


# --- none is forgotten --------------------------------------------------------------


def test_every_rule_that_no_check_keeps_has_a_case_that_breaks_it_and_one_that_passes() -> None:
    both = {*KEEPERS, *by_other_rules()}
    breaks = {case.rule for case in READ if case.expected} | both
    passes = {case.rule for case in READ if not case.expected} | both
    assert sorted(KEPT.keys() - breaks) == []
    assert sorted(KEPT.keys() - passes) == []


def test_every_finding_of_such_a_rule_has_a_case() -> None:
    by_size = {"xml_too_large"}  # its own test above
    told = {finding for case in READ for finding in case.expected.split()}
    covered = {name for rule in KEPT.values() if rule.by != "rule" for name in rule.covered}
    assert sorted(covered - told) == sorted(by_size)
