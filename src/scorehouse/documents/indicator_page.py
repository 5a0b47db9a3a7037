"""Pages of the Academic Indicator: a school or district, and all schools of a district."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from scorehouse.reports.charts import ColorCount, Cuts, Grid, IndicatorRow


@dataclass(frozen=True)
class IndicatorAbout:
    """What every page of a run says: Dashboard, rules, and notes on uncertain settings."""

    dashboard: str
    made_at: datetime
    audience: str
    rules: str
    notes: Sequence[str] = ()
    definitions: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Margin:
    """How far a figure stands from a cut: the level it would reach, and points to it."""

    level: str
    cut: str
    points: str
    remark: str = ""


@dataclass(frozen=True)
class SubjectStory:
    """One subject of an entity: its row, its groups, and why the color is what it is.

    `reasons` are sentences from students to color, in order; `counted` says who was in and
    out by rule (words, students); `what_if` are sentences on what would change the color.
    """

    subject: str
    row: IndicatorRow
    groups: Sequence[IndicatorRow]
    grid: Grid
    cuts: Cuts
    reasons: Sequence[str] = ()
    counted: Sequence[tuple[str, str]] = ()
    margins: Sequence[Margin] = ()
    what_if: Sequence[str] = ()


@dataclass(frozen=True)
class EntityStory:
    """A school or district, the subjects that it is rated in, and its groups by color."""

    entity_id: str
    name: str
    entity_type: str
    subjects: Sequence[SubjectStory]
    equity: Sequence[ColorCount] = ()


@dataclass(frozen=True)
class DistrictStory:
    """The schools of a district in one subject: what the placement report and plane show."""

    entity_id: str
    name: str
    subject: str
    schools: Sequence[IndicatorRow]
    grid: Grid
    cuts: Cuts
    high_school_cuts: Cuts | None = None
    with_high_school_cuts: frozenset[str] = frozenset()
