"""One student's history: all of it, as of a day, under every identifier, and who read it."""

from __future__ import annotations

import sqlite3
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
import sqlalchemy as sa

from find_help import bring, empty, enrolled, person, sat, ssid
from scorehouse.cli.history_tables import trend_lines
from scorehouse.errors import UsageError
from scorehouse.warehouse.catalog import audit
from scorehouse.warehouse.history import History, history
from scorehouse.warehouse.history_rows import history_table
from warehouse_help import OTHER_SCHOOL, SCHOOL, loaded, made, trt

LATER = "2019-05-03T10:00:00.000"


def scale_scores(found: History | None) -> list[object]:
    assert found is not None
    return [one.result["scale_score"] for one in found.sittings]


def test_a_loaded_result_with_all_that_belongs_to_it(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"), trt(tmp_path, "b.xml", student="9000000002", key="k-2"))
    found = history(house, "9000000001", with_responses=True)
    assert found is not None
    assert found.student["last_or_surname"] == "Quill"
    (one,) = found.sittings
    assert (one.result["scale_score"], one.result["achievement_level"]) == (2510.0, 3)
    assert one.result["administration_condition"] == "Valid"
    assert [(part["measure"], part["level"]) for part in one.parts] == [("claim:SOCK_R", 2)]
    assert [row["response_value"] for row in one.responses] == ["B", "A"]
    assert (found.replaced, one.scoring) == ((), None)


def test_responses_come_only_when_asked_for(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    found = history(house, "9000000001")
    assert found is not None
    assert found.sittings[0].responses == ()


def test_what_was_corrected_is_told_with_why(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    number = loaded(house, trt(tmp_path, "b.xml", score=2520, at=LATER)).files[0].import_id
    found = history(house, "9000000001", with_replaced=True, with_responses=True)
    assert scale_scores(found) == [2520.0]
    assert found is not None
    (old,) = found.replaced
    assert (old.result["scale_score"], old.ended, old.ended_in) == (2510.0, "correction", number)
    assert old.new_row == found.sittings[0].result["row_id"]
    assert [row["response_value"] for row in old.responses] == ["B", "A"]
    assert history(house, "9000000001").replaced == ()  # type: ignore[union-attr]


def test_as_of_an_import_the_old_score_is_the_score(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    first = loaded(house, trt(tmp_path, "a.xml")).files[0].import_id
    loaded(house, trt(tmp_path, "b.xml", score=2520, at=LATER))
    then = history(house, "9000000001", as_of=str(first), with_replaced=True)
    assert scale_scores(then) == [2510.0]
    assert then is not None
    assert then.replaced == ()
    assert history(house, "9000000001", as_of=str(first - 1)) is None


def test_a_withdrawn_result_is_in_the_past_only(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    loaded(house, trt(tmp_path, "r.xml", status="reset"))
    found = history(house, "9000000001", with_replaced=True)
    assert scale_scores(found) == []
    assert found is not None
    assert [(one.ended, one.result["status"]) for one in found.replaced] == [
        ("reset", "scored"), ("reset", "reset"),
    ]  # fmt: skip


def test_years_and_schools_are_all_there_in_order(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    bring(
        house,
        student=[person(1, "Quill", "Ada"), person(2, "Other")],
        entity=[{"entity_id": SCHOOL, "valid_from": None, "entity_name": "Cedar"}],
        result=[
            sat(1, "c", OTHER_SCHOOL, "2018-19", scale_score=2530.0),
            sat(1, "a", SCHOOL, "2016-17", scale_score=2490.0),
            sat(1, "b", SCHOOL, "2017-18", scale_score=2510.0),
            sat(2, "d", SCHOOL, "2016-17"),
        ],
        enrollment=[enrolled(1, SCHOOL, "2017-18"), enrolled(1, SCHOOL, "2016-17")],
        program_participation=[
            {"student_id": ssid(1), "program": "migrant", "began_on": date(2017, 1, 9)}
        ],
        el_status=[{"student_id": ssid(1), "began_on": date(2016, 9, 1), "el_status": "EL"}],
        local_id=[{"student_id": ssid(1), "entity_id": SCHOOL, "local_id": "77"}],
    )
    found = history(house, ssid(1))
    assert scale_scores(found) == [2490.0, 2510.0, 2530.0]
    assert found is not None
    assert [one.school_name for one in found.sittings] == ["Cedar", "Cedar", ""]
    assert [row["school_year"] for row in found.enrollments] == ["2016-17", "2017-18"]
    assert [row["program"] for row in found.programs] == ["migrant"]
    assert [row["el_status"] for row in found.el_statuses] == ["EL"]
    assert history(house, "77") == found
    assert history(house, ssid(3)) is None


def test_results_of_replaced_identifiers_belong_to_the_one_in_force(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    bring(
        house,
        student=[person(1, "Quill"), person(2, "Quil")],
        result=[sat(1, "a", "S", "2016-17"), sat(2, "b", "S", "2017-18", scale_score=2540.0)],
    )
    bring(house, ssid_replacement=[{"old_id": ssid(1), "student_id": ssid(2)}])
    new, old = history(house, ssid(2)), history(house, ssid(1))
    assert scale_scores(new) == [2500.0, 2540.0]
    assert new == old
    assert new is not None
    assert (new.student_id, new.replaced_ids) == (ssid(2), (ssid(1),))
    assert new.student["last_or_surname"] == "Quil"
    assert scale_scores(history(house, ssid(1), as_of="1")) == [2500.0]
    assert scale_scores(history(house, ssid(2), as_of="1")) == [2540.0]


def test_as_delivered_and_as_scored_stand_side_by_side(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    scoring = {
        "opportunity_id": "a", "assessment_id": "T-2018-19", "student_id": ssid(1),
        "school_year": "2018-19", "scale_score": 2501, "achievement_level": 2,
    }  # fmt: skip
    bring(house, student=[person(1, "Quill")], result=[sat(1, "a", "S", "2018-19")])
    bring(house, scoring=[scoring])
    bring(house, scoring=[{**scoring, "scale_score": 2503}])
    found = history(house, ssid(1))
    assert found is not None
    table = history_table(found)
    assert table.select(["measure", "origin", "scale_score", "level"]).to_pylist() == [
        {"measure": "overall", "origin": "delivered", "scale_score": 2500.0, "level": 3},
        {"measure": "overall", "origin": "scored", "scale_score": 2503.0, "level": 2},
    ]


def test_a_table_has_a_row_for_each_figure(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    loaded(house, trt(tmp_path, "b.xml", score=2520, at=LATER))
    found = history(house, "9000000001", with_replaced=True, with_responses=True)
    assert found is not None
    rows = history_table(found).to_pylist()
    assert [(row["measure"], row["ended"]) for row in rows] == [
        (measure, ended)
        for ended in ("", "correction")
        for measure in ("overall", "claim:SOCK_R", "response:200-1", "response:200-2")
    ]
    assert [row["raw_score"] for row in rows if row["measure"] == "response:200-1"] == [1.0, 1.0]
    assert rows[0]["completed_at"] == datetime(2019, 5, 1, 10)


def test_a_local_identifier_of_several_students_is_refused(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    local = [{"student_id": ssid(n), "entity_id": f"S{n}", "local_id": "77"} for n in (1, 2)]
    bring(house, student=[person(1, "A"), person(2, "B")], local_id=local)
    with pytest.raises(UsageError, match="several students"):
        history(house, "77")


def test_without_an_index_it_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = empty(tmp_path / "w")
    bring(
        house,
        student=[person(1, "Quill"), person(2, "Quill")],
        result=[sat(1, "a", "S", "2016-17"), sat(2, "b", "S", "2017-18")],
        local_id=[{"student_id": ssid(1), "entity_id": "S", "local_id": "77"}],
        ssid_replacement=[{"old_id": ssid(2), "student_id": ssid(1)}],
    )
    asked = (ssid(1), ssid(2), "77", "nobody")
    with_index = [history(house, one) for one in asked]

    def refused(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("scorehouse.warehouse.index_file.connect", refused)
    assert [history(house, one) for one in asked] == with_index
    assert [one is None for one in with_index] == [False, False, False, True]


def test_who_reads_a_history_is_in_the_audit_without_the_student(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    bring(house, student=[person(1, "Quill")])
    history(house, ssid(1), with_responses=True)
    history(house, ssid(2))
    with house.catalog.reading() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.audit_id)).all()
    assert [(row.verb, row.about, row.details) for row in rows] == [
        ("history", house.mark(ssid(1)), "responses"),
        ("history", "", "nobody found"),
    ]


def test_a_trend_has_longer_bars_for_higher_scores(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    scores = zip(("2016-17", "2017-18", "2018-19"), (2400.0, 2450.0, 2500.0), strict=True)
    results = [sat(1, year, "S", year, scale_score=score) for year, score in scores]
    interim = sat(1, "i", "S", "2018-19", assessment_type="ICA", assessment_id="I")
    bring(house, result=[*results, interim])
    found = history(house, ssid(1))
    assert found is not None
    lines = trend_lines(found.sittings)
    assert [line.split()[:3] for line in lines] == [
        ["ELA", "2016-17", "2400"], ["ELA", "2017-18", "2450"], ["ELA", "2018-19", "2500"],
    ]  # fmt: skip
    assert [line.count("█") for line in lines] == [2, 16, 30]


def test_the_table_writes_and_reads_back_empty_too() -> None:
    nobody = History("9000000001", (), {}, (), (), (), (), (), ())
    assert isinstance(history_table(nobody), pa.Table)
    assert history_table(nobody).num_rows == 0
