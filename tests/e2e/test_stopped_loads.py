"""A load that is stopped, wherever that is, leaves nothing; one that was killed, until the next."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from e2e.signals import delivered
from killed import Worker, worker
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.doctor import examine
from warehouse_help import loaded, made, trt

WORK = """
import scorehouse.cli.load
from scorehouse.cli.start import main
from scorehouse.warehouse import archive, snapshot, store, transaction
from scorehouse.warehouse.kinds import kinds
kinds()

def work(house, path, module, name, number):
    own, signals = getattr(globals()[module], name), [int(number)]
    def met(*some):
        if signals:
            os.kill(os.getpid(), signals.pop())
        return own(*some)
    setattr(globals()[module], name, met)
    os.chdir(os.path.dirname(house))
    sys.argv = ["scorehouse", "load", path, "-w", house, "--reconciliation", "r.csv"]
    sys.stderr = open("told", "w")
    try:
        main()
    except SystemExit as ended:
        sys.stderr.write(f"{ended.code}")
    finally:
        sys.stderr.close()
"""
PLACES = [
    ("store", "newest_snapshot"),
    ("store", "Transaction"),
    ("archive", "_list"),
    ("transaction", "DataFile"),
]
TERM, KILL = 15, 9


@pytest.fixture(scope="module")
def busy() -> Iterator[Worker]:
    with worker(WORK) as one:
        yield one


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty")
    made(folder / "w").close()
    delivered(folder)
    return folder


def stopped(busy: Worker, empty: Path, folder: Path, place: tuple[str, str], number: int) -> str:
    """What a load said that met a signal where it calls a function."""
    shutil.copytree(empty / "w", folder / "w")
    busy.start(folder / "w", empty / "d.zip", *place, number)
    busy.wait()
    return (folder / "told").read_text()


def troubles(folder: Path) -> list[str]:
    with closing(Warehouse.open(folder / "w")) as house:
        found = examine(house).troubles
    return [one.sentence for one in found if one.check != "space"]


@pytest.mark.parametrize("place", PLACES, ids=".".join)
def test_a_stop_leaves_nothing(
    busy: Worker, empty: Path, tmp_path: Path, place: tuple[str, str]
) -> None:
    said = stopped(busy, empty, tmp_path, place, TERM)
    assert said == "Stopped. No output was written; earlier files are as they were.\n130"
    assert troubles(tmp_path) == []


@pytest.mark.parametrize("name", ["define", "_give_back"])
def test_a_reader_that_is_stopped_gives_its_lease_back(
    busy: Worker, empty: Path, tmp_path: Path, name: str
) -> None:
    said = stopped(busy, empty, tmp_path, ("snapshot", name), TERM)
    assert said.endswith("Nothing else was written.\n130")
    assert troubles(tmp_path) == []


def test_what_a_killed_load_left_is_told_and_removed_by_the_next(
    busy: Worker, empty: Path, tmp_path: Path
) -> None:
    stopped(busy, empty, tmp_path, ("archive", "_list"), KILL)
    assert troubles(tmp_path) == [
        "1 files of the archive belong to no payload",
        "1 loads were killed; nothing of them is held",
    ]
    with closing(Warehouse.open(tmp_path / "w")) as house:
        loaded(house, trt(tmp_path, "other.xml"))
    assert troubles(tmp_path) == []
