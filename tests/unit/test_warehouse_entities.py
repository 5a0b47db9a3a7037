"""Entities: files without dates among days that are known, and the school extract."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from scorehouse.errors import UsageError
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from warehouse_help import held

CARET = (
    "County-District Code^School Code^Auth CDS Code^County Name^District Name^School Name^"
    "Charter School^Charter Status^NPS School\n"
)
PERIODS = "SELECT entity_name, valid_from, valid_to, change FROM entity ORDER BY valid_from"


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w")


def brought(house: Warehouse, path: Path, effective: str = "") -> LoadSummary:
    return load(house, LoadRequest((path,), effective=effective))


def school(path: Path, name: str, parent: str = "D1", **more: object) -> Path:
    found = {"entityType": "INSTITUTION", "entityId": "S1", "entityName": name}
    path.write_text(json.dumps([{**found, "parentEntityId": parent, **more}]))
    return path


def caret(path: Path, *rows: str) -> Path:
    path.write_text(CARET + "".join(f"{row}\n" for row in rows))
    return path


def test_what_changes_on_a_stated_day_ends_what_held_before(
    house: Warehouse, tmp_path: Path
) -> None:
    brought(house, school(tmp_path / "a.json", "Old", nationwideIdentifier="N1"))
    told = brought(house, school(tmp_path / "b.json", "New"), effective="2018-07-01")
    assert told.files[0].ending.counts == {"changed": 1, "new": 1}
    assert sorted(held(house, PERIODS), key=lambda row: str(row["entity_name"])) == [
        {
            "entity_name": "New", "valid_from": date(2018, 7, 1), "valid_to": None, "change": None,
        },
        {
            "entity_name": "Old", "valid_from": None, "valid_to": date(2018, 6, 30),
            "change": "renamed",
        },
    ]  # fmt: skip
    assert held(house, "SELECT DISTINCT nces_id FROM entity") == [{"nces_id": "N1"}]


def test_what_doesnt_change_on_a_stated_day_stays_one_row(house: Warehouse, tmp_path: Path) -> None:
    path = school(tmp_path / "a.json", "Same")
    brought(house, path, effective="2017-07-01")
    told = brought(house, path, effective="2018-07-01")
    assert told.files[0].ending.status == "NO_UPDATE"
    assert [row["valid_from"] for row in held(house, PERIODS)] == [date(2017, 7, 1)]


def test_an_earlier_day_that_comes_late_ends_where_the_next_begins(
    house: Warehouse, tmp_path: Path
) -> None:
    brought(house, school(tmp_path / "a.json", "New"), effective="2018-07-01")
    brought(house, school(tmp_path / "b.json", "Old"), effective="2015-07-01")
    days = [(row["valid_from"], row["valid_to"]) for row in held(house, PERIODS)]
    assert days == [(date(2015, 7, 1), date(2018, 6, 30)), (date(2018, 7, 1), None)]


def test_a_file_without_a_day_corrects_the_row_that_holds_last(
    house: Warehouse, tmp_path: Path
) -> None:
    brought(house, school(tmp_path / "a.json", "Old"), effective="2015-07-01")
    brought(house, school(tmp_path / "b.json", "Nwe"), effective="2018-07-01")
    told = brought(house, school(tmp_path / "c.json", "New"))
    assert told.files[0].ending.counts == {"changed": 1}
    assert [row["entity_name"] for row in held(house, PERIODS)] == ["Old", "New"]


def test_a_day_that_is_none_is_the_users_mistake(house: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not a day"):
        brought(house, school(tmp_path / "a.json", "A"), effective="July")


def test_a_school_without_parent_is_told_and_kept(house: Warehouse, tmp_path: Path) -> None:
    told = brought(house, school(tmp_path / "a.json", "A", parent=""))
    assert told.log.counts() == {"entity_parent_unknown": 1}
    assert held(house, "SELECT entity_id, parent_id FROM entity") == [
        {"entity_id": "S1", "parent_id": None}
    ]


def test_a_name_beyond_the_limit_is_left_out(house: Warehouse, tmp_path: Path) -> None:
    told = brought(house, school(tmp_path / "a.json", "A" * 101))
    assert told.files[0].ending.status == "BAD_DATA"
    assert held(house, "SELECT entity_id FROM entity") == []


def test_json_that_is_cut_off_is_refused(house: Warehouse, tmp_path: Path) -> None:
    path = school(tmp_path / "a.json", "A")
    path.write_text(path.read_text()[:-5])
    assert brought(house, path).files[0].ending.status == "BAD_FORMAT"


def test_a_charter_that_is_an_lea_by_itself_isnt_named_after_its_authorizer(
    house: Warehouse, tmp_path: Path
) -> None:
    """Taking the district from the school's own code gives every authorizer a charter's name."""
    path = caret(
        tmp_path / "s.csv",
        "9990001^9000011^99900019000011^Nowhere^First Unified^Plain^N^^N",
        "9000012^9000012^99900019000012^Nowhere^Free Charter^Free Charter^Y^DF^N",
        "9990001^9000013^99900019000013^Nowhere^First Unified^Apart^N^^Y",
        "^^^^^^^^",
    )
    assert brought(house, path).log.counts() == {}
    rows = held(
        house,
        "SELECT entity_id, entity_name, parent_id, is_charter, charter_type, is_nonpublic, "
        "county_name FROM entity ORDER BY entity_type, entity_id",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("90000120000000", "Free Charter", "CA", None, None, None, "Nowhere"),
        ("99900010000000", "First Unified", "CA", None, None, None, "Nowhere"),
        ("99900019000011", "Plain", "99900010000000", False, None, False, "Nowhere"),
        ("99900019000012", "Free Charter", "90000120000000", True, "DF", False, "Nowhere"),
        ("99900019000013", "Apart", "99900010000000", False, None, True, "Nowhere"),
    ]


def test_schools_that_a_file_lacks_are_counted_and_kept(house: Warehouse, tmp_path: Path) -> None:
    rows = (
        "9990001^9000011^99900019000011^Nowhere^First^One^N^^N",
        "9990001^9000012^99900019000012^Nowhere^First^Two^N^^N",
        "9990002^9000013^99900029000013^Nowhere^Second^Three^N^^N",
    )
    brought(house, caret(tmp_path / "a.csv", *rows))
    told = brought(house, caret(tmp_path / "b.csv", rows[0]))
    assert [str(one["message"]).split(" ")[0] for one in told.log.table().to_pylist()] == ["1"]
    assert told.log.counts() == {"entity_absent": 1}
    assert held(house, "SELECT count(*) AS n FROM entity WHERE entity_type = 'school'") == [
        {"n": 3}
    ]


def test_a_school_in_two_ways_is_told(house: Warehouse, tmp_path: Path) -> None:
    path = caret(
        tmp_path / "a.csv",
        "9990001^9000011^99900019000011^Nowhere^First^One^N^^N",
        "9990001^9000011^99900019000011^Nowhere^First^Other^N^^N",
    )
    assert brought(house, path).log.counts() == {"entity_contradicted": 1}
    assert held(house, "SELECT entity_name FROM entity WHERE entity_type = 'school'") == [
        {"entity_name": "Other"}
    ]


def test_the_incumbents_school_extract(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw" / "organizations"
    assert brought(house, folder / "CA_schools.csv").log.counts() == {}
    assert held(house, "SELECT entity_name FROM entity WHERE entity_id = '01000160000000'") == [
        {"entity_name": "Sherman Thomas Charter"}
    ]
    bad = brought(house, folder / "CA_schools.baddata.csv")
    assert bad.log.counts()["column_value"] == 3


def test_the_incumbents_organizations(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw" / "organizations"
    told = brought(house, folder / "organization.json")
    assert told.files[0].ending.status == "PROCESSED"
    assert held(
        house, "SELECT entity_type, parent_id, nces_id FROM entity WHERE entity_id = 'DS9001'"
    ) == [{"entity_type": "school", "parent_id": "DISTRICT9", "nces_id": "NCESID001"}]
    orphans = brought(house, folder / "organization.noparent.json")
    assert orphans.log.counts() == {"entity_parent_unknown": 1}
