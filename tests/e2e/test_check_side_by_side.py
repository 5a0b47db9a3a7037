"""A check by several processes: the same findings as by one, and nothing left when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from e2e.invented import scorehouse
from scorehouse.errors import ScorehouseError, UsageError
from scorehouse.intake.checks import Checker, Setting, profile_named
from scorehouse.intake.findings import FindingLog
from scorehouse.rulebook import load as load_rulebook
from scorehouse.verbs import check, check_workers
from scorehouse.verbs.check import CheckRequest, CheckSummary, check_file
from scorehouse.verbs.check_worker import Job
from scorehouse.verbs.check_workers import CheckWorkers, SideBySide
from unit.intake_files import STUDENT, trt, trt_item, zipped

CHUNK = 9
OTHER_BIRTH = STUDENT + '<ExamineeAttribute context="FINAL" name="Birthdate" value="2008-0{}-02"/>'


@pytest.fixture(scope="module")
def workers() -> Iterator[CheckWorkers]:
    with CheckWorkers(2) as two:
        yield two


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "CHUNK_RESULTS", CHUNK)
    monkeypatch.setattr(check_workers, "CHUNK_RESULTS", CHUNK)


def delivery() -> dict[str, bytes]:
    """Documents with faults of their own, faults that only show in others, and damage."""
    summative = {"assessmentType": "Summative"}
    made = {f"{n:03}.xml": trt(f"op-{n}", oppId=str(n)) for n in range(34)}
    made["003.xml"] = trt("op-3", trt_item(score="x"), test={"grade": "3", "academicYear": "2097"})
    made["012.xml"] = made["029.xml"] = trt("op-twice", test=summative)
    made["014.xml"] = b"<TDSReport><Test></TDSReport>"
    made["015.xml"] = b"no document"
    made["017.xml"] = trt("op-17", test=summative, examinee=OTHER_BIRTH.format(1))
    made["023.xml"] = trt("op-23", test={"academicYear": "2098"}, examinee=OTHER_BIRTH.format(2))
    made["../024.xml"] = trt("op-24")
    made["031.xml"] = trt("", test=summative)  # is told by its number
    made["033.xml"] = b"<!-- a vendor's -->" + trt("op-33", items="")
    both = trt("op-40", test=summative), trt("op-41", oppId="1")
    made["035.xml"] = b"<TDSReports>" + b"".join(both) + b"</TDSReports>"
    made["036.xml"] = b"<TDSReport/"
    return made


def packed(folder: Path) -> Path:
    place = folder / "delivery.zip"
    place.write_bytes(zipped(delivery()))
    return place


@pytest.fixture(params=["zip", "folder"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    if request.param == "zip":
        return packed(tmp_path)
    folder = tmp_path / "delivery"
    folder.mkdir()
    for name, content in delivery().items():
        (folder / Path(name).name).write_bytes(content)
    (folder / "tests.csv").write_text("TestOpportunityId,Sex\nop-1,Male\n", encoding="utf-8")
    return folder


def found(request: CheckRequest, workers: CheckWorkers | None, out: Path) -> tuple[Any, ...]:
    heard: list[tuple[int, int | None]] = []
    summary = check_file(request, out, None, lambda *said: heard.append(said), workers)
    return summary.totals, summary.rules, summary.by_consequence, out.read_text("utf-8"), heard


@pytest.mark.parametrize(
    ("profile", "show_private"), [("annual-later", False), ("reporting-load", True)]
)
def test_findings_are_those_of_one_process(
    profile: str, show_private: bool, place: Path, workers: CheckWorkers, tmp_path: Path
) -> None:
    request = CheckRequest(place, profile, show_private=show_private)
    alone = found(request, None, tmp_path / "alone.csv")
    assert found(request, workers, tmp_path / "beside.csv") == alone
    met_before = {"X1", "X3", "X4", "X39"} if profile == "annual-later" else {"X34", "X39"}
    assert met_before <= {told.rule for told in alone[1]}


def test_what_is_found_does_not_depend_on_the_size_of_chunks(
    place: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    request = CheckRequest(place, "annual-later")
    several = found(request, None, tmp_path / "several.csv")
    monkeypatch.setattr(check, "CHUNK_RESULTS", 20 * CHUNK)
    one = found(request, None, tmp_path / "one.csv")
    assert one[0] == several[0]
    assert sorted(one[3].splitlines()) == sorted(several[3].splitlines())


def test_a_simulated_delivery_is_checked_alike(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    scorehouse("simulate", "-o", tmp_path, "--year", "2018-19", "--students", 30, "--trt")
    (files,) = tmp_path.glob("trt*.zip")
    monkeypatch.setattr(check_workers, "_WORTHWHILE", 1)
    begun: list[int] = []

    class Counted(CheckWorkers):
        def __init__(self, count: int) -> None:
            begun.append(count)
            super().__init__(count)

    monkeypatch.setattr(check_workers, "CheckWorkers", Counted)
    summaries: list[CheckSummary] = []
    for threads in (1, 2):
        request = CheckRequest(files, "annual-2015-16", threads=threads)
        out = tmp_path / f"{threads}.csv"
        summaries.append(check_file(request, out))
    assert summaries[0] == summaries[1]
    assert (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
    assert begun == [2]
    assert summaries[0].totals.results > 3 * CHUNK


def job(policy: str = "") -> Job:
    setting = Setting(profile=profile_named("annual-later"), is_policy_stated=bool(policy))
    return Job(setting, "consortium", policy, None, with_schema=False, show_private=False)


def side_by_side(workers: CheckWorkers, asked: Job) -> SideBySide:
    checker = Checker(asked.setting, lambda year: load_rulebook().at(year, "consortium"))
    return SideBySide(workers, asked, checker, FindingLog())


@pytest.mark.parametrize("count", [1, 2])
def test_what_fails_in_a_worker_fails_here_and_says_where(count: int, tmp_path: Path) -> None:
    files = packed(tmp_path)
    with CheckWorkers(count) as some:
        failing = side_by_side(some, job("no such policy"))
        with pytest.raises(UsageError, match="no such policy") as told:
            failing.check([(files, "delivery.zip")])
    assert "check_worker.py" in told.value.__notes__[0]


def test_a_worker_that_is_lost_is_told(tmp_path: Path) -> None:
    files = packed(tmp_path)
    with CheckWorkers(2) as two:
        here, other = (worker.by for worker in two.all)
        assert isinstance(other, subprocess.Popen)
        assert isinstance(here, threading.Thread)
        other.kill()
        with pytest.raises(ScorehouseError, match="ended unexpectedly"):
            side_by_side(two, job()).check([(files, "delivery.zip")])
    assert other.returncode == -signal.SIGKILL
    assert not here.is_alive()


_LONG = """
import sys
from pathlib import Path
from scorehouse.verbs import check_workers
from scorehouse.verbs.check import CheckRequest, check_file

