"""A page before it is HTML or PDF: the same headings, words, pictures and tables for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from scorehouse.reports.charts import Chart, Table


@dataclass(frozen=True)
class Fact:
    """One number at the head of a page or section, with what it is and a remark."""

    label: str
    value: str
    remark: str = ""


@dataclass(frozen=True)
class Words:
    """Paragraphs."""

    paragraphs: Sequence[str]


@dataclass(frozen=True)
class Steps:
    """Sentences in order, numbered."""

    sentences: Sequence[str]


@dataclass(frozen=True)
class Facts:
    """A row of numbers."""

    facts: Sequence[Fact]


@dataclass(frozen=True)
class PlacementCells:
    """Names in the cells of a grid: rows of (color, names) below column heads."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, Sequence[tuple[str, Sequence[str]]]]]


@dataclass(frozen=True)
class Definitions:
    """Words and what they mean."""

    entries: Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Links:
    """Other pages: file, what it is called, what it holds."""

    links: Sequence[tuple[str, str, str]]


Block = Words | Steps | Facts | Chart | Table | PlacementCells | Definitions | Links


@dataclass(frozen=True)
class Section:
    """A part of a page under its own heading; `parts` stand one heading lower."""

    key: str
    heading: str
    blocks: Sequence[Block] = ()
    parts: Sequence[Section] = ()


@dataclass(frozen=True)
class Page:
    """A whole page. `stem` names its file and holds no student's name or number."""

    stem: str
    title: str
    kicker: str
    lead: str
    facts: Sequence[Fact]
    sections: Sequence[Section]
    asked: Sequence[tuple[str, str]]
    made_by: str
    language: str = "en"
    keywords: Sequence[str] = field(default=())
