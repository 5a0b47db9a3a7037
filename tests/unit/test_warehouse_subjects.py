"""Subject definitions: what they bring, their rules, and what results rest on."""

from __future__ import annotations

from pathlib import Path

import pytest

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadSummary
from warehouse_help import held, loaded, made, trt

LEVELS = "".join(
    f'<PerformanceLevel level="{level}" name="Level {level}" shortName="L{level}" suffix="" '
    'color="teal"/>' for level in (1, 2, 3, 4)
)  # fmt: skip
DEFINITION = f"""<?xml version="1.0"?>
<Subject code="ELA" name="English">
<Messages><Message key="standard-description">The state''s standards.</Message></Messages>
<AssessmentTypes>
<AssessmentType code="sum" name="Summative" longName="The summative test">
<OverallScoring name="Overall" minScore="2000" maxScore="2800">
<PerformanceLevels standardCutoff="3">{LEVELS}</PerformanceLevels></OverallScoring>
<AltScoring name="Composite"><PerformanceLevels>{LEVELS}</PerformanceLevels></AltScoring>
</AssessmentType>
<AssessmentType code="iab" name="Block" printedReport="false"><OverallScoring name="Overall">
<PerformanceLevels>{LEVELS[: LEVELS.index('<PerformanceLevel level="4"')]}</PerformanceLevels>
</OverallScoring></AssessmentType>
</AssessmentTypes>
<DepthsOfKnowledge><DepthOfKnowledge level="1" name="Recall">
<Reference>https://depths.example/1</Reference></DepthOfKnowledge></DepthsOfKnowledge>
<ItemDifficulties><ItemDifficulty gradeCode="05" moderateLowEnd="-1.5" difficultLowEnd="0.5"/>
</ItemDifficulties>
<ReportGrades><ReportGrade code="05"><ReportAssessmentTypes><ReportAssessmentType code="sum">
<OverallAchievementMessage>{{0}} took a test.</OverallAchievementMessage>
<ReportPerformanceLevels><ReportPerformanceLevel level="2">{{0}}''s level is 2.
</ReportPerformanceLevel></ReportPerformanceLevels>
<ReportClaims><ReportClaim code="1-R"><ReportPerformanceLevels>
<ReportPerformanceLevel level="1">Below in reading.</ReportPerformanceLevel>
</ReportPerformanceLevels></ReportClaim></ReportClaims>
</ReportAssessmentType></ReportAssessmentTypes></ReportGrade></ReportGrades>
<AltScores><AltScore code="ORAL" name="Oral" displayOrder="1"/></AltScores>
<Claims><Claim code="1-R" name="Reading" organizational="false" displayOrder="2" dataOrder="1">
<Description>Reads.</Description>
<Targets><Target code="1-5" name="1"><Description>Key details.</Description></Target></Targets>
</Claim></Claims>
<Traits><Trait code="NARR_ORG" purpose="NARR" category="ORG" maxScore="4"/></Traits>
<Standards><Standard code="5.RL.1"><Description>Quotes.</Description></Standard></Standards>
</Subject>"""


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return made(tmp_path / "w")


def brought(house: Warehouse, folder: Path, *changes: tuple[str, str]) -> LoadSummary:
    """Load the definition with some of its text changed."""
    text = DEFINITION
    for before, after in changes:
        assert before in text
        text = text.replace(before, after)
    path = folder / "s.xml"
    path.write_text(text, encoding="utf-8")
    return loaded(house, path)


def rows(house: Warehouse, query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in held(house, query)]


def messages(summary: LoadSummary) -> list[str]:
    return [str(row["message"]) for row in summary.log.table().to_pylist()]


def test_every_part_of_a_definition(house: Warehouse, tmp_path: Path) -> None:
    assert brought(house, tmp_path).log.counts() == {}
    assert rows(
        house,
        "SELECT assessment_type, name, long_name, has_target_report, has_printed_report, "
        "has_trait_report FROM subject_type ORDER BY 1",
    ) == [
        ("IAB", "Block", None, False, False, False),
        ("summative", "Summative", "The summative test", True, True, False),
    ]
    assert rows(
        house,
        "SELECT assessment_type, score_kind, lowest_scale_score, highest_scale_score, "
        "standard_level FROM subject_scale ORDER BY 1, 2",
    ) == [
        ("IAB", "overall", None, None, None),
        ("summative", "alt", None, None, None),
        ("summative", "overall", 2000.0, 2800.0, 3),
    ]
    assert rows(house, "SELECT short_name, color, suffix FROM subject_level WHERE level = 4") == [
        ("L4", "teal", None), ("L4", "teal", None),
    ]  # fmt: skip
    assert rows(
        house,
        "SELECT part_kind, code, parent_code, name, is_scorable, is_organizational, "
        "display_order, data_order, max_score, reference FROM subject_part ORDER BY 1",
    ) == [
        ("alt", "ORAL", "", "Oral", True, None, 1, None, None, None),
        ("claim", "1-R", "", "Reading", True, False, 2, 1, None, None),
        ("depth", "1", "", "Recall", None, None, None, None, None, "https://depths.example/1"),
        ("standard", "5.RL.1", "", None, None, None, None, None, None, None),
        ("target", "1-5", "1-R", "1", None, None, None, None, None, None),
        ("trait", "NARR_ORG", "", None, None, None, None, None, 4.0, None),
    ]
    assert rows(house, "SELECT * EXCLUDE (row_id, import_id) FROM subject_difficulty") == [
        ("ELA", "05", -1.5, 0.5)
    ]


