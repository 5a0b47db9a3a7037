"""Finding students: by identifier and name, filtered, as of a day, and after every mishap."""

from __future__ import annotations

import itertools
import os
import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from find_help import bring, contents, empty, enrolled, ids, person, sat, ssid
from scorehouse.errors import UsageError
from scorehouse.warehouse import Warehouse, find_words, index
from scorehouse.warehouse.catalog import audit
from scorehouse.warehouse.find import find
from scorehouse.warehouse.find_rank import Filters
from scorehouse.warehouse.find_scan import scan
from scorehouse.warehouse.index import rebuild_index, update_index
from scorehouse.warehouse.index_file import (
    FIRST_LABEL,
    connect,
    lent,
    make_tables,
    postings,
    union,
)
from scorehouse.warehouse.index_postings import PostingWriter
from scorehouse.warehouse.places import INDEX_FILE

PEOPLE = [
    person(1, "García", "María"),
    person(2, "Garcia", "Mario"),
    person(3, "Garcia-Lopez", "Ana"),
    person(4, "Smith", "Marta"),
    person(5, "Smyth", "Jo"),
    person(6, "de la Cruz", "José", alias_name="Pepe"),
    person(7, "Nguyễn", "Anh"),
    person(8, "Gonzalez", "Ana"),
]


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    house = empty(tmp_path / "w")
    bring(house, student=PEOPLE)
    return house


def found(house: Warehouse, text: str, **more: object) -> list[int]:
    return ids(find(house, text, **more).students)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (ssid(4), [4]),
        ("garcia", [1, 2, 3]),
        ("GARCÍA maria", [1, 2]),  # María; Mario by a typo
        ("gar mar", [1, 2]),
        ("lopez", [3]),
        ("smith", [4, 5]),  # the one spelled so first
        ("smyth", [5, 4]),
        ("delacruz", [6]),
        ("la cruz jose", [6]),
        ("pepe", [6]),
        ("nguyen", [7]),
        ("gonzlaes", [8]),
        ("onza", [8]),
        ("gonsa", [8]),
        ("ana", [3, 8]),  # by last name
        ("nobody", []),
    ],
)
def test_who_is_found_in_which_order(house: Warehouse, text: str, expected: list[int]) -> None:
    assert found(house, text) == expected


