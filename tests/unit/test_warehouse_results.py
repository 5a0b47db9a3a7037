"""The life of a result: new, corrected, reset, restored, re-sent, waiting, moved."""

from __future__ import annotations

import itertools
import zipfile
from pathlib import Path

import pytest

from warehouse_help import OTHER_SCHOOL, SCHOOL, fates, held, loaded, made, trt

SCORES = "SELECT student_id, scale_score FROM result ORDER BY student_id, scale_score"
LATER, LATEST = "2019-05-03T10:00:00.000", "2019-05-04T10:00:00.000"


def test_a_result_is_there_the_moment_it_is_loaded(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    assert fates(loaded(house, trt(tmp_path, "a.xml"))) == {"new": 1}
    assert held(house, SCORES) == [{"student_id": "9000000001", "scale_score": 2510.0}]
    assert held(house, "SELECT measure, level FROM score") == [
        {"measure": "claim:SOCK_R", "level": 2}
    ]
    assert held(house, "SELECT item_id, response_value FROM response ORDER BY item_id") == [
        {"item_id": "200-1", "response_value": "B"},
        {"item_id": "200-2", "response_value": "A"},
    ]
    assert held(house, "SELECT last_or_surname FROM student") == [{"last_or_surname": "Quill"}]


def test_the_same_file_twice_changes_nothing_and_says_so(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    path = trt(tmp_path, "a.xml")
    loaded(house, path)
    again = loaded(house, path)
    assert fates(again) == {"unchanged": 1}
    assert again.log.counts()["load_twice"] == 1
    assert held(house, "SELECT count(*) AS n FROM result__rows") == [{"n": 1}]


def test_a_correction_keeps_what_it_replaces(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    first = loaded(house, trt(tmp_path, "a.xml")).files[0].import_id
    assert fates(loaded(house, trt(tmp_path, "b.xml", score=2520, at=LATER))) == {"updated": 1}
    assert [row["scale_score"] for row in held(house, SCORES)] == [2520.0]
    assert [row["scale_score"] for row in held(house, SCORES, str(first))] == [2510.0]
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 2}]


def test_a_changed_answer_alone_is_a_correction(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    assert fates(loaded(house, trt(tmp_path, "b.xml", answer="C"))) == {"updated": 1}


def test_an_old_file_after_a_correction_changes_nothing(tmp_path: Path) -> None:
    """The incumbent answers with its old import and looks no further."""
    house = made(tmp_path / "w")
    old = trt(tmp_path, "a.xml")
    loaded(house, old)
    loaded(house, trt(tmp_path, "b.xml", score=2520, at=LATER))
    again = loaded(house, old)
    assert fates(again) == {"older": 1}
    assert again.log.counts()["result_older"] == 1
    assert [row["scale_score"] for row in held(house, SCORES)] == [2520.0]


def test_the_same_bytes_bring_a_reset_result_back_when_nothing_is_newer(tmp_path: Path) -> None:
    """A, reset(A), A again with one status date: the incumbent ignores the third."""
    house = made(tmp_path / "w")
    path = trt(tmp_path, "a.xml")
    loaded(house, path)
    assert fates(loaded(house, trt(tmp_path, "r.xml", status="reset"))) == {"removed": 1}
    assert held(house, SCORES) == []
    assert held(house, "SELECT count(*) AS n FROM response") == [{"n": 0}]
    assert fates(loaded(house, path)) == {"updated": 1}
    assert len(held(house, SCORES)) == 1


def test_an_older_reset_removes_nothing(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml", at=LATER))
    assert fates(loaded(house, trt(tmp_path, "r.xml", status="reset"))) == {"older": 1}
    assert len(held(house, SCORES)) == 1


def test_a_result_older_than_a_reset_that_came_first_stays_out(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "r.xml", status="reset", at=LATER))
    assert fates(loaded(house, trt(tmp_path, "a.xml"))) == {"older": 1}
    assert held(house, SCORES) == []


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::5])
def test_the_order_of_arrival_doesnt_matter(tmp_path: Path, order: tuple[int, ...]) -> None:
    files = [
        trt(tmp_path, "0.xml", score=2500, at="2019-05-01T10:00:00.000"),
        trt(tmp_path, "1.xml", status="reset", at="2019-05-02T10:00:00.000"),
        trt(tmp_path, "2.xml", score=2530, at=LATER),
        trt(tmp_path, "3.xml", score=2540, at=LATEST, last="Quillon"),
    ]
    house = made(tmp_path / "w")
    for number in order:
        loaded(house, files[number])
    assert held(house, SCORES) == [{"student_id": "9000000001", "scale_score": 2540.0}]


