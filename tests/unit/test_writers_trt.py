"""TRT that passes the published schemas, whatever the tables say, and says what it had to do."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from lxml import etree

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.flatten import flatten
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.unflatten import unflatten
from scorehouse.intake.unflatten_conform import conform
from scorehouse.intake.unflatten_notes import Note
from scorehouse.intake.unflatten_scores import parse_accessibility
from scorehouse.intake.unflatten_upgrade import upgrade_tests
from scorehouse.intake.writers.features import features
from scorehouse.intake.writers.trt import WrittenDocuments, write_trt
from scorehouse.intake.writers.trt_text import documents
from scorehouse.result_shapes import ELEMENTS, ITEM_TABLE, TEST_TABLE
from unit.two_table_files import ITEM, TEST, TRAITS, Row, of


def chunk(tests: list[Row], items: list[Row]) -> ResultChunk:
    """Rows as the reader gives them; rows of one item stand together."""
    numbers = {row["TestOpportunityId"]: n for n, row in enumerate(tests)}
    seen: dict[tuple[int, str], int] = {}
    test_rows = [{"result": n, "file": "f", "row": n + 1, **row} for n, row in enumerate(tests)]
    item_rows = []
    for row in items:
        result = numbers[row["TestOpportunityId"]]
        mine = [key for key in seen if key[0] == result]
        item = seen.setdefault((result, row["ItemId"]), len(mine))
        item_rows.append({"result": result, "file": "f", "row": 1, "item": item, **row})
    return ResultChunk({}, table(test_rows, TEST_TABLE), table(item_rows, ITEM_TABLE))


def table(rows: list[dict[str, object]], schema: pa.Schema) -> pa.Table:
    return pa.table(
        [pa.array([r.get(f.name, "") for r in rows], f.type) for f in schema], schema=schema
    )


def written(tests: list[Row], items: list[Row]) -> list[etree._Element]:
    given = chunk(tests, items)
    made = conform(unflatten(given.tests, given.items, features()).elements)
    assert made.impossible == []
    return [etree.fromstring(text.encode()) for text in documents(made.elements).texts]


def test_every_column_of_a_result_comes_back() -> None:
    given = chunk([TEST], [ITEM, *TRAITS])
    tests, items = flatten(conform(unflatten(given.tests, given.items, features()).elements)[0])
    for name in (*TEST,):
        assert tests[name].to_pylist() == [TEST[name]]
    for name in ITEM_TABLE.names[4:18]:
        assert items[name].to_pylist() == given.items[name].to_pylist()


def test_elements_stand_in_the_order_of_the_schema() -> None:
    (report,) = written([TEST], [ITEM, *TRAITS])
    assert [child.tag for child in report] == ["Test", "Examinee", "Opportunity"]
    kinds = [child.tag for child in report[2]]
    assert list(dict.fromkeys(kinds)) == ["Segment", "Accommodation", "Score", "Item"]
    reads = report.findall(".//Item[2]/ScoreInfo/SubScoreList/ScoreInfo[1]/SubScoreList/ScoreInfo")
    assert [(r.get("scoreDimension"), r.get("scorePoint")) for r in reads] == [
        ("Initial", "2"), ("Reliability", "4"), ("Resolution", "3"),
    ]  # fmt: skip
    assert reads[2].findtext("ScoreRationale/Message") == '{"scorerID":"1003"}'


def test_what_is_invented_is_counted() -> None:
    given = chunk([TEST, of(TEST, "op-2")], [ITEM, of(ITEM, "op-2")])
    notes = unflatten(given.tests, given.items, features()).notes
    assert notes[Note("value_invented", "Item/@format", "UNKNOWN")] == 2
    assert notes[Note("value_invented", "Opportunity/@status", "scored")] == 2
    assert all(note.rule == "value_invented" for note in notes)


def test_the_moment_of_a_response_keeps_the_zone() -> None:
    rows = [{**ITEM, "AdminDateTime": "2016-04-14T23:59:50.5-05:00", "ResponseDuration": "20"}]
    (report,) = written([TEST], rows)
    assert report.find(".//Response").get("date") == "2016-04-15T00:00:10-05:00"


def test_a_total_that_has_no_row_is_made_from_the_traits() -> None:
    (report,) = written([TEST], list(TRAITS[1:]))
    item = report.find(".//Item")
    assert item.get("score") == "5"  # (3 + 3) / 2 + 2
    assert len(item.findall("ScoreInfo/SubScoreList/ScoreInfo")) == 3


def test_text_that_xml_would_change_comes_back() -> None:
    text = 'a\r\nb\tc <&> "\u00e9" ]]> \U0001f600\n'
    row = {**TEST, "UserAgent": "x\r\ny\tz  \"<&>'", "AssessmentName": " two  blanks "}
    (report,) = written([row], [{**ITEM, "ResponseValue": text}])
    assert report.findtext(".//Response") == text
    agent = "assessmentParticipantSessionPlatformUserAgent"
    assert report.find("Opportunity").get(agent) == row["UserAgent"]
    assert report.find("Test").get("name") == " two  blanks "


def test_characters_that_xml_cannot_hold_are_removed_and_told(tmp_path: Path) -> None:
    given = chunk([TEST], [{**ITEM, "ResponseValue": "a\x01b\x0cc\ufffe"}])
    log = FindingLog()
    write_trt([given], tmp_path / "o.zip", log=log)
    with zipfile.ZipFile(tmp_path / "o.zip") as archive:
        report = etree.fromstring(archive.read("000000001.xml"))
    assert report.findtext(".//Response") == "abc"
    found = next(f for f in log if f.rule == "xml_character_removed")
    assert found.field == "Response/text()"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"SubmitDateTime": "4/14/2016 9:02"}, "Opportunity/@dateCompleted"),
        ({"SubmitDateTime": "2016-02-30T09:00:00"}, "Opportunity/@dateCompleted"),
        ({"SchoolYear": "2015-16"}, "Test/@academicYear"),
        ({"NumberOfResponses": "-3"}, "Opportunity/@itemCount"),
        ({"NumberOfResponses": str(2**32)}, "Opportunity/@itemCount"),
        ({"DeliveryMode": "tablet"}, "Test/@mode"),
        ({"AdministrationCondition": "perhaps"}, "Opportunity/@administrationCondition"),
        ({"ScaleScoreStandardError": "NaN"}, "Score/@standardError"),
    ],
)
def test_what_no_schema_allows_leaves_its_result_out(
    tmp_path: Path, change: Row, field: str
) -> None:
    log = FindingLog()
    tests = [of(TEST, "op-0"), {**TEST, **change}, of(TEST, "op-2")]
    items = [of(ITEM, f"op-{n}") for n in range(3)]
    counts = write_trt([chunk(tests, items)], tmp_path / "out", log=log)
    assert counts == WrittenDocuments(documents=2, left_out=1)
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
        "000000001.xml",
        "000000002.xml",
    ]
    found = [f for f in log if f.rule == "trt_value_impossible"]
    assert field in {f.field for f in found}
    assert {f.record for f in found} == {"op-1"}


@pytest.mark.parametrize(
    "change",
    [{"ItemId": "abc"}, {"ItemId": "200-1x"}, {"ItemPosition": ""}, {"AdminDateTime": ""},
     {"ItemScore": "-2"}, {"ResponseDuration": "INF"}],
)  # fmt: skip
def test_an_impossible_item_leaves_its_result_out(tmp_path: Path, change: Row) -> None:
    items = [{**ITEM, **change}]
    counts = write_trt([chunk([TEST], items)], tmp_path / "out.zip")
    assert counts == WrittenDocuments(documents=0, left_out=1)


def test_spelling_is_corrected_and_counted() -> None:
    row = {**TEST, "DeliveryMode": "ONLINE", "Completeness": "complete"}
    given = chunk([row], [{**ITEM, "ItemScore": "-1.0"}])
    made = conform(unflatten(given.tests, given.items, features()).elements)
    assert made.elements["result"]["test_mode"].to_pylist() == ["online"]
    assert made.elements["result"]["opportunity_completeness"].to_pylist() == ["Complete"]
    assert made.elements["item"]["score"].to_pylist() == ["-1"]
    assert {note.field for note in made.notes if note.rule == "value_respelled"} == {
        "Test/@mode", "Opportunity/@completeness", "Item/@score",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"Status": "completed", "Completeness": ""}, ("Complete", "Valid", "scored")),
        ({"Status": "expired", "Completeness": ""}, ("Partial", "Valid", "scored")),
        (
            {"Status": "Invalidated", "AdministrationCondition": ""},
            ("Complete", "Invalid", "scored"),
        ),
        ({"Status": "invalidated"}, ("Complete", "Valid", "invalidated")),
        ({"Status": "paused", "Completeness": "none"}, ("", "Valid", "paused")),
    ],
)
def test_obsolete_status_says_what_it_meant(change: Row, expected: tuple[str, ...]) -> None:
    new, notes = upgrade_tests(chunk([{**TEST, **change}], []).tests, features())
    names = ("Completeness", "AdministrationCondition", "Status")
    assert tuple(new[name][0].as_py() for name in names) == expected
    assert bool(notes) == (expected[2] != "invalidated")


def test_obsolete_codes_are_replaced() -> None:
    row = {**TEST, "AccessibilityCodes": "ENU-Braille:YYY;TDS_BT_G1:UYU;NEDS_Other(x;y):UYU"}
    row |= {"DeliveryMode": "scanned"}
    new, notes = upgrade_tests(chunk([row], []).tests, features())
    assert new["AccessibilityCodes"][0].as_py() == "ENU:YYY;TDS_BT_EXN:UYU;NEDS_Other(x;y):UYU"
    assert new["DeliveryMode"][0].as_py() == "Paper"
    assert set(notes) == {
        Note("value_upgraded", "AccessibilityCodes"), Note("value_upgraded", "DeliveryMode"),
    }  # fmt: skip


def test_accessibility_cells_of_any_form() -> None:
    assert parse_accessibility("") == []
    assert [s.code for s in parse_accessibility("A;;B:yyn; C&D ")] == ["A", "B", "C&D"]
    assert [s.delivery for s in parse_accessibility("A;;B:yyn; C&D ")] == ["UYU", "YYN", "UYU"]


def test_a_condition_code_of_a_score_becomes_a_score_of_its_own() -> None:
    given = chunk([TEST], [ITEM])
    made = dict(unflatten(given.tests, given.items, features()).elements)
    row = {**dict.fromkeys(ELEMENTS["score"].names), "result": 0, "measureOf": "SOCK_ARGU_ORG",
           "measureLabel": "RawScore", "value": "0", "conditionCode": "B"}  # fmt: skip
    made["score"] = pa.concat_tables(
        [made["score"], pa.Table.from_pylist([row], ELEMENTS["score"])]
    )
    elements = conform(made).elements
    plain = etree.fromstring(documents(elements).texts[0].encode())
    label = [s.get("measureLabel") for s in plain.iter("Score")]
    assert label[-1] == "conditionCode"
    assert all(s.get("conditionCode") is None for s in plain.iter("Score"))
    coded = etree.fromstring(documents(elements, score_codes=True).texts[0].encode())
    assert [s.get("conditionCode") for s in coded.iter("Score")][-1] == "B"


def test_documents_are_the_same_bytes_every_time(tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        write_trt([chunk([TEST], [ITEM, *TRAITS])], tmp_path / name)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_names_say_nothing_and_a_full_folder_is_refused(tmp_path: Path) -> None:
    write_trt([chunk([TEST], [ITEM])], tmp_path / "out")
    (path,) = (tmp_path / "out").iterdir()
    assert path.name == "000000001.xml"
    assert path.read_bytes().startswith(b'<?xml version="1.0" encoding="UTF-8"?>\n<TDSReport>')
    with pytest.raises(UsageError, match="holds files"):
        write_trt([], tmp_path / "out")


def test_nothing_stands_there_when_writing_fails(tmp_path: Path) -> None:
    def failing() -> object:
        yield chunk([TEST], [ITEM])
        raise RuntimeError("the disk is full")

    for name in ("out", "out.zip"):
        with pytest.raises(RuntimeError):
            write_trt(failing(), tmp_path / name)  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_the_features_name_current_replacements_only() -> None:
    known = features()
    assert set(known.replacements.values()) <= {
        code for code in map(str.strip, _codes()) if code.lower() not in known.replacements
    }


def _codes() -> list[str]:
    from importlib import resources

    folder = resources.files("scorehouse.rulebook") / "data" / "layouts"
    lines = (folder / "accessibility_features.csv").read_text(encoding="utf-8").splitlines()
    return [re.split(",", line, maxsplit=1)[0] for line in lines[1:]]
