"""Test packages: what they bring, what is left out, and what is told."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadSummary
from warehouse_help import held, loaded

USUAL = {
    "AssessmentId": "INV-ICA-5", "AssessmentName": "n", "AssessmentSubject": "MATH",
    "AssessmentGrade": "5", "AssessmentType": "interim", "AssessmentSubtype": "ICA",
    "AssessmentLabel": "Grade 5", "AssessmentVersion": "1", "AcademicYear": "2019",
    "BankKey": "200", "ItemId": "1", "ItemType": "MC", "Claim": "1", "Target": "OA|A",
    "ClaimContentTarget": "", "CommonCore": "", "DOK": "2", "MaxPoints": "1",
    "NumberOfAnswerOptions": "4", "AllowCalculator": "Yes", "MathematicalPractice": "3",
    "IsFieldTest": "FALSE", "MeasurementModel": "IRT3PLn", "ScorePoints": "1", "a": "0.5",
    "b0_b": "0.1", "b1_c": "0", "b2": "", "b3": "", "avg_b": "0.1", "ItemPosition": "3",
    "AnswerKey": "B", "ScaledLow1": "2000", "ScaledHigh1": "2400", "ScaledLow2": "2400",
    "ScaledHigh2": "2600", "Claim6Low1": "2000", "Claim6High1": "2500", "Alt6Low6": "",
}  # fmt: skip
SUBJECT = """<Subject code="Math" name="Mathematics"><AssessmentTypes>
<AssessmentType code="ica" name="ICA"><OverallScoring name="Overall" minScore="2000"
 maxScore="2600"><PerformanceLevels standardCutoff="2"><PerformanceLevel level="1" name="a"/>
