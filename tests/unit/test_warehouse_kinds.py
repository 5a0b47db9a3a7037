"""Files about entities, tests, subjects, references and lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.recognise import head_of, told_by
from warehouse_help import OTHER_SCHOOL, SCHOOL, held, loaded, made, trt

CARET = (
    "County-District Code^School Code^Auth CDS Code^County Name^District Name^School Name^"
    "Charter School^Charter Status^NPS School\n"
)


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w")


def brought(house: Warehouse, path: Path, **how: str) -> LoadSummary:
    return load(house, LoadRequest((path,), **how))  # type: ignore[arg-type]


def organizations(path: Path, *entities: tuple[str, str, str, str]) -> Path:
    names = ("entityType", "entityId", "entityName", "parentEntityId")
    found = [dict(zip(names, entity, strict=True)) for entity in entities]
    path.write_text(json.dumps({"districts": found[:1], "more": {"institutions": found[1:]}}))
    return path


def test_organizations_of_any_nesting(house: Warehouse, tmp_path: Path) -> None:
    path = organizations(
        tmp_path / "o.json",
        ("DISTRICT", "D1", "First", "CA"),
        ("INSTITUTION", "S1", "School", "D1"),
        ("INSTITUTION", "", "Nameless", "D1"),
        ("PLANET", "P1", "Mars", "D1"),
        ("INSTITUTION", "S2", "Orphan", "D9"),
    )
    summary = brought(house, path)
    assert held(house, "SELECT entity_id, entity_type FROM entity ORDER BY entity_id") == [
        {"entity_id": "D1", "entity_type": "district"},
        {"entity_id": "S1", "entity_type": "school"},
        {"entity_id": "S2", "entity_type": "school"},
    ]
    assert summary.log.counts() == {"column_value": 2, "entity_parent_unknown": 1}


def test_a_school_that_a_later_file_lacks_stays(house: Warehouse, tmp_path: Path) -> None:
    brought(house, organizations(tmp_path / "a.json", ("INSTITUTION", "S1", "One", "CA")))
    brought(house, organizations(tmp_path / "b.json", ("INSTITUTION", "S2", "Two", "CA")))
    assert len(held(house, "SELECT entity_id FROM entity")) == 2


def test_the_calpads_extract(house: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "schools.csv"
    path.write_text(
        CARET
        + "# a comment\n9990001^0000001^99900010000001^Nowhere^First^School^Y^DF^N\n"
        + "9990001^0000002^9990001000002^Nowhere^First^Short code^N^^N\n"
        + "9990001^0000003^99900010000003^Nowhere^First\n"
    )
    summary = brought(house, path)
    assert held(
        house, "SELECT entity_id, parent_id, is_charter, county_name FROM entity ORDER BY 1"
    ) == [
        {
            "entity_id": "99900010000000",
            "parent_id": "CA",
            "is_charter": None,
            "county_name": "Nowhere",
        },
        {
            "entity_id": "99900010000001",
            "parent_id": "99900010000000",
            "is_charter": True,
            "county_name": "Nowhere",
        },
    ]
    assert summary.log.counts() == {"column_value": 1, "csv_row_short": 1}


TABULATOR = (
    "AssessmentId,AssessmentName,AssessmentSubject,AssessmentGrade,AssessmentType,"
    "AssessmentSubtype,AssessmentLabel,AcademicYear,BankKey,ItemId,ItemType,Claim,Target,DOK,"
    "MaxPoints,IsFieldTest,MeasurementModel,ScorePoints,a,b0_b,b1_c,b2,b3,avg_b,ItemPosition,"
    "AnswerKey,ScaledLow1,ScaledHigh1,ScaledLow2,ScaledHigh2,Alt6Low1\n"
)
ITEM = (
    "{test},n,{subject},5,interim,ICA,l,2019,200,{item},MC,1,A-5,2,1,FALSE,IRT3PLn,1,0.5,0.1,0,"
    ",,0.1,3,B,2000,2400,2401,2600,1150\n"
)


def package(path: Path, *rows: str) -> Path:
    path.write_text(TABULATOR + "".join(rows))
    return path


def test_a_package_brings_tests_items_and_cuts(house: Warehouse, tmp_path: Path) -> None:
    path = package(
        tmp_path / "p.csv",
        ITEM.format(test="T", subject="MATH", item=1),
        ITEM.format(test="T", subject="MATH", item=2),
    )
    assert brought(house, path).log.counts() == {}
    assert held(
        house, "SELECT subject, test_grade, assessment_type, school_year FROM assessment"
    ) == [
        {
            "subject": "Math",
            "test_grade": "05",
            "assessment_type": "ICA",
            "school_year": "2018-19",
        }
    ]
    assert held(house, "SELECT item_id, a, position, answer_key FROM item ORDER BY 1") == [
        {"item_id": "200-1", "a": 0.5, "position": 3, "answer_key": "B"},
        {"item_id": "200-2", "a": 0.5, "position": 3, "answer_key": "B"},
    ]
    cuts = held(
        house, "SELECT measure, level, lowest_scale_score AS low FROM cut_score ORDER BY 1, 2"
    )
    assert cuts == [
        {"measure": "alt:6", "level": 1, "low": 1150.0},
        {"measure": "overall", "level": 1, "low": 2000.0},
        {"measure": "overall", "level": 2, "low": 2401.0},
    ]


def test_a_known_test_doesnt_change_its_subject(house: Warehouse, tmp_path: Path) -> None:
    brought(house, package(tmp_path / "p.csv", ITEM.format(test="T", subject="MATH", item=1)))
    summary = brought(
        house,
        package(
            tmp_path / "q.csv",
            ITEM.format(test="T", subject="ELA", item=9),
            ITEM.format(test="U", subject="ELA", item=1),
        ),
    )
    assert summary.log.counts() == {"assessment_immutable": 1}
    assert held(house, "SELECT assessment_id, subject FROM assessment ORDER BY 1") == [
        {"assessment_id": "T", "subject": "Math"},
        {"assessment_id": "U", "subject": "ELA"},
    ]
    assert held(house, "SELECT item_id FROM item WHERE assessment_id = 'T'") == [
        {"item_id": "200-1"}
    ]


SUBJECT = """<?xml version="1.0"?><Subject code="Math" name="Mathematics">
<AssessmentTypes><AssessmentType code="iab" name="Block"><OverallScoring minScore="2000"
 maxScore="3000"><PerformanceLevels>{levels}</PerformanceLevels></OverallScoring></AssessmentType>
