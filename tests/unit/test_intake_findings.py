"""Findings say what, where, what follows and what to do, and tell nobody's secrets."""

from __future__ import annotations

import json
import string
from pathlib import Path

import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import catalogue, is_private, make
from scorehouse.intake.findings import Consequence, FindingLog, neutral, replacing
from scorehouse.shapes import FINDINGS

ALWAYS_THERE = {"file", "record", "field", "row", "value"}

OWED = """
zip_truncated zip_bomb zip_member_unsafe zip_empty file_missing file_unreadable
file_unknown_kind file_encoding xml_malformed xml_doctype xml_too_large xml_not_trt
trt_field_missing trt_number trt_demo_record opportunity_twice opportunity_without_responses
opportunity_unknown opportunities_missing column_missing column_unknown column_value
csv_row_short csv_row_long year_mismatch year_unknown assessment_unknown assessment_twice
grade_without_cuts subject_unknown part_unknown response_unknown_item response_unscorable_item
score_above_maximum score_negative score_missing score_not_whole item_twice dimension_unknown
trait_score_range condition_code_unknown trait_missing item_matched_elsewhere item_parameter
item_model_unknown item_model_unmarked_metric item_writing_row_lossy item_guessing_nonzero
item_step_count item_duplicate package_empty minimum_cat_unknown test_not_scored_item
left_out_on_request suspended_year uncertain_rule_used form_item_missing paper_online_merged
status_not_scored
"""


@pytest.mark.parametrize("rule", OWED.split())
def test_the_catalogue_knows_every_rule(rule: str) -> None:
    assert catalogue()[rule].consequence in Consequence


@pytest.mark.parametrize("rule", catalogue())
def test_every_rule_says_a_sentence_and_a_remedy(rule: str) -> None:
    entry = catalogue()[rule]
    names = {name for _, name, _, _ in string.Formatter().parse(entry.message) if name}
    finding = make(rule, **dict.fromkeys(names - ALWAYS_THERE, "x"))
    assert finding.message.endswith((".", "it.", ": x", "x"))
    assert finding.remedy.endswith(".")
    assert finding.consequence == entry.consequence


def test_an_unknown_rule_is_an_error() -> None:
    with pytest.raises(KeyError):
        make("no_such_rule")


def test_a_message_that_lacks_a_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        make("score_above_maximum", value=3)


@pytest.mark.parametrize(
    "field",
    ["student_id", "StudentIdentifier", "FirstName", "LastOrSurname", "Birthdate", "Response"],
)
def test_private_values_are_masked_everywhere_in_a_finding(field: str) -> None:
    finding = make("column_value", field=field, value="9000000001", expected="text")
    assert "9000000001" not in "|".join(str(value) for value in finding.columns())
    assert finding.value == "(10 characters, hidden)"


def test_private_values_are_shown_on_request() -> None:
    log = FindingLog(show_private=True)
    log.add("column_value", field="student_id", value="9000000001", expected="text")
    assert next(iter(log)).value == "9000000001"


@pytest.mark.parametrize("field", ["score", "item_id", "condition_code", "a", "position", ""])
def test_scores_codes_and_parameters_are_shown(field: str) -> None:
    assert not is_private(field)


def full_log(keep: int) -> FindingLog:
    log = FindingLog(keep=keep)
    for number in range(10):
        log.add("score_above_maximum", record=f"op-{number}", row=number, value=3, maximum=2)
    log.add("opportunities_missing", file="=responses.csv")
    return log


@pytest.mark.parametrize("keep", [1, 3, 11, 1000])
def test_a_log_keeps_order_and_counts_whatever_fits_in_memory(keep: int) -> None:
    log = full_log(keep)
    records = [finding.record for finding in log]
    assert records == [*(f"op-{number}" for number in range(10)), ""]
    assert log.counts() == {"opportunities_missing": 1, "score_above_maximum": 10}
    assert len(log) == log.table().num_rows == 11
    assert log.left_out == 10
    assert log.worst is Consequence.RECORD_LEFT_OUT


def test_a_log_can_be_read_and_added_to_in_turn() -> None:
    log = full_log(4)
    before = len(list(log))
    log.add("zip_empty", file="a.zip")
    assert [finding.rule for finding in log][before:] == ["zip_empty"]


def test_an_empty_log_has_no_worst() -> None:
    assert FindingLog().worst is None
    assert FindingLog().table().schema == FINDINGS


def test_logs_merge() -> None:
    log = full_log(2)
    log.merge(full_log(100))
    assert log.counts() == {"opportunities_missing": 2, "score_above_maximum": 20}


@pytest.mark.parametrize("keep", [3, 100])
def test_a_log_hands_over_what_it_holds_and_goes_on_empty(keep: int) -> None:
    log = full_log(keep)
    assert log.hand_over().table() == full_log(keep).table()
    assert (len(log), list(log), log.worst) == (0, [], None)
    log.add("zip_empty", file="a.zip")
    assert log.hand_over().counts() == {"zip_empty": 1}


@pytest.mark.parametrize("keep", [3, 100])
def test_a_log_is_written_by_suffix(tmp_path: Path, keep: int) -> None:
    log = full_log(keep)
    for suffix in (".csv", ".parquet", ".json"):
        log.write(tmp_path / f"findings{suffix}")
    rows = log.table().to_pylist()
    assert pq.read_table(tmp_path / "findings.parquet").to_pylist() == rows
    assert json.loads((tmp_path / "findings.json").read_text()) == rows
    assert pc.read_csv(tmp_path / "findings.csv").column_names == FINDINGS.names
    assert "'=responses.csv" in (tmp_path / "findings.csv").read_text()


def test_an_empty_log_is_written_too(tmp_path: Path) -> None:
    FindingLog().write(tmp_path / "findings.json")
    assert json.loads((tmp_path / "findings.json").read_text()) == []


def test_another_suffix_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.xlsx"):
        FindingLog().write(tmp_path / "findings.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "findings.csv"
    target.write_text("old")

    def fail_half_way() -> None:
        with replacing(target) as stream:
            stream.write(b"half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_half_way()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["findings.csv"]


@pytest.mark.parametrize("text", ["=1+1", "+cmd", "@SUM(A1)", "-1+2", "\tx"])
def test_formulas_are_neutral_in_a_spreadsheet(text: str) -> None:
    assert neutral(text) == f"'{text}"


@pytest.mark.parametrize("value", ["-1", "+2.5", "text", "", None, -1])
def test_numbers_stay_numbers(value: object) -> None:
    assert neutral(value) == value
