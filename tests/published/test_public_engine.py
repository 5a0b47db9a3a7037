"""Five hundred results whose thetas the consortium's public scoring engine computed.

Full writes are left out, as they were there; the engine marks perfect and zero patterns
with 15 and -15, which the policy places.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from cases.scoring_builders import Row, Scored, rules_of, score_chunk
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.packages import read_packages
from scorehouse.intake.readers.responses import read_responses

YEAR, POLICY = "2018-19", "spec_2014_15"
SEARCH_END = 15.0


@dataclass(frozen=True)
class Expected:
    """A row of the engine's table."""

    opportunity_id: str
    raw: int
    theta: float

    @property
    def is_extreme(self) -> bool:
        """Whether the search ended at its end: a perfect or zero pattern."""
        return abs(self.theta) >= SEARCH_END


def expected_rows(shared: Path) -> list[Expected]:
    """The engine's table; a file is named by its opportunity."""
    path = shared / "samples" / "trt-scored" / "expected_theta.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [
            Expected(Path(row["file"]).stem, int(row["raw"]), float(row["theta"]))
            for row in csv.DictReader(file)
        ]


@pytest.fixture(scope="module")
def scored(shared: Path) -> Scored:
    samples = shared / "samples"
    made = read_packages([samples / "packages" / "2019v2.interim.csv"], FindingLog())
    log = FindingLog()
    (chunk,) = read_responses(samples / "trt-scored" / "trt_scored.zip", log)
    assert log.counts() == {}
    return score_chunk(chunk, made, rules_of(YEAR), POLICY, frozenset({"WER"}))


@pytest.fixture(scope="module")
def found(scored: Scored) -> dict[str, Row]:
    """The overall row of each opportunity."""
    overall = [row for rows in scored.rows for row in rows if row["measure"] == "overall"]
    return {row["opportunity_id"]: row for row in overall}


def test_every_result_is_scored_once(shared: Path, found: dict[str, Row]) -> None:
    wanted = expected_rows(shared)
    assert len(wanted) == 500
    assert sorted(found) == sorted(row.opportunity_id for row in wanted)
    assert {row["score_status"] for row in found.values()} == {"scored"}


def test_thetas_are_the_engine_s(shared: Path, found: dict[str, Row]) -> None:
    ordinary = [row for row in expected_rows(shared) if not row.is_extreme]
    thetas = {row.opportunity_id: row.theta for row in ordinary}
    assert len(thetas) > 400
    assert {name: found[name]["theta"] for name in thetas} == pytest.approx(thetas, rel=0, abs=1e-6)
    assert {name: found[name]["raw_score"] for name in thetas} == {
        row.opportunity_id: row.raw for row in ordinary
    }


def test_perfect_and_zero_patterns_get_the_policy_s_value(
    shared: Path, found: dict[str, Row]
) -> None:
    extremes = [row for row in expected_rows(shared) if row.is_extreme]
    assert extremes
    rules = rules_of(YEAR)
    bounds_set = rules.policies[POLICY].bounds_set
    for row in extremes:
        result = found[row.opportunity_id]
        bounds = next(
            bounds
            for (name, subject, grade), bounds in rules.bounds.items()
            if (name, str(subject), grade) == (bounds_set, result["subject"], result["test_grade"])
        )
        is_perfect = row.theta > 0
        assert result["raw_score"] == row.raw == (result["raw_score_max"] if is_perfect else 0)
        end = "highest" if is_perfect else "lowest"
        assert result["theta"] == getattr(bounds, f"{end}_theta")
        assert result["scale_score"] == getattr(bounds, f"{end}_scale_score")


def test_the_output_says_what_was_left_out(scored: Scored, found: dict[str, Row]) -> None:
    """Tests whose full write was left out say so; no other test does."""
    wrote = {
        scored.batch.opportunity_id[index].as_py()
        for index in range(len(scored.batch))
        if scored.batch.has_left_out[index]
    }
    assert wrote
    said = {name for name, row in found.items() if "left_out_on_request" in row["reason"]}
    assert said == wrote
    assert Counter(scored.found)["left_out_on_request"] == 1
    assert all(row["subject"] == "ELA" for name, row in found.items() if name in wrote)


def test_the_readable_text_agrees(scored: Scored) -> None:
    for index in range(0, len(scored.batch), 7):
        twin = scored.readable(index).scores[0]
        row = scored.row(index)
        assert row["theta"] == pytest.approx(twin.theta, rel=0, abs=1e-9)
        assert row["scale_score"] == twin.scale_score
