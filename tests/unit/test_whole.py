"""Outputs are there whole or not at all, and what killed runs left goes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scorehouse.intake.whole import put, remove_abandoned_within, replacing, working_folder

ABANDONED = "00000000aaabcdef"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_run_left_goes_with_the_next_run_to_the_same_output(tmp_path: Path) -> None:
    (tmp_path / f".a.csv.{ABANDONED}.part").write_bytes(b"half")
    (tmp_path / f".b.csv.{ABANDONED}.part").write_bytes(b"half of another")
    (tmp_path / ".a.csv.notes.part").write_bytes(b"somebody's own")
    with replacing(tmp_path / "a.csv") as stream:
        stream.write(b"whole")
    assert names(tmp_path) == [".a.csv.notes.part", f".b.csv.{ABANDONED}.part", "a.csv"]


def test_a_folder_that_a_killed_run_left_goes_too(tmp_path: Path) -> None:
    left = tmp_path / f".a.zip.{ABANDONED}.part"
    left.mkdir()
    (left / "1.xml").write_bytes(b"a student's")
    with working_folder(tmp_path / "a.zip") as folder:
        assert [folder] == list(tmp_path.iterdir())
        assert folder.stat().st_mode & 0o777 == 0o700
    assert names(tmp_path) == []


def test_what_a_run_still_holds_stays(tmp_path: Path) -> None:
    out, other = tmp_path / "a.csv", tmp_path / "b"
    with replacing(out) as first, working_folder(other) as folder:
        first.write(b"first")
        with replacing(out) as second, working_folder(other) as another:
            second.write(b"second")
            (another / "x").write_bytes(b"x")
        assert out.read_bytes() == b"second"
        remove_abandoned_within(tmp_path)
        assert folder.is_dir()
    assert out.read_bytes() == b"first"
    assert names(tmp_path) == ["a.csv"]


def test_nothing_is_left_of_what_fails(tmp_path: Path) -> None:
    def stopped() -> None:
        with working_folder(tmp_path / "a") as folder:
            (folder / "x").write_bytes(b"x")
            with replacing(folder / "y") as stream:
                stream.write(b"y")
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert names(tmp_path) == []


def test_a_folder_takes_the_place_of_another(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_bytes(b"old")
    with working_folder(out) as folder:
        (folder / "new").write_bytes(b"new")
        put(folder, out)
    assert names(out) == ["new"]
    assert names(tmp_path) == ["out"]


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "kept").write_bytes(b"kept")
    os.symlink(mine, tmp_path / f".a.{ABANDONED}.part")
    with working_folder(tmp_path / "a"):
        pass
    assert names(mine) == ["kept"]
