"""The page of a check's findings: one HTML file that can be sent, printed and read aloud."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jinja2 import Environment, PackageLoader, StrictUndefined

from scorehouse import __version__
from scorehouse.intake.catalogue import Finding
from scorehouse.intake.checks.coverage import FieldCoverage

CONSEQUENCES = {
    "stop": ("Stopped", "Nothing after this could be checked."),
    "file_refused": ("File refused", "The file can't be accepted; it was checked to its end."),
    "record_left_out": ("Record left out", "The result can't be accepted until it is corrected."),
    "warning": ("Warning", "The result is kept; something in it should be looked at."),
    "information": ("Information", "Nothing needs to be done."),
}
"""What each consequence means for the sender, gravest first."""


@dataclass(frozen=True)
class RuleTold:
    """One rule and consequence: how many findings, and a few of them."""

    rule: str
    title: str
    consequence: str
    count: int
    examples: Sequence[Finding]


@dataclass(frozen=True)
class FindingsPage:
    """Everything the page shows; values in it are masked already."""

    delivery: str
    profile: str
    year: str
    policy: str
    checked_on: str
    results: int
    item_rows: int
    left_out: int
    rules: Sequence[RuleTold]
    by_consequence: Mapping[str, int]
    coverage: Mapping[str, Sequence[FieldCoverage]]
    years_without_rules: Sequence[str]


def render(page: FindingsPage) -> str:
    """Render the page: no script, no other file, every text escaped."""
    environment = Environment(
        loader=PackageLoader("scorehouse.documents", "html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = lambda number: f"{number:,}"
    environment.filters["percent"] = lambda percent: f"{percent:.1f}".removesuffix(".0") + " %"
    template = environment.get_template("findings.html")
    groups = {
        name: [told for told in page.rules if told.consequence == name] for name in CONSEQUENCES
    }
    return template.render(page=page, groups=groups, consequences=CONSEQUENCES, version=__version__)
