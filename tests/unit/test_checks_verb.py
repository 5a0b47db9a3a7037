"""Checking a file from the outside: the verb, the command, and the page that can be sent."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pytest
from lxml import html
from typer.testing import CliRunner

from cases import results_rules_base as base
from cases.results_rules_run import Case, document, tables
from scorehouse.cli.app import app
from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import catalogue
from scorehouse.intake.checks import results_rules
from scorehouse.verbs.check import CheckRequest, check_file, compat_lines
from scorehouse.verbs.rule_titles import title_of
from unit.intake_files import trt, zipped

STUDENT = "9000000001"
IDENTIFIED = f"test.StudentIdentifier={STUDENT} && test.FirstName=Adalovelace"


def make(folder: Path, form: str, change: str = "") -> Path:
    one = Case(form, "annual-later", "", change, "", "")
    if form == "tables":
        return base.write_tables(folder, tables(one))
    return base.write_documents(folder, document(one))


@pytest.mark.parametrize(
    ("form", "change", "code"),
    [
        ("xml", "", 0),
        ("tables", "", 0),
        ("tables", "test.White=YES", 0),
        ("xml", "Test@grade=x", 1),
        ("tables", "test.UserAgent=", 2),  # no record of the delivery has one
    ],
)
def test_the_exit_code_says_what_would_be_left_out(
    form: str, change: str, code: int, tmp_path: Path
) -> None:
    folder = make(tmp_path, form, change)
    ended = CliRunner().invoke(app, ["check", str(folder), "--profile", "annual-later"])
    assert ended.exit_code == code


def test_nothing_to_read_is_refused(tmp_path: Path) -> None:
    there_is_none = tmp_path / "none.zip"
    ended = CliRunner().invoke(app, ["check", str(there_is_none), "--profile", "paper"])
    assert ended.exit_code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        ["--profile", "yearly"],
        ["--profile", "paper", "--policy", "none"],
        ["--profile", "paper", "--year", "2019"],
        ["--profile", "reporting-load", "--require", "Shoesize"],
        ["--profile", "paper", "--findings", "findings.xlsx"],
        ["--profile", "paper", "--compat", "old"],
    ],
)
def test_a_request_without_sense_is_refused(wrong: list[str], tmp_path: Path) -> None:
    ended = CliRunner().invoke(app, ["check", str(make(tmp_path, "xml")), *wrong])
    assert ended.exit_code == 2


@pytest.mark.parametrize(
    ("year", "program", "said"),
    [
        ("2030-31", "consortium", "reviewed through 2025-26"),
        ("2013-14", "consortium", "use a year from 2014-15 on"),
        ("2030-31", "california", "reviewed through 2025-26"),
    ],
)
def test_a_year_without_rules_is_refused(
    year: str, program: str, said: str, tmp_path: Path
) -> None:
    asked = ["check", str(make(tmp_path, "xml")), "--profile", "annual-later", "--json"]
    ended = CliRunner().invoke(app, [*asked, "--year", year, "--program", program])
    told = json.loads(ended.stdout)
    assert (ended.exit_code, set(told), said in told["error"]) == (2, {"error"}, True)
    ended = CliRunner().invoke(app, [*asked, "--year", "2025-26", "--program", program])
    assert json.loads(ended.stdout)["year"] == "2025-26"


def test_the_summary_is_json_on_request(tmp_path: Path) -> None:
    folder = make(tmp_path, "tables", "test.Sex=Unknown && item[1].ItemScore=21")
    asked = ["check", str(folder), "--profile", "annual-later", "--json"]
    summary = json.loads(CliRunner().invoke(app, asked).stdout)
    assert (summary["results"], summary["item_rows"], summary["left_out"]) == (1, 6, 1)
    assert {told["rule"]: told["count"] for told in summary["rules"]} == {"R9": 1, "R19": 1}
    assert summary["findings"]["record_left_out"] == 2
    coverage = {row["field"]: row for row in summary["coverage"]["item"]}
    assert (coverage["ItemId"]["filled"], coverage["ItemId"]["distinct"]) == (6, 3)


def test_a_required_column_that_is_absent_refuses_the_file(tmp_path: Path) -> None:
    folder = make(tmp_path, "tables")
    table = folder / "test.csv"
    text = table.read_text(encoding="utf-8").replace("Claim4Theta,", "Fourth,", 1)
    table.write_text(text, encoding="utf-8")
    summary = check_file(CheckRequest(folder, "annual-later"))
    assert ("P1", "file_refused", 1) in {(t.rule, t.consequence, t.count) for t in summary.rules}
    assert summary.is_refused
    load = check_file(CheckRequest(folder, "reporting-load", required=("Sex",)))
    assert "P1" not in {told.rule for told in load.rules}


def test_no_title_of_a_rule_has_braces_to_fill() -> None:
    titles = {rule: title_of(rule) for rule in [*catalogue(), *results_rules()]}
    assert [rule for rule, title in titles.items() if "{" in title or "}" in title] == []
    assert titles["file_encoding"] == "The text is not UTF-8 (first fault at byte …)"


def test_a_title_tells_the_case_where_there_is_one(tmp_path: Path) -> None:
    folder = make(tmp_path, "tables")
    table = folder / "test.csv"
    text = table.read_text(encoding="utf-8").replace("Claim4Theta,", "Fourth,", 1)
    asked = ["check", str(folder), "--profile", "annual-later", "--html", str(tmp_path / "p.html")]
    for written, title in [
        (text, "The required column Claim4Theta is not in the file; it is blank for all its rows"),
        (
            text.replace("Claim3Theta,", "Third,", 1),
            "The required column … is not in the file; it is blank for all its rows",
        ),
    ]:
        table.write_text(written, encoding="utf-8")
        ended = CliRunner().invoke(app, asked).stdout
        asks = (line.rpartition("│")[0].rpartition("│")[2] for line in ended.splitlines())
        told = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
        page = (tmp_path / "p.html").read_text(encoding="utf-8")
        assert title in {rule["title"] for rule in told["rules"]}
        assert title in " ".join(cell.strip() for cell in asks)
        assert f"results_column_absent: {title}</h3>" in page
        assert "{field}" not in ended + page


@pytest.mark.parametrize("suffix", [".csv", ".json"])
def test_findings_and_page_hold_no_student(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    make(folder, "tables", f"{IDENTIFIED} && test.Birthdate=bad")
    findings, page = tmp_path / f"findings{suffix}", tmp_path / "page.html"
    check_file(CheckRequest(folder, "annual-later"), findings, page)
    for written in (findings, page):
        text = written.read_text(encoding="utf-8")
        assert "Birthdate" in text
        assert STUDENT not in text
        assert "Adalovelace" not in text


def test_private_values_are_shown_on_request(tmp_path: Path) -> None:
    folder = tmp_path / "delivery"
    folder.mkdir()
    make(folder, "tables", "test.Birthdate=14.4.2008")
    findings = tmp_path / "findings.csv"
    check_file(CheckRequest(folder, "annual-later", show_private=True), findings)
    assert "14.4.2008" in findings.read_text(encoding="utf-8")


@pytest.fixture
def page(tmp_path: Path) -> html.HtmlElement:
    folder = tmp_path / "delivery"
    folder.mkdir()
    make(folder, "tables", "test.Sex=<b>Unknown</b> && test.White=YES")
    place = tmp_path / "page.html"
    check_file(CheckRequest(folder, "annual-later"), None, place)
    return html.document_fromstring(place.read_text(encoding="utf-8"))


def test_the_page_stands_alone(page: html.HtmlElement) -> None:
    assert page.findall(".//script") == []
    assert page.findall(".//link") == []
    assert [a.get("href") for a in page.iter("a") if not a.get("href", "").startswith("#")] == []
    style = page.findtext(".//style") or ""
    assert "url(" not in style
    assert "@import" not in style


def test_the_page_can_be_read_aloud(page: html.HtmlElement) -> None:
    assert page.get("lang") == "en"
    assert [len(page.findall(f".//{name}")) for name in ("h1", "main", "header", "footer")] == [
        1
    ] * 4
    levels = [int(e.tag[1]) for e in page.iter("h1", "h2", "h3")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    cells = [*page.iter("th")]
    assert all(cell.get("scope") in ("row", "col") for cell in cells)
    assert all(table.find("caption") is not None for table in page.iter("table"))
    targets = {element.get("id") for element in page.iter() if element.get("id")}
    links = {a.get("href", "")[1:] for a in page.iter("a")}
    assert links <= targets


def test_the_page_escapes_what_was_delivered(page: html.HtmlElement) -> None:
    assert page.findall(".//b") == []
    assert any("<b>Unknown</b>" in (cell.text_content()) for cell in page.iter("td"))


def test_the_page_has_enough_contrast(page: html.HtmlElement) -> None:
    """At least 4.5 to 1 for every color of text on both backgrounds."""
    colors = dict(re.findall(r"--(\w+): (#[0-9a-f]{3,6})", page.findtext(".//style") or ""))
    for name in ("ink", "soft", "grave", "warn", "calm", "good"):
        for background in ("paper", "band"):
            assert contrast(colors[name], colors[background]) >= 4.5, name


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def luminance(color: str) -> float:
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_the_incumbents_messages_hide_private_values(tmp_path: Path) -> None:
    changed = make(tmp_path, "xml", "Examinee@isDemo=1")
    lines = list(compat_lines(CheckRequest(changed, "reporting-load")))
    assert ("isDemo", "true") in {(line.element, line.value) for line in lines}
    assert all(base.STUDENT not in line.error for line in lines)


def test_a_policy_that_nobody_knows_is_refused_before_reading(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="known are"):
        check_file(CheckRequest(tmp_path / "none", "paper", policy="mine"))


def test_findings_of_a_rule_stand_in_the_order_of_the_results(tmp_path: Path) -> None:
    """No join and no choice of a first row may leave their order to chance."""
    segment = '<Segment id="S1" position="1" algorithm="fixedform"/>'
    codes = ('<Accommodation type="a" value="b" code="{}" segment="0"/>').format
    component = '<GenericVariable context="COMPONENT_1" name="a" value="b"/>'
    inside = [segment + codes(f"TDS_Odd{n % 7}") + component for n in range(60)]
    results = [trt(f"op-{n:02}", before_items=text, itemCount="2") for n, text in enumerate(inside)]
    path = tmp_path / "delivery.zip"
    path.write_bytes(zipped({f"{n}.xml": content for n, content in enumerate(results)}))
    told = tmp_path / "findings.json"
    check_file(CheckRequest(path, "annual-later"), told)
    places: dict[tuple[str, str], list[str]] = {}
    for finding in json.loads(told.read_text()):
        places.setdefault((finding["rule"], finding["field"]), []).append(finding["record"])
    assert {"X43", "R27"} <= {rule for rule, _ in places}
    for rule, records in places.items():
        known = [record for record in records if record.startswith("op-")]
        assert known == sorted(known), rule
