"""Every link between our own pages leads somewhere, to the heading it names."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from house.walk import ROOT

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAVIGATION = ROOT / "mkdocs.yml"


def flat(tokens: list[Token]) -> list[Token]:
    return [inner for token in tokens for inner in (token, *flat(token.children or []))]


def tokens(page: Path) -> list[Token]:
    return MarkdownIt("commonmark").enable("table").parse(page.read_text(encoding="utf-8"))


def targets(page: Path) -> list[str]:
    """Return the links and pictures of a page that aren't on the web."""
    found = [str(t.attrGet("href") or t.attrGet("src") or "") for t in flat(tokens(page))]
    return [link for link in found if link and not re.match(r"[a-z]+:", link)]


def anchor(heading: str) -> str:
    """Return the anchor the site gives a heading: lower case, hyphens for spaces."""
    kept = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
    return re.sub(r"[-\s]+", "-", kept)


def anchors(page: Path) -> set[str]:
    parsed = tokens(page)
    return {anchor(b.content) for a, b in pairwise(parsed) if a.type == "heading_open"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_resolve(page: Path) -> None:
    broken = []
    for link in targets(page):
        place, _, fragment = link.partition("#")
        there = (page.parent / place) if place else page
        is_missing = not there.exists()
        if is_missing or (fragment and there.suffix == ".md" and fragment not in anchors(there)):
            broken.append(link)
    assert broken == []


def test_navigation_and_pages_agree() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", NAVIGATION.read_text(encoding="utf-8")))
    there = {str(p.relative_to(ROOT / "docs")) for p in (ROOT / "docs").rglob("*.md")}
    assert listed == there
