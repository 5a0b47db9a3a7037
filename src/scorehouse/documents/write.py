"""Pages into files: one HTML file each, one PDF each if wanted, and a list of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from scorehouse.documents.page import Links, Page, Section
from scorehouse.documents.render import html
from scorehouse.documents.render_pdf import pdf

INDEX = "index"


def write_pages(
    pages: Sequence[Page], out_dir: Path, made_at: datetime, *, with_pdf: bool = False
) -> list[Path]:
    """Write each page; where there are several, the list of them comes first."""
    out_dir.mkdir(parents=True, exist_ok=True)
    written = []
    if len(pages) > 1:
        written.append(_write(out_dir, INDEX, "html", html(_index(pages)).encode("utf-8")))
    for page in pages:
        written.append(_write(out_dir, page.stem, "html", html(page).encode("utf-8")))
        if with_pdf:
            written.append(_write(out_dir, page.stem, "pdf", pdf(page, made_at)))
    return written


def _write(folder: Path, stem: str, ending: str, data: bytes) -> Path:
    path = folder / f"{stem}.{ending}"
    path.write_bytes(data)
    return path


def _index(pages: Sequence[Page]) -> Page:
    links = [(f"{page.stem}.html", page.title, page.lead) for page in pages]
    first = pages[0]
    return Page(
        stem=INDEX,
        title="Reports",
        kicker=first.kicker.partition(" · ")[2],
        lead=f"{len(pages)} pages.",
        facts=(),
        sections=[Section("pages", "Pages", [Links(links)])],
        asked=first.asked,
        made_by=first.made_by,
        language=first.language,
    )