</AssessmentTypes>
<DepthsOfKnowledge><DepthOfKnowledge level="1" name="Recall"/></DepthsOfKnowledge>
<ItemDifficulties><ItemDifficulty gradeCode="5" moderateLowEnd="-1" difficultLowEnd="1"/>
</ItemDifficulties>
<Claims><Claim code="1" name="Concepts"><Targets><Target code="OA|A" name="A"/></Targets></Claim>
</Claims></Subject>"""
LEVEL = '<PerformanceLevel level="{0}" name="Level {0}"/>'


def subject(path: Path, *levels: int) -> Path:
    path.write_text(SUBJECT.format(levels="".join(LEVEL.format(level) for level in levels)))
    return path


def test_a_subject_definition(house: Warehouse, tmp_path: Path) -> None:
    assert brought(house, subject(tmp_path / "s.xml", 1, 2, 3)).log.counts() == {}
    assert held(house, "SELECT part_kind, code, parent_code FROM subject_part ORDER BY 1") == [
        {"part_kind": "claim", "code": "1", "parent_code": ""},
        {"part_kind": "depth", "code": "1", "parent_code": ""},
        {"part_kind": "target", "code": "OA|A", "parent_code": "1"},
    ]
    assert held(house, "SELECT count(*) AS n FROM subject_level") == [{"n": 3}]
    wrong = brought(house, subject(tmp_path / "t.xml", 1, 2, 4))
    assert wrong.log.counts() == {"subject_levels": 1}
    assert held(house, "SELECT level FROM subject_level ORDER BY 1")[-1] == {"level": 4}


def test_a_definition_with_a_doctype_is_never_read(house: Warehouse, tmp_path: Path) -> None:
    path = subject(tmp_path / "s.xml", 1, 2, 3)
    path.write_text(path.read_text().replace("?>", "?><!DOCTYPE Subject [<!ENTITY a 'b'>]>", 1))
    summary = brought(house, path, as_kind="subject")
    assert summary.files[0].ending.status == "BAD_FORMAT"


NORMS = (
    "assessment_id,start_date,end_date,count,mean,standard_deviation,min_score,max_score,"
    "percentile_rank,score\n"
)


def test_norms_come_one_by_one(house: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text(
        NORMS
        + "# comment\nT,2019-01-01,2019-03-31,100,2400,80,2000,3000,5,2300\n"
        + "T,2019-01-01,2019-03-31,,,,,,50,2400\n,,,,,,,,,\nT,2019-01-01,2019-03-31,,,,,,95,2500\n"
        + "U,2019-01-01,2019-03-31,100,2400,80,2000,3000,5,2300\n"
        + "U,2019-01-01,2019-03-31,,,,,,3,2400\nU,2019-01-01,2019-03-31,,,,,,95,2500\n"
    )
    assert brought(house, path).log.counts() == {
        "norm_unsound": 1,
        "norm_assessment_unknown": 1,
    }
    assert held(house, "SELECT assessment_id, n_scored FROM norm") == [
        {"assessment_id": "T", "n_scored": 100}
    ]
    assert held(house, "SELECT count(*) AS n FROM norm_rank") == [{"n": 3}]


GROUPS = "student_ssid,group_name,school_natural_id,group_user_login,school_year,subject_code\n"


def test_lists_in_any_order_replace_their_members(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    path = tmp_path / "g.csv"
    path.write_text(
        GROUPS
        + f"9000000001,B,{OTHER_SCHOOL},,2019,All\n9000000002,A,{SCHOOL},t@invented,2019,ELA\n"
        + f"9000000003,A,{SCHOOL},,2019,ELA\n,A,unknown,,2019,\n9000000004,A,{SCHOOL},,2019,Math\n"
    )
    assert brought(house, path).log.counts() == {"roster_school_unknown": 1, "roster_row": 1}
    query = "SELECT roster_name, student_id FROM roster_student ORDER BY 1, 2"
    assert [tuple(row.values()) for row in held(house, query)] == [
        ("A", "9000000002"), ("A", "9000000003"), ("B", "9000000001"),
    ]  # fmt: skip
    path.write_text(GROUPS + f"9000000003,A,{SCHOOL},,2019,ELA\n")
    brought(house, path)
    assert [tuple(row.values()) for row in held(house, query)] == [
        ("A", "9000000003"), ("B", "9000000001"),
    ]  # fmt: skip
    assert held(house, "SELECT login FROM roster_viewer") == []
    assert len(held(house, "SELECT student_id FROM student WHERE info_from = 'group'")) == 3


def test_tables_in_our_own_form(house: Warehouse, tmp_path: Path) -> None:
    path = tmp_path / "days.csv"
    path.write_text("school_year,census_on\n2018-19,2018-10-03\n2019-20,sometime\n")
    summary = brought(house, path)
    assert summary.files[0].content == "census_day"
    assert summary.log.counts() == {"column_value": 1}
    assert len(held(house, "SELECT census_on FROM census_day")) == 1


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("organizations/organization.json", "organizations"),
        ("organizations/CA_schools.csv", "calpads_schools"),
        ("packages/ELPAC_asmt.csv", "package"),
        ("subjects/Math_subject.CA.xml", "subject"),
        ("norms/percentiles.csv", "norms"),
        ("AccessibilityConfig.xml", "accessibility"),
        ("groups/sample-group-001.crlf.csv", "groups"),
        ("trt/TDSReport.iab.sample.xml", "results"),
    ],
)
def test_the_incumbents_files_are_recognised(shared: Path, name: str, kind: str) -> None:
    path = shared / "samples" / "rdw" / name
    told = told_by(head_of(path), path)
    assert told.kind is not None
    assert told.kind.name == kind
    assert told.guess.sureness == 1.0


def test_the_incumbents_definitions_load(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw"
    loaded(house, folder / "subjects", folder / "norms", folder / "AccessibilityConfig.xml")
    assert held(house, "SELECT count(*) AS n FROM norm") == [{"n": 3}]
    assert held(house, "SELECT count(*) AS n FROM norm_rank") == [{"n": 57}]
    subjects = held(house, "SELECT DISTINCT subject FROM subject_type ORDER BY 1")
    assert {"subject": "ELPAC"} in subjects
    assert held(
        house,
        "SELECT count(*) AS n FROM subject_part WHERE subject = 'ELPAC' AND part_kind = 'claim'",
    ) == [{"n": 4}]


def test_a_name_says_nothing(house: Warehouse, tmp_path: Path) -> None:
    path = trt(tmp_path, "package.csv")
    assert told_by(head_of(path), path).kind is not None
    assert loaded(house, path).files[0].content == "results"
