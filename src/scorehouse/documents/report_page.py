"""Report pages from figures that passed the exit door, as HTML and as PDF."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class ReportAbout:
    """What a page says besides the figures.

    `labels` turn codes into words: student groups, subjects, measures ("claim:1"), grades,
    entity types. `level_names` by measure's first word ("overall", "claim", "trait") or by
    "subject/overall", lowest level first; `met_level` is the level, from 1, at which the
    standard is met. `definitions` are those of the statistics shown. `notes` are sentences
    that stand at the head: partial results, settings of uncertain facts, filters.
    """

    audience: str
    made_at: datetime
    asked: Sequence[tuple[str, str]] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    level_names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    met_level: int | None = None
    definitions: Sequence[tuple[str, str]] = ()
    notes: Sequence[str] = ()
