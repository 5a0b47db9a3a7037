"""Whatever is wrong with an input is said by record, and everything else is scored."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from e2e.invented import (
    BLOCK,
    STUDENT,
    SUMMATIVE,
    WRITING,
    YEAR,
    Done,
    Row,
    assessments,
    essay,
    findings_of,
    item,
    items,
    overall,
    package,
    responses,
    scorehouse,
    sitting,
)
from unit.intake_files import trt, trt_item

GOOD = ("op-1", "op-2", "op-3")
PATTERNS = ("110100 21", "111110 02", "010011 11")
Findings = list[Row]
Scoring = Callable[..., tuple[Done, list[Row], dict[str, Row]]]


def good() -> list[list[Row]]:
    return [sitting(name, pattern) for name, pattern in zip(GOOD, PATTERNS, strict=True)]


@pytest.fixture
def score(tmp_path: Path) -> Scoring:
    """Scores an input; gives how it ended, the findings and the overall rows."""
    given = package(tmp_path / "package")

    def run(
        path: Path, *options: object, package: Path = given
    ) -> tuple[Done, Findings, dict[str, Row]]:
        out = tmp_path / "scores.csv"
        said = tmp_path / "findings.csv"
        done = scorehouse(
            *("score", path, "--package", package, "--year", YEAR, "-o", out),
            *("--findings", said, *options),
        )
        assert STUDENT not in done.out + done.err
        assert "Traceback" not in done.err
        found = findings_of(said) if said.is_file() else []
        assert STUDENT not in str(found)
        return done, found, dict(overall(out)) if out.is_file() else {}

    return run


def only(found: Findings, rule: str) -> Row:
    matching = [row for row in found if row["rule"] == rule]
    assert len(matching) == 1, found
    return matching[0]


@cache
def expected_scores() -> dict[str, int]:
    """Scale scores of the good tests, worked out here from the formulas alone."""
    return {name: expected_score(pattern) for name, pattern in zip(GOOD, PATTERNS, strict=True)}


def expected_score(pattern: str) -> int:
    points = [int(digit) for digit in pattern.replace(" ", "")]
    steps = [[row[f"b{n}"] for n in (1, 2) if row[f"b{n}"] != ""] for row in items_of(SUMMATIVE)]
    slopes = [row["a"] for row in items_of(SUMMATIVE)]
    given = list(zip(slopes, steps, points, strict=True))

    def likelihood(theta: float) -> float:
        return sum(log_probability(theta, *response) for response in given)

    theta = max((n / 10_000 for n in range(-40_000, 40_000, 100)), key=likelihood)
    theta = max((theta + n / 10_000 for n in range(-100, 101)), key=likelihood)
    return int(79.3 * theta + 2514.9 + 0.5)


def log_probability(theta: float, a: float, steps: list[float], points: int) -> float:
    sums = [sum(1.7 * a * (theta - b) for b in steps[:n]) for n in range(len(steps) + 1)]
    return sums[points] - math.log(sum(map(math.exp, sums)))


def of_good(rows: dict[str, Row]) -> dict[str, int]:
    return {name: rows[name]["scale_score"] for name in GOOD}


def test_nothing_wrong(score: Scoring, tmp_path: Path) -> None:
    done, found, rows = score(responses(tmp_path / "responses.csv", *good()))
    assert done.code == 0
    assert of_good(rows) == expected_scores()
    assert {row["consequence"] for row in found} <= {"information", "warning"}


def changed(place: int, **cells: object) -> list[Row]:
    rows = sitting("op-bad")
    rows[place] = {**rows[place], **cells}
    return rows


BAD_RESPONSES = [
    (changed(2, item_id="200-9"), "response_unknown_item", "item_id", "200-9", "--leave-out 200-9"),
    (changed(2, score="2"), "score_above_maximum", "score", "2", "edition"),
    (changed(2, score="-1"), "score_negative", "score", "-1", "delivery system"),
    (changed(2, score=""), "score_missing", "score", "", "Wait"),
    (changed(2, score="0.5"), "score_not_whole", "score", "0.5", "weighted"),
    (changed(2, item_id="200-1"), "item_twice", "item_id", "200-1", "which response counts"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("rows", "rule", "field", "value", "remedy"), BAD_RESPONSES, ids=[b[1] for b in BAD_RESPONSES]
)
def test_a_bad_response_leaves_its_test_unscored_and_no_other(
    score: Scoring,
    tmp_path: Path,
    rows: Sequence[Row],
    rule: str,
    field: str,
    value: str,
    remedy: str,
) -> None:
    first, *others = good()
    done, found, scores = score(responses(tmp_path / "responses.csv", first, rows, *others))
    assert done.code == 1
    finding = only(found, rule)
    assert finding["consequence"] == "record_left_out"
    assert (finding["file"], finding["record"]) == ("responses.csv", "op-bad")
    assert (finding["field"], finding["value"]) == (field, value)
    assert finding["row"] == str(len(first) + 3)
    assert remedy in finding["remedy"]
    assert (scores["op-bad"]["score_status"], scores["op-bad"]["reason"]) == (
        "not_scored",
        "test_not_scored_item",
    )
    assert scores["op-bad"]["scale_score"] is None
    assert of_good(scores) == expected_scores()


def test_an_unknown_item_can_be_left_out_by_name(score: Scoring, tmp_path: Path) -> None:
    path = responses(tmp_path / "responses.csv", *good(), changed(2, item_id="200-99"))
    done, found, scores = score(path, "--leave-out", "200-99")
    assert done.code == 0
    assert only(found, "left_out_on_request")["value"] == "200-99"
    assert scores["op-bad"]["score_status"] == "scored"
    assert "left_out_on_request" in scores["op-bad"]["reason"]
    assert scores["op-bad"]["item_count"] == len(items_of(SUMMATIVE)) - 1
    assert of_good(scores) == expected_scores()


def items_of(assessment: str) -> list[Row]:
    return [row for row in items() if row["assessment_id"] == assessment]


@pytest.mark.parametrize(("a", "shown"), [("0", "0"), ("nan", "nan"), ("-0.5", "-0.5")])
def test_an_item_without_a_usable_a(
    score: Scoring,
    tmp_path: Path,
    a: str,
    shown: str,
) -> None:
    """The tests with it aren't scored, the others are; leaving it out by name scores them."""
    rows = [{**row, "a": a} if row["item_id"] == "300-2" else row for row in items()]
    other = package(tmp_path / "other", rows)
    path = responses(tmp_path / "responses.csv", *good(), sitting("op-block", "1011", BLOCK))
    done, found, scores = score(path, package=other)
    assert done.code == 1
    finding = only(found, "item_parameter")
    assert (finding["file"], finding["field"]) == ("other", "a")  # the package, as it was given
    assert "300-2" in finding["record"]
    assert float(finding["value"]) == float(shown) or finding["value"] == shown
    assert "calibration" in finding["remedy"]
    assert scores["op-block"]["reason"] == "test_not_scored_item"
    assert of_good(scores) == expected_scores()
    done, _found, scores = score(path, "--leave-out", "300-2", package=other)
    assert scores["op-block"]["score_status"] == "scored"
    assert scores["op-block"]["reason"] == "left_out_on_request"