with check_workers.CheckWorkers(2) as two:
    print(*(worker.process for worker in two.all if worker.process), flush=True)
    while True:
        check_file(CheckRequest(Path(sys.argv[1]), "annual-later"), workers=two)
        print("checked", flush=True)
"""


@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_workers_end_with_the_process_that_started_them(
    kill: signal.Signals, tmp_path: Path
) -> None:
    files = packed(tmp_path)
    begun = subprocess.Popen(
        [sys.executable, "-c", _LONG, files],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    with begun:
        assert begun.stdout
        assert begun.stderr
        numbers = [int(word) for word in begun.stdout.readline().split()]
        assert len(numbers) == 1
        assert begun.stdout.readline() == "checked\n"
        if kill == signal.SIGINT:
            os.killpg(begun.pid, kill)  # as a terminal does
        else:
            begun.send_signal(kill)
        said = begun.stderr.read()
    assert said.count("Traceback") == (kill == signal.SIGINT)  # only its own
    until = time.monotonic() + 5
    while any(is_there(number) for number in numbers) and time.monotonic() < until:
        time.sleep(0.01)
    assert [number for number in numbers if is_there(number)] == []


def is_there(number: int) -> bool:
    """Whether a process runs; one that ended and wasn't waited for doesn't."""
    try:
        state = Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    except OSError:
        return False
    return state.split()[0] != "Z"
