"""The catalog on a PostgreSQL server: the same warehouse, writers on several machines."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pyarrow as pa
import pytest
import sqlalchemy as sa

from disclosure_help import World, make_figures, make_relations, make_students
from postgres_server import NO_POSTGRES, is_possible, server
from scorehouse.disclosure import Query, Released
from scorehouse.errors import ScorehouseError, UsageError
from scorehouse.rulebook.small_groups import profile_named
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse import releases as ledgers
from scorehouse.warehouse.catalog import METADATA, Catalog
from scorehouse.warehouse.certificates import certificates
from scorehouse.warehouse.diff import difference
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.move import move_catalog
from scorehouse.warehouse.purge import of_student, purge
from scorehouse.warehouse.releases import ledger, let_out, releases
from scorehouse.warehouse.store import newest_snapshot
from warehouse_help import SCHOOL, define, fates, held, loaded, made, trt

pytestmark = pytest.mark.skipif(not is_possible(), reason=NO_POSTGRES)


@pytest.fixture(scope="module")
def running() -> Iterator[str]:
    with server() as url:
        yield url


@pytest.fixture
def url(running: str) -> Iterator[str]:
    """A database of the test's own."""
    engine = sa.create_engine(running, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE DATABASE own")
    yield running.replace("/postgres?", "/own?")
    with engine.connect() as connection:
        connection.exec_driver_sql("DROP DATABASE own WITH (FORCE)")
    engine.dispose()


@pytest.fixture
def house(url: str, tmp_path: Path) -> Warehouse:
    return Warehouse.create(tmp_path / "w", url)


def bring(warehouse: Warehouse, name: str, say: object = None) -> int:
    """One load: a school of that name."""
    words = {} if say is None else {"say": say}
    with warehouse.transaction("a school", **words) as transaction:
        number = transaction.begin_import("entities", "", "schools")
        rows = {"entity_id": [SCHOOL], "entity_type": ["school"], "entity_name": [name]}
        merge(transaction, "entity", pa.table(rows), number)
        transaction.end_import(number, "PROCESSED", "", {"new": 1})
        return transaction.commit("a school")


def test_the_tables_are_made_and_settings_kept(url: str) -> None:
    catalog = Catalog(url)
    catalog.create()
    catalog.create()
    assert catalog.tables() == set(METADATA.tables)
    assert not catalog.is_embedded
    assert catalog.get("word") is None
    catalog.put("word", "one")
    catalog.put("word", "it's two")
    assert catalog.get("word") == "it's two"
    catalog.close()


def test_what_fails_leaves_nothing(url: str) -> None:
    catalog = Catalog(url)
    catalog.create()

    def fail() -> None:
        with catalog.writing() as connection:
            connection.execute(sa.insert(tables.setting).values(name="half", value="done"))
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert catalog.get("half") is None
    catalog.close()


def test_a_warehouse_is_opened_again_by_its_folder(house: Warehouse, url: str) -> None:
    assert bring(house, "Alder") == 1
    assert not (house.root / "catalog.sqlite").exists()
    again = Warehouse.open(house.root)
    assert again.catalog.url.get_backend_name() == "postgresql"
    assert held(again, "SELECT entity_name FROM entity") == [{"entity_name": "Alder"}]


def test_one_catalog_serves_one_warehouse(house: Warehouse, url: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="belongs to another warehouse"):
        Warehouse.create(tmp_path / "other", url)


def test_passwords_stay_out_of_the_folder(url: str, tmp_path: Path) -> None:
    secret = url.replace("tester@", "tester:hush@")
    with pytest.raises(UsageError, match="PGPASSWORD"):
        Warehouse.create(tmp_path / "w", secret)


def test_moments_are_kept(house: Warehouse) -> None:
    bring(house, "Alder")
    bring(house, "Birch")
    name = "SELECT entity_name AS n FROM entity"
    assert [held(house, name, moment)[0]["n"] for moment in ("1", "2", "")] == [
        "Alder", "Birch", "Birch",
    ]  # fmt: skip
    assert difference(house, "1").counts() == {("entity", "changed", "correction"): 1}


def test_a_reader_keeps_its_snapshot_while_others_write(house: Warehouse) -> None:
    bring(house, "Alder")
    with house.snapshot() as before:
        bring(house, "Birch")
        assert before.sql("SELECT entity_name FROM entity")["entity_name"].to_pylist() == ["Alder"]
        assert before.number < newest_snapshot(house.catalog)


def test_a_load_that_fails_is_nowhere(house: Warehouse) -> None:
    bring(house, "Alder")

    def fail() -> None:
        with house.transaction("bad") as transaction:
            number = transaction.begin_import("entities", "", "bad")
            rows = pa.table({"entity_id": ["9"], "entity_type": ["x"]})
            merge(transaction, "entity", rows, number)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert held(house, "SELECT entity_id FROM entity") == [{"entity_id": SCHOOL}]
    assert house.orphans() == []
    with house.catalog.reading() as connection:
        found = connection.execute(sa.select(tables.load.c.status).order_by(tables.load.c.load_id))
        assert [row[0] for row in found] == ["done", "refused"]


def test_the_second_writer_waits_and_is_told(house: Warehouse) -> None:
    """Two writers, each with connections of its own, as two machines have them."""
    entered, let_go, done = threading.Event(), threading.Event(), threading.Event()
    told: list[str] = []

    def first() -> None:
        own = Warehouse.open(house.root)
        with own.transaction("first") as transaction:
            entered.set()
            assert let_go.wait(30)
            number = transaction.begin_import("entities", "", "first")
            rows = {"entity_id": ["999-1"], "entity_type": ["school"]}
            merge(transaction, "entity", pa.table(rows), number)
            transaction.commit("first")
        own.close()

    def second() -> None:
        own = Warehouse.open(house.root)
        bring(own, "Second", lambda sentence: (told.append(sentence), let_go.set()))
        own.close()
        done.set()

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    assert entered.wait(30)
    threads[1].start()
    assert done.wait(30)
    for thread in threads:
        thread.join(30)
    assert len(told) == 1
    assert "waiting" in told[0]
    rows = held(house, "SELECT entity_id, import_id FROM entity ORDER BY import_id")
    assert [row["entity_id"] for row in rows] == ["999-1", SCHOOL]


def test_a_writer_that_lost_its_lock_keeps_nothing(house: Warehouse) -> None:
    """Its connection broken, another has its turn; the first can't commit over it."""
    told: list[str] = []

    def lose() -> None:
        with house.transaction("first") as transaction:
            number = transaction.begin_import("entities", "", "first")
            rows = {"entity_id": ["999-1"], "entity_type": ["school"]}
            merge(transaction, "entity", pa.table(rows), number)
            with house.catalog.reading() as connection:
                connection.exec_driver_sql(
                    "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory'"
                )
            bring(Warehouse.open(house.root), "Second", told.append)
            transaction.commit("first")

    with pytest.raises(ScorehouseError, match="another run has written"):
        lose()
    assert told == []
    assert held(house, "SELECT entity_name FROM entity") == [{"entity_name": "Second"}]
    assert house.orphans() == []
    assert bring(house, "Third") == newest_snapshot(house.catalog)


def test_results_load_change_and_replay(house: Warehouse, tmp_path: Path) -> None:
    with house.transaction("definitions") as transaction:
        number = transaction.begin_import("entities", "", "definitions")
        define(transaction, number, schools=False)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("definitions")
    first = loaded(house, trt(tmp_path, "a.xml"))
    assert fates(first) == {"waits": 1, "waits_for_school": 1}
    bring(house, "Alder")
    later = loaded(house, trt(tmp_path, "b.xml", key="k-2", number="102", student="9000000002"))
    assert fates(later) == {"new": 2}
    corrected = trt(tmp_path, "c.xml", at="2019-05-09T10:00:00.000", score=2600)
    assert fates(loaded(house, corrected)) == {"updated": 1}
    assert fates(loaded(house, corrected)) == {"unchanged": 1}
    scores = held(house, "SELECT scale_score AS s FROM result ORDER BY s")
    assert [row["s"] for row in scores] == [2510, 2600]
    assert house.orphans() == []


def test_a_student_is_purged_with_a_certificate(house: Warehouse, tmp_path: Path) -> None:
    with house.transaction("definitions") as transaction:
        define(transaction, transaction.begin_import("entities", "", "definitions"))
        transaction.commit("definitions")
    other = trt(tmp_path, "b.xml", key="k-2", number="102", student="9000000002", last="Reed")
    loaded(house, trt(tmp_path, "a.xml"), other)
    told = purge(house, of_student("9000000001"))
    assert told.is_complete
    assert told.proof.found == {}
    assert held(house, "SELECT student_id FROM result") == [{"student_id": "9000000002"}]
    assert [one["details"]["state"] for one in certificates(house)] == ["complete"]
    assert house.orphans() == []
    assert purge(house, of_student("9000000001")).certificate == 0


def test_a_catalog_moves_to_the_server(url: str, tmp_path: Path) -> None:
    """Everything goes with it: moments, numbers, waiting results, leases; the file is gone."""
    old = made(tmp_path / "w", schools=False)
    assert fates(loaded(old, trt(tmp_path, "a.xml"))) == {"waits": 1, "waits_for_school": 1}
    with old.catalog.reading() as connection:
        before = {table: connection.execute(sa.select(table)).all()
                  for table in METADATA.sorted_tables}  # fmt: skip
    moved = move_catalog(tmp_path / "w", url)
    with moved.catalog.reading() as connection:
        after = {table: connection.execute(sa.select(table)).all()
                 for table in METADATA.sorted_tables}  # fmt: skip
    assert after == before
    assert list((tmp_path / "w").glob("catalog.sqlite*")) == []
    number = bring(moved, "Alder")
    assert number == newest_snapshot(moved.catalog)
    assert fates(loaded(moved, trt(tmp_path, "a.xml"))) == {"new": 1, "unchanged": 1}
    with pytest.raises(sa.exc.OperationalError), old.transaction("by a process from before"):
        pass
    with pytest.raises(UsageError, match="to a database server"):
        move_catalog(tmp_path / "w", url)
    with pytest.raises(UsageError, match="belongs to another warehouse"):
        move_catalog(made(tmp_path / "other").root, url)


# --- the ledger of releases ---

WORLD = World({"91000010000000": ("91000010000001", "91000010000002")}, ("03",), (("F", "M", "X"),))


def out(house: Warehouse, name: str = "overall", snapshot: int = 1) -> Released:
    """Release figures of an invented world to the public."""
    return let_out(
        house,
        make_figures(WORLD, make_students(Random(1), WORLD, size=40)),
        make_relations(WORLD),
        profile=profile_named("public"),
        audience="the board",
        query=Query(name, "", {"manner": frozenset({"SD"})}),
        snapshot=snapshot,
    )


def at_once(count: int, do: Callable[[int], object]) -> None:
    """Do something in several threads that begin together; none of them may fail."""
    begin = threading.Barrier(count)

    def together(place: int) -> object:
        begin.wait(30)
        return do(place)

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(together, range(count)))


