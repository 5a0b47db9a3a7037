"""Nothing is left of a run that was stopped, and what a killed one left goes with the next."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from e2e.invented import ended, started
from e2e.signals import NOTHING, delivered, names, run


@pytest.fixture(scope="module")
def delivery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return delivered(tmp_path_factory.mktemp("delivery"))


STOPPED_AT = {
    "convert": "import scorehouse.intake.writers.two_tables as m\nm.TableWriter._guarded = ",
    "deidentify": "import scorehouse.verbs.deidentify as m\nm._Work.prove = ",
    "package": "import scorehouse.transmit.package as m\nm.Part.close = ",
    "documents": "import scorehouse.intake.writers.trt as m\nm.TrtWriter._tell_impossible = ",
}


def words(command: str, delivery: Path, folder: Path) -> tuple[object, ...]:
    (folder / "key.txt").write_text("a key of ours, long enough for all")
    (folder / "key.txt").chmod(0o600)
    return {
        "convert": ("convert", delivery, "-o", "out", "--sidecar", "side.parquet"),
        "deidentify": ("deidentify", delivery, "-o", "out.zip", "--key-file", "key.txt"),
        "package": ("package", delivery, "-o", "out"),
        "documents": ("convert", delivery, "-o", "out", "--to", "trt"),
    }[command]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("command", STOPPED_AT)
def test_nothing_is_left_of_a_stopped_run(
    command: str, name: str, delivery: Path, tmp_path: Path
) -> None:
    asked = words(command, delivery, tmp_path)
    work = f"{STOPPED_AT[command]}lambda *_some, **_more: send()"
    done = run(work, *asked, folder=tmp_path, name=name)
    assert (done.code, done.err) == (130, NOTHING)
    assert names(tmp_path) == ["key.txt"]


@pytest.mark.parametrize("command", STOPPED_AT)
def test_the_next_run_clears_up_after_one_that_was_killed(
    command: str, delivery: Path, tmp_path: Path
) -> None:
    asked = words(command, delivery, tmp_path)
    work = f"{STOPPED_AT[command]}lambda *_some, **_more: send(signal.SIGKILL)"
    assert run(work, *asked, folder=tmp_path).code == -signal.SIGKILL
    left = [path for path in tmp_path.rglob(".*") if path.name.endswith(".part")]
    assert left
    done = ended(started(*asked, folder=tmp_path))
    assert done.code <= 1, done.err
    assert list(tmp_path.rglob(".*")) == []