<PerformanceLevel level="2" name="b"/></PerformanceLevels></OverallScoring></AssessmentType>
</AssessmentTypes><DepthsOfKnowledge><DepthOfKnowledge level="2" name="Skill"/></DepthsOfKnowledge>
<Claims><Claim code="1" name="Concepts" displayOrder="1"><Targets><Target code="OA|A" name="A"/>
</Targets></Claim></Claims>
<Standards><Standard code="5.OA.1"><Description>d</Description></Standard></Standards></Subject>"""


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w")


def brought(house: Warehouse, folder: Path, *rows: dict[str, str]) -> LoadSummary:
    """Load a package of rows that are as usual but for what is said."""
    filled = [{**USUAL, **row} for row in rows]
    columns = list(dict.fromkeys(name for row in filled for name in row))
    path = folder / "p.csv"
    path.write_text("\n".join(",".join(line) for line in _lines(columns, filled)) + "\n")
    return loaded(house, path)


def _lines(columns: list[str], rows: list[dict[str, str]]) -> Iterable[list[str]]:
    yield columns
    for row in rows:
        yield [row.get(name, "") for name in columns]


def defined(house: Warehouse, folder: Path) -> None:
    path = folder / "s.xml"
    path.write_text(SUBJECT)
    assert loaded(house, path).files[0].ending.status == "PROCESSED"


def messages(summary: LoadSummary, rule: str) -> list[str]:
    rows = summary.log.table().to_pylist()
    return [str(row["message"]) for row in rows if row["rule"] == rule]


def test_contents_of_items(house: Warehouse, tmp_path: Path) -> None:
    row = {"CommonCore": "5.OA.1", "AssessmentVersion": "7"}
    assert brought(house, tmp_path, row).log.counts() == {}
    assert held(
        house,
        "SELECT item_id, position, max_points, difficulty, answer_key, options_count, "
        "depth_of_knowledge, math_practice, allows_calculator, standards FROM item",
    ) == [
        {
            "item_id": "200-1", "position": 3, "max_points": 1.0, "difficulty": 0.1,
            "answer_key": "B", "options_count": 4, "depth_of_knowledge": 2, "math_practice": "3",
            "allows_calculator": True, "standards": "5.OA.1",
        }
    ]  # fmt: skip
    assert held(house, "SELECT label, version FROM assessment") == [
        {"label": "Grade 5", "version": "7"}
    ]


def test_a_sixth_level_and_a_sixth_measure_are_read(house: Warehouse, tmp_path: Path) -> None:
    """The incumbent stops before the sixth of each, and takes a tiny number for the lowest."""
    brought(house, tmp_path, {f"Alt6Low{level}": str(-100 * (7 - level)) for level in range(1, 7)})
    rows = held(
        house, "SELECT level, lowest_scale_score AS low FROM cut_score WHERE measure = 'alt:6'"
        " ORDER BY 1"
    )  # fmt: skip
    assert [(row["level"], row["low"]) for row in rows][-1] == (6, -100.0)
    assert (rows[0]["level"], rows[0]["low"]) == (1, -600.0)
    assert held(house, "SELECT highest_scale_score AS high FROM cut_score "
                "WHERE measure = 'claim:6'") == [{"high": 2500.0}]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "column", "value"),
    [
        ("subject", "AssessmentSubject", ""),
        ("subject", "AssessmentSubject", "Basket weaving"),
        ("test_grade", "AssessmentGrade", "fifth"),
        ("assessment_type", "AssessmentSubtype", "quiz"),
        ("school_year", "AcademicYear", "soon"),
    ],
)
def test_a_test_that_cant_be_used_is_left_out_and_others_load(
    house: Warehouse, tmp_path: Path, field: str, column: str, value: str
) -> None:
    bad = {"AssessmentId": "INV-BAD", column: value}
    told = brought(house, tmp_path, bad, {"ItemId": "2"})
    found = told.log.table().to_pylist()
    assert {(row["rule"], row["record"], row["field"]) for row in found} >= {
        ("package_test_unsound", "INV-BAD", field)
    }
    assert held(house, "SELECT DISTINCT assessment_id FROM assessment") == [
        {"assessment_id": "INV-ICA-5"}
    ]
    assert held(house, "SELECT DISTINCT assessment_id FROM item") == [
        {"assessment_id": "INV-ICA-5"}
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [("AssessmentSubject", "ELA"), ("AssessmentGrade", "6"), ("AssessmentSubtype", "IAB")],
)
def test_what_a_known_test_is_doesnt_change(
    house: Warehouse, tmp_path: Path, column: str, value: str
) -> None:
    brought(house, tmp_path, {})
    told = brought(house, tmp_path, {column: value, "ItemId": "9"}, {"AssessmentId": "INV-NEW"})
    assert told.log.counts() == {"assessment_immutable": 1}
    assert held(house, "SELECT assessment_id, count(*) AS n FROM item GROUP BY 1 ORDER BY 1") == [
        {"assessment_id": "INV-ICA-5", "n": 1}, {"assessment_id": "INV-NEW", "n": 1},
    ]  # fmt: skip


def test_items_that_an_update_lacks_stay(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path, {"ItemId": "1"}, {"ItemId": "2"})
    told = brought(house, tmp_path, {"ItemId": "1", "AnswerKey": "C"})
    assert told.files[0].ending.counts["items_changed"] == 1
    assert held(house, "SELECT item_id, answer_key FROM item ORDER BY 1") == [
        {"item_id": "200-1", "answer_key": "C"}, {"item_id": "200-2", "answer_key": "B"},
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"ScaledLow1": ""}, "the lowest level has no lowest score"),
        ({"ScaledLow2": "1999"}, "don't rise from level to level"),
        ({"ScaledHigh2": "2300"}, "ends below where it begins"),
        ({"ScaledHigh2": "2601"}, "outside of the range"),
        ({"ScaledLow4": "2600"}, "don't count from 1 without a gap"),
    ],
)
def test_cuts_that_cant_be_right_are_told(
    house: Warehouse, tmp_path: Path, changed: dict[str, str], words: str
) -> None:
    defined(house, tmp_path)
    told = messages(brought(house, tmp_path, changed), "package_cuts")
    assert any(words in message for message in told), told


def test_cuts_with_an_exponent_are_told_unless_exact(house: Warehouse, tmp_path: Path) -> None:
    assert brought(house, tmp_path, {"ScaledLow2": "2.403E+03"}).log.counts() == {}
    told = brought(house, tmp_path, {"ScaledLow2": "2.4E+03"})
    assert told.log.counts() == {"package_cut_rounded": 1}


def test_a_definition_is_what_items_are_checked_against(house: Warehouse, tmp_path: Path) -> None:
    rows = [
        {"ItemId": "1"},
        {"ItemId": "2", "Target": "A", "ClaimContentTarget": "1|OA|A"},
        {"ItemId": "3", "Target": "Z"},
        {"ItemId": "4", "Target": "Z", "DOK": "4", "CommonCore": "5.OA.1;5.XX.9"},
        {"ItemId": "5", "Claim": "", "Target": ""},
    ]
    assert "package_code_unknown" not in brought(house, tmp_path, *rows).log.counts()
    defined(house, tmp_path)
    assert messages(brought(house, tmp_path, *rows), "package_code_unknown") == [
        "2 items name the claim and target 1 Z, which the definition of Math doesn't have.",
        "1 items name the depth of knowledge 4, which the definition of Math doesn't have.",
        "1 items name the standard 5.XX.9, which the definition of Math doesn't have.",
    ]


def test_levels_and_types_are_those_of_the_definition(house: Warehouse, tmp_path: Path) -> None:
    defined(house, tmp_path)
    told = brought(
        house, tmp_path,
        {"ScaledLow3": "2600"},
        {"AssessmentId": "INV-SUM", "AssessmentSubtype": "SUM", "ScaledLow3": ""},
    )  # fmt: skip
    assert told.log.counts() == {"package_levels": 1, "package_type_undefined": 1}


def test_cells_that_cant_be_read_are_told_and_blank(house: Warehouse, tmp_path: Path) -> None:
    told = brought(house, tmp_path, {"MaxPoints": "one", "DOK": "2.5", "ScaledHigh2": "high"})
    fields = [row["field"] for row in told.log.table().to_pylist()]
    assert sorted(map(str, fields)) == ["DOK", "MaxPoints", "ScaledHigh2"]
    assert held(house, "SELECT max_points, depth_of_knowledge FROM item") == [
        {"max_points": None, "depth_of_knowledge": None}
    ]


def test_rows_that_contradict_and_what_is_missing(house: Warehouse, tmp_path: Path) -> None:
    told = brought(
        house, tmp_path,
        {"AssessmentLabel": ""},
        {"ItemId": "2", "AssessmentLabel": "", "AcademicYear": "2020", "AnswerKey": ""},
    )  # fmt: skip
    assert told.log.counts() == {
        "package_no_name": 1, "package_contradicts": 1, "package_no_answer_key": 1,
    }  # fmt: skip


def test_the_two_file_form(house: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "assessments.csv").write_text(
        "assessment_id,name,subject,test_grade,assessment_type,school_year\n"
        "INV-2,Two,ELA,5,summative,2018-19\nINV-3,Bad,ELA,fifth,summative,2018-19\n"
    )
    (tmp_path / "items.csv").write_text(
        "assessment_id,item_id,dimension,part,model,a,b1,b2,b3,b4,b5,b6,claim,target,operational,"
        "item_type,purpose\nINV-2,200-1,,CAT,2PL,0.5,0.1,,,,,,1,4-5,true,MC,\n"
    )
    told = loaded(house, tmp_path / "items.csv", tmp_path / "assessments.csv")
    assert [one.content for one in told.files] == ["package_tests", "package"]
    assert held(house, "SELECT assessment_id, name FROM assessment") == [
        {"assessment_id": "INV-2", "name": "Two"}
    ]
    assert held(house, "SELECT item_id, a, b1, operational FROM item") == [
        {"item_id": "200-1", "a": 0.5, "b1": 0.1, "operational": True}
    ]


def test_the_shared_packages_agree_with_the_shared_definitions(
    house: Warehouse, shared: Path
) -> None:
    folder = shared / "samples"
    loaded(house, folder / "rdw" / "subjects")
    told = loaded(house, folder / "packages" / "2018.demo.interim.csv",
                  folder / "packages" / "2018.demo.summative.csv",
                  folder / "packages" / "2018.summative.ELPAC.csv")  # fmt: skip
    assert set(told.log.counts()) == {"item_writing_row_lossy"}
    assert held(house, "SELECT count(*) AS n FROM assessment") == [{"n": 42 + 14 + 13}]
    assert held(house, "SELECT count(*) AS n FROM cut_score WHERE measure = 'alt:2'") == [
        {"n": 13 * 4}
    ]


def test_the_incumbents_bad_items_are_told(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw"
    loaded(house, folder / "subjects")
    told = loaded(house, folder / "packages" / "IAB_ICA_Combined.bad-item.csv")
    assert told.files[0].ending.status == "PROCESSED"
    rows = told.log.table().to_pylist()
    codes = {(row["field"], row["value"]) for row in rows if row["rule"] == "package_code_unknown"}
    assert codes >= {("depth of knowledge", "662"), ("standard", "ABCD"), ("standard", "ABCF")}
    assert told.log.counts()["item_duplicate"] == 1
    assert told.log.counts()["package_no_answer_key"] == 1


def test_the_incumbents_update_history_names_tests_as_results_do(
    house: Warehouse, shared: Path
) -> None:
    loaded(house, shared / "samples" / "rdw" / "update-history" / "setup" / "assessments.csv")
    rows = held(house, "SELECT assessment_id, assessment_type FROM assessment ORDER BY 1")
    assert [tuple(row.values()) for row in rows] == [
        ("(naturalId)MOCK-IAB-G11E-2017-2018", "IAB"),
        ("(naturalId)MOCK-IAB-G11M-2017-2018", "IAB"),
        ("(naturalId)MOCK-ICA-G11-2017-2018", "ICA"),
    ]