def test_a_release_is_written_once_and_who_comes_second_decides_again(
    house: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = out(house)
    assert out(house).figures.equals(first.figures)
    assert [row["number"] for row in releases(house)] == [1]
    other, real, seen = Warehouse.open(house.root), ledgers.release, []

    def decide(*given: object, **about: object) -> Released:
        seen.append(len(about["ledger"].releases))  # type: ignore[attr-defined]
        if len(seen) == 1:
            monkeypatch.setattr(ledgers, "release", real)
            out(other, "in between", 2)
            monkeypatch.setattr(ledgers, "release", decide)
        return real(*given, **about)  # type: ignore[arg-type]

    monkeypatch.setattr(ledgers, "release", decide)
    out(house, "late", 3)
    other.close()
    assert seen == [1, 2]
    assert [row["query"]["name"] for row in releases(house)] == ["late", "in between", "overall"]


def test_releases_at_once_get_a_number_each(house: Warehouse) -> None:
    """Each with connections of its own, as two machines have them."""

    def release(place: int) -> None:
        own = Warehouse.open(house.root)
        out(own, f"q{place}", place + 1)
        own.close()

    at_once(4, release)
    assert sorted(row["number"] for row in releases(house)) == [1, 2, 3, 4]


def test_first_users_at_once_make_one_ledger(house: Warehouse) -> None:
    """A catalog from before the ledger gets its table from whoever comes first."""
    for _ in range(5):
        with house.catalog.writing() as connection:
            tables.released.drop(connection)
        catalogs = [Catalog(url_of(house)) for _ in range(4)]
        at_once(4, lambda place, all_=catalogs: ledgers._ensure(all_[place]))
        for catalog in catalogs:
            assert "released" in catalog.tables()
            catalog.close()
    assert releases(house) == []


def url_of(house: Warehouse) -> str:
    return house.catalog.url.render_as_string(hide_password=False)


def test_a_catalog_moves_with_its_releases(url: str, tmp_path: Path) -> None:
    old = made(tmp_path / "w")
    first = out(old)
    before = ledger(old, ["2022-23"], ["public"]).releases
    moved = move_catalog(tmp_path / "w", url)
    (kept,) = ledger(moved, ["2022-23"], ["public"]).releases
    assert kept.figures.equals(before[0].figures)
    assert kept.relations == before[0].relations
    assert out(moved).figures.equals(first.figures)
    assert [row["number"] for row in releases(moved)] == [1]
    out(moved, snapshot=2)
    assert [row["number"] for row in releases(moved)] == [2, 1]


def test_a_move_that_was_killed_is_made_again(url: str, tmp_path: Path) -> None:
    house = made(tmp_path / "w")

    def fail(_root: Path, _url: str) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scorehouse.warehouse.move._use", fail)
        with pytest.raises(KeyboardInterrupt):
            move_catalog(tmp_path / "w", url)
    assert fates(loaded(house, trt(tmp_path, "a.xml"))) == {"new": 1}
    moved = move_catalog(tmp_path / "w", url)
    assert held(moved, "SELECT count(*) AS n FROM result") == [{"n": 1}]
