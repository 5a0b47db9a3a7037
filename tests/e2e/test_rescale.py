"""A district over several years, scored, and put under one LOSS/HOSS option by the command."""

from __future__ import annotations

import csv
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from e2e.invented import Done, ended, scorehouse, started
from scorehouse.result_shapes import REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from unit.rescale_results import result
from unit.two_table_files import ITEM, of, write_tables

YEARS = ("2018-19", "2022-23")  # California's own option is another in each
OPTION_1, OPTION_2, OPTION_3 = (
    "opt1_2014_15_values", "opt2_ca_2020_21_values", "opt3_no_loss_hoss",
)  # fmt: skip
OF_ERRORS = ("se_theta", "se_scale", "accuracy", "consistency", "claim_rating", "reason")


@pytest.fixture(scope="module")
def years(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with each year's scores under its own option, and under option 2 and 3."""
    folder = tmp_path_factory.mktemp("years")
    for year in YEARS:
        made = folder / year
        done = scorehouse(
            *("simulate", "-o", made, "--year", year, "--students", 60, "--seed", 7),
            *("--grade", 4, "--grade", 5),
        )
        assert done.code == 0, done.err
        for name in ("", OPTION_2, OPTION_3):
            policy = ("--policy", name) if name else ()
            out = folder / f"{year}{name and '-'}{name}.parquet"
            work = ("score", made, "--package", made, "--year", year, "--program", "california")
            assert scorehouse(*work, *policy, "-o", out).code == 0
    return folder


def inputs(years: Path, option: str = "") -> list[Path]:
    return [years / f"{year}{option and '-'}{option}.parquet" for year in YEARS]


def read(*paths: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in paths])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def found_rules(out: Path) -> list[str]:
    return [row["rule"] for row in rows_of(out.with_name(f"{out.name}.findings.csv"))]


# --- scores tables --------------------------------------------------------------------


@pytest.mark.parametrize("option", [OPTION_2, OPTION_3])
def test_several_years_become_what_scoring_under_the_option_gives(
    option: str, years: Path, tmp_path: Path
) -> None:
    out = tmp_path / "scores.parquet"
    done = scorehouse("rescale", *inputs(years), "--policy", option, "-o", out)
    assert done.code == 0, done.err
    now, expected = read(out), read(*inputs(years, option))
    open_rows = now["reason"].str.contains("se_needs_responses")
    assert 0 < open_rows.sum() < 200
    for name in now.columns:
        differs = now[name].ne_missing(expected[name])
        if name in OF_ERRORS:
            assert not differs.filter(~open_rows).any(), name
            assert name == "reason" or now[name].filter(differs).is_null().all(), name
        else:
            assert not differs.any(), name


