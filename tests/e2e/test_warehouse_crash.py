"""Killed, crowded, crowded out: a load is there whole, or not at all."""

from __future__ import annotations

import random
import threading
import zipfile
from itertools import product
from pathlib import Path

import pytest

from killed import kill_at_random, worker
from scorehouse.errors import ScorehouseError
from scorehouse.warehouse import Warehouse
from warehouse_help import TRT, USUAL, fates, held, loaded, made, trt

RESULTS = 10
WORK = """
from pathlib import Path
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.kinds import kinds
from scorehouse.warehouse.load import LoadRequest, load
kinds()

def work(place, path):
    house = Warehouse.open(Path(place))
    load(house, LoadRequest((Path(path),)), say=lambda text: print(text, flush=True))
"""
COUNTS = (
    "SELECT (SELECT count(*) FROM result) AS results, "
    "(SELECT count(*) FROM response) AS responses, "
    "(SELECT count(*) FROM student) AS students, (SELECT count(*) FROM score) AS scores"
)


def delivery(folder: Path, *numbers: int) -> Path:
    """A zip of results of students of its own; of several such deliveries if asked."""
    path = folder / f"{'-'.join(map(str, numbers[:2]))}.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number, place in product(numbers, range(RESULTS)):
            own = f"{number:03}{place:03}"
            values = {"student": f"9000{own}", "key": f"k-{own}", "number": f"1{own}"}
            archive.writestr(f"{own}.xml", TRT.format(**{**USUAL, **values}))
    return path


def whole(house: Warehouse) -> int:
    """How many deliveries are held; fails when one is held in part."""
    (counts,) = held(house, COUNTS)
    number, rest = divmod(int(str(counts["results"])), RESULTS)
    assert rest == 0
    assert counts == {
        "results": number * RESULTS,
        "responses": number * RESULTS * 2,
        "students": number * RESULTS,
        "scores": number * RESULTS,
    }
    return number


def kill_loads(folder: Path, times: int, seed: int) -> None:
    """Kill loads at random moments; after each, all of it is held or nothing."""
    house = made(folder / "w")
    rng = random.Random(seed)
    expected, ends = 1, []
    with worker(WORK) as busy:
        longest = busy.seconds(folder / "w", delivery(folder, times + 1))
        for number in range(times):
            words = folder / "w", delivery(folder, number)
            ends.append(kill_at_random(busy, words, longest, rng.uniform))
            now = whole(house)
            assert now in ((expected + 1,) if ends[-1] else (expected, expected + 1))
            expected = now
    assert not all(ends)
    told = loaded(house, delivery(folder, times))
    assert fates(told) == {"new": RESULTS}
    assert whole(house) == expected + 1
    assert house.orphans() == []
    again = loaded(house, delivery(folder, *range(times)))
    assert sum(fates(again).values()) == times * RESULTS
    assert whole(house) == times + 2


def test_a_killed_load_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    kill_loads(tmp_path, 20, 1)


@pytest.mark.torture
def test_three_hundred_killed_loads(tmp_path: Path) -> None:
    kill_loads(tmp_path, 300, 2)


def test_two_loads_at_once_wait_for_each_other(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    with worker(WORK) as busy:
        with house.transaction("a long load"):
            busy.start(tmp_path / "w", delivery(tmp_path, 1))
            said = busy.line()
            assert "a long load" in said
            assert "waiting" in said
            assert whole(house) == 0
        assert busy.wait()
    assert whole(house) == 1


def test_readers_never_wait_and_never_see_half(tmp_path: Path) -> None:
    house = made(tmp_path / "w")
    seen: list[int] = []
    faults: list[BaseException] = []
    ended = threading.Event()

    def read() -> None:
        own = Warehouse.open(tmp_path / "w")
        try:
            while not ended.wait(0.01):
                seen.append(whole(own))
        except BaseException as fault:
            faults.append(fault)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(4):
        loaded(house, delivery(tmp_path, number))
    ended.set()
    for reader in readers:
        reader.join()
    assert faults == []
    assert seen
    assert set(seen) <= set(range(5))
    assert whole(house) == 4


def test_an_open_snapshot_stays_as_it_is_through_loads_and_tidying(tmp_path: Path) -> None:
    from scorehouse.warehouse.tidy import tidy

    house = made(tmp_path / "w")
    loaded(house, delivery(tmp_path, 0))
    with house.snapshot() as snapshot:
        loaded(house, delivery(tmp_path, 1))
        with house.transaction("tidying") as transaction:
            assert tidy(transaction, many=2) > 0
            transaction.commit("tidying")
        assert snapshot.sql("SELECT count(*) AS n FROM response")["n"][0].as_py() == RESULTS * 2
    with house.transaction("next") as transaction:
        transaction.commit("next")
    assert house.orphans() == []
    assert whole(house) == 2
    with house.catalog.reading() as connection:
        left = connection.exec_driver_sql(
            "SELECT count(*) FROM data_file WHERE removed_in IS NOT NULL"
        ).scalar()
    assert left == 0


def test_a_full_disk_keeps_nothing_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full in the middle of a load: what was written goes, what was held stays."""
    from scorehouse.warehouse.engine import Local

    house = made(tmp_path / "w")
    loaded(house, delivery(tmp_path, 0))
    write, calls = Local.write, iter(range(100))

    def failing(engine: Local, select: str, path: Path, *order: object, **how: object) -> int:
        if next(calls) < 2:
            return write(engine, select, path, *order, **how)  # type: ignore[arg-type]
        path.write_bytes(b"half")
        raise ScorehouseError("is the disk full?")

    monkeypatch.setattr(Local, "write", failing)
    with pytest.raises(ScorehouseError, match="disk full"):
        loaded(house, trt(tmp_path, "a.xml"))
    monkeypatch.undo()
    assert whole(house) == 1
    with house.transaction("next") as transaction:
        transaction.commit("next")
    assert house.orphans() == []