def test_words_stand_under_the_incumbents_keys(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path)
    assert rows(house, "SELECT text_key, words FROM subject_text ORDER BY 1") == [
        ("report-grade.05.asmt-type.sum.claim.1-R.level.1", "Below in reading."),
        ("report-grade.05.asmt-type.sum.overall", "{0} took a test."),
        ("report-grade.05.asmt-type.sum.overall.level.2", "{0}'s level is 2."),
        ("standard-description", "The state's standards."),
    ]


def test_what_a_later_definition_lacks_is_withdrawn(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path)
    brought(
        house, tmp_path,
        ('<ItemDifficulty gradeCode="05" moderateLowEnd="-1.5" difficultLowEnd="0.5"/>', ""),
        ('<Standard code="5.RL.1"><Description>Quotes.</Description></Standard>', ""),
    )  # fmt: skip
    assert rows(house, "SELECT test_grade FROM subject_difficulty") == []
    assert rows(house, "SELECT code FROM subject_part WHERE part_kind = 'standard'") == []
    assert rows(house, "SELECT count(*) FROM subject_part") == [(5,)]


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ('standardCutoff="3"', 'standardCutoff="5"', "the standard begins at level 5"),
        ('minScore="2000"', 'minScore="2900"', "the lowest score isn't below the highest"),
        ('code="1-R" name', 'code="1-READING-R" name', "more than 10 characters"),
        ('code="5.RL.1"', f'code="{"5" * 21}"', "more than 20 characters"),
        ('moderateLowEnd="-1.5"', 'moderateLowEnd="1.5"', "moderate doesn't begin below"),
        ('level="4"', 'level="5"', "summative overall are 1, 2, 3, 5"),
        ('code="iab"', 'code="quiz"', "assessment_type can't be 'quiz'"),
        ('level="4"', 'level="four"', "level can't be ''"),
        (
            "<Claims>",
            "<Claims>" + "".join(f'<Claim code="{n}" name="n"/>' for n in range(6)),
            "7 of them have scores",
        ),
        ("<Claims>", '<Claims><Claim code="1-R" name="Again"/>', "stands twice"),
    ],
)
def test_the_rules_of_a_definition(
    house: Warehouse, tmp_path: Path, before: str, after: str, words: str
) -> None:
    told = messages(brought(house, tmp_path, (before, after)))
    assert any(words in message for message in told), told


def test_a_block_has_three_levels_and_no_standard(house: Warehouse, tmp_path: Path) -> None:
    told = messages(brought(house, tmp_path, ('code="sum" name', 'code="iab" name')))
    assert any("a block has no level at which" in message for message in told)
    assert any("reports an overall result only" in message for message in told)
    assert any("IAB alt are 1, 2, 3, 4" in message for message in told)


CHANGES = (
    ('minScore="2000"', 'minScore="1900"'),
    ('standardCutoff="3"', 'standardCutoff="2"'),
    ('gradeCode="05" moderateLowEnd="-1.5"', 'gradeCode="05" moderateLowEnd="-1"'),
    ('code="ORAL"', 'code="SPOKEN"'),
    ("https://depths.example/1", "https://depths.example/2"),
    ('printedReport="false"', ""),
)


def test_what_results_rest_on_doesnt_change_silently(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path)
    loaded(house, trt(tmp_path, "a.xml"))
    told = brought(house, tmp_path, *CHANGES)
    assert told.log.counts() == {"subject_changed": len(CHANGES)}
    changed = {(row["record"], row["field"]) for row in told.log.table().to_pylist()}
    assert changed == {
        ("summative overall", "lowest_scale_score"),
        ("summative overall", "standard_level"),
        ("05", "moderate_from"),
        ("alt ORAL", "the definition"),
        ("depth 1", "reference"),
        ("IAB", "has_printed_report"),
    }
    assert rows(
        house, "SELECT DISTINCT standard_level FROM subject_scale WHERE standard_level > 0"
    ) == [(2,)]


def test_without_results_a_definition_may_change(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path)
    assert brought(house, tmp_path, *CHANGES).log.counts() == {}


def test_another_number_of_levels_is_told(house: Warehouse, tmp_path: Path) -> None:
    brought(house, tmp_path)
    loaded(house, trt(tmp_path, "a.xml"))
    fifth = '<PerformanceLevel level="5" name="Level 5"/></PerformanceLevels></AltScoring>'
    told = brought(house, tmp_path, ("</PerformanceLevels></AltScoring>", fifth))
    assert "the number of levels of summative alt was 4, and is 5" in messages(told)[0]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('<Subject code="ELA"', "<!DOCTYPE Subject [<!ENTITY x 'y'>]><Subject code=\"ELA\""),
        ("</Subject>", ""),
        ('<Subject code="ELA"', '<Subject code=""'),
        ('<Subject code="ELA"', '<Subject code="ENGLISH-AND-MORE"'),
    ],
)
def test_what_isnt_read_at_all(house: Warehouse, tmp_path: Path, before: str, after: str) -> None:
    assert brought(house, tmp_path, (before, after)).files[0].ending.status == "BAD_FORMAT"
    assert rows(house, "SELECT subject FROM subject_type") == []


def test_the_incumbents_definitions(house: Warehouse, shared: Path) -> None:
    told = loaded(house, shared / "samples" / "rdw" / "subjects")
    assert told.log.counts() == {}
    counted = (
        "SELECT part_kind, count(*) FROM subject_part WHERE subject = 'ELA' GROUP BY 1 ORDER BY 1"
    )
    assert rows(house, counted) == [
        ("claim", 9), ("depth", 4), ("standard", 645), ("target", 441),
    ]  # fmt: skip
    assert rows(
        house,
        "SELECT lowest_scale_score, highest_scale_score, standard_level FROM subject_scale "
        "WHERE subject = 'ELPAC' AND score_kind = 'overall'",
    ) == [(1150.0, 1950.0, 4)]
