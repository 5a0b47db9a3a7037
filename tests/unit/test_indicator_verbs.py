"""The indicator from sums to files: audiences, the state's layout, and audits of it."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from scorehouse import indicator_audit
from scorehouse.accountability.academic.explain import changes, counted, reasons, sources
from scorehouse.accountability.academic.printed import printed_row
from scorehouse.accountability.academic.sums import SUMS
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook.dashboard_load import academic_rules
from scorehouse.verbs.indicator import (
    IndicatorInput,
    compute,
    compute_printed,
    figure_of,
    with_words,
    write_state_files,
)
from scorehouse.verbs.indicator_audit import audit_beside, audit_file
from scorehouse.verbs.indicator_files import read_printed

SCHEMA = pl.Schema(
    {
        name: {"string": pl.String(), "bool": pl.Boolean()}.get(str(kind), pl.Int64())
        for name, kind in zip(SUMS.names, SUMS.types, strict=True)
    }
)
GROUPS = ("ALL", "EL", "ELO", "SWD", "FOS", "WH", "HI")
DISTRICT = "99900010000000"


def invented_sums(seed: int, year: str) -> pl.DataFrame:
    """Sums of a district, its schools and groups of all sizes; some lack participation."""
    rng = random.Random(seed)
    rows = []
    for entity, kind in [(DISTRICT, "D")] + [(f"9990001{n:07}", "S") for n in range(1, 9)]:
        for subject in ("ELA", "Math"):
            for group in GROUPS:
                n = rng.choice([0, 5, 11, 16, 29, 30, 64, 500])
                enrolled = n + rng.randrange(0, 1 + n // 5)
                rows.append(
                    dict.fromkeys(SUMS.names)
                    | {"entity_id": entity, "entity_type": kind, "is_charter": False,
                       "is_dass": False, "high_school_cuts": entity.endswith("7"),
                       "student_group": group, "subject": subject, "school_year": year,
                       "scores": n, "distance_sum": n * rng.randrange(-120_000, 90_000),
                       "enrolled": enrolled, "tested": rng.randrange(n, enrolled + 1)}
                )  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEMA)


ENTITIES = pl.DataFrame(
    {"entity_id": [DISTRICT, "99900010000001"], "entity_name": ["Invented Unified", "Oak"],
     "district_name": ["Invented Unified"] * 2, "county_name": ["Sample"] * 2}
)  # fmt: skip


def given_for(dashboard: str) -> IndicatorInput:
    ends = academic_rules(dashboard).school_year.ends
    return IndicatorInput(
        invented_sums(ends, str(ends)), invented_sums(ends - 1, str(ends - 1)), ENTITIES
    )


@pytest.mark.parametrize("dashboard", ["2017-fall", "2018", "2019", "2022", "2023", "2024", "2025"])
def test_the_states_file_of_our_figures_passes_the_audit(dashboard: str, tmp_path: Path) -> None:
    made = compute(given_for(dashboard), academic_rules(dashboard), "dashboard")
    paths = write_state_files(made, tmp_path)
    assert len(paths) == 2
    for path in paths:
        log = FindingLog()
        found = audit_file(path, log)
        told = found.as_json()
        assert (told["unexplained"], told["explained"], log.counts()) == (0, 0, {})
        assert told["rows"] == told["agree"] == len(made.figures) / 2
        assert set(told["by_dashboard"]) == {dashboard}  # type: ignore[call-overload]


def test_the_dashboards_audience_sees_nothing_of_small_groups() -> None:
    made = compute(given_for("2024"), academic_rules("2024"), "dashboard").figures
    hidden = made.filter(pl.col("hidden").list.len() > 0)
    assert 0 < len(hidden) < len(made)
    assert hidden.select("n", "status", "color", "enrolled", "prior_n").null_count().row(0) == (
        (len(hidden),) * 5
    )
    assert made.filter(pl.col("n") < 11).is_empty()
    staff = compute(given_for("2024"), academic_rules("2024"), "staff").figures
    assert staff["n"].null_count() == 0
    assert staff.filter(pl.col("marked"))["n"].max() < 11  # type: ignore[operator]


def test_another_audience_is_refused() -> None:
    with pytest.raises(UsageError, match=r"staff or dashboard.*the few in between"):
        compute(given_for("2024"), academic_rules("2024"), "public")


def test_words_stand_beside_codes() -> None:
    made = with_words(compute(given_for("2024"), academic_rules("2024")).figures)
    colored = made.filter(pl.col("color") > 0)
    assert set(colored["color_name"]) <= {"Red", "Orange", "Yellow", "Green", "Blue"}
    assert made.filter(pl.col("color") == 0)["color_name"].unique().to_list() == ["No Color"]


def test_without_a_prior_year_nothing_has_a_change_and_it_is_said() -> None:
    given = given_for("2024")
    made = compute(IndicatorInput(given.current, None, ENTITIES), academic_rules("2024"))
    assert made.figures["change"].null_count() == len(made.figures)
    assert made.figures["color"].sum() == 0
    assert any("no prior year" in note for note in made.notes)


def test_a_figure_tells_its_whole_story() -> None:
    given, rules = given_for("2024"), academic_rules("2024")
    colored = compute(given, rules).figures.filter(pl.col("color") > 0).row(0, named=True)
    found = figure_of(
        given, rules, colored["entity_id"], colored["subject"], colored["student_group"]
    )
    assert found.decision.color == colored["color"]
    story = " ".join(reasons(found, rules))
    assert f"box {colored['box']}" in story
    assert f"{colored['status']:+.1f}" in story
    assert changes(found, rules)
    assert sources(found, rules)
    assert dict(counted(found.current_sums))["with a distance from standard"] == (
        found.current_sums.scores
    )
    with pytest.raises(UsageError, match="no row"):
        figure_of(given, rules, "99900019999999", "ELA", "ALL")


# --- printed values ---

PRINTED = """dashboard,cds,entity_type,student_group,subject,n,status,prior_n,prior_status,change
2024,99900010000000,D,ALL,ELA,4000,-33.2,3900,-34.3,
2024,99900010000000,D,ALL,Math,4000,-33.2,3900,-34.3,1.2
2018,99900010000001,S,EL,ELA,20,10.0,40,5,5
"""


def test_printed_values_give_levels_and_say_when_change_was_recomputed(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED)
    rows = read_printed(path, FindingLog(), compute_change=True)
    made = compute_printed(rows, academic_rules("2024"), FindingLog())
    assert made["color"].to_list() == [2, 2, 0]
    assert made["printed_on"].to_list() == ["2024", "2024", "2018"]
    assert made["is_change_recomputed"].to_list() == [True, False, False]
    assert made["change"].to_list() == [1.1, 1.2, 5.0]
    assert made["why_no_color"].to_list()[2] == "too_few_students_for_color"


def test_rules_of_any_year_hold_for_values_of_any_year(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED.replace("D,ALL,Math", "D,LTEL,Math"))
    log = FindingLog()
    rows = read_printed(path, log)
    made = compute_printed(rows, academic_rules("2017-spring", accept_uncertain=True), log)
    assert made["dashboard"].unique().to_list() == ["2017-spring"]
    assert len(made) == 2
    assert log.counts() == {"academic_group": 1}


@pytest.mark.parametrize(
    ("change", "rule", "rows"),
    [
        (("99900010000001,S", "9990001000001,S"), "academic_value", 2),
        (("S,EL", "Q,EL"), "academic_value", 2),
        (("10.0", "ten"), "academic_value", 2),
        (("2018,", "2020,"), "academic_dashboard", 2),
        (("2018,", "1871,"), "academic_dashboard", 2),
        (("20,10.0,40,5,5", "20,10.0"), "academic_cells", 2),
        (("ELA,20", "Art,20"), "academic_value", 2),
        (("20,10.0", '20,"10,0"'), "academic_value", 2),  # a decimal comma is not 100
        (("ELA,20,", 'ELA,"2,0",'), "academic_value", 2),
        (("ELA,20,", f"ELA,{'9' * 5000},"), "academic_value", 2),
        (("ELA,20,10.0", f"ELA,20,{'9' * 5000}"), "academic_value", 2),
        (("S,EL", f"S,{'x' * 200_000}"), "academic_cells", 2),
        (("2024,99900010000000,D,ALL,Math", "2024,99900010000000,D,ALL,ELA"),
         "academic_row_twice", 3),
        (("ELA,4000,", "ELA,*,"), "academic_count_taken", 3),
        (("-33.2,3900,-34.3,1.2", "-33.2,,-34.3,1.2"), "academic_count_taken", 3),
    ],
)  # fmt: skip
def test_a_bad_row_is_told_and_the_others_are_read(
    change: tuple[str, str], rule: str, rows: int, tmp_path: Path
) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED.replace(*change))
    log = FindingLog()
    assert len(read_printed(path, log)) == rows
    assert log.counts() == {rule: 1}


def test_thousands_may_be_grouped(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED.replace("4000,", '"4,000",'))
    log = FindingLog()
    assert [row.counts["n"] for row in read_printed(path, log)] == [4000, 4000, 20]
    assert not log.counts()


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_any_end_of_line_will_do(end: str, tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_bytes(PRINTED.replace("\n", end).encode())
    log = FindingLog()
    assert len(read_printed(path, log)) == 3
    assert not log.counts()


def test_a_lost_leading_zero_is_named() -> None:
    _, problems = printed_row({"cds": "9900010000001", "entity_type": "S"}, "2024", "ELA")
    assert "leading zero" in problems[0].why


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(InputRefusedError):
        audit_file(path, FindingLog())


def test_an_unknown_group_is_explained_not_an_error(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED.replace("S,EL,", "S,XYZ,"))
    told = audit_file(path, FindingLog()).as_json()
    assert (told["rows"], told["explained"]) == (3, 1)


def test_an_audit_from_python_gives_the_findings(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    path.write_text(PRINTED.replace("99900010000001,S", "9990001000001,S"))
    summary, findings = indicator_audit(path)
    assert (summary.rows, summary.left_out) == (2, 1)
    assert findings["rule"].to_pylist() == ["academic_value"]
    assert "leading zero" in findings["message"][0].as_py()


def test_a_wrong_color_is_unexplained(tmp_path: Path) -> None:
    path = tmp_path / "printed.csv"
    header, one, two, _ = PRINTED.split("\n", 3)
    path.write_text(f"{header},color\n{one},2\n{two},5\n")
    told = audit_file(path, FindingLog()).as_json()
    assert told["unexplained"] == 2
    assert [row["ours"] for row in told["differences"]] == ["No Color", "Orange"]  # type: ignore[attr-defined]


def test_a_states_file_beside_figures_of_ones_own(tmp_path: Path) -> None:
    given, rules = given_for("2024"), academic_rules("2024")
    (path, _) = write_state_files(compute(given, rules, "dashboard"), tmp_path)
    ours = compute(given, rules, "dashboard").figures
    same = audit_beside(path, ours, FindingLog()).as_json()
    assert same["rows"] == same["agree"] == len(ours) / 2
    assert (same["only_state"], same["only_ours"]) == (0, len(ours) / 2)
    fewer = given.current.with_columns(
        pl.when(pl.col("scores") == 500).then(499).otherwise("scores").alias("scores")
    )
    other = compute(replace(given, current=fewer), rules, "dashboard").figures
    told = audit_beside(path, other, FindingLog()).as_json()
    assert told["explained"] > 0  # type: ignore[operator]
    assert told["unexplained"] == 0
    wrong = ours.with_columns(status=pl.col("status") + 1.0)
    assert audit_beside(path, wrong, FindingLog()).as_json()["unexplained"] > 0  # type: ignore[operator]
    with pytest.raises(UsageError, match="lack the columns"):
        audit_beside(path, ours.drop("color"), FindingLog())