def test_what_fits_better_comes_first(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    names = ["Marino", "Marin", "Amarin", "Maren", "Meren", "Marinex"]
    bring(house, student=[person(place, name) for place, name in enumerate(names)])
    assert found(house, "marin") == [1, 5, 0, 2, 3]  # itself, beginnings, a part, a typo


def test_a_search_is_cut_at_its_limit_and_says_so(house: Warehouse) -> None:
    whole = find(house, "garcia", limit=3)
    cut = find(house, "garcia", limit=2)
    assert (ids(whole.students), whole.is_cut) == ([1, 2, 3], False)
    assert (ids(cut.students), cut.is_cut) == ([1, 2], True)


def test_the_first_of_many_are_the_first_by_name(tmp_path: Path) -> None:
    """More than are sorted whole: standing decides."""
    house = empty(tmp_path / "w")
    names = ["".join(name) for name in itertools.product("zyxcba", repeat=4)]
    bring(house, student=[person(place, name, "Kim") for place, name in enumerate(names)])
    answer = find(house, "kim", limit=5)
    assert [one.last_name for one in answer.students] == sorted(names)[:5]
    assert answer.is_cut


def test_filters_narrow_down_and_list(house: Warehouse) -> None:
    bring(
        house,
        enrollment=[
            enrolled(1, "S1", "2018-19", "05"),
            enrolled(2, "S2", "2018-19", "05"),
            enrolled(3, "S1", "2018-19", "06"),
        ],
        roster_student=[
            {"school_id": "S1", "roster_name": "Band", "school_year": year, "student_id": ssid(n)}
            for year, n in (("2017-18", 2), ("2018-19", 1), ("2018-19", 3))
        ],
    )
    assert found(house, "garcia", school="S1") == [1, 3]
    assert found(house, "garcia", grade="5") == [1, 2]
    assert found(house, "", school="S1", grade="06") == [3]
    assert found(house, "", roster="Band") == [1, 3]
    assert found(house, "maria", roster="Band") == [1]
    assert found(house, ssid(1), school="S2") == []


def test_nothing_asked_for_is_refused(house: Warehouse) -> None:
    with pytest.raises(UsageError, match="say whom"):
        find(house, "  ")
    with pytest.raises(UsageError, match="no letter"):
        find(house, "-,-")


def test_the_newest_enrollment_tells_school_and_grade(house: Warehouse) -> None:
    bring(
        house,
        enrollment=[enrolled(1, "S1", "2016-17", "03"), enrolled(1, "S2", "2017-18", "04")],
        result=[sat(1, "k", "S9", "2017-18"), sat(2, "m", "S3", "2018-19")],
    )
    first, second = (find(house, ssid(number)).students[0] for number in (1, 2))
    assert (first.school_id, first.grade, first.last_year) == ("S2", "04", "2017-18")
    assert (second.school_id, second.grade, second.last_year) == ("S3", "04", "2018-19")


def test_a_withdrawn_result_tells_nothing(house: Warehouse) -> None:
    bring(house, result=[sat(1, "k", "S1", "2018-19")])
    assert find(house, ssid(1)).students[0].school_id == "S1"
    bring(house, result=[sat(1, "k", "S1", "2018-19", status="reset")])
    assert find(house, ssid(1)).students[0].school_id == ""


def test_local_identifiers_find_their_students(house: Warehouse) -> None:
    local = [
        {"student_id": ssid(n), "entity_id": school, "local_id": "77"}
        for n, school in ((1, "S1"), (4, "S2"))
    ]
    bring(house, local_id=local)
    answer = find(house, "77")
    assert (answer.how, ids(answer.students)) == ("local_id", [1, 4])


def replaced(old: int, new: int) -> dict[str, object]:
    return {"old_id": ssid(old), "student_id": ssid(new), "replaced_on": date(2019, 1, 1)}


def test_a_replaced_identifier_finds_the_one_in_force(house: Warehouse) -> None:
    bring(house, enrollment=[enrolled(2, "S2", "2018-19")])
    assert found(house, "garcia m") == [1, 2]
    bring(house, ssid_replacement=[replaced(2, 1)])
    answer = find(house, ssid(2))
    assert (answer.how, ids(answer.students)) == ("replaced_id", [1])
    assert answer.students[0].school_id == "S2"  # what stands under either is theirs
    assert found(house, "garcia m") == [1]
    bring(house, ssid_replacement=[replaced(1, 9)])
    assert found(house, ssid(2)) == found(house, ssid(1)) == [9]
    assert find(house, ssid(9)).students[0].last_name == "García"  # nothing newer is known


def test_a_new_name_replaces_the_old_one(house: Warehouse) -> None:
    assert found(house, "smyth") == [5, 4]
    bring(house, student=[person(5, "Petrossian", "Jo")])
    assert found(house, "petrosian") == [5]
    assert found(house, "smyth") == [4]
    assert ("smyth",) not in contents(house)["words"]


def test_as_of_an_earlier_moment(house: Warehouse) -> None:
    find(house, "smyth")
    bring(house, student=[person(5, "Petrossian", "Jo"), person(20, "Smythe", "Al")])
    assert found(house, "smyth", as_of="1") == [5, 4]
    assert found(house, "petrossian", as_of="1") == []
    assert found(house, ssid(20), as_of="1") == []
    assert found(house, "smyth", as_of="2") == [20, 4]


def test_an_index_behind_is_caught_up_by_whoever_asks(house: Warehouse) -> None:
    """A load that was killed between its commit and the index."""
    update_index(house)
    bring(house, student=[person(30, "Quillfeather")])
    assert found(house, "quillfeather") == [30]
    assert update_index(house) is False


def test_an_update_that_is_killed_leaves_the_index_as_it_was(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    update_index(house)
    before = contents(house)
    bring(house, student=[person(30, "Quillfeather"), person(1, "Changed")])

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(index, "_settle", killed)
        with pytest.raises(KeyboardInterrupt):
            update_index(house)
    assert contents(house) == before
    assert found(house, "quillfeather") == [30]


def test_incremental_is_what_rebuilding_gives(house: Warehouse) -> None:
    update_index(house)
    bring(
        house,
        student=[person(1, "Alvarez", "María"), person(40, "Garcia", "Nell")],
        enrollment=[enrolled(1, "S1", "2018-19"), enrolled(3, "S1", "2017-18")],
        local_id=[{"student_id": ssid(3), "entity_id": "S1", "local_id": "9"}],
    )
    update_index(house)
    bring(house, ssid_replacement=[replaced(40, 2)], result=[sat(2, "k", "S1", "2018-19")])
    update_index(house)
    bring(house, result=[sat(3, "k", "S2", "2018-19")], ssid_replacement=[replaced(40, 3)])
    update_index(house)
    caught_up = contents(house)
    rebuild_index(house)
    assert contents(house) == caught_up


@pytest.mark.parametrize(
    ("numbers", "other_way"), [(range(30, 32), "build"), (range(30, 36), "_apply")]
)
def test_a_load_of_many_makes_the_index_at_one_go(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch, numbers: range, other_way: str
) -> None:
    def unexpected(*_: object) -> None:
        raise AssertionError(other_way)

    update_index(house)
    monkeypatch.setattr(index, "_FEW_STUDENTS", 3)
    monkeypatch.setattr(index, other_way, unexpected)
    bring(house, student=[person(number, "Quillfeather") for number in numbers])
    assert found(house, "quillfeather") == [*numbers]


def test_rows_that_are_purged_are_gone_from_the_index_files(house: Warehouse) -> None:
    """Whoever takes rows out need not tell the index: it sees that rows are missing."""
    bring(house, student=[person(50, "Xyloquartz", "Vexandra")])
    assert found(house, "xyloquartz") == [50]
    with house.transaction("purge") as transaction:
        old = [f for f in transaction.files if f.table == "student" and f.first_import == 2]
        transaction.replace_files(old, None)
        transaction.commit("purge")
    assert found(house, "xyloquartz") == []
    files = [house.root / f"{INDEX_FILE}{suffix}" for suffix in ("", "-wal")]
    whole = b"".join(path.read_bytes() for path in files if path.exists())
    assert b"Xyloquartz" not in whole
    assert "xyloquartz".encode("utf-32-le") not in whole
    assert ssid(50).encode() not in whole
    assert ssid(8).encode() in whole


def test_an_index_of_another_version_or_warehouse_is_made_again(house: Warehouse) -> None:
    for name in ("version", "warehouse_id"):
        update_index(house)
        with closing(connect(house.root / INDEX_FILE)) as connection:
            connection.execute("UPDATE stamp SET value = 'other' WHERE name = ?", (name,))
            connection.execute("DELETE FROM posting")
        assert found(house, "lopez") == [3]


def test_a_folder_that_cannot_be_written_is_searched_without_an_index(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise sqlite3.OperationalError("attempt to write a readonly database")

    monkeypatch.setattr("scorehouse.warehouse.index_file.connect", refused)
    assert found(house, "garcia maria") == [1, 2]
    assert found(house, ssid(4)) == [4]


def test_an_index_that_is_made_anew_is_read_anew(house: Warehouse) -> None:
    """By a process that read the one before, whether its file is the same or another."""
    path = house.root / INDEX_FILE
    assert found(house, "quillfeather") == []
    bring(house, student=[person(30, "Quillfeather")])
    assert found(house, "quillfeather") == [30]
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
    assert found(house, "quillfeather") == [30]
    with lent(path) as one, lent(path) as other:
        assert one is not other
    with pytest.raises(KeyError), lent(path) as broken:
        raise KeyError
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        broken.execute("SELECT 1")


def test_looking_at_everyone_gives_what_the_index_gives(house: Warehouse) -> None:
    bring(house, ssid_replacement=[replaced(2, 1)], enrollment=[enrolled(3, "S1", "2018-19")])
    for text in ("garcia", "mar", "smith", ssid(2), ssid(1), "gonsa", ""):
        for filters in (Filters(school="S1"), Filters(grade="05"), Filters()):
            if text or filters != Filters():
                asked = {"school": filters.school, "grade": filters.grade}
                assert find(house, text, limit=3, **asked) == scan(house, text, filters, 3, "")


def test_the_index_is_its_owners_alone(house: Warehouse) -> None:
    update_index(house)
    assert os.stat(house.root / INDEX_FILE).st_mode & 0o077 == 0


def test_the_audit_says_who_was_shown_and_never_by_name(house: Warehouse) -> None:
    find(house, "garcia")
    find(house, ssid(4))
    with house.catalog.reading() as connection:
        rows = connection.execute(sa.select(audit).order_by(audit.c.audit_id)).all()
    assert [row.verb for row in rows] == ["find", "find"]
    assert rows[0].details.split(": ")[1].split() == [house.mark(ssid(n)) for n in (1, 2, 3)]
    assert rows[1].about == house.mark(ssid(4))
    told = "".join(str(row) for row in rows).lower()
    assert "garcia" not in told
    assert ssid(4) not in told


@pytest.mark.parametrize("word", [7, FIRST_LABEL + 7])
def test_postings_go_over_the_edges_of_chunks(house: Warehouse, word: int) -> None:
    """Numbers as millions of students have them, added, added to and removed."""
    edges = [1, 65_535, 65_536, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5 << 20]
    more, gone = [65_537, (1 << 20) + 2], [65_535, 1 << 20, 5 << 20]
    with closing(connect(house.root / INDEX_FILE)) as connection:
        make_tables(connection)
        for added, removed in ((edges, []), (more, gone)):
            writer = PostingWriter(connection)
            for chunk in sorted({number >> 16 for number in (*added, *removed)}):
                pairs = [
                    [(one, n) for n in some if n >> 16 == chunk for one in (word, word + 1)]
                    for some in (added, removed)
                ]
                writer.write(*pairs)
            writer.flush()
        expected = sorted({*edges, *more} - {*gone})
        assert postings(connection, [word]).tolist() == expected
        assert postings(connection, [word, word + 1]).tolist() == expected
        left = connection.execute("SELECT min(length(numbers)) FROM posting").fetchone()
    assert left[0] > 0


def test_a_union_of_many_is_a_union() -> None:
    few, many = np.array([5, 9]), np.arange(0, 60_000, 2)
    assert union([few]).tolist() == [5, 9]
    assert union([many, few, many]).tolist() == sorted({5, 9, *many.tolist()})


def test_letters_are_counted_with_and_without_the_fast_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sets = [np.array([0, 1, 255, 2**32 - 1], np.uint32), np.array([3, 2**64 - 1], np.uint64)]
    expected = [[0, 1, 8, 32], [2, 64]]
    assert [find_words._count(one).tolist() for one in sets] == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert [find_words._count(one).tolist() for one in sets] == expected
