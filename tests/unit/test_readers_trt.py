"""TRT XML: what is taken out of a result, and what leaves one out."""

from __future__ import annotations

from pathlib import Path

import pytest

from unit.intake_files import Reading, score_info, trt, trt_item


def read(tmp_path: Path, content: bytes) -> Reading:
    path = tmp_path / "result.xml"
    path.write_bytes(content)
    return Reading(path)


def rows_of(tmp_path: Path, **words: object) -> list[dict[str, object]]:
    reading = read(tmp_path, trt(**words))  # type: ignore[arg-type]
    assert reading.counts == {}
    return reading.tests["op-1"]


def test_a_result_gives_its_opportunity_and_items(tmp_path: Path) -> None:
    reading = read(tmp_path, trt(startDate="2019-01-01T09:00:00", dateCompleted="2019-01-01"))
    (opportunity,) = reading.opportunities
    assert opportunity == {
        "opportunity_id": "op-1",
        "mode": "online",
        "status": "scored",
        "completeness": "Complete",
        "logged_on_cat": None,
        "logged_on_pt": None,
        "started_at": "2019-01-01T09:00:00",
        "submitted_at": "2019-01-01",
        "force_completed": False,
        "student_id": "9000000001",
        "assessment_id": "SBAC-ICA-G3M",
        "assessment_name": "(SBAC)SBAC-ICA-G3M-2018-2019",
        "school_year": "2018-19",
        "subject": "MATH",
        "test_grade": "03",
        "assessment_type_text": "Interim",
        "file": "result.xml",
        "source_row": 1,
    }
    items = reading.tests["op-1"]
    assert [(row["item_id"], row["position"], row["score"]) for row in items] == [
        ("200-1", 1, 1.0),
        ("200-2", 2, 0.0),
    ]
    assert items[0]["school_year"] == "2018-19"
    assert items[0]["student_id"] == "9000000001"


def attribute(context: str, value: str) -> str:
    return f'<ExamineeAttribute context="{context}" name="StudentIdentifier" value="{value}"/>'


@pytest.mark.parametrize(
    ("attributes", "student"),
    [
        (attribute("INITIAL", "a") + attribute("FINAL", "b") + attribute("FINAL", "c"), "b"),
        (attribute("FINAL", "b") + attribute("INITIAL", "a"), "b"),
        (attribute("INITIAL", "a") + attribute("INITIAL", "z"), "z"),
    ],
)
def test_the_first_final_identifier_counts_else_the_last_initial(
    tmp_path: Path, attributes: str, student: str
) -> None:
    reading = read(tmp_path, trt(examinee=attributes))
    assert reading.opportunities[0]["student_id"] == student


@pytest.mark.parametrize("attributes", ["", attribute("INITIAL", "a") + attribute("FINAL", "")])
def test_a_result_without_student_is_kept_with_a_warning(tmp_path: Path, attributes: str) -> None:
    reading = read(tmp_path, trt(examinee=attributes))
    assert reading.counts == {"trt_field_blank": 1}
    assert reading.opportunities[0]["student_id"] == ""


@pytest.mark.parametrize(
    ("item", "answered", "score"),
    [
        (trt_item(isSelected="1", score="1"), True, 1.0),
        (trt_item(isSelected="0", score="0"), False, 0.0),
        (trt_item(isSelected="0", score="-1"), False, None),
        (trt_item(isSelected="0", score="0", scoreStatus="NOTSCORED"), False, None),
        (trt_item(isSelected="0", score="1", inside="<Response>B</Response>"), True, 1.0),
        (trt_item(isSelected="0", score="0", inside="<Response> \n</Response>"), False, 0.0),
        (trt_item(isSelected="1", score="-1"), True, -1.0),
        (trt_item(isSelected="1", score="0", scoreStatus="SCORINGERROR"), True, None),
        (trt_item(isSelected="1", score="0", scoreStatus="WAITINGFORMACHINESCORE"), True, None),
        (trt_item(isSelected="1", score=""), True, None),
    ],
)
def test_answered_and_score(tmp_path: Path, item: str, answered: bool, score: float | None) -> None:
    (row,) = rows_of(tmp_path, items=item)
    assert (row["answered"], row["score"]) == (answered, score)


@pytest.mark.parametrize(
    ("attributes", "use"),
    [
        ({}, "operational"),
        ({"operational": "0"}, "field_test"),
        ({"dropped": "1"}, "dropped"),
        ({"dropped": "1", "operational": "0"}, "dropped"),
    ],
)
def test_field_test_and_dropped_items_are_kept_apart(
    tmp_path: Path, attributes: dict[str, str], use: str
) -> None:
    (row,) = rows_of(tmp_path, items=trt_item(**attributes))
    assert row["use"] == use


def test_an_adaptive_segment_is_the_cat(tmp_path: Path) -> None:
    segments = '<Segment id="S1" algorithm="adaptive2"/><Segment id="S2" algorithm="fixedform"/>'
    items = trt_item(1) + trt_item(2, segmentId="S2")
    rows = rows_of(tmp_path, before_items=segments, items=items)
    assert [row["part"] for row in rows] == ["CAT", ""]


