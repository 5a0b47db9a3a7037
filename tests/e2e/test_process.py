"""The command as a process: killed, stopped, run twice at once, read by nobody."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from e2e.invented import YEAR, command, ended, environment, overall, started

COPIES = 60  # of the district: long enough to be interrupted


@pytest.fixture(scope="module")
def long_work(district: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    """The arguments of a run that takes long enough to be interrupted."""
    folder = tmp_path_factory.mktemp("long")
    table = pq.read_table(district / "parquet" / "responses.parquet")
    with pq.ParquetWriter(folder / "responses.parquet", table.schema) as writer:
        for number in range(COPIES):
            names = pa.compute.binary_join_element_wise(
                table["opportunity_id"], pa.scalar(str(number)), "-"
            )
            writer.write_table(table.set_column(0, "opportunity_id", names))
    return (
        *("score", folder / "responses.parquet"),
        *("--package", district / "package", "--year", YEAR, "-o", "scores.parquet"),
    )


@pytest.fixture
def short_work(district: Path) -> tuple[object, ...]:
    return (
        *("score", district / "parquet", "--package", district / "package"),
        *("--year", YEAR, "-o", "scores.parquet"),
    )


def parts(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.endswith(".part")]


def at_work(process: subprocess.Popen[str], folder: Path) -> Iterator[None]:
    """Wait until the run has begun to write."""
    for _ in range(4000):
        if parts(folder):
            yield
            return
        assert process.poll() is None, ended(process)
        time.sleep(0.01)
    pytest.fail("the run never began to write")


def test_killed_in_the_middle_there_is_no_output_and_the_next_run_works(
    long_work: tuple[object, ...], short_work: tuple[object, ...], tmp_path: Path
) -> None:
    process = started(*long_work, folder=tmp_path)
    for _ in at_work(process, tmp_path):
        process.send_signal(signal.SIGKILL)
    assert ended(process).code == -signal.SIGKILL
    assert not (tmp_path / "scores.parquet").exists()
    [left] = parts(tmp_path)
    an_hour_ago = time.time() - 3600
    os.utime(left, (an_hour_ago, an_hour_ago))
    done = ended(started(*short_work, folder=tmp_path))
    assert done.code <= 1, done.err
    assert len(overall(tmp_path / "scores.parquet")) > 100
    assert parts(tmp_path) == []  # what the killed run left is gone too


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_in_the_middle_nothing_is_left(
    long_work: tuple[object, ...], tmp_path: Path, number: signal.Signals
) -> None:
    (tmp_path / "scores.parquet").write_bytes(b"of an earlier run")
    process = started(*long_work, folder=tmp_path)
    for _ in at_work(process, tmp_path):
        process.send_signal(number)
    done = ended(process)
    assert done.code == 128 + signal.SIGINT
    assert done.out == ""
    assert "Traceback" not in done.err
    assert "Stopped. No output was written" in done.err
    assert (tmp_path / "scores.parquet").read_bytes() == b"of an earlier run"
    assert [path.name for path in tmp_path.iterdir()] == ["scores.parquet"]


def test_two_runs_at_once_to_one_file(short_work: tuple[object, ...], tmp_path: Path) -> None:
    both = [started(*short_work, folder=tmp_path) for _ in range(2)]
    for process in both:
        done = ended(process)
        assert done.code <= 1, done.err
    assert len(overall(tmp_path / "scores.parquet")) > 100
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "scores.parquet",
        "scores.parquet.findings.csv",
        "scores.parquet.run.json",
    ]


def test_the_umask_decides_who_may_read(short_work: tuple[object, ...], tmp_path: Path) -> None:
    shell = ["/bin/sh", "-c", 'umask 077; exec "$@"', "sh", *command(*short_work)]
    subprocess.run(shell, cwd=tmp_path, env=environment(), check=False, capture_output=True)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


def test_piped_the_result_is_alone_on_standard_output(
    short_work: tuple[object, ...], tmp_path: Path
) -> None:
    done = ended(started(*short_work, folder=tmp_path))
    assert done.out.splitlines()[0].strip().endswith("tests")
    assert "\x1b" not in done.out + done.err
    assert "\r" not in done.err  # no progress bar
    said = done.err.splitlines()
    assert "rows in scores.parquet" in said[0]
    assert "scores.parquet.findings.csv" in said[1]


def test_nobody_reads_on(short_work: tuple[object, ...], tmp_path: Path) -> None:
    """`scorehouse ... | head` is quiet, and keeps the exit code of the work."""
    for arguments in (("rules", "show", "cuts", "--json"), short_work):
        process = started(*arguments, folder=tmp_path)
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read()
        assert process.wait(timeout=100) <= 1
        assert "Error" not in err
        assert "Traceback" not in err
        process.stderr.close()