def test_a_sitting_twice_in_one_delivery_counts_once(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    (tmp_path / "d").mkdir()
    trt(tmp_path / "d", "1.xml", score=2520, at=LATER)
    trt(tmp_path / "d", "2.xml")
    told = loaded(house, tmp_path / "d")
    assert fates(told) == {"new": 1, "superseded_within": 1}
    assert [row["scale_score"] for row in held(house, SCORES)] == [2520.0]


def test_an_unknown_school_waits_and_comes_by_itself(tmp_path: Path) -> None:
    house = made(tmp_path / "w", schools=False)
    waiting = loaded(house, trt(tmp_path, "a.xml"))
    assert waiting.files[0].ending.status == "UNKNOWN_SCHOOL"
    assert waiting.log.counts()["result_waits_for_school"] == 1
    assert held(house, SCORES) == []
    entities = tmp_path / "entities.csv"
    entities.write_text(f"entity_id,entity_type\n{SCHOOL},school\n")
    told = loaded(house, entities)
    assert [one.ending.counts for one in told.replayed] == [{"new": 1}]
    assert len(held(house, SCORES)) == 1
    assert held(house, "SELECT count(*) AS n FROM submission WHERE fate = 'waits'") == [{"n": 0}]


def test_an_unknown_test_waits(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    told = loaded(house, trt(tmp_path, "a.xml", test="INV-OTHER"))
    assert told.files[0].ending.status == "UNKNOWN_ASMT"
    assert told.leaves_out


def test_a_sitting_moved_to_another_student_is_told(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    told = loaded(house, trt(tmp_path, "b.xml", student="9000000002", at=LATER))
    assert told.log.counts()["result_moved"] == 1
    assert [row["student_id"] for row in held(house, SCORES)] == ["9000000002"]


def test_small_numbers_of_different_students_are_different_sittings(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml", key="k-1", number="1"))
    loaded(house, trt(tmp_path, "b.xml", key="k-2", number="1", student="9000000002"))
    assert len(held(house, SCORES)) == 2


def test_a_result_that_isnt_taken_changes_no_student(tmp_path: Path) -> None:
    """The incumbent writes the student first, in a transaction of its own."""
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml", at=LATER, last="Quill"))
    loaded(house, trt(tmp_path, "b.xml", last="Oldname"))
    assert held(house, "SELECT last_or_surname FROM student") == [{"last_or_surname": "Quill"}]


def test_one_bad_record_doesnt_lose_the_good_ones(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    good = trt(tmp_path, "good.xml")
    bad = trt(tmp_path, "bad.xml", key="k-2", number="102", score="")
    broken = tmp_path / "broken.xml"
    broken.write_bytes(good.read_bytes()[:500])
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        for path in (broken, bad, good):
            archive.write(path, path.name)
    told = loaded(house, tmp_path / "d.zip")
    assert told.log.left_out
    assert fates(told)["new"] >= 1
    assert "2510.0" in str(held(house, SCORES))


def test_a_dry_run_keeps_nothing(tmp_path: Path) -> None:
    from scorehouse.warehouse.load import LoadRequest, load

    house = made(tmp_path / "w")
    told = load(house, LoadRequest((trt(tmp_path, "a.xml"),), is_dry=True))
    assert fates(told) == {"new": 1}
    assert told.snapshot == 0
    assert held(house, "SELECT count(*) AS n FROM result__rows") == [{"n": 0}]
    assert house.orphans() == []


def test_where_a_student_is_tested_is_kept_as_locked(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    loaded(house, trt(tmp_path, "a.xml"))
    loaded(house, trt(tmp_path, "b.xml", key="k-2", number="102", school=OTHER_SCHOOL))
    rows = held(house, "SELECT school_id FROM result ORDER BY school_id")
    assert [row["school_id"] for row in rows] == [SCHOOL, OTHER_SCHOOL]


def test_the_incumbents_update_history(tmp_path: Path, shared: Path) -> None:
    """Its seven batches leave its counts: 4 students, 9 results, 65 items, 17 accommodations."""
    folder = shared / "samples" / "rdw" / "update-history"
    house = made(tmp_path / "w")
    loaded(house, folder / "setup" / "organizations.json", folder / "setup" / "assessments.csv")
    for batch in range(1, 8):
        loaded(house, *sorted((folder / "trt").glob(f"B{batch:03}-*.xml")))
    counts = {
        table: held(house, f"SELECT count(*) AS n FROM {table}")[0]["n"]
        for table in ("student", "result", "response", "accommodation_used")
    }
    assert counts == {"student": 4, "result": 9, "response": 65, "accommodation_used": 17}
    replaced = held(
        house,
        "SELECT r.student_id, count(*) AS n FROM supersession AS s JOIN result__rows AS r "
        "ON r.row_id = s.old_row WHERE s.table_name = 'result' GROUP BY 1 ORDER BY 1",
    )
    assert replaced == [
        {"student_id": "SSID001", "n": 4},
        {"student_id": "SSID002", "n": 1},
        {"student_id": "SSID003", "n": 1},
    ]
