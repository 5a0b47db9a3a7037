"""Scores made piece by piece, somewhere, are those made in one go; so is what was found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from e2e.invented import scorehouse
from scorehouse.errors import UsageError
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import score_file
from scorehouse.verbs.score_spread import Spread
from scorehouse.warehouse.engine import Local


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    done = scorehouse(
        *("simulate", "-o", folder, "--year", "2018-19", "--students", 40, "--seed", 3),
        *("--interim", "--grade", "5"),
    )
    assert done.code == 0, done.err
    return folder


@pytest.fixture
def request_(simulated: Path, tmp_path: Path) -> ScoreRequest:
    """A copy of the simulated responses, small row groups, that a test may damage."""
    for name in ("responses", "opportunities"):
        rows = pq.read_table(simulated / f"{name}.parquet")
        pq.write_table(rows, tmp_path / f"{name}.parquet", row_group_size=777)
    return ScoreRequest(input=tmp_path / "responses.parquet", packages=(simulated,), year="2018-19")


def changed(path: Path, rows: pa.Table) -> None:
    pq.write_table(rows, path, row_group_size=500)


def assert_same(request: ScoreRequest, piece_tests: int) -> dict[str, int]:
    """Score in one go and in pieces; return what was found."""
    folder = request.input.parent
    whole, parted = folder / "whole.parquet", folder / "parted.parquet"
    engine = Local(folder)
    expected = score_file(request, whole, folder / "whole.csv")
    spread = Spread(engine.map_batches, folder, piece_tests)
    summary = score_file(request, parted, folder / "parted.csv", None, spread)
    engine.close()
    assert pq.read_table(parted).equals(pq.read_table(whole))
    assert summary == expected
    lines = [(folder / name).read_text().splitlines() for name in ("whole.csv", "parted.csv")]
    assert sorted(lines[0]) == sorted(lines[1])
    assert not list(folder.glob(".scoring-*"))
    return dict(expected.findings)


@pytest.mark.parametrize("piece_tests", [1, 7, 64, 10_000])
def test_pieces_of_any_size_give_the_scores_of_one_go(
    request_: ScoreRequest, piece_tests: int
) -> None:
    assert_same(request_, piece_tests)


@pytest.mark.parametrize("piece_tests", [3, 50])
def test_damage_is_told_the_same(request_: ScoreRequest, piece_tests: int) -> None:
    path = request_.input
    rows = pq.read_table(path)
    beside = pq.read_table(path.with_name("opportunities.parquet"))
    keys = beside["opportunity_id"]
    score = pc.cast(rows["score"], pa.string()).to_pylist()
    score[5], score[1500] = "three", "many"
    rows = rows.set_column(rows.schema.get_field_index("score"), "score", pa.array(score))
    changed(path, rows.filter(pc.not_equal(rows["opportunity_id"], keys[11].as_py())))
    twice = pa.concat_tables([beside.slice(0, 30), beside.slice(33), beside.slice(2, 1)])
    changed(path.with_name("opportunities.parquet"), twice)
    found = assert_same(request_, piece_tests)
    assert found["opportunity_twice"] == 1
    assert found["opportunity_unknown"] == 3
    assert found["opportunity_without_responses"] == 1
    assert found["column_value"] == 2


def test_tables_in_another_order_and_as_csv(request_: ScoreRequest) -> None:
    path = request_.input
    rows = pq.read_table(path)
    order = pa.array([(7919 * n) % rows.num_rows for n in range(rows.num_rows)])
    shuffled = rows.take(order)
    changed(path, shuffled)
    assert_same(request_, 9)
    as_csv = path.with_suffix(".csv")
    pyarrow.csv.write_csv(shuffled, as_csv)
    assert_same(replace(request_, input=as_csv), 9)


def test_responses_without_opportunities(request_: ScoreRequest) -> None:
    request_.input.with_name("opportunities.parquet").unlink()
    assert assert_same(request_, 9)["opportunities_missing"] == 1


def test_another_year_is_told_once(request_: ScoreRequest) -> None:
    rows = pq.read_table(request_.input)
    year = pa.array(["2017-18"] * rows.num_rows)
    changed(
        request_.input, rows.set_column(rows.schema.names.index("school_year"), "school_year", year)
    )
    assert assert_same(request_, 9)["year_mismatch"] == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"merge_parts": True}, "--merge-parts"),
        ({"item_fit": Path("fit.csv")}, "--item-fit"),
        ({"input": Path()}, "long-form table"),
    ],
)
def test_what_needs_one_machine_is_refused(
    request_: ScoreRequest, change: dict[str, object], reason: str, tmp_path: Path
) -> None:
    engine = Local(tmp_path)
    asked = replace(request_, **change)
    with pytest.raises(UsageError, match=reason):
        score_file(
            asked, tmp_path / "s.parquet", tmp_path / "f.csv", None,
            Spread(engine.map_batches, tmp_path),
        )  # fmt: skip
    engine.close()
