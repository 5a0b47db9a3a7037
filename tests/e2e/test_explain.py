"""Every kind of score tells its story, and says when the story has changed."""

from __future__ import annotations

import json
import shutil
from importlib import resources
from pathlib import Path

import pytest

from e2e.invented import (
    BLOCK,
    STUDENT,
    YEAR,
    Done,
    essay,
    overall,
    package,
    responses,
    scorehouse,
    sitting,
)

STORIES = {
    "op-plain": ["The CAT is complete", "The likelihood is highest", "Level 3"],
    "op-perfect": ["A perfect pattern has no maximum", "half a point"],
    "op-zero": ["A zero pattern has no maximum", "half a point"],
    "op-short": ["The CAT is incomplete", "average item"],
    "op-none": ["not_scored"],
    "op-bad": ["test_not_scored_item", "above the item's maximum 1"],
    "op-block": ["Near Standard"],
    "op-essay": ["400-9/D", "400-9/C", "claim:"],
}


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One test of each kind, scored; the place of the scores."""
    folder = tmp_path_factory.mktemp("kinds")
    bad = sitting("op-bad")
    bad[0]["score"] = "3"
    responses(
        folder / "responses.csv",
        sitting("op-plain"),
        sitting("op-perfect", "111111 22"),
        sitting("op-zero", "000000 00"),
        [row for row in sitting("op-short") if row["item_id"] not in ("200-5", "200-6")],
        sitting("op-none", "------ --"),
        bad,
        sitting("op-block", "1011", BLOCK),
        essay("op-essay", ("3", "2", "1")),
    )
    package(folder / "package")
    return run(folder, "scores.parquet")


def run(folder: Path, name: str, *options: object) -> Path:
    out = folder / name
    done = scorehouse(
        *("score", folder / "responses.csv", "--package", folder / "package"),
        *("--year", YEAR, "-o", out, *options),
    )
    assert done.code == 1, done.err  # of the bad one
    return out


def told(done: Done) -> str:
    """What was printed, as one line."""
    return " ".join(done.out.split())


@pytest.mark.parametrize("opportunity", STORIES)
def test_a_story(scored: Path, opportunity: str) -> None:
    done = scorehouse("explain", scored, opportunity)
    assert done.code == 0, done.err
    assert opportunity in done.out
    assert STUDENT not in done.out + done.err
    for words in STORIES[opportunity]:
        assert words in told(done)
    assert "The stored scores agree with this story." in done.out
    assert max(map(len, done.out.splitlines())) <= 80


@pytest.mark.parametrize("opportunity", STORIES)
def test_a_story_as_json(scored: Path, opportunity: str) -> None:
    """Strictly JSON: nothing that isn't a number; and the numbers are those of the file."""
    done = scorehouse("explain", scored, opportunity, "--json")
    story = json.loads(done.out, parse_constant=pytest.fail)
    assert story["opportunity_id"] == opportunity
    stored = overall(scored)[opportunity]
    first = story["scores"][0]
    assert first["measure"] == "overall"
    assert first["score_status"] == stored["score_status"]
    assert first.get("scale_score") == stored["scale_score"]
    assert story["differences"] == []


def test_the_lowest_score_of_california(scored: Path) -> None:
    out = run(scored.parent, "california.csv", "--program", "california")
    assert overall(out)["op-plain"]["score_status"] == "lowest_score"  # fewer than ten answered
    done = scorehouse("explain", out, "op-plain")
    assert done.code == 0, told(done)
    assert "the lowest obtainable scale score" in told(done)


def test_scores_in_csv_are_explained_too(scored: Path) -> None:
    out = run(scored.parent, "scores.csv")
    assert scorehouse("explain", out, "op-essay").code == 0


def test_trt_is_explained_too(district: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.parquet"
    arguments = ("--package", district / "package", "--year", YEAR, "-o", out)
    assert scorehouse("score", district / "trt.zip", *arguments).code <= 1
    for opportunity in list(overall(out))[:3]:
        done = scorehouse("explain", out, opportunity)
        assert done.code == 0, told(done)


def test_a_changed_response_is_noticed(scored: Path, tmp_path: Path) -> None:
    other = tmp_path / "responses.csv"
    responses(other, sitting("op-plain", "110100 22"))
    done = scorehouse("explain", scored, "op-plain", "--input", other)
    assert done.code == 1
    assert "differs: overall raw_score: stored 6.0, now 7.0" in done.out


def test_a_changed_rulebook_is_said(scored: Path, tmp_path: Path) -> None:
    book = tmp_path / "rulebook"
    shutil.copytree(str(resources.files("scorehouse.rulebook") / "data"), book)
    out = run(scored.parent, "own-rules.parquet", "--rulebook", book)
    assert "rulebook has changed" not in scorehouse("explain", out, "op-plain").out
    cuts = next(book.rglob("cuts.csv"))
    cuts.write_text(cuts.read_text().replace("2528", "2500"))
    done = scorehouse("explain", out, "op-plain")
    assert "The rulebook has changed since these scores were made." in told(done)


REFUSALS = [
    (("nowhere.parquet", "op-plain"), "there is no file"),
    (("scores.parquet", "op-nobody"), "holds no such opportunity"),
    (("responses.csv", "op-plain"), "responses.csv.run.json is not beside the scores"),
    (("package/items.csv", "op-plain"), "is not a scores file"),
]


@pytest.mark.parametrize(("arguments", "words"), REFUSALS, ids=[words for _, words in REFUSALS])
def test_what_cannot_be_explained(scored: Path, arguments: tuple[str, str], words: str) -> None:
    done = scorehouse("explain", scored.parent / arguments[0], arguments[1])
    assert done.code == 2
    assert words in " ".join(done.err.split())


def test_moved_files_are_asked_for(scored: Path, tmp_path: Path) -> None:
    folder = tmp_path / "moved"
    shutil.copytree(scored.parent, folder)
    record = folder / "scores.parquet.run.json"
    record.write_text(record.read_text().replace("responses.csv", "gone.csv"))
    done = scorehouse("explain", folder / "scores.parquet", "op-plain")
    assert (done.code, "--input" in done.err) == (2, True)
    moved = ("--input", folder / "responses.csv", "--package", folder / "package")
    assert scorehouse("explain", folder / "scores.parquet", "op-plain", *moved).code == 0