TRAITS = (
    score_info("Organization/Purpose", "3")
    + score_info("EVIDENCE/elaboration", "2")
    + score_info("Conventions", "1")
)
DERIVED = score_info("D", "3") + score_info("C", "1")


def essay(inside: str, **attributes: str) -> str:
    overall = score_info("Overall", "5", inside=inside) if inside else ""
    return trt_item(7, "5", overall, format="WER", **attributes)


def traits_of(rows: list[dict[str, object]]) -> list[tuple[object, object, object]]:
    return [(row["dimension"], row["score"], row["condition_code"]) for row in rows]


@pytest.mark.parametrize("nodes", [TRAITS, TRAITS + DERIVED])
def test_an_essay_gives_its_three_traits_and_not_the_derived_scores(
    tmp_path: Path, nodes: str
) -> None:
    rows = rows_of(tmp_path, items=trt_item(1) + essay(nodes) + trt_item(9))
    assert traits_of(rows[1:-1]) == [
        ("organization", 3.0, ""),
        ("evidence", 2.0, ""),
        ("conventions", 1.0, ""),
    ]
    assert {row["item_type"] for row in rows[1:-1]} == {"WER"}


def test_narrative_traits_have_other_names(tmp_path: Path) -> None:
    nodes = score_info("Purpose", "4") + score_info("Development/Elaboration", "3")
    rows = rows_of(tmp_path, items=essay(nodes))
    assert traits_of(rows) == [("organization", 4.0, ""), ("evidence", 3.0, "")]


def test_derived_scores_stand_in_where_no_trait_is_given(tmp_path: Path) -> None:
    assert traits_of(rows_of(tmp_path, items=essay(DERIVED))) == [("D", 3.0, ""), ("C", 1.0, "")]


def test_an_essay_without_traits_is_one_row(tmp_path: Path) -> None:
    assert traits_of(rows_of(tmp_path, items=essay(""))) == [("", 5.0, "")]


def read_of(dimension: str, message: str) -> str:
    return (
        f'<ScoreInfo scorePoint="0" maxScore="0" scoreDimension="{dimension}" '
        f'scoreStatus="Scored"><ScoreRationale><Message>{message}</Message></ScoreRationale>'
        "</ScoreInfo>"
    )


@pytest.mark.parametrize(
    ("trait", "code"),
    [
        (score_info("Conventions", "0", "B"), "B"),
        (read_of("Conventions", '{"scorerID":"x","conditionCode":"T"}'), "T"),
        (score_info("Conventions", "0", "", read_of("Initial", '{"conditionCode":"I"}')), "I"),
        (read_of("Conventions", "plain text"), ""),
        (read_of("Conventions", "{not json"), ""),
        (read_of("Conventions", '{"conditionCode":null}'), ""),
        (read_of("Conventions", '["B"]'), ""),
    ],
)
def test_condition_codes_stand_in_three_places(tmp_path: Path, trait: str, code: str) -> None:
    (row,) = rows_of(tmp_path, items=essay(trait))
    assert (row["dimension"], row["condition_code"]) == ("conventions", code)


def test_a_final_read_beats_an_initial_one(tmp_path: Path) -> None:
    reads = read_of("Initial", '{"conditionCode":"I"}') + read_of("Final", '{"conditionCode":"T"}')
    (row,) = rows_of(tmp_path, items=essay(score_info("Conventions", "0", "", reads)))
    assert row["condition_code"] == "T"


def reported(trait: str, label: str, value: str, more: str = "") -> str:
    return f'<Score measureOf="SOCK_EXPL_{trait}" measureLabel="{label}" value="{value}" {more}/>'


def test_summative_trait_scores_stand_beside_the_item(tmp_path: Path) -> None:
    scores = (
        reported("ORG", "RawScore", "4")
        + reported("EVI", "RawScore", "0", 'conditionCode="M"')
        + reported("CON", "RawScore", "2")
        + reported("ORG", "conditionCode", "L")
    )
    rows = rows_of(tmp_path, items=essay(""), before_items=scores)
    assert traits_of(rows) == [
        ("organization", 4.0, "L"),
        ("evidence", 0.0, "M"),
        ("conventions", 2.0, ""),
    ]


def test_the_items_own_traits_beat_the_reported_ones(tmp_path: Path) -> None:
    rows = rows_of(tmp_path, items=essay(TRAITS), before_items=reported("ORG", "RawScore", "1"))
    assert traits_of(rows)[0] == ("organization", 3.0, "")


def component(number: int, **values: str) -> str:
    return "".join(
        f'<GenericVariable context="COMPONENT_{number}" name="{name}" value="{value}"/>'
        for name, value in values.items()
    )


