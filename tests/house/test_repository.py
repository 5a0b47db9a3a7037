"""What is in the repository: nothing big, nothing of one machine, nobody real."""

from __future__ import annotations

import os
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from house.walk import ROOT

LARGEST_BYTES = 1_000_000
NOT_OURS = {".git", ".venv", "demo", "site", "dist", "build"}
PERSONAL_PLACE = re.compile(r"(?<![\w.])/(?:home|Users|work|root|tmp/[a-z])[/\w]*")
INVENTED_SSID = re.compile(r"9\d{9}|0{10}|1234567890")
LARGEST_32_BIT = "4294967295"
TEN_DIGITS = re.compile(r"(?<![\d.])\d{10}(?![\d.])")


@cache
def tracked() -> tuple[Path, ...]:
    """Return the files of the repository; without git, the files that look like them."""
    answer = subprocess.run(
        ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if answer.returncode == 0 and answer.stdout:
        found = [ROOT / name for name in answer.stdout.split("\0") if name]
        return tuple(path for path in found if path.is_file())
    return tuple(walked())


def walked() -> list[Path]:
    found = []
    for folder, names, files in os.walk(ROOT):
        names[:] = [n for n in names if n not in NOT_OURS and not n.endswith(("_cache", "info"))]
        found += [Path(folder, name) for name in files if not name.endswith(".pyc")]
    return found


@cache
def texts() -> dict[str, str]:
    """Return the text of every tracked file that is text."""
    read = {str(path.relative_to(ROOT)): path.read_bytes() for path in tracked()}
    return {name: data.decode("utf-8") for name, data in read.items() if b"\0" not in data}


def matches(pattern: re.Pattern[str], *, leave_out: str = "") -> list[str]:
    return [
        f"{name}: {match[0]}"
        for name, text in texts().items()
        if name != leave_out
        for match in pattern.finditer(text)
    ]


def test_no_file_is_large() -> None:
    sizes = {str(path.relative_to(ROOT)): path.stat().st_size for path in tracked()}
    assert {name: size for name, size in sizes.items() if size > LARGEST_BYTES} == {}


def test_no_path_of_one_machine() -> None:
    assert matches(PERSONAL_PLACE, leave_out="tests/house/test_repository.py") == []


def test_student_identifiers_are_invented() -> None:
    looks_real = [
        found
        for found in matches(TEN_DIGITS, leave_out="tests/house/test_repository.py")
        if not INVENTED_SSID.fullmatch(found.rpartition(" ")[2])
        and not found.endswith(LARGEST_32_BIT)
    ]
    assert looks_real == []


def test_no_marker_of_unfinished_work() -> None:
    marker = re.compile(r"\b(?:TO" + r"DO|FIX" + r"ME|X" + r"XX)\b")
    assert matches(marker) == []


@pytest.mark.parametrize("name", ["README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md"])
def test_the_first_papers_are_there(name: str) -> None:
    assert texts()[name].strip()
