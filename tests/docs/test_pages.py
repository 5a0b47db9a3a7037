"""What the pages tell a reader to run does run, and shows what they say it shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.pages import ROOT, Fence, Reader, agrees, read_fence, read_fences, split_commands

FOLDERS = ("tutorials", "how-to", "rules", "explanation", "reference")
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for folder in FOLDERS for page in sorted((ROOT / "docs" / folder).rglob("*.md"))),
]
RUNNABLE = [page for page in PAGES if any(fence.is_run for fence in read_fences(page))]


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    reader = Reader(tmp_path)
    for fence in read_fences(page):
        if fence.is_run:
            reader.follow(fence)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_is_not_run_says_why(page: Path) -> None:
    silent = [f.line for f in read_fences(page) if not f.is_run and len(f.options["not-run"]) < 10]
    assert silent == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_fence_names_a_known_language(page: Path) -> None:
    known = {"console", "python", "text", "csv", "toml", "json", "xml", "sql", "mermaid"}
    assert {fence.language for fence in read_fences(page)} <= known


def test_a_wrong_output_is_noticed(tmp_path: Path) -> None:
    for language, text in [("console", "$ echo one\ntwo\n"), ("python", ">>> 1 + 1\n3\n")]:
        with pytest.raises(AssertionError):
            Reader(tmp_path).follow(Fence(language, {}, text, 1))


def test_a_failing_command_is_noticed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError):
        Reader(tmp_path).follow(Fence("console", {}, "$ false\n", 1))
    Reader(tmp_path).follow(read_fence('console exit-code="1"', "$ false\n", 1))


def test_later_fences_see_the_names_of_earlier_ones(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    reader.follow(Fence("python", {}, "half = 0.5\n", 1))
    reader.follow(Fence("python", {}, ">>> double = half * 2\n>>> double\n1.0\n", 3))
    assert reader.names["double"] == 1.0


def test_reading_a_console_block() -> None:
    assert split_commands("$ a \\\n    -b\nout\n$ c\n") == [("a  -b", "out\n"), ("c", "")]
    assert agrees("1 ...3\n", "1 2  \n3\n")
    assert not agrees("1 ... 4\n", "1 2\n3\n")
