"""The loader refuses what it doesn't understand, and names file and line."""

from __future__ import annotations

import re
import shutil
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest

from scorehouse.errors import RulebookError, UsageError
from scorehouse.rulebook import load
from scorehouse.rulebook.load import PACKAGED


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the packaged rulebook, to spoil."""
    return Path(shutil.copytree(PACKAGED, tmp_path / "rules"))


@dataclass(frozen=True)
class Slip:
    """Replace a text once; the loader must name the line where `at` then stands."""

    name: str
    file: str
    old: str
    new: str
    at: str
    says: str


CASES = Path(__file__).parents[1] / "cases" / "rulebook_slips.toml"
SLIPS = [Slip(**slip) for slip in tomllib.loads(CASES.read_text(encoding="utf-8"))["slip"]]


@pytest.mark.parametrize("slip", SLIPS, ids=lambda slip: slip.name)
def test_a_slip_is_refused_with_its_line(slip: Slip, folder: Path) -> None:
    path = folder / slip.file
    text = path.read_text(encoding="utf-8")
    assert slip.old in text
    spoiled = text.replace(slip.old, slip.new, 1)
    path.write_text(spoiled, encoding="utf-8")
    with pytest.raises(RulebookError) as caught:
        load(folder)
    line = spoiled[: spoiled.index(slip.at)].count("\n") + 1
    assert str(caught.value).startswith(f"{slip.file}, line {line}: ")
    assert slip.says in str(caught.value)


def test_a_duplicate_row_is_refused(folder: Path) -> None:
    path = folder / "smarter/average_items.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join([*lines[:3], lines[2], *lines[3:]]) + "\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=r"^smarter/average_items\.csv, line 4: duplicate"):
        load(folder)


@pytest.mark.parametrize("file", ["cuts", "bounds", "average_items", "minimum_cat_items"])
def test_a_table_without_a_grade_is_refused(file: str, folder: Path) -> None:
    path = folder / f"smarter/{file}.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if "ELA,06," not in line]
    assert len(kept) < len(lines)
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=rf"smarter/{file}.csv, line \d+: incomplete: .* 06$"):
        load(folder)


def test_a_table_without_a_subject_of_a_set_is_refused(folder: Path) -> None:
    path = folder / "smarter/bounds.csv"
    lines = path.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("2020-21,2020-21,Math")]
    path.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(RulebookError, match="bounds/2020-21/Math has no grade 03, 04"):
        load(folder)


def test_a_grade_the_subject_does_not_have_is_refused(folder: Path) -> None:
    path = folder / "smarter/average_items.csv"
    with path.open("a", encoding="utf-8") as file:
        file.write("2014-15,ELA,09,0.5,1,0,sb-spec-2015-16,,published,,\n")
    with pytest.raises(RulebookError, match=r"line 30: average_items/ELA/09: .* no grade 09"):
        load(folder)


def test_a_file_of_another_name_is_refused(folder: Path) -> None:
    (folder / "smarter/cutz.csv").write_text("since\n", encoding="utf-8")
    with pytest.raises(RulebookError, match=r"^smarter/cutz\.csv, line 1: unknown file"):
        load(folder)


def test_files_that_hold_no_data_are_left_alone(folder: Path) -> None:
    (folder / "smarter/README.md").write_text("Notes\n", encoding="utf-8")
    (folder / "smarter/.cuts.csv").write_text("an editor's\n", encoding="utf-8")
    assert load(folder).digest == load().digest


@pytest.mark.parametrize("file", ["sources.toml", "programs.toml"])
def test_a_file_that_is_not_there_is_named(file: str, folder: Path) -> None:
    (folder / file).unlink()
    with pytest.raises(RulebookError, match=f"^{re.escape(file)}, line 1: the file is not there"):
        load(folder)


def test_bytes_that_are_not_utf8_are_refused(folder: Path) -> None:
    (folder / "smarter/parts.csv").write_bytes(b"since,subject\n2014-15,\xff\n")
    with pytest.raises(RulebookError, match=r"^smarter/parts.csv, line 1: not UTF-8"):
        load(folder)


def test_a_folder_that_is_not_there_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a rulebook is a folder"):
        load(tmp_path / "nowhere")
