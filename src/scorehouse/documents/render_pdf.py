"""A page as tagged PDF (PDF/UA-1), made by Typst: the same bytes for the same page and moment.

The fonts are those of a package and of Typst itself. Fonts of the machine are asked only
for letters that these don't have.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import typst

from scorehouse.documents.page import Block, Page, Section
from scorehouse.errors import ScorehouseError
from scorehouse.reports.charts import Chart

_compile: Callable[..., bytes | list[bytes]] = typst.compile
"""The stubs don't know that the input may be several files in memory."""

STANDARD = "ua-1"
WIDEST = 500
"""How wide a picture stands on paper, in points."""

_LACKING = re.compile(r"the text `\"(.+?)\"` could not be displayed")
_COVERED = re.compile(r"[\u0000-\u04ff\u1e00-\u1fff\u2000-\u206f\u20a0-\u22ff\u25a0-\u25ff]*")
"""Letters and signs that the fonts have: Latin, Greek, Cyrillic, arrows, mathematics."""


def pdf(page: Page, made_at: datetime) -> bytes:
    """Render a page, dated by the moment given."""
    made = _compiled(page, format="pdf", pdf_standards=[STANDARD], timestamp=made_at)
    if not isinstance(made, bytes):
        raise TypeError("one document gives one PDF")
    return made


def preview(page: Page, dots_per_inch: int) -> bytes:
    """The first sheet of a page as a PNG picture."""
    made = _compiled(page, format="png", ppi=dots_per_inch)
    return bytes(made[0] if isinstance(made, list) else made)


def _compiled(page: Page, **wanted: object) -> bytes | list[bytes]:
    files = dict(_files(page))
    text = files["page.json"].decode("utf-8")
    try:
        return _compile(
            files,
            font_paths=[_font_folder()],
            ignore_system_fonts=_COVERED.fullmatch(text) is not None,
            **wanted,
        )
    except typst.TypstError as error:
        raise _told(page, error) from None


def _told(page: Page, error: typst.TypstError) -> ScorehouseError:
    """What a person can do about a page that can't be a PDF."""
    lacking = _LACKING.search(error.message)
    if lacking:
        return ScorehouseError(
            f"{page.stem}.pdf: no font of this machine has {lacking[1]}, and an accessible PDF "
            "needs every letter: install fonts (Noto has them all), or write HTML only"
        )
    return ScorehouseError(f"{page.stem}.pdf can't be made: {error.message}")


def _font_folder() -> Path:
    return Path(str(resources.files("font_source_sans_pro"))) / "files"


def _files(page: Page) -> Iterator[tuple[str, bytes]]:
    """What Typst reads: the template, the page's words and numbers, its pictures."""
    template = resources.files("scorehouse.documents") / "pdf" / "page.typ"
    yield "main.typ", template.read_bytes()
    pictures: dict[str, bytes] = {}
    told = {
        "title": page.title,
        "kicker": page.kicker,
        "lead": page.lead,
        "language": page.language,
        "keywords": list(page.keywords),
        "made_by": page.made_by,
        "asked": [list(pair) for pair in page.asked],
        "facts": [asdict(fact) for fact in page.facts],
        "sections": [_section(section, pictures) for section in page.sections],
    }
    yield "page.json", json.dumps(told, ensure_ascii=False).encode("utf-8")
    yield from pictures.items()


def _section(section: Section, pictures: dict[str, bytes]) -> Mapping[str, object]:
    return {
        "heading": section.heading,
        "blocks": [_block(block, pictures) for block in section.blocks],
        "parts": [_section(part, pictures) for part in section.parts],
    }


def _block(block: Block, pictures: dict[str, bytes]) -> Mapping[str, object]:
    told: dict[str, Any] = asdict(block)
    told["what"] = type(block).__name__
    for table in (told, told.get("table", {})):
        if "text_columns" in table:
            table["text_columns"] = sorted(table["text_columns"])
    if isinstance(block, Chart):
        told.pop("svg")
        told["file"] = f"{block.key}.svg"
        told["width"] = min(WIDEST, _width(block.svg) * WIDEST / 720)
        pictures[told["file"]] = block.svg.encode("utf-8")
    return told


def _width(svg: str) -> float:
    found = re.search(r'width="([\d.]+)"', svg)
    return float(found[1]) if found else float(WIDEST)
