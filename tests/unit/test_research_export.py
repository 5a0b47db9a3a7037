"""Research files of a warehouse: rows equal the figures, what is small is hidden, read again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from report_help import NORTH, SCHOOLS, SOUTH, World, add, house, world
from scorehouse.cli.app import app
from scorehouse.exports.research_read import read
from scorehouse.reports.query import ReportQuery
from scorehouse.terms import SchoolYear
from scorehouse.warehouse import Warehouse, research_entities
from scorehouse.warehouse.entity_tree import read_tree
from scorehouse.warehouse.report import make
from scorehouse.warehouse.research_entities import schools_of_year, together


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    return house(tmp_path_factory.mktemp("research") / "w", world(5, 200))


@pytest.fixture(scope="module")
def written(
    made: Warehouse, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, object]]:
    folder = tmp_path_factory.mktemp("written") / "out"
    code, told = run(made, folder, "--year", "2018-19")
    assert code == 0, told
    return folder, told


def run(made: Warehouse, folder: Path, *more: str) -> tuple[int, dict[str, object]]:
    ran = CliRunner().invoke(
        app, ["export", "research-file", "-w", str(made.root), "-o", str(folder), "--json", *more]
    )
    return ran.exit_code, json.loads(ran.stdout)


def rows(path: Path) -> pl.DataFrame:
    with path.open("rb") as stream:
        found = read(stream)
    assert found.refused == ()
    return found.rows


def test_every_row_has_the_figures_of_the_report(
    made: Warehouse, written: tuple[Path, dict[str, object]]
) -> None:
    folder, told = written
    found = rows(folder / "sb_ca2019_all_csv_v1.txt")
    assert told["rows"] == len(found)
    report = make(
        made, ReportQuery("aggregate", entities=(NORTH,), school_years=("2018-19",),
                          student_groups=("ALL", "EL")), "staff",
    ).figures.to_pylist()  # fmt: skip
    checked = 0
    for figures in report:
        group = {"ALL": "001", "EL": "160"}[figures["student_group"]]
        test = {"ELA": "01", "Math": "02"}[figures["subject"]]
        row = found.filter(
            (pl.col("county_code") + pl.col("district_code") + pl.col("school_code") == NORTH)
            & (pl.col("student_group_id") == group) & (pl.col("test_id") == test)
            & (pl.col("grade") == (figures["test_grade"] or "13"))
        ).row(0, named=True)  # fmt: skip
        if figures["n_tested"] < 11:
            assert row["tested"] == row["scored"] == row["percent:4"] == "*"
            continue
        assert (row["tested"], row["scored"]) == (
            str(figures["n_tested"]), str(figures["n_scored"]),
        )  # fmt: skip
        levels = figures["level_counts"]
        assert float(row["percent:met"]) == pytest.approx(
            100 * sum(levels[2:]) / sum(levels), abs=0.005
        )
        if figures["test_grade"]:
            assert float(row["mean_scale_score"]) == pytest.approx(
                figures["mean_scale_score"], abs=0.05
            )
        checked += 1
    assert checked > 5


def test_small_groups_are_hidden_and_large_ones_are_not(
    written: tuple[Path, dict[str, object]],
) -> None:
    found = rows(written[0] / "sb_ca2019_all_csv_v1.txt")
    shown = found.filter(~pl.col("tested").is_in(["*", ""]))
    assert all(int(tested) >= 11 for tested in shown["tested"])
    assert len(found.filter(pl.col("tested") == "*")) > 0


def test_entities_groups_and_tests_stand_beside(made: Warehouse, tmp_path: Path) -> None:
    run(made, tmp_path / "out", "--year", "2017-18", "--groups", "all")
    files = sorted(path.name for path in (tmp_path / "out").iterdir() if "columns" not in path.name)
    assert files == [
        "StudentGroups.txt", "Tests.txt", "sb_ca2018_1_csv_v1.txt", "sb_ca2018entities_csv.txt",
    ]  # fmt: skip
    found = rows(tmp_path / "out" / "sb_ca2018_1_csv_v1.txt")
    assert found["student_group_id"].unique().to_list() == ["001"]
    entities = rows(tmp_path / "out" / "sb_ca2018entities_csv.txt")
    assert set(SCHOOLS) <= set(
        entities.select(pl.concat_str("county_code", "district_code", "school_code")).to_series()
    )
    assert (tmp_path / "out" / "Tests.txt.columns.csv").exists()


def test_the_fixed_form_has_the_files_whose_places_are_published(
    made: Warehouse, tmp_path: Path
) -> None:
    code, told = run(
        made, tmp_path / "out", "--year", "2018-19", "--form", "fixed", "--groups", "all"
    )
    assert code == 1
    assert "places" in str(told["left_out"])
    lines = (tmp_path / "out" / "sb_ca2019entities_ascii.txt").read_bytes().splitlines()
    assert {len(line) for line in lines} == {179}


@pytest.mark.parametrize(("year", "words"), [("2019-20", "no statewide"), ("2031-32", "known are"),
                                             ("soon", "school year")])  # fmt: skip
def test_years_without_files_are_refused(
    made: Warehouse, tmp_path: Path, year: str, words: str
) -> None:
    code, told = run(made, tmp_path / "out", "--year", year)
    assert code == 2
    assert words in str(told["error"])
    assert not (tmp_path / "out").exists()


def test_an_existing_folder_is_not_written_over(made: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("mine")
    code, _ = run(made, tmp_path, "--year", "2018-19")
    assert code == 2
    assert (tmp_path / "kept").read_text() == "mine"


def test_results_that_arent_released_stay_out_and_are_told(tmp_path: Path) -> None:
    told = house(tmp_path / "w", world(5, 200))
    names = ("lea_id", "school_year", "subject", "availability")
    stated = [("", "2018-19", "", "released"), (NORTH, "2018-19", "Math", "reviewing")]
    add(told, {"availability": [dict(zip(names, row, strict=True)) for row in stated]})
    code, said = run(told, tmp_path / "out", "--year", "2018-19", "--groups", "all")
    assert code == 0
    assert said["notes"] == ["Left out, not yet released: 2018-19 Math (1 district)."]
    found = rows(tmp_path / "out" / "sb_ca2019_1_csv_v1.txt")
    of_north = found.filter(pl.col("county_code") + pl.col("district_code") == NORTH[:7])
    assert set(of_north["test_id"]) == {"01"}
    assert set(found["test_id"]) == {"01", "02"}


def test_a_year_without_results_is_said_and_is_exit_code_1(tmp_path: Path) -> None:
    told = house(tmp_path / "w", World())
    code, said = run(told, tmp_path / "out", "--year", "2018-19")
    assert (code, said["rows"], said["left_out"]) == (1, 0, [])
    assert said["notes"] == [
        "The warehouse holds no summative results of 2018-19: no file was written."
    ]
    assert said["output"] == ""
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_enrollments_alone_have_rows_and_no_note_of_groups(tmp_path: Path) -> None:
    alone = World(enrollments=world(5, 20).enrollments)
    code, said = run(house(tmp_path / "w", alone), tmp_path / "out", "--year", "2018-19")
    assert (code, said["notes"]) == (0, [])
    assert said["rows"] > 0


def test_districts_are_asked_about_together_and_only_where_there_is_something(
    made: Warehouse, written: tuple[Path, dict[str, object]], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """One query or one for each district: the files are the same, to the byte."""
    with made.snapshot() as snapshot:
        tree = read_tree(snapshot)
        named = schools_of_year(snapshot, SchoolYear(2019))
        assert named == {
            row["school_id"]
            for row in snapshot.sql(
                "SELECT school_id FROM result WHERE school_year = '2018-19'"
            ).to_pylist()
        } | {
            row["school_id"]
            for row in snapshot.sql(
                "SELECT school_id FROM enrollment WHERE school_year = '2018-19'"
            ).to_pylist()
        }
        districts = [NORTH, SOUTH]
        assert list(together(tree, districts, named)) == [(NORTH, SOUTH)]
        assert list(together(tree, districts, {SCHOOLS[2]})) == [(SOUTH,)]
        assert list(together(tree, districts, set())) == []
        monkeypatch.setattr(research_entities, "MOST_TOGETHER", 0)
        assert list(together(tree, districts, named)) == [(NORTH,), (SOUTH,)]
    run(made, tmp_path / "out", "--year", "2018-19")
    name = "sb_ca2019_all_csv_v1.txt"
    assert (tmp_path / "out" / name).read_bytes() == (written[0] / name).read_bytes()
