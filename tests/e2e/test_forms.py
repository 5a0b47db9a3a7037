"""The same tests give the same scores, whatever the form of their files."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from e2e.invented import YEAR, Done, Row, findings_of, scorehouse, scores_of

Scores = dict[tuple[str, str], Row]


@pytest.fixture
def score(district: Path, tmp_path: Path) -> Callable[..., Path]:
    """Scores a form of the district to a file of the name given."""

    def run(form: str, name: str, *options: object) -> Path:
        out = tmp_path / name
        done: Done = scorehouse(
            *("score", district / form, "--package", district / "package"),
            *("--year", YEAR, "-o", out, *options),
        )
        assert done.code <= 1, done.err
        return out

    return run


def by_measure(path: Path) -> Scores:
    return {(row["opportunity_id"], row["measure"]): row for row in scores_of(path)}


def differing(one: Scores, other: Scores) -> list[tuple[tuple[str, str], str]]:
    """Where two tables of scores differ; blank and null are the same in CSV."""
    assert one.keys() == other.keys()
    return [
        (key, name)
        for key, row in one.items()
        for name, value in row.items()
        if not same(value, other[key][name])
    ]


def same(one: object, other: object) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return one == other or (math.isnan(one) and math.isnan(other))
    return (one or None) == (other or None) if isinstance(one, str | None) else one == other


def test_every_form_of_the_responses_gives_the_same_scores(score: Callable[..., Path]) -> None:
    from_parquet = by_measure(score("parquet", "parquet.parquet"))
    assert len(from_parquet) > 1000
    assert differing(from_parquet, by_measure(score("csv", "csv.parquet"))) == []
    assert differing(from_parquet, by_measure(score("trt.zip", "trt.parquet"))) == []


def test_both_forms_of_the_scores_hold_the_same(score: Callable[..., Path]) -> None:
    as_parquet, as_csv = score("parquet", "a.parquet"), score("parquet", "a.csv")
    assert differing(by_measure(as_parquet), by_measure(as_csv)) == []
    assert [r["measure"] for r in scores_of(as_parquet)] == [
        r["measure"] for r in scores_of(as_csv)
    ]


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
@pytest.mark.parametrize("form", ["parquet", "trt.zip"])
def test_the_same_input_gives_the_same_bytes(
    score: Callable[..., Path], form: str, suffix: str
) -> None:
    first, again = score(form, f"a{suffix}"), score(form, f"b{suffix}", "--threads", 1)
    more = score(form, f"c{suffix}", "--threads", 4)
    assert first.read_bytes() == again.read_bytes() == more.read_bytes()
    findings = [path.with_name(path.name + ".findings.csv") for path in (first, again, more)]
    assert len({path.read_bytes() for path in findings}) == 1


def test_no_student_is_named_anywhere(district: Path, tmp_path: Path) -> None:
    """Not in what is printed, not in findings, not in a file's name; ids only in the scores."""
    students = pq.read_table(district / "parquet" / "students.parquet")
    private = {
        value
        for name in students.column_names
        if name in ("student_id", "ssid", "first_name", "last_name")
        for value in students[name].to_pylist()
        if len(value) > 4
    }
    assert private
    out = tmp_path / "scores.parquet"
    arguments = ("score", district / "trt.zip", "--package", district / "package", "--year", YEAR)
    for options in ((), ("--json",), ("--year", "2099-00")):
        done = scorehouse(*arguments, "-o", out, *options)
        assert words(done.out + done.err).isdisjoint(private)
    for row in findings_of(tmp_path / "scores.parquet.findings.csv"):
        assert words(" ".join(map(str, row.values()))).isdisjoint(private)
    record = (tmp_path / "scores.parquet.run.json").read_text(encoding="utf-8")
    assert words(record).isdisjoint(private)
    assert words(" ".join(path.name for path in tmp_path.iterdir())).isdisjoint(private)


def words(text: str) -> set[str]:
    return set(text.replace(",", " ").replace('"', " ").replace("'", " ").split())
