"""Stopped at chosen places of a run: what it says is true."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from e2e.invented import environment, scorehouse
from e2e.signals import RESULTS, delivered, names, run
from scorehouse.cli.stopping import NOTHING
from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.doctor import examine
from warehouse_help import held, made


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return delivered(tmp_path_factory.mktemp("delivery"))


@pytest.fixture
def house(tmp_path: Path) -> Path:
    made(tmp_path / "w").close()
    return tmp_path / "w"


def results(place: Path) -> int:
    with closing(Warehouse.open(place)) as house:
        return int(str(held(house, "SELECT count(*) AS n FROM result")[0]["n"]))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_load_stopped_after_its_commit_says_that_it_is_held(
    house: Path, delivery: Path, tmp_path: Path, name: str
) -> None:
    assert scorehouse("find", "Nobody", "-w", house).code <= 1  # so that there is an index
    work = "import scorehouse.warehouse.load as l\nl.update_index = lambda house: send()"
    done = run(work, "load", delivery, "-w", house, folder=tmp_path, name=name)
    assert done.code == 130
    assert "It is held as snapshot" in done.err
    assert "index of students" in done.err
    assert "No output" not in done.err
    assert results(house) == RESULTS
    assert scorehouse("find", "9000000003", "-w", house).code == 0
    assert "index" not in scorehouse("doctor", "-w", house).err


def test_a_stop_in_the_middle_of_the_commit_comes_after_it(
    house: Path, delivery: Path, tmp_path: Path
) -> None:
    work = """
from scorehouse.warehouse.transaction import Transaction as T
own = T._finish
T._finish = lambda self, connection: (send(), own(self, connection))
"""
    done = run(work, "load", delivery, "-w", house, folder=tmp_path)
    assert done.code == 130
    assert "It is held as snapshot" in done.err
    assert results(house) == RESULTS
    with closing(Warehouse.open(house)) as opened:
        assert {one.check for one in examine(opened).troubles} <= {"space"}


def test_a_load_stopped_before_its_commit_holds_nothing(
    house: Path, delivery: Path, tmp_path: Path
) -> None:
    work = "import scorehouse.warehouse.load as l\nl.tidy = lambda transaction: send()"
    done = run(work, "load", delivery, "-w", house, folder=tmp_path)
    assert (done.code, done.err) == (130, f"{NOTHING}\n")
    assert results(house) == 0


def test_a_stop_during_a_query_is_a_stop(house: Path, delivery: Path, tmp_path: Path) -> None:
    """DuckDB makes an error of its own of it, which isn't a fault of the program."""
    work = """
import threading
import scorehouse.warehouse.load as l
SLOW = "SELECT sum(a.range * b.range) AS s FROM range(1000000) AS a, range(1000000) AS b"
def tidy(transaction):
    threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()
    transaction.sql(SLOW)
l.tidy = tidy
"""
    done = run(work, "load", delivery, "-w", house, folder=tmp_path)
    assert (done.code, done.err) == (130, f"{NOTHING}\n")
    assert results(house) == 0


@pytest.mark.parametrize("then", ["time.sleep(60)", "pass"])
def test_a_stop_that_is_swallowed_comes_again(delivery: Path, tmp_path: Path, then: str) -> None:
    """Later by itself, or at the latest before an output takes its place."""
    work = f"""
import scorehouse.verbs.convert as c
own = c._rest
def rest(*some, **more):
    try:
        send()
    except KeyboardInterrupt:
        pass
    {then}
    return own(*some, **more)
c._rest = rest
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert (done.code, done.err) == (130, f"{NOTHING}\n")
    assert names(tmp_path) == []


def test_what_destructors_and_threads_say_of_a_stop_is_kept_from_the_user(
    delivery: Path, tmp_path: Path
) -> None:
    work = """
import threading
import scorehouse.verbs.convert as c
class Closing:
    def __del__(self):
        raise ValueError("seek of closed file")
def failing():
    time.sleep(0.1)
    raise ValueError("write to closed file")
def rest(*some, **more):
    held = Closing()
    threading.Thread(target=failing).start()
    send()
c._rest = rest
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert (done.code, done.err) == (130, f"{NOTHING}\n")


def test_they_are_told_when_nobody_asked_for_a_stop(delivery: Path, tmp_path: Path) -> None:
    work = """
import scorehouse.verbs.convert as c
own = c._rest
class Closing:
    def __del__(self):
        raise ValueError("seek of closed file")
def rest(*some, **more):
    held = Closing()
    return own(*some, **more)
c._rest = rest
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert done.code == 0
    assert "seek of closed file" in done.err


def test_what_was_written_before_a_stop_is_named(delivery: Path, tmp_path: Path) -> None:
    work = """
from scorehouse.intake.findings import FindingLog
FindingLog.write = lambda self, path: send()
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert done.code == 130
    assert done.err == (
        "Stopped. items.csv, tests.csv were written whole. Nothing else was written.\n"
    )
    assert names(tmp_path) == ["tables"]


def test_a_signal_that_comes_too_late_changes_nothing(delivery: Path, tmp_path: Path) -> None:
    work = "import atexit\natexit.register(send)"
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert done.code == 0, done.err
    assert "results to the two tables" in done.out


def test_a_stop_when_all_is_done_says_what_was_finished(delivery: Path, tmp_path: Path) -> None:
    work = """
import scorehouse.cli.app as a
own = a.app
def app():
    try:
        own()
    finally:
        send()
a.app = app
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert done.code == 130
    assert done.err.endswith(" were written whole. Nothing else was written.\n")
    assert done.err.count("Stopped.") == 1


def test_an_interrupt_that_was_ignored_stays_ignored(delivery: Path, tmp_path: Path) -> None:
    """As `nohup` and the shells' `&` want it."""
    work = "signal.signal(signal.SIGINT, signal.SIG_IGN)\nsend(signal.SIGINT)"
    patched = work + "\nimport scorehouse.verbs.convert as c\nown = c._run\n"
    patched += "c._run = lambda *some: (send(signal.SIGINT), own(*some))"
    done = run(patched, "convert", delivery, "-o", "tables", folder=tmp_path)
    assert done.code == 0, done.err


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_stop_waits_for_imports(delivery: Path, tmp_path: Path, name: str) -> None:
    """A library that is half there may swallow the stop, or abort the process."""
    (tmp_path / "library.py").write_text(
        "import __main__\n"
        "try:\n    __main__.send()\nexcept BaseException:\n    __main__.os.abort()\n"
    )
    work = """
import scorehouse.verbs.convert as c
sys.path.insert(0, os.getcwd())
def rest(*some, **more):
    import library
    time.sleep(60)
c._rest = rest
"""
    done = run(work, "convert", delivery, "-o", "tables", folder=tmp_path, name=name)
    assert (done.code, done.err) == (130, f"{NOTHING}\n")
    assert not (tmp_path / "tables").exists()


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_the_command_can_be_stopped_before_it_is_all_imported(tmp_path: Path, name: str) -> None:
    text = (
        "import os, signal, sys, threading\n"
        "from scorehouse.cli.start import main\n"
        f"threading.Timer(0.02, lambda: os.kill(os.getpid(), signal.{name})).start()\n"
        "sys.argv = ['scorehouse', 'rules', 'show', 'cuts']\n"
        "main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", text], cwd=tmp_path, capture_output=True, text=True, timeout=100,
        env=environment(), check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (130, "", f"{NOTHING}\n")
