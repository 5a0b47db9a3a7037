"""The tables that close a scoring run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from scorehouse.verbs.summary import ScoreSummary

LEVELS = (1, 2, 3, 4)
RATINGS = {1: "Below", 2: "Near", 3: "Above"}
_TYPES = ("summative", "ICA", "IAB", "")
_COUNTS = "(tests; not for publication)"
_MOST_FINDINGS = 15
_LEAVE_OUT = ("record_left_out", "file_refused", "stop")
_CONSEQUENCES = (*reversed(_LEAVE_OUT), "warning", "information")


def closing_tables(summary: ScoreSummary) -> Iterator[Table]:
    """What was scored and what not, how high, and what was found."""
    yield _status_table(summary)
    yield from _level_tables(summary)
    if summary.by_block:
        yield _block_table(summary)
    if summary.consequences:
        yield _findings_table(summary)


def plain_table(title: str, texts: Sequence[str], numbers: Sequence[str] = ()) -> Table:
    """A table with text columns first, then numbers to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    for name in texts:
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _status_table(summary: ScoreSummary) -> Table:
    title = f"{summary.tests:,} test{'' if summary.tests == 1 else 's'}"
    table = plain_table(title, ("Status", "Reason"), ("Tests",))
    ordered = sorted(
        summary.by_status_and_reason.items(),
        key=lambda item: (item[0][0] != "scored", -item[1], item[0]),
    )
    for (status, reason), count in ordered:
        table.add_row(status, reason, f"{count:,}")
    return table


def _level_tables(summary: ScoreSummary) -> Iterator[Table]:
    """One table for each type of test: their students are the same, their scores aren't."""
    for kind in sorted({key[0] for key in summary.by_test}, key=_TYPES.index):
        names = (*(f"Level {level}" for level in LEVELS), "Met standard")
        table = plain_table(f"Achievement levels, {kind} {_COUNTS}", ("Subject", "Grade"), names)
        for subject, grade in sorted({key[1:3] for key in summary.by_test if key[0] == kind}):
            counts = [summary.by_test[kind, subject, grade, level] for level in LEVELS]
            met = sum(counts[2:]) / sum(counts)
            table.add_row(subject, grade, *(f"{n:,}" for n in counts), f"{met:.1%}")
        yield table


def _block_table(summary: ScoreSummary) -> Table:
    names = tuple(f"{word} Standard" for word in RATINGS.values())
    table = plain_table(f"Interim blocks {_COUNTS}", ("Subject", "Grade"), names)
    for key in sorted({key[:2] for key in summary.by_block}):
        table.add_row(*key, *(f"{summary.by_block[(*key, rating)]:,}" for rating in RATINGS))
    return table


def _findings_table(summary: ScoreSummary) -> Table:
    table = plain_table("Findings", ("Consequence", "Rule"), ("Count",))
    found = sorted(summary.consequences.items(), key=lambda item: _gravity(item[0], item[1]))
    for (rule, consequence), count in found[:_MOST_FINDINGS]:
        style = "yellow" if consequence in _LEAVE_OUT else ""
        table.add_row(consequence, rule, f"{count:,}", style=style)
    more = Counter(key[1] for key, _count in found[_MOST_FINDINGS:])
    for consequence, count in more.items():
        table.add_row(consequence, f"and {count} more rules", "")
    return table


def _gravity(key: tuple[str, str], count: int) -> tuple[int, int, str]:
    """Gravest first, then most."""
    return _CONSEQUENCES.index(key[1]), -count, key[0]
