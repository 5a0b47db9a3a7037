"""Three results that an operational engine scored, scored again from their own responses.

The files are of 2016-17; every theta, standard error and scale score written in them must
come out, under the policy that scores as the engine did.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from cases.known_scores import shared_cases
from cases.scoring_builders import Row, Scored, rules_of, score_chunk
from scorehouse import shapes
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.packages import Package, read_packages
from scorehouse.intake.readers.responses import read_responses
from scorehouse.scoring.scale import half_away

TOLERANCE = 1e-9
BLOCK_IN_PACKAGE = "SBAC-IAB-FIXED-G4M-G-MATH-4"
BLOCK = "SBAC-IAB-FIXED-G6E-LangVocab-ELA-6"
COMPREHENSIVE = "SBAC-ICA-FIXED-G6E-COMBINED-2017"

Written = dict[tuple[str, str], tuple[str, str]]


def engine_file(shared: Path, test: str) -> Path:
    return shared / "samples" / "trt-engine" / f"{test}.xml"


def written_scores(path: Path) -> Written:
    """(measure, label) to value and standard error, as the file has them."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    return {
        (str(score.get("measureOf")), str(score.get("measureLabel"))): (
            str(score.get("value")),
            str(score.get("standardError")),
        )
        for score in etree.parse(path, parser).iter("Score")
    }


def package_of_case(folder: Path, test: str) -> Package:
    """The two-file package of the item parameters that the shared case of a test gives."""
    (case,) = [c for c in shared_cases()["cases"] if c["id"] == f"engine_{test}"]
    kind = "ICA" if "-ICA-" in test else "IAB"
    about = {"assessment_id": test, "subject": case["subject"], "test_grade": str(case["grade"]),
             "assessment_type": kind}  # fmt: skip
    write(folder / "assessments.csv", shapes.ASSESSMENTS.names, [about])
    columns = [column for column in shapes.ITEMS.names if column != "unscorable"]
    write(folder / "items.csv", columns, [item_of(test, e) for e in case["items"]])
    log = FindingLog()
    made = read_packages([folder], log)
    assert log.counts() == {}
    return made


def item_of(test: str, entry: Mapping[str, Any]) -> Row:
    item_id, _, dimension = entry["item"].partition("/")
    steps = dict(zip(shapes.STEP_COLUMNS, entry["b"], strict=False))
    return {
        "assessment_id": test, "item_id": f"200-{item_id}", "dimension": dimension,
        "part": "fixed", "model": entry["model"], "a": entry["a"], "claim": entry["strand"],
        "operational": "true", **steps,
    }  # fmt: skip


def write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, restval="")
        table.writeheader()
        table.writerows(rows)


def score_engine_file(path: Path, made: Package) -> Scored:
    log = FindingLog()
    (chunk,) = read_responses(path, log)
    assert log.counts() == {}
    scored = score_chunk(chunk, made, rules_of("2016-17"), "engine")
    assert scored.found == []
    return scored


def check_measure(scored: Scored, written: Written, name: str, measure: str) -> Row:
    """Compare the kernel's and the readable text's row with what the engine wrote."""
    theta, se_theta = map(float, written[name, "ThetaScore"])
    unrounded, se_scale = map(float, written[name, "ScaleScore"])
    (twin,) = [vars(s) for s in scored.readable().scores if s.measure == measure]
    for row in (scored.row(0, measure), twin):
        assert row["theta"] == pytest.approx(theta, rel=0, abs=TOLERANCE)
        assert row["se_theta"] == pytest.approx(se_theta, rel=0, abs=TOLERANCE)
        assert row["scale_score_unrounded"] == pytest.approx(unrounded, rel=0, abs=TOLERANCE)
        assert row["se_scale"] == pytest.approx(se_scale, rel=0, abs=TOLERANCE)
        assert row["scale_score"] == half_away(unrounded)
    return scored.row(0, measure)


def test_a_block_with_the_public_package(shared: Path) -> None:
    path = engine_file(shared, BLOCK_IN_PACKAGE)
    made = read_packages([shared / "samples" / "packages" / "2019v2.interim.csv"], FindingLog())
    written = written_scores(path)
    found = check_measure(score_engine_file(path, made), written, "Overall", "overall")
    assert found["claim_rating"] == int(written["Overall", "PerformanceLevel"][0])


def test_a_block_with_given_parameters(shared: Path, tmp_path: Path) -> None:
    path = engine_file(shared, BLOCK)
    written = written_scores(path)
    scored = score_engine_file(path, package_of_case(tmp_path, BLOCK))
    found = check_measure(scored, written, "Overall", "overall")
    assert found["claim_rating"] == int(written["Overall", "PerformanceLevel"][0])


def test_a_comprehensive_test_and_its_claims(shared: Path, tmp_path: Path) -> None:
    path = engine_file(shared, COMPREHENSIVE)
    written = written_scores(path)
    scored = score_engine_file(path, package_of_case(tmp_path, COMPREHENSIVE))
    overall = check_measure(scored, written, "Overall", "overall")
    assert overall["achievement_level"] == int(written["Overall", "PerformanceLevel"][0])
    for claim in ("2-W", "4-CR", "SOCK_R", "SOCK_LS"):
        found = check_measure(scored, written, claim, f"claim:{claim}")
        assert found["claim_rating"] == int(written[claim, "PerformanceLevel"][0])
        assert found["item_count"] == int(written[claim, "ItemCount"][0])
    assert overall["item_count"] == int(written["Overall", "ItemCount"][0])
    traits = {
        row["measure"]: row["raw_score"] for row in scored.rows[0] if "trait" in row["measure"]
    }
    assert traits == {"trait:ORG": 3.0, "trait:EVI": 2.0, "trait:CON": 2.0}
