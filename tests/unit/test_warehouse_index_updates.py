"""An index brought up to date load by load says what one made anew says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from find_help import bring, contents, empty, enrolled, ids, person, sat, ssid
from scorehouse.warehouse import Warehouse, index
from scorehouse.warehouse.find import find
from scorehouse.warehouse.index import rebuild_index, update_index

PEOPLE, LOADS, SYLLABLES = 60, 8, ("ba", "be", "cá", "ra", "re tu", "ñe", "z")


def load(house: Warehouse, random: np.random.Generator) -> None:
    """A few rows of some of the tables that the index is made of."""

    def some(most: int) -> list[int]:
        return random.choice(PEOPLE, random.integers(0, most), replace=False).tolist()

    def name() -> str:
        return "".join(random.choice(SYLLABLES, random.integers(1, 4)))

    year, school = (
        str(random.choice(["2017-18", "2018-19"])),
        str(random.choice(["S1", "S2", "S3"])),
    )
    bring(
        house,
        student=[person(one, name(), name(), alias_name=name()) for one in some(9)],
        enrollment=[enrolled(one, school, year, f"0{one % 4 + 3}") for one in some(5)],
        result=[sat(one, f"{one}-{year}-{random.integers(9)}", school, year) for one in some(5)],
        local_id=[
            {"student_id": ssid(one), "entity_id": school, "local_id": str(random.integers(99))}
            for one in some(5)
        ],
        ssid_replacement=[
            {"old_id": ssid(one), "student_id": ssid(one + 1), "replaced_on": date(2019, 1, 1)}
            for one in some(2)
        ],
    )


def withdraw(house: Warehouse, number: int) -> None:
    """Take a student's row back, with nothing in its place."""
    with house.transaction("withdrawn") as transaction:
        imported = transaction.begin_import("invented", "", "invented")
        query = f"SELECT row_id AS old_row FROM student WHERE student_id = '{ssid(number)}'"
        rows = transaction.sql(query)
        transaction.supersede("student", rows, imported, "withdrawn")
        transaction.end_import(imported, "PROCESSED", "", {})
        transaction.commit("withdrawn")


@pytest.mark.parametrize("seed", range(2))
def test_after_every_load_the_index_is_as_if_made_anew(tmp_path: Path, seed: int) -> None:
    random, house = np.random.default_rng(seed), empty(tmp_path / "w")
    bring(house, student=[person(one, "Ba", "Ra") for one in range(0, PEOPLE, 2)])
    update_index(house)
    for place in range(LOADS):
        load(house, random)
        if place % 4 == 3:
            withdraw(house, int(random.integers(PEOPLE)))
        assert update_index(house)
    caught_up = contents(house)
    rebuild_index(house)
    assert contents(house) == caught_up


def test_what_is_new_is_read_without_the_table_of_students(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = empty(tmp_path / "w")
    bring(house, student=[person(one, "Ba", "Ra") for one in range(PEOPLE)])
    update_index(house)

    def refused(*_: object) -> None:
        raise AssertionError("everybody's rows are read")

    with monkeypatch.context() as patched:
        patched.setattr(index, "people", refused)
        bring(house, student=[person(1, "Zeta")], result=[sat(99, "k", "S1", "2018-19")])
        update_index(house)
    assert ids(find(house, "zeta").students) == [1]
    assert ids(find(house, ssid(99)).students) == [99]
    withdraw(house, 1)
    assert find(house, "zeta").students == ()


def test_words_that_nobody_has_any_more_leave_no_letter_behind(tmp_path: Path) -> None:
    house = empty(tmp_path / "w")
    names = ["Quillfeather", "Zymurgystone", "Brandywinder"]  # of one length: of one segment
    bring(house, student=[person(one, name) for one, name in enumerate(names)])
    update_index(house)
    bring(house, student=[person(0, "Bo"), person(2, "Bo"), person(3, "Xylophonists")])
    update_index(house)
    assert {text for text, *_ in contents(house)["spelled"]} == {
        "bo",
        "zymurgystone",
        "xylophonists",
    }
    assert ids(find(house, "zymurgy").students) == [1]
