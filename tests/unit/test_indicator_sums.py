"""Sums from files, checked: what can't be computed is told, and the rest is computed."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from scorehouse import indicator
from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator import IndicatorInput, compute, uncertain_notes
from scorehouse.verbs.indicator_sums import checked, read_sums

HEADER = (
    "entity_id,entity_type,student_group,subject,school_year,scores,distance_sum,"
    "enrolled,tested,high_school_cuts"
)
GOOD = "99900010000000,D,ALL,ELA,2023-24,40,-100000,42,41,N"
BEFORE = GOOD.replace("2023-24", "2022-23")
RULES = academic_rules("2024")
NOBODY = pl.DataFrame(schema={"entity_id": pl.String})


def sums(tmp_path: Path, *rows: str, header: str = HEADER, log: FindingLog) -> pl.DataFrame:
    path = tmp_path / "sums.csv"
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return read_sums(path, log)


def run(tmp_path: Path, log: FindingLog, *rows: str, prior: tuple[str, ...] = (BEFORE,)) -> int:
    """How many rows of this year are left."""
    current = sums(tmp_path, *rows, log=log)
    before = sums(tmp_path, *prior, log=log) if prior else None
    found = checked(IndicatorInput(current, before, NOBODY), RULES, log)
    made = compute(found, RULES)
    assert len(made.figures) == len(found.current)
    return len(found.current)


def test_sums_that_are_whole_are_taken_as_they_are(tmp_path: Path) -> None:
    log = FindingLog()
    assert run(tmp_path, log, GOOD) == 1
    assert log.counts() == {}


@pytest.mark.parametrize(
    ("change", "rule", "word"),
    [
        (("99900010000000", "9990001000000"), "academic_value", "leading zero"),
        (("99900010000000", "9990001"), "academic_value", "14 digits"),
        (("99900010000000", ""), "academic_value", "14 digits"),
        ((",D,", ",Q,"), "academic_value", "S, D or X"),
        ((",ELA,", ",Art,"), "academic_value", "ELA or Math"),
        ((",ALL,", ",,"), "academic_value", "no student group"),
        ((",ALL,", ",XYZ,"), "academic_group", "XYZ"),
        ((",40,-100000", ",,-100000"), "academic_value", "how many students"),
        ((",40,-100000", ",40,"), "academic_value", "add up"),
        ((",40,-100000", ",-40,-100000"), "academic_value", "less than zero"),
        ((",40,-100000", ",many,-100000"), "academic_value", "can't be read"),
        ((",40,-100000", ",40,-2.5"), "academic_value", "can't be read"),
        ((",40,-100000", ",40,-100000000"), "academic_value", "out of range"),
        ((",40,-100000", ",40,99000000"), "academic_value", "out of range"),
        ((",42,41,", ",42,43,"), "academic_value", "more were tested"),
        ((",N", ",perhaps"), "academic_value", "can't be read"),
    ],
)
def test_a_row_that_cant_be_computed_is_told(
    change: tuple[str, str], rule: str, word: str, tmp_path: Path
) -> None:
    log = FindingLog()
    bad = GOOD.replace(*change)
    assert bad != GOOD
    assert run(tmp_path, log, bad, GOOD.replace("ALL", "SED")) == 1
    assert log.counts() == {rule: 1}
    (finding,) = log
    assert word in finding.message
    assert log.left_out == 1


def test_the_same_row_twice_counts_once_and_two_different_ones_not_at_all(tmp_path: Path) -> None:
    log = FindingLog()
    assert run(tmp_path, log, GOOD, GOOD) == 1
    assert log.counts() == {}
    assert run(tmp_path, log, GOOD, GOOD.replace("-100000", "-90000")) == 0
    assert log.counts() == {"academic_sums_twice": 1}


def test_alternate_assessments_have_no_known_range(tmp_path: Path) -> None:
    log, header = FindingLog(), f"{HEADER},caa_scores"
    far = GOOD.replace(",40,-100000", ",40,-16000000")
    kept = [
        checked(IndicatorInput(sums(tmp_path, f"{far},{n}", header=header, log=log), None, NOBODY),
                RULES, log).current.height
        for n in (0, 1)
    ]  # fmt: skip
    assert kept == [0, 1]


def test_an_unknown_set_of_cuts_is_told_and_the_row_is_computed(tmp_path: Path) -> None:
    log = FindingLog()
    unknown = GOOD.removesuffix("N")
    assert run(tmp_path, log, unknown, unknown.replace("ALL", "SED")) == 2
    assert log.counts() == {"academic_cuts_assumed": 1}
    assert log.left_out == 0


def test_a_prior_year_that_is_absent_or_another_is_told(tmp_path: Path) -> None:
    log = FindingLog()
    assert run(tmp_path, log, GOOD, prior=()) == 1
    assert log.counts() == {"academic_prior_absent": 1}
    log = FindingLog()
    assert run(tmp_path, log, GOOD, prior=(BEFORE.replace("2022-23", "2018-19"),)) == 1
    assert log.counts() == {"academic_years_apart": 1}


def test_a_table_without_what_is_needed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="distance_sum"):
        sums(tmp_path, "1", header="entity_id", log=FindingLog())
    with pytest.raises(UsageError, match="no file"):
        read_sums(tmp_path / "absent.csv", FindingLog())


def test_parquet_is_read_with_its_own_kinds(tmp_path: Path) -> None:
    frame = sums(tmp_path, GOOD, log=FindingLog())
    frame.write_parquet(tmp_path / "sums.parquet")
    log = FindingLog()
    assert read_sums(tmp_path / "sums.parquet", log).equals(frame)
    assert log.counts() == {}


def test_sums_are_taken_from_python_too(tmp_path: Path) -> None:
    sums(tmp_path, GOOD, GOOD.replace("ALL", "XYZ"), log=FindingLog())
    before = tmp_path / "before.csv"
    before.write_text(f"{HEADER}\n{BEFORE}\n", encoding="utf-8")
    made = indicator("2024", sums=tmp_path / "sums.csv", prior_sums=before)
    assert made.figures["color_name"].to_pylist() == ["Yellow"]
    assert made.findings["rule"].to_pylist() == ["academic_group"]


def test_values_assumed_for_a_dashboard_are_said() -> None:
    said = " ".join(uncertain_notes(academic_rules("2017-fall"), ["Math"]))
    for rule in ("status_cuts", "change_cuts", "colors"):
        assert f"Uncertain {rule}: " in said
    assert "status_cuts" not in " ".join(uncertain_notes(RULES, ["Math", "ELA"]))


def test_the_public_sees_neither_who_was_left_out_nor_small_groups_of_last_year(
    tmp_path: Path,
) -> None:
    log = FindingLog()
    current = sums(tmp_path, f"{GOOD},3", header=f"{HEADER},left_out_medical", log=log)
    prior = sums(tmp_path, BEFORE.replace(",40,-100000,42,41", ",7,-100,8,7"), log=log)
    given = IndicatorInput(current, prior, NOBODY)
    staff = compute(given, RULES).figures.row(0, named=True)
    assert (staff["left_out_medical"], staff["prior_n"], staff["prior_enrolled"]) == (3, 8, 8)
    public = compute(given, RULES, "dashboard").figures.row(0, named=True)
    hidden = [name for name in public if name.startswith(("left_out_", "prior_"))]
    assert {public[name] for name in hidden} == {None}
    assert (public["n"], public["status"]) == (staff["n"], staff["status"])