def test_the_report_says_who_changes_and_by_how_much(years: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.csv"
    done = scorehouse("rescale", *inputs(years), "--policy", OPTION_3, "-o", out, "--json")
    told = done.json
    was, now = read(*inputs(years)), read(*inputs(years, OPTION_3))
    move = now["scale_score"] - was["scale_score"]
    changed = was.with_columns(move=move).filter(pl.col("move") != 0)
    assert told["n_changed"] == len(changed) > 20
    assert told["n_scores"] == was["scale_score"].count()
    assert (told["n_up"], told["n_down"]) == ((move > 0).sum(), (move < 0).sum())
    assert (told["rows"], told["form"], told["policy"]) == (len(was), "scores", OPTION_3)
    listed = rows_of(Path(told["changes_file"]))
    assert {(r["opportunity_id"], r["measure"], int(r["difference"])) for r in listed} >= set(
        changed.select("opportunity_id", "measure", "move").iter_rows()
    )
    for row in rows_of(Path(told["report_file"])):
        keys = ("school_year", "subject", "test_grade", "measure")
        of_row = changed.filter(*(pl.col(key) == row[key] for key in keys))
        assert int(row["n_changed"]) == len(of_row)
        rises = of_row["move"].filter(of_row["move"] > 0)
        assert row["largest_rise"] == ("" if rises.is_empty() else str(rises.max()))
    assert {row["school_year"] for row in told["report"]} == set(YEARS)
    assert sum(int(row["n_scores"]) for row in rows_of(Path(told["levels_file"]))) > 0


def test_the_option_of_a_year_leaves_that_year_as_it_was(years: Path, tmp_path: Path) -> None:
    """California's 2022-23 option is its second: of that year no score moves, of 2018-19 some."""
    out = tmp_path / "scores.parquet"
    work = ("rescale", *inputs(years), "--as-in", "2022-23", "--program", "california")
    told = scorehouse(*work, "-o", out, "--json").json
    moved = {row["school_year"] for row in told["report"] if row["n_changed"]}
    assert (told["policy"], moved) == (OPTION_2, {"2018-19"})
    second = read(out).filter(pl.col("school_year") == "2022-23")
    assert second.equals(read(inputs(years)[1]))


def test_the_table_for_people(years: Path, tmp_path: Path) -> None:
    done = scorehouse(
        "rescale", *inputs(years), "--policy", OPTION_2, "-o", tmp_path / "scores.parquet"
    )
    lines = [line.split() for line in done.out.splitlines()]
    assert ["Tests", "Scores", "Up", "Down", "Mean", "Most", "Levels", "LOSS", "HOSS"] in lines
    assert sum(line[:1] == ["2018-19"] for line in lines) == 4
    assert "62 of" not in done.out
    assert "scores changed" in done.err
    assert OPTION_2 in done.err


# --- what is wrong with a scores table --------------------------------------------------

Change = Callable[[pl.DataFrame], pl.DataFrame]


def with_theta(*texts: str) -> Change:
    """The first rows with a theta get these in its place."""

    def change(frame: pl.DataFrame) -> pl.DataFrame:
        theta = frame["theta"].cast(pl.String).to_list()
        places = [place for place, text in enumerate(theta) if text is not None]
        for place, text in zip(places, texts, strict=False):
            theta[place] = text
        return frame.with_columns(theta=pl.Series(theta, dtype=pl.String))

    return change


def set_to(**columns: str) -> Change:
    return lambda frame: frame.with_columns(**{k: pl.lit(v) for k, v in columns.items()})


DAMAGES: dict[str, tuple[Change, int, dict[str, int], int]] = {
    "thetas that are no numbers": (
        with_theta("nan", "inf", "abc", "1e999"), 1, {"column_value": 4}, 4),
    "another year": (set_to(school_year="1999-00"), 1, {"rescale_impossible": 4}, 0),
    "a year that is none": (set_to(school_year="soon"), 1, {"rescale_impossible": 4}, 0),
    "another subject": (set_to(subject="Latin"), 1, {"rescale_impossible": 2}, 0),
    "a policy nobody knows": (set_to(policy="mine"), 1, {"rescale_impossible": 4}, 0),
    "scores by the engine": (set_to(policy="engine"), 1, {"rescale_impossible": 4}, 0),
    "a row twice": (
        lambda f: pl.concat([f.head(1), f]), 0, {"rescale_row_twice": 1}, 0),
    "a test twice": (lambda f: pl.concat([f, f.head(1)]), 0, {"rescale_test_apart": 1}, 0),
    "in another order": (lambda f: f.sample(fraction=1, shuffle=True, seed=1), 0, {}, 0),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_table_is_told_and_the_rest_rescaled(
    damage: str, years: Path, tmp_path: Path
) -> None:
    change, code, rules, left_out = DAMAGES[damage]
    given, out = tmp_path / "given.csv", tmp_path / "out.parquet"
    source = read(inputs(years)[0])
    change(source).write_csv(given)
    done = scorehouse("rescale", given, "--policy", OPTION_3, "-o", out, "--json")
    assert done.code == code, done.err
    assert done.json["findings"].items() >= rules.items()
    assert done.json["left_out"] == left_out
    expected = read(inputs(years, OPTION_3)[0]).select("opportunity_id", "measure", "scale_score")
    now = read(out).select("opportunity_id", "measure", "scale_score")
    if "rescale_impossible" in rules:
        expected = source.select("opportunity_id", "measure", "scale_score")
        assert done.json["n_left"] == done.json["n_scores"] > 100
    assert len(now) == len(change(source)) - left_out
    assert set(now.iter_rows()) <= set(expected.iter_rows())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--policy", "nope"), "unknown policy 'nope'"),
        ((), "say which option"),
        (("--policy", OPTION_3, "--as-in", "2018-19"), "say which option"),
        (("--as-in", "1999-00"), "1999-00 is absent"),
        (("--as-in", "soon"), "'soon' is not a school year"),
        (("--policy", "engine"), "score again from the responses"),
        (("--policy", OPTION_3, "-o", "scores.txt"), "written as .parquet or .csv"),
        (("--policy", OPTION_3, "-o", "nowhere/scores.csv"), "does not exist"),
        (("--policy", OPTION_3, "--changes", "out.csv"), "written twice"),
    ],
)
def test_what_cant_be_asked_is_refused_before_anything_is_written(
    arguments: tuple[str, ...], why: str, years: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    done = scorehouse("rescale", *inputs(years), "-o", "out.csv", *arguments)
    assert done.code == 2
    assert why in done.err
    assert list(tmp_path.iterdir()) == []


def test_inputs_that_cant_be_rescaled_are_refused(years: Path, tmp_path: Path) -> None:
    [scores, _] = inputs(years)
    work = ("--policy", OPTION_3, "-o", tmp_path / "out.csv")
    without = tmp_path / "without.csv"
    read(scores).drop("theta").write_csv(without)
    (tmp_path / "empty.csv").touch()
    read(scores).head(0).write_csv(tmp_path / "none.csv")
    for given, why in (
        ([scores, scores], "given twice"),
        ([scores, years / YEARS[0]], "each by themselves"),
        ([tmp_path / "absent.csv"], "there is no file or folder"),
        ([without], "The column theta is missing"),
        ([tmp_path / "none.csv"], "There is no score in it"),
        ([tmp_path / "empty.csv"], "is no scores table"),
    ):
        done = scorehouse("rescale", *given, *work)
        assert done.code == 2
        assert why in done.err
        assert not (tmp_path / "out.csv").exists()
    done = scorehouse("rescale", without, "--policy", OPTION_3, "-o", without)
    assert "is read by this run" in done.err
    assert scorehouse("rescale", without, *work, "--json").json["error"]


# --- results files ---------------------------------------------------------------------


def results(folder: Path) -> Path:
    folder.mkdir()
    given = [result("2.9", "2701", "op-1"), result("0.0", "2508", "op-2")]
    write_tables(folder, given, [of(ITEM, "op-1"), of(ITEM, "op-2")])
    return folder


def test_results_as_trt_and_as_tables_become_the_same_tables(tmp_path: Path) -> None:
    tables = results(tmp_path / "tables")
    assert scorehouse("convert", tables, "-o", tmp_path / "trt.zip").code == 0
    from_tables, from_trt = tmp_path / "out", tmp_path / "out-trt"
    one = scorehouse("rescale", tables, "--policy", OPTION_3, "-o", from_tables, "--json")
    other = scorehouse(
        "rescale", tmp_path / "trt.zip", "--policy", OPTION_3, "-o", from_trt, "--json"
    )
    assert (one.code, other.code) == (0, 0)
    assert [row["ScaleScore"] for row in rows_of(from_tables / "tests.csv")] == ["2757", "2508"]
    for name, columns in (
        ("tests.csv", REQUIRED_TEST_COLUMNS),
        ("items.csv", REQUIRED_ITEM_COLUMNS),
    ):
        tables_of = [rows_of(folder / name) for folder in (from_tables, from_trt)]
        mine, theirs = ([[r[c] for c in columns] for r in rows] for rows in tables_of)
        assert mine == theirs
    assert one.json["report"] == other.json["report"]
    assert (one.json["form"], one.json["rows"], one.json["n_changed"]) == ("results", 2, 1)
    assert "rescale_beyond_tables" in other.json["findings"]
    assert "rescale_beyond_tables" not in one.json["findings"]


def test_a_folder_that_holds_files_is_replaced_only_when_asked(tmp_path: Path) -> None:
    tables, out = results(tmp_path / "tables"), tmp_path / "out"
    out.mkdir()
    (out / "tests.csv").write_text("mine", encoding="utf-8")
    work = ("rescale", tables, "--policy", OPTION_3, "-o", out)
    refused = scorehouse(*work)
    assert refused.code == 2
    assert "--overwrite" in refused.err
    assert (out / "tests.csv").read_text(encoding="utf-8") == "mine"
    assert scorehouse(*work, "--overwrite").code == 0
    assert len(rows_of(out / "tests.csv")) == 2
    assert found_rules(out) == ["rescale_error_unknown"]


def test_the_samples_that_hold_theta(shared: Path, tmp_path: Path) -> None:
    """The published example is inside every option; of files without theta each score stays."""
    example = shared / "samples" / "trt-example" / "example_summative.xml"
    work = ("rescale", "--policy", OPTION_1, "--json", "-o")
    one = scorehouse(*work, tmp_path / "one", example)
    assert (one.code, one.json["n_scores"], one.json["n_changed"]) == (0, 5, 0)
    many = scorehouse(*work, tmp_path / "many", shared / "samples/trt-generated/trt_small.zip")
    assert (many.code, many.json["rows"], many.json["n_changed"]) == (1, 500, 0)
    assert many.json["n_left"] == many.json["n_scores"] > 1000
    assert set(many.json["findings"]) == {"rescale_theta_missing", "rescale_beyond_tables"}


# --- stopped in the middle ---------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_nothing_is_left(
    number: signal.Signals, years: Path, tmp_path: Path
) -> None:
    source = read(*inputs(years))
    copies = [
        source.with_columns(pl.col("opportunity_id") + f"-{n}", student_id=pl.lit("9000000001"))
        for n in range(400)
    ]
    pl.concat(copies).write_parquet(tmp_path / "given.parquet")
    work = ("rescale", "given.parquet", "--policy", OPTION_3, "-o", "out.parquet", "--json")
    process = started(*work, folder=tmp_path)
    for _ in range(4000):
        if any(path.name.endswith(".part") for path in tmp_path.iterdir()):
            break
        assert process.poll() is None, ended(process)
        time.sleep(0.01)
    process.send_signal(number)
    done: Done = ended(process)
    assert done.code == 128 + signal.SIGINT
    assert [path.name for path in tmp_path.iterdir()] == ["given.parquet"]
    assert "9000000001" not in done.err + json.dumps(done.out)
