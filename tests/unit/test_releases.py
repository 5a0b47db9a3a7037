"""The ledger of releases: written before anybody gets them, and held against the next."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from random import Random

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from disclosure_help import World, make_figures, make_relations, make_students
from scorehouse.cli.app import app
from scorehouse.disclosure import Query, Released
from scorehouse.rulebook.small_groups import profile_named
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse import releases as ledgers
from scorehouse.warehouse.releases import ledger, let_out, releases

WORLD = World({"91000010000000": ("91000010000001", "91000010000002")}, ("03",), (("F", "M", "X"),))
PUBLIC = profile_named("public")


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w")


def out(house: Warehouse, name: str = "overall", seed: int = 1, snapshot: int = 1) -> Released:
    figures = make_figures(WORLD, make_students(Random(seed), WORLD, size=40))
    return let_out(
        house,
        figures,
        make_relations(WORLD),
        profile=PUBLIC,
        audience="the board",
        query=Query(name, "", {"manner": frozenset({"SD", "NS"})}),
        snapshot=snapshot,
    )


def test_a_release_stands_in_the_ledger_as_its_audience_saw_it(house: Warehouse) -> None:
    done = out(house)
    (earlier,) = ledger(house, ["2022-23"], ["public"]).releases
    assert earlier.query == done.query
    assert earlier.relations == done.relations
    assert earlier.figures["n_scored"].to_pylist() == done.figures["n_scored"].to_pylist()
    assert earlier.figures["hidden"].to_pylist() == done.figures["hidden"].to_pylist()
    assert None in earlier.figures["n_scored"].to_pylist()


def test_other_years_and_profiles_are_another_matter(house: Warehouse) -> None:
    out(house)
    assert ledger(house, ["2021-22"], ["public"]).releases == ()
    assert ledger(house, ["2022-23"], ["research-file"]).releases == ()


def test_the_same_release_again_is_the_same_and_stands_once(house: Warehouse) -> None:
    first, second = out(house), out(house)
    assert first.figures.equals(second.figures)
    assert [row["number"] for row in releases(house)] == [1]
    out(house, snapshot=2)
    assert [row["number"] for row in releases(house)] == [2, 1]


def test_what_was_decided_stands_and_is_not_decided_again(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = out(house)
    out(house, snapshot=2, seed=2)

    def never(*_: object, **__: object) -> Released:
        raise AssertionError("decided again")

    monkeypatch.setattr(ledgers, "release", never)
    assert out(house).figures.equals(first.figures)
    with pytest.raises(AssertionError, match="decided again"):
        out(house, seed=3)


def test_who_comes_second_decides_again(house: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """A release written in between takes the number; the one that waited sees it."""
    real, seen = ledgers.release, []

    def decide(*given: object, **about: object) -> Released:
        seen.append(len(about["ledger"].releases))  # type: ignore[attr-defined]
        if len(seen) == 1:
            monkeypatch.setattr(ledgers, "release", real)
            out(house, "in between", snapshot=2)
            monkeypatch.setattr(ledgers, "release", decide)
        return real(*given, **about)  # type: ignore[arg-type]

    monkeypatch.setattr(ledgers, "release", decide)
    out(house, "first")
    assert seen == [0, 1]
    assert [row["query"]["name"] for row in releases(house)] == ["first", "in between"]


def test_many_at_once_get_a_number_each(house: Warehouse) -> None:
    threads = [threading.Thread(target=out, args=(house, f"q{i}", 1, i + 1)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(row["number"] for row in releases(house)) == [1, 2, 3, 4]


def test_a_warehouse_from_before_the_ledger_gets_one(house: Warehouse) -> None:
    with house.catalog.writing() as connection:
        tables.released.drop(connection)
    assert releases(house) == []
    out(house)
    assert len(releases(house)) == 1


def test_no_hidden_count_is_in_the_catalog(house: Warehouse) -> None:
    """Two tables with other hidden counts, the shown ones the same, leave the same bytes."""
    done = out(house)
    with house.catalog.reading() as connection:
        row = connection.execute(sa.select(tables.released)).mappings().one()
    assert "sum_score" not in done.figures.column_names
    assert row["rows"] == done.figures.num_rows
    kept = ledger(house, ["2022-23"], ["public"]).releases[0].figures
    for each in kept.to_pylist():
        if any(entry["column"] == "n_scored" for entry in each["hidden"]):
            counts = [each[name] for name in ("n_enrolled", "n_tested", "n_scored")]
            assert counts == [None, None, None]
            assert each["level_counts"] is None
            assert each["percent_met"] is None


def test_the_command_lists_them(house: Warehouse) -> None:
    out(house)
    told = CliRunner().invoke(app, ["releases", "-w", str(house.root), "--json"])
    (row,) = json.loads(told.output)
    assert (row["audience"], row["profile"], row["query"]["name"]) == (
        "the board",
        "public",
        "overall",
    )
    assert "figures" not in row
    shown = CliRunner().invoke(app, ["releases", "-w", str(house.root)])
    assert "board" in shown.output
    none = CliRunner().invoke(app, ["releases", "-w", str(house.root), "--audience", "x", "--json"])
    assert json.loads(none.output) == []
