"""`scorehouse report`, from a simulated district's files to tables, pages and sentences."""

from __future__ import annotations

import json
import re
from pathlib import Path

import polars as pl
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import scorehouse as library
from e2e.invented import Done, scorehouse
from scorehouse.cli.console import out
from scorehouse.cli.report_layout import WIDEST_NAME, column_width, fitting

KINDS = ("aggregate", "claims", "targets", "items")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two years of a simulated district, scored here."""
    folder = tmp_path_factory.mktemp("reported")
    years = ("2017-18", "2018-19")
    whole = folder / "sim"
    done = scorehouse(
        *("simulate", "-o", whole, "--students", 90, "--seed", 5, "--interim"),
        *("--grade", "4", "--grade", "5", "--year", years[0], "--year", years[1]),
    )
    assert done.code == 0, done.err
    assert scorehouse("init", folder / "w").code == 0
    responses = pq.read_table(whole / "responses.parquet")
    for year in years:
        own = folder / f"{year}.parquet"
        pq.write_table(responses.filter(pc.equal(responses["school_year"], year)), own)
        scores = folder / f"scores-{year}.parquet"
        done = scorehouse(
            *("score", own, "--package", whole, "--year", year, "-o", scores),
            *("--program", "california"),
        )
        assert done.code in (0, 1), done.err
    scores = [folder / f"scores-{year}.parquet" for year in years]
    assert scorehouse("load", whole, "-w", folder / "w").code == 0
    assert scorehouse("load", *scores, "-w", folder / "w").code == 0
    return folder / "w"


def report(house: Path, *arguments: object) -> Done:
    return scorehouse("report", *arguments, "-w", house)


@pytest.mark.parametrize("kind", KINDS)
def test_every_report_has_figures(house: Path, kind: str) -> None:
    done = report(house, kind, "--year", "2018-19", "--json")
    assert done.code == 0, done.err
    rows = done.json["figures"]
    assert {row["school_year"] for row in rows} == {"2018-19"}
    assert {row["report"] for row in rows} <= {"overall", "claims", "targets", "items", "traits"}
    assert done.json["query"] == {"version": 1, "report": kind, "school_years": ["2018-19"]}


def test_interim_tests_have_the_same_figures(house: Path) -> None:
    types = ("--type", "ICA", "--type", "IAB")
    rows = report(house, "aggregate", *types, "--year", "2018-19", "--json").json["figures"]
    levels = {row["assessment_type"]: len(row["level_counts"]) for row in rows}
    assert levels == {"ICA": 4, "IAB": 3}
    for row in rows:
        assert row["assessment_id"]
        assert row["mean_scale_score"] > 2000
        assert sum(row["percent_levels"]) == 100
        assert (row["percent_met"] is None) == (row["assessment_type"] == "IAB")


def test_the_same_students_over_years(house: Path) -> None:
    steps = ("--step", "2017-18:04", "--step", "2018-19:05")
    done = report(house, "longitudinal", *steps, "--subject", "ELA", "--json")
    assert done.code == 0, done.err
    first, second = done.json["figures"]
    assert first["n_scored"] == second["n_scored"] > 10
    moved = second["mean_scale_score"] - first["mean_scale_score"]
    assert second["change"] == pytest.approx(moved)
    (told,) = (c for c in done.json["comparisons"] if c["kind"] == "cohort")
    assert "the same students" in told["sentence"]


def test_a_table_for_people_says_what_is_noise(house: Path) -> None:
    done = report(house, "aggregate", "--subject", "ELA", "--grade", "5")
    assert done.code == 0
    assert "% met" in done.out
    assert "since 2017-18" in " ".join(done.out.split())


def test_a_saved_query_gives_the_same_report(house: Path, tmp_path: Path) -> None:
    asked = ("--year", "2018-19", "--by", "sex", "--filter", "economic=SED,NSED", "--children",
             "schools", "--percentiles")  # fmt: skip
    for form in ("toml", "json"):
        saved = tmp_path / f"query.{form}"
        first = report(house, "aggregate", *asked, "--save", saved, "--json")
        again = report(house, "aggregate", "--query", saved, "--json")
        assert first.code == 0, first.err
        assert again.json["figures"] == first.json["figures"]
        changed = report(house, "aggregate", "--query", saved, "--subject", "Math", "--json")
        assert {row["subject"] for row in changed.json["figures"]} == {"Math"}
    assert "unknown key" not in first.err
    other = report(house, "claims", "--query", saved)
    assert (other.code, "query for scorehouse report aggregate" in other.err) == (2, True)


def test_the_public_sees_no_small_group(house: Path, tmp_path: Path) -> None:
    out = tmp_path / "public.parquet"
    done = report(house, "aggregate", "--by", "race", "--profile", "public", "-o", out)
    assert done.code == 0, done.err
    rows = pl.read_parquet(out)
    assert rows["n_scored"].drop_nulls().min() >= 11
    assert not {"missing", "answers", "sum_score"} & set(rows.columns)
    hidden = rows.filter(pl.col("n_scored").is_null())
    assert len(hidden) > 0
    assert hidden["hidden"].list.len().min() > 0
    staff = report(house, "aggregate", "--by", "race", "--json").json["figures"]
    assert sum(row["marked"] for row in staff) > 0
    assert all(row["hidden"] == [] for row in staff)


@pytest.mark.parametrize("suffix", [".csv", ".xlsx", ".parquet"])
def test_a_file_has_the_meaning_of_its_columns_beside_it(
    house: Path, tmp_path: Path, suffix: str
) -> None:
    out = tmp_path / f"figures{suffix}"
    done = report(house, "claims", "--year", "2018-19", "-o", out)
    assert done.code == 0, done.err
    told = pl.read_csv(tmp_path / f"figures{suffix}.columns.csv")
    assert told.columns[0]
    assert all(told.to_series(1).is_not_null())


def test_pages(house: Path, tmp_path: Path) -> None:
    done = report(house, "aggregate", "--year", "2018-19", "--html", tmp_path / "pages")
    assert done.code == 0, done.err
    page = next((tmp_path / "pages").glob("overall-*.html")).read_text(encoding="utf-8")
    assert "<svg" in page
    assert "<table" in page


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("aggregate", "-e", "12345"), "knows no entity '12345'"),
        (
            ("aggregate", "--year", "2019"),
            "'2019' is no school year: write it as in 2018-19. Write",
        ),
        (("aggregate", "-g", "ELL"), "Unknown student group 'ELL'"),
        (("aggregate", "--filter", "sex"), "write a name and values"),
        (("aggregate", "--profile", "everyone"), "unknown profile 'everyone'"),
        (("aggregate", "-o", "figures.doc"), "figures.doc"),
        (("aggregate", "--save", "query.yaml"), "a query file ends in .toml or .json"),
        (("aggregate", "--query", "nowhere.toml"), "nowhere.toml"),
        (("aggregate", "--pdf"), "--pdf goes with --html"),
        (("aggregate", "--as-of", "999"), "there is no import 999"),
        (("targets", "--type", "IAB"), "summative tests only"),
        (("longitudinal",), "two steps or more"),
        (("aggregate", "--year", "2015-16"), "holds no results of '2015-16'; it holds 2017-18"),
        (("aggregate", "--subject", "Art"), "holds no results in 'Art'; it holds ELA, Math"),
        (("aggregate", "--assessment", "none"), "holds no test 'none'"),
        (("aggregate", "-g", "F", "--filter", "sex=M"), "nobody of F is in sex M"),
        (("aggregate", "--program", "texas"), "Unknown program 'texas'"),
        (("aggregate", "--availability", "soon"), "Unknown availability 'soon'"),
        (("aggregate", "--availability", "loading", "--profile", "public"), "can't go out"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    house: Path, arguments: tuple[str, ...], told: str
) -> None:
    done = report(house, *arguments)
    assert done.code == 2
    assert told in " ".join(done.err.split())


def test_the_same_data_has_the_same_number(house: Path) -> None:
    """What is released is known by the last import it holds, also when asked for later."""
    now = report(house, "aggregate", "--json").json
    then = report(house, "aggregate", "--as-of", now["last_import"], "--json").json
    assert then["last_import"] == now["last_import"]
    assert then["figures"] == now["figures"]
    before = report(house, "aggregate", "--as-of", now["last_import"] - 2, "--json").json
    assert before["last_import"] == now["last_import"] - 2
    assert before["figures"] != now["figures"]


def test_every_mistake_of_a_query_file_is_a_finding(house: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.toml"
    asked.write_text('version = 1\nreport = "claims"\nsubject = ["ELA"]\ngrades = ["third"]\n')
    done = report(house, "claims", "--query", asked, "--json")
    assert done.code == 2
    assert [(f["rule"], f["file"], f["field"]) for f in done.json["findings"]] == [
        ("query_unknown_value", "asked.toml", "subject"),
        ("query_value", "asked.toml", "grades"),
    ]
    assert all(f["message"] in done.json["error"] and f["remedy"] for f in done.json["findings"])
    told = report(house, "aggregate", "-e", "12345", "-e", "54321", "--year", "2015-16").err
    assert [word for word in ("'12345'", "'54321'", "'2015-16'") if word not in told] == []
    asked.write_text("version = ")
    assert report(house, "claims", "--query", asked, "--json").json["findings"][0]["rule"] == (
        "query_broken"
    )


def test_a_year_without_results_beside_others_is_told(house: Path) -> None:
    done = report(house, "aggregate", "--year", "2015-16", "--year", "2018-19", "--json")
    assert done.code == 1
    assert {row["school_year"] for row in done.json["figures"]} == {"2018-19"}
    (finding,) = done.json["findings"]
    assert (finding["rule"], finding["value"]) == ("query_year_empty", "2015-16")
    assert finding["message"] in done.json["notes"]


def test_nothing_found_is_exit_code_1(house: Path) -> None:
    done = report(house, "aggregate", "--grade", "11")
    assert (done.code, done.out) == (1, "")
    assert "no results" in done.err
    assert report(house, "aggregate", "--as-of", "1").code == 1


def test_from_python(house: Path) -> None:
    found = library.report_aggregate(house, school_years=["2018-19"], filters={"sex": ["F"]})
    told = report(house, "aggregate", "--year", "2018-19", "--filter", "sex=F", "--json")
    assert json.loads(json.dumps(found.figures.to_pylist())) == told.json["figures"]
    for name in ("report_claims", "report_targets", "report_items"):
        assert getattr(library, name)(house, school_years=["2018-19"]).figures.num_rows
    steps = ["2017-18:04", "2018-19:05"]
    assert library.report_longitudinal(house, steps=steps, follow="grades").figures.num_rows


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("aggregate", ("--by", "sex", "--by", "economic", "--demographics", "current")),
        ("aggregate", ("--by", "sex", "--profile", "public")),
        ("items", ("--type", "IAB")),
        ("claims", ()),
        ("targets", ()),
    ],
)
def test_at_80_columns_no_figure_is_cut(
    house: Path, monkeypatch: pytest.MonkeyPatch, kind: str, more: tuple[str, ...]
) -> None:
    """What has no room is left out and named; what is printed is as whole as on a wide screen."""
    asked = (kind, "--year", "2018-19", "--subject", "ELA", *more)
    monkeypatch.setattr(out, "_width", 400)
    wide = report(house, *asked)
    monkeypatch.setattr(out, "_width", 80)
    narrow = report(house, *asked)
    assert "No room" not in wide.err
    assert "…" not in narrow.out
    known = [cells(line) for line in wide.out.splitlines() if line.strip()]
    table = [line for line in narrow.out.splitlines() if line.startswith(" ") and "─" not in line]
    for line in filter(str.strip, table):
        assert any(set(cells(line)) <= set(other) for other in known), line
        assert len(line) <= 80
    if "No room here for" in narrow.err:
        heads = set().union(*map(cells, wide.out.splitlines()))
        named = narrow.err.partition("No room here for ")[2].partition(":")[0].split(", ")
        assert set(named) <= heads
        assert not set(named) & set().union(*map(cells, narrow.out.splitlines()))


def cells(line: str) -> list[str]:
    """The cells of a printed line: two blanks stand between them at least."""
    return [cell for cell in re.split(r"\s{2,}", line.strip()) if cell]


def test_rows_keep_their_names_in_a_narrow_window() -> None:
    told = {"Grade": ["05"], "Group": ["A" * 60], "Enrolled": ["1,204"], "Mean": ["2499.5 ±5.4"]}
    assert fitting(told, 50) == ["Grade", "Group", "Mean"]
    assert column_width("Group", told["Group"]) == WIDEST_NAME
    assert column_width("Mean", told["Mean"]) == len("2499.5 ±5.4")


def test_mistakes_of_options_and_of_what_the_warehouse_lacks_are_told_together(
    house: Path, tmp_path: Path
) -> None:
    wrong = ("-e", "123", "--group", "ZZ", "--by", "foo", "--filter", "x", "--subject", "Art")
    done = report(house, "aggregate", *wrong, "--year", "2015-16", "--json")
    assert done.code == 2
    assert {(f["field"], f["value"]) for f in done.json["findings"]} == {
        ("entities", "123"), ("student_groups", "ZZ"), ("by", "foo"), ("filters", "x"),
        ("subjects", "Art"), ("school_years", "2015-16"),
    }  # fmt: skip
    done = report(house, "longitudinal", "-e", "123", "--json")
    assert [f["rule"] for f in done.json["findings"]] == [
        "query_steps_missing", "query_entity_unknown",
    ]  # fmt: skip
    done = scorehouse("report", "aggregate", "-g", "ZZ", "-w", tmp_path / "none", "--json")
    assert [f["value"] for f in done.json["findings"]] == ["ZZ"]


def test_a_table_that_shows_its_audience_nothing_says_what_to_ask_instead(house: Path) -> None:
    asked = ("aggregate", "--year", "2018-19", "--subject", "ELA", "--profile", "public")
    groups = ("--by", "race", "--by", "sex", "--demographics", "current", "--children", "schools")
    none = report(house, *asked, *groups, "--filter", "migrant=MIG", "--json")
    rows = none.json["figures"]
    assert rows
    assert not any(row["n_tested"] or row["n_scored"] for row in rows)
    (told,) = (note for note in none.json["notes"] if "shows no number" in note)
    assert "fewer groups" in told
    assert not any("something is hidden" in note for note in none.json["notes"])
    some = report(house, *asked, "--children", "schools", "--json")
    assert any(row["n_scored"] for row in some.json["figures"])
    assert not any("shows no number" in note for note in some.json["notes"])
