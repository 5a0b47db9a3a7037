"""What can't be done is refused in one sentence that says what to do, with exit code 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from e2e.invented import YEAR, Done, overall, package, responses, scorehouse, sitting
from scorehouse.cli.app import COMMANDS
from scorehouse.cli.console import answering


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one test and its package, which is where the commands run."""
    monkeypatch.chdir(tmp_path)
    package(tmp_path / "package")
    responses(tmp_path / "responses.csv", sitting("op-1"))
    (tmp_path / "nothing").mkdir()
    (tmp_path / "results").mkdir()
    (tmp_path / "a-file").write_text("")
    (tmp_path / "letter.csv").write_text("to,whom\nit,may\n")
    return tmp_path


USUAL = {
    "input": "responses.csv",
    "--package": "package",
    "--year": YEAR,
    "-o": "scores.parquet",
}


def score(**changes: str) -> Done:
    given = {**USUAL, **{name.replace("_", "-"): value for name, value in changes.items()}}
    options = [word for name, value in given.items() if name != "input" for word in (name, value)]
    return scorehouse("score", given["input"], *options)


REFUSED = [
    ({"--policy": "lenient"}, "unknown policy 'lenient'; known are engine, opt1"),
    ({"--program": "atlantis"}, "unknown program 'atlantis'; this rulebook has"),
    ({"--year": "2018"}, "'2018' is not a school year; write it as in 2018-19"),
    ({"--year": "2049-50"}, "2049-50 is expected, not in force"),
    ({"--year": "1999-00"}, "1999-00"),
    ({"--package": "missing.csv"}, "missing.csv: There is no file or folder of this name."),
    ({"--package": "nothing"}, "nothing: The folder has no items.csv"),
    ({"--package": "letter.csv"}, "Nothing could be read from the packages. letter.csv:"),
    ({"--package": "a-file"}, "Nothing could be read from the packages. a-file:"),
    ({"-o": "scores.xlsx"}, "scores.xlsx can't be written: scores are written as .parquet or .csv"),
    ({"-o": "scores"}, "scores are written as .parquet or .csv"),
    ({"-o": "nowhere/scores.csv"}, "the folder nowhere does not exist"),
    ({"-o": "a-file/scores.csv"}, "the folder a-file does not exist"),
    ({"-o": "responses.csv"}, "responses.csv is read by this run; write to another file"),
    ({"-o": "package/items.csv"}, "package/items.csv is read by this run"),
    ({"--findings": "findings.txt"}, "findings are written as .csv or .parquet or .json"),
    ({"--findings": "scores.parquet"}, "scores.parquet would be written twice"),
    ({"--item-fit": "scores.parquet"}, "scores.parquet would be written twice"),
    ({"--item-fit": "fit.txt"}, "item fit are written as .parquet or .csv"),
    ({"--rulebook": "nothing"}, "the rulebook nothing: sources.toml"),
    ({"--rulebook": "missing"}, "missing is not a folder"),
    ({"input": "results", "-o": "results/scores.csv"}, "is inside the input folder"),
    ({"--threads": "0"}, "--threads"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED, ids=[str(c) for c, _ in REFUSED])
def test_refused(here: Path, changes: dict[str, str], words: str) -> None:
    before = sorted(here.rglob("*"))
    done = score(**changes)
    assert done.code == 2
    assert done.out == ""
    assert words in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert "fault of scorehouse" not in done.err
    assert {path.name for path in set(here.rglob("*")) - set(before)} <= {
        "scores.parquet.findings.csv"
    }


def test_refused_as_json(here: Path) -> None:
    options = ("--package", "package", "--year", "2049-50", "-o", "scores.csv", "--json")
    done = scorehouse("score", "responses.csv", *options)
    assert done.code == 2
    assert done.json["error"] in " ".join(done.err.split())


ALL_REFUSE = [
    "score missing.csv --package package --year 2018-19 -o o.csv",
    "check responses.csv --profile yearly",
    "convert missing.csv -o out",
    "convert responses.csv -o out --findings nowhere/f.csv",
    "deidentify missing.zip -o out --key-file a-file",
    "deidentify nothing -o out --key-file missing",
    "package missing.zip -o out",
    "package letter.csv -o out --findings nowhere/f.csv",
    "send missing sftp://somebody@nowhere.example/inbox",
    "rescale missing.csv -o o.csv --as-in 2018-19",
    "explain missing.parquet op-1",
    "simulate -o a-file --year 2018-19",
    "rules show nothing",
    "init letter.csv",
    "load missing.csv -w missing",
    "imports -w missing",
    "replay -w missing",
    "find somebody -w missing",
    "history 9000000001 -w missing",
    "diff 1 2 -w missing",
    "report aggregate --year 2018-19 -w missing",
    "purge --year 2018-19 -w missing",
    "export tables -o out -w missing",
    "doctor -w missing",
    "audit -w missing",
    "releases -w missing",
    "indicator audit missing.csv",
    "indicator audit letter.csv",
    "indicator compute -d 2019 --printed letter.csv",
    "indicator compute -d 2019 -w missing",
    "indicator explain 1 -d 2019 -w missing",
    "indicator what-if 1 -d 2019 -w missing",
    "indicator show -d 2019 --html out -w missing",
]


@pytest.mark.parametrize("command", ALL_REFUSE)
def test_each_command_refuses_in_json_too(here: Path, command: str) -> None:
    done = scorehouse(*command.split(), "--json")
    assert done.code == 2
    assert done.json["error"]
    assert "fault of scorehouse" not in done.json["error"]


def test_every_command_is_among_those_that_were_refused() -> None:
    assert {command.split()[0] for command in ALL_REFUSE} == {*COMMANDS}


def test_an_audit_that_is_refused_tells_what_was_found(here: Path) -> None:
    rows = [f"9990001000000{n},S,ALL,ELA,2031,90,1.5" for n in range(5)]
    header = "cds,entity_type,student_group,subject,dashboard,n,status"
    (here / "far.csv").write_text("\n".join([header, *rows, ""]))
    said = " ".join(scorehouse("indicator", "audit", "far.csv").err.split())
    assert "far.csv has no row that can be checked. Row 1: The row doesn't say which" in said
    assert "Row 3: " in said
    assert "Row 4: " not in said
    assert "There are 2 more. --findings FILE writes all of it to a file." in said
    done = scorehouse("indicator", "audit", "far.csv", "--findings", "f.csv", "--json")
    assert (done.code, done.json["error"].endswith("There are 2 more. All is in f.csv.")) == (
        2,
        True,
    )
    assert len((here / "f.csv").read_text().splitlines()) == 6


def test_a_package_that_is_missing_beside_one_that_is_there(here: Path) -> None:
    done = scorehouse(
        *("score", "responses.csv", "--package", "package", "--package", "missing"),
        *("--year", YEAR, "-o", "scores.csv", "--json"),
    )
    assert done.code == 1
    assert done.json["findings"]["file_missing"] == 1
    assert overall(here / "scores.csv")["op-1"]["score_status"] == "scored"


def test_the_summary_as_json(here: Path) -> None:
    done = scorehouse(
        *("score", "responses.csv", "--package", "package", "--year", YEAR),
        *("-o", "scores.csv", "--json"),
    )
    assert done.code == 0
    summary = json.loads(done.out, parse_constant=pytest.fail)
    assert (summary["tests"], summary["by_status"]) == (1, {"scored": 1})
    assert summary["by_level"] == {"3": 1}
    assert (summary["output"], summary["left_out"]) == ("scores.csv", 0)
    assert summary["other_years"] == []
    assert done.err == ""


def test_the_closing_tables_fit_a_narrow_terminal(here: Path) -> None:
    done = score()
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    assert "…" not in done.out
    lines = [line.split() for line in done.out.splitlines()]
    assert ["scored", "1"] in lines
    assert ["Math", "05", "0", "0", "1", "0", "100.0%"] in lines


TOPICS = scorehouse("rules", "topics", "--json").json


@pytest.mark.parametrize("topic", TOPICS)
def test_the_rulebook_answers_every_topic(topic: str) -> None:
    rows = scorehouse("rules", "show", topic, "--json").json
    done = scorehouse("rules", "show", topic)
    assert done.code == 0
    assert max(map(len, done.out.splitlines()), default=0) <= 80
    for row in rows:
        assert row["rule"] in done.out
        assert row["title"] or row["state"] == "absent"
    assert rows or "hold nothing on this" in done.err


def test_which_cut_since_when_says_who() -> None:
    done = scorehouse(
        *("rules", "show", "cuts", "--subject", "math", "--grade", "5", "--year", YEAR, "--json")
    )
    [row] = done.json
    assert row["rule"] == "cuts/Math/05"
    assert "Level 3 from 2528" in row["value"]
    assert row["since"] == "2014-15"
    assert row["title"].startswith("Smarter Balanced Test Scoring Specifications")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("rules", "show", "cutz"), "did you mean cuts?"),
        (("rules", "show", "cuts", "--grade", "x"), "unknown grade 'x'"),
        (("rules", "show", "cuts", "--subject", "art"), "unknown subject 'art'"),
        (("rules", "show", "cuts", "--year", "19"), "is not a school year"),
        (("rules", "topics", "--rulebook", "nothing"), "the rulebook nothing: "),
        (("simulate", "-o", "package", "--year", YEAR), "not empty"),
        (("simulate", "-o", "new", "--year", "x"), "is not a school year"),
        (("simulate", "-o", "new", "--year", YEAR, "--grade", "12"), "grades are among"),
        (("simulate", "-o", "new", "--year", YEAR, "--subject", "art"), "unknown subject"),
        (("simulate", "-o", "a-file/new", "--year", YEAR), "may not be written"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_other_commands_refuse_too(here: Path, arguments: tuple[str, ...], words: str) -> None:
    done = scorehouse(*arguments)
    assert done.code == 2
    assert words in " ".join(done.err.split())
    assert not (here / "new").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("score", "--json"), "Missing argument 'INPUT'"),
        (("score", "--json", "--bogus"), "No such option: --bogus"),
        (("report", "aggregate", "--bogus", "--json"), "No such option: --bogus"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_is_wrong_with_an_option_is_told_as_json(
    arguments: tuple[str, ...], words: str
) -> None:
    done = scorehouse(*arguments)
    assert done.code == 2
    assert words in done.json["error"]
    assert scorehouse(*(word for word in arguments if word != "--json")).out == ""


def test_an_output_that_cant_be_written_is_named_as_it_was_asked_for(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hidden = ".scores.csv.0123456789abcdef.part"
    with pytest.raises(typer.Exit), answering(as_json=True):
        raise PermissionError(13, "Permission denied", hidden)
    told = json.loads(capsys.readouterr().out)["error"]
    assert "(scores.csv): Permission denied" in told