def test_writing_that_cannot_be_scored_is_left_out_by_type_on_request(
    score: Scoring, tmp_path: Path
) -> None:
    rows = [row for row in items() if row["dimension"] != "D"]
    rows = [{**r, "dimension": "", "a": "0"} if r["item_type"] == "WER" else r for r in rows]
    other = package(tmp_path / "other", rows)
    path = responses(tmp_path / "responses.csv", essay("op-essay", ("3", "2", "1")))
    done, _found, scores = score(path, package=other)
    assert (done.code, scores["op-essay"]["reason"]) == (1, "test_not_scored_item")
    done, found, scores = score(path, "--leave-out", "WER", package=other)
    assert scores["op-essay"]["score_status"] == "scored"
    assert scores["op-essay"]["reason"] == "left_out_on_request"
    assert only(found, "left_out_on_request")["value"] == "WER"


def test_the_same_opportunity_twice(score: Scoring, tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    for name, points in [("a.xml", "1"), ("b.xml", "0"), ("c.xml", "1")]:
        key = "op-c" if name == "c.xml" else "op-twice"
        (folder / name).write_bytes(block_trt(key, points))
    done, found, scores = score(folder)
    assert done.code == 1
    finding = only(found, "opportunity_twice")
    assert (finding["file"], finding["record"]) == ("results#2", "op-twice")
    assert "remove the other" in finding["remedy"]
    assert scores["op-twice"]["raw_score"] == 4  # of the first
    assert scores["op-c"]["score_status"] == "scored"


def block_trt(key: str, points: str = "1", before: bytes = b"") -> bytes:
    """A result of the block, every item with the same points."""
    all_items = "".join(trt_item(n, points, bankKey="300") for n in range(1, 5))
    about = {"testId": BLOCK, "name": BLOCK, "subject": "MATH", "grade": "05"}
    return before + trt(key, all_items, test=about)


TRT_DAMAGE = {
    "xml_malformed": (block_trt("op-x")[:-30], "Ask the sender"),
    "xml_doctype": (
        block_trt("op-x", before=b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>'),
        "Remove the DOCTYPE",
    ),
    "file_unreadable": (b"", "ask the sender for a fresh copy"),
    "file_unknown_kind": (b"just text", "Give one of these kinds"),
}


@pytest.mark.parametrize("rule", TRT_DAMAGE)
def test_a_bad_result_among_good_ones(score: Scoring, tmp_path: Path, rule: str) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    content, remedy = TRT_DAMAGE[rule]
    for name, document in [("a", block_trt("op-a")), ("b", content), ("c", block_trt("op-c"))]:
        (folder / f"{name}-{STUDENT}.xml").write_bytes(document)
    done, found, scores = score(folder)
    assert done.code == 1
    finding = only(found, rule)
    assert finding["file"] == "results#2"  # the name itself may be a student's
    assert remedy in finding["remedy"]
    assert set(scores) == {"op-a", "op-c"}


def test_a_truncated_zip(score: Scoring, tmp_path: Path) -> None:
    path = tmp_path / "results.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number in range(20):
            archive.writestr(f"{STUDENT}-{number}.xml", block_trt(f"op-{number}"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    done, found, scores = score(path)
    assert done.code == 1
    finding = only(found, "zip_truncated")
    assert (finding["file"], finding["consequence"]) == ("results.zip", "record_left_out")
    assert "Transfer the archive again" in finding["remedy"]
    assert len(scores) >= 8
    assert f"{len(scores)} complete members" in finding["message"]


def test_a_grade_without_cuts(score: Scoring, tmp_path: Path) -> None:
    tests = [
        {**row, "test_grade": "09"} if row["assessment_id"] == BLOCK else row
        for row in assessments()
    ]
    other = package(tmp_path / "other", tests=tests)
    path = responses(tmp_path / "responses.csv", *good(), sitting("op-9", "1011", BLOCK))
    done, found, scores = score(path, package=other)
    assert done.code == 1
    finding = only(found, "grade_without_cuts")
    assert (finding["record"], finding["value"]) == ("op-9", "09")
    assert "only tested grades have cuts" in finding["remedy"]
    assert scores["op-9"]["reason"] == "grade_without_cuts"
    assert of_good(scores) == expected_scores()


def test_an_assessment_of_no_package(score: Scoring, tmp_path: Path) -> None:
    rows = [{**row, "assessment_id": "ANOTHER"} for row in sitting("op-other")]
    done, found, scores = score(responses(tmp_path / "responses.csv", *good(), rows))
    assert done.code == 1
    finding = only(found, "assessment_unknown")
    assert (finding["record"], finding["value"]) == ("op-other", "ANOTHER")
    assert "--package" in finding["remedy"]
    assert scores["op-other"]["score_status"] == "not_scored"
    assert of_good(scores) == expected_scores()


def test_another_year_in_the_file_is_a_warning(score: Scoring, tmp_path: Path) -> None:
    rows = [{**row, "school_year": "2017-18"} for row in sitting("op-old")]
    done, found, scores = score(responses(tmp_path / "responses.csv", *good(), rows))
    assert done.code == 0
    assert only(found, "year_mismatch")["consequence"] == "warning"
    said = f"The school year of 1 test says 2017-18, the run uses the rules of {YEAR}."
    assert said in " ".join(done.err.split())
    assert scores["op-old"]["school_year"] == YEAR
    assert scores["op-old"]["score_status"] == "scored"


def test_codes_of_a_full_write_become_reasons(score: Scoring, tmp_path: Path) -> None:
    path = responses(
        tmp_path / "responses.csv",
        essay("op-full", ("3", "2", "1")),
        essay("op-code", ("", "", ""), "B"),
        essay("op-none", ("3", "2", "1"), "Q"),
    )
    done, found, scores = score(path)
    assert done.code == 1
    unknown = [row["value"] for row in found if row["rule"] == "condition_code_unknown"]
    assert unknown == ["Q", "Q", "Q"]
    assert {name: row["score_status"] for name, row in scores.items()} == {
        "op-full": "scored",
        "op-code": "scored",
        "op-none": "not_scored",
    }
    assert scores["op-full"]["raw_score"] - scores["op-code"]["raw_score"] == 4.0


def whole(tmp_path: Path) -> Path:
    return responses(tmp_path / "good.csv", *good())


def not_utf8(tmp_path: Path) -> Path:
    path = tmp_path / "responses.csv"
    path.write_bytes(whole(tmp_path).read_bytes().replace(b"op-2", b"op-\xe9"))
    return path


def empty(tmp_path: Path) -> Path:
    path = tmp_path / "responses.csv"
    path.write_bytes(b"")
    return path


def header_only(tmp_path: Path) -> Path:
    return responses(tmp_path / "responses.csv")


def without_results(tmp_path: Path) -> Path:
    folder = tmp_path / "empty"
    folder.mkdir()
    (folder / "readme.txt").write_text("nothing here")
    return folder


def truncated_parquet(tmp_path: Path) -> Path:
    table = pa.csv.read_csv(whole(tmp_path))
    path = tmp_path / "responses.parquet"
    pq.write_table(table, path)
    path.write_bytes(path.read_bytes()[:-200])
    return path


def no_column(tmp_path: Path) -> Path:
    path = tmp_path / "responses.csv"
    path.write_bytes(whole(tmp_path).read_bytes().replace(b"answered", b"reply", 1))
    return path


def missing(tmp_path: Path) -> Path:
    return tmp_path / "nowhere.zip"


UNREADABLE = [
    (not_utf8, "file_encoding"),
    (empty, "file_unreadable"),
    (header_only, None),
    (without_results, "file_unknown_kind"),
    (truncated_parquet, "file_unreadable"),
    (no_column, "column_missing"),
    (missing, "file_missing"),
]


@pytest.mark.parametrize(
    ("made", "rule"), UNREADABLE, ids=[made.__name__ for made, _ in UNREADABLE]
)
def test_an_input_that_cannot_be_read_at_all_is_refused(
    score: Scoring,
    tmp_path: Path,
    made: Callable[[Path], Path],
    rule: str | None,
) -> None:
    done, found, scores = score(made(tmp_path))
    assert done.code == 2
    assert done.out == ""
    assert "error: Nothing could be read from the input" in done.err
    assert scores == {}
    assert not (tmp_path / "scores.csv").exists()
    if rule is not None:
        finding = only(found, rule)
        assert finding["consequence"] == "file_refused"
        assert finding["remedy"] in " ".join(done.err.split())


def test_a_package_of_unknown_model(score: Scoring, tmp_path: Path) -> None:
    rows = [*items(), {**item(BLOCK, "300-7", 0.5, 0.2, part="fixed"), "model": "3PL"}]
    other = package(tmp_path / "other", rows)
    path = responses(tmp_path / "responses.csv", *good())
    done, found, scores = score(path, package=other)
    assert done.code == 0  # nothing that was given needs it
    assert only(found, "item_model_unknown")["consequence"] == "warning"
    assert of_good(scores) == expected_scores()


def test_writing_in_tabulator_form_needs_another_package(score: Scoring, tmp_path: Path) -> None:
    """The assessment of the essay isn't the block's: its package says so by name."""
    path = responses(tmp_path / "responses.csv", essay("op-essay", ("3", "", "1")))
    done, found, scores = score(path)
    assert done.code == 1
    assert only(found, "score_missing")["record"] == "op-essay"
    assert scores["op-essay"]["assessment_id"] == WRITING
