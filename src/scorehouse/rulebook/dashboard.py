"""The rules of the Academic Indicator, keyed by Dashboard, never by the year of the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from scorehouse.errors import RuleNotInForceError
from scorehouse.terms import SchoolYear

GRADES_3_8, GRADE_11 = "grades_3_8", "grade_11"
"""The two sets of Status cuts; the second is for high schools and high school districts."""

NO_PARTICIPATION, POINTS, LOWEST_SCORES = "none", "points", "lowest_scores"
"""How a participation rate below the target changes Status."""

HALF_UP, HALF_AWAY = "half_up", "half_away"
"""Where exact halves go when rounded to a tenth: upward, or away from zero."""

LOW = "low"
"""Confidence of a value by recollection: used only when the asker accepts it."""

COLORS = ("No Color", "Red", "Orange", "Yellow", "Green", "Blue")
STATUS_LEVELS = ("No Data", "Very Low", "Low", "Medium", "High", "Very High")
CHANGE_LEVELS = (
    "No Data", "Declined Significantly", "Declined", "Maintained", "Increased",
    "Increased Significantly",
)  # fmt: skip
"""Words of levels by their code, which is the place here."""


@dataclass(frozen=True)
class Said:
    """Where a value comes from, since which Dashboard, and how sure it is."""

    rule: str
    since: str
    source: str
    title: str
    confidence: str
    note: str = ""

    @property
    def is_uncertain(self) -> bool:
        """Whether the output must say that the value was used."""
        return self.confidence in ("uncertain", LOW)


@dataclass(frozen=True)
class StatusCuts:
    """The lowest Status of levels 2 to 5, inclusive."""

    lows: tuple[Fraction, Fraction, Fraction, Fraction]
    said: Said


@dataclass(frozen=True)
class ChangeCuts:
    """Where levels of Change begin, all inclusive but the second, above which is Maintained."""

    declined_from: Fraction
    maintained_above: Fraction
    increased_from: Fraction
    increased_significantly_from: Fraction
    said: Said


@dataclass(frozen=True)
class StudentGroup:
    """A group of the Dashboard; one that isn't rated is shown for information."""

    code: str
    name: str
    category: str
    first_dashboard: str
    is_rated: bool
    note: str


@dataclass(frozen=True)
class AcademicRules:
    """What holds on one Dashboard. Distances and points are exact.

    `lowest_distance` by subject: the distance of a record that participation adds, also for
    the prior year. `smallest_colored_district` by group, on rows of districts.
    `color_count` says whose count decides on the color of students with disabilities: `all`
    or `without_exited`. `shared_prior` are the known methods of pair and share. `said` has the
    origin of each setting; cuts and colors bring their own.
    """

    dashboard: str
    school_year: SchoolYear
    measure: str
    grades: tuple[str, ...]
    has_change: bool
    pools_alternate: bool
    participation: str
    participation_target: int
    points_per_percent: Fraction
    lowest_distance: Mapping[str, int]
    smallest_shown: int
    smallest_leveled: int
    smallest_colored: int
    smallest_colored_district: Mapping[str, int]
    colors_by_test: bool
    alternative_schools: str
    rounding: str
    color_count: str
    shared_prior: tuple[str, ...]
    groups: Mapping[str, StudentGroup]
    status_cuts: Mapping[tuple[str, str], StatusCuts]
    change_cuts: Mapping[str, ChangeCuts]
    colors: Mapping[tuple[int, int], int]
    colors_said: Said | None
    said: Mapping[str, Said]
    accepts_uncertain: bool = False

    def status_cuts_of(self, subject: str, cut_set: str) -> StatusCuts:
        """The Status cuts of a subject and set.

        Raises RuleNotInForceError when there are none, or only by recollection and that
        isn't accepted.
        """
        found = self.status_cuts.get((subject, cut_set))
        if found is None:
            raise RuleNotInForceError(
                f"the {self.dashboard} Dashboard has no Status cuts for {subject}, {cut_set}"
            )
        self._check(found.said, f"Status cuts for {subject}")
        return found

    def change_cuts_of(self, subject: str) -> ChangeCuts:
        """The Change cuts of a subject; errors as for `status_cuts_of`."""
        found = self.change_cuts.get(subject)
        if found is None:
            raise RuleNotInForceError(f"the {self.dashboard} Dashboard has no Change")
        self._check(found.said, f"Change cuts for {subject}")
        return found

    def _check(self, said: Said, what: str) -> None:
        if said.confidence == LOW and not self.accepts_uncertain:
            raise RuleNotInForceError(
                f"the {what} of the {self.dashboard} Dashboard are known with low confidence "
                f"only ({said.note.rstrip('.')}); accept uncertain values to use them"
            )

    def uncertain(self, *rules: str) -> tuple[Said, ...]:
        """Those of some settings that the output must say were used."""
        return tuple(self.said[name] for name in rules if self.said[name].is_uncertain)