@pytest.mark.parametrize(
    ("components", "logged_on"),
    [
        ("", (None, None)),
        (component(1, OPPID="1") + component(2, OPPID="2"), (True, True)),
        (
            component(1, OPPID="1", TESTID="SBAC-G3E-Perf-Animals") + component(2, OPPID=""),
            (False, True),
        ),
        (component(1, OPPID="1", TESTID="SBAC-G3E-CAT"), (True, False)),
    ],
)
def test_components_tell_the_log_ons(
    tmp_path: Path, components: str, logged_on: tuple[object, object]
) -> None:
    (row,) = read(tmp_path, trt(before_items=components)).opportunities
    assert (row["logged_on_cat"], row["logged_on_pt"]) == logged_on


@pytest.mark.parametrize("year", ["0", str(2**32 - 1), "year", "99999999999999999999", "２０１９"])
def test_a_year_that_is_none_is_a_warning(tmp_path: Path, year: str) -> None:
    reading = read(tmp_path, trt(test={"academicYear": year}))
    assert reading.counts == {"trt_number_ignored": 1}
    assert reading.opportunities[0]["school_year"] == ""


@pytest.mark.parametrize("score", ["x", "NaN", "inf", "1_0", "1,5"])
def test_a_score_that_is_no_number_leaves_the_result_out(tmp_path: Path, score: str) -> None:
    reading = read(tmp_path, trt(items=trt_item(1) + trt_item(2, score)))
    assert reading.counts == {"trt_number": 1}
    assert reading.tests == {}
    (finding,) = reading.log
    assert (finding.record, finding.field, finding.value) == ("op-1", "Item/score", score)


@pytest.mark.parametrize(
    "content",
    [
        trt(items=trt_item(bankKey="")),
        trt(key=""),
        trt(test={"testId": "", "name": ""}),
        b"<TDSReport/>",
        b"<TDSReport><Test testId='a'/></TDSReport>",
    ],
)
def test_what_cannot_be_told_apart_is_left_out(tmp_path: Path, content: bytes) -> None:
    reading = read(tmp_path, content)
    assert reading.counts == {"trt_field_missing": 1}
    assert reading.chunks == []


def test_a_demonstration_record_is_left_out(tmp_path: Path) -> None:
    assert read(tmp_path, trt(is_demo="true")).counts == {"trt_demo_record": 1}


def test_the_other_key_stands_in(tmp_path: Path) -> None:
    assert list(read(tmp_path, trt(key="", oppId="77")).tests) == ["77"]


def test_a_wrapper_of_many_results_is_streamed(tmp_path: Path) -> None:
    wrapped = b"<?xml version='1.0'?><TDSReports>" + trt("a") + trt("b") + b"</TDSReports>"
    reading = read(tmp_path, wrapped)
    assert list(reading.tests) == ["a", "b"]
    assert [row["file"] for row in reading.opportunities] == ["result.xml#1", "result.xml#2"]


def test_a_wrapper_that_breaks_keeps_what_stood_before(tmp_path: Path) -> None:
    reading = read(tmp_path, b"<TDSReports>" + trt("a") + trt("b")[:-30])
    assert list(reading.tests) == ["a"]
    assert reading.counts == {"xml_malformed": 1}


ENTITY = b"<!DOCTYPE TDSReport [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"


@pytest.mark.parametrize(
    "content",
    [
        ENTITY + trt(test={"subject": "&e;"}),
        b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- a -->" + ENTITY + trt(),
        b"<!DOCTYPE TDSReports><TDSReports>" + trt() + b"</TDSReports>",
        (ENTITY + trt()).decode().encode("utf-16"),
        b"<!doctype x>" + trt(),
    ],
)
def test_a_doctype_is_refused(tmp_path: Path, content: bytes) -> None:
    reading = read(tmp_path, content)
    assert reading.counts == {"xml_doctype": 1}
    assert reading.chunks == []


def test_a_doctype_inside_a_response_is_text(tmp_path: Path) -> None:
    inside = "<Response><![CDATA[<!DOCTYPE html><p>&nbsp;</p>]]></Response>"
    (row,) = rows_of(tmp_path, items=trt_item(inside=inside, isSelected="0"))
    assert row["answered"] is True


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_are_fine(tmp_path: Path, encoding: str) -> None:
    assert list(read(tmp_path, trt().decode().encode(encoding)).tests) == ["op-1"]


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (trt()[:-20], "xml_malformed"),
        (b"<TDSReport>&undefined;</TDSReport>", "xml_malformed"),
        (b"<html><body/></html>", "xml_not_trt"),
        (b"<TDSReport xmlns='urn:x'/>", "xml_not_trt"),
    ],
)
def test_what_is_no_result_is_a_finding(tmp_path: Path, content: bytes, rule: str) -> None:
    assert read(tmp_path, content).counts == {rule: 1}


def test_a_message_about_malformed_xml_repeats_nothing_of_it(tmp_path: Path) -> None:
    broken = trt().replace(b"</Examinee>", b"</Wilhelmina>")
    (finding,) = read(tmp_path, broken).log
    assert "Wilhelmina" not in str(finding)
    assert finding.rule == "xml_malformed"
