"""The field's terms as types, and the frozen rules of one year that scoring works from.

Nothing here reads a file or knows a number that a government decides: the rulebook
fills `MeasurementRules`, the scoring functions read it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import total_ordering


class Subject(StrEnum):
    """The two subjects scored on the Smarter Balanced scale."""

    ELA = "ELA"
    MATH = "Math"

    @classmethod
    def parse(cls, text: str) -> Subject:
        """Read a subject in any spelling the exchange files use.

        >>> Subject.parse("MATH"), Subject.parse("ela")
        (<Subject.MATH: 'Math'>, <Subject.ELA: 'ELA'>)
        """
        known = {"ela": cls.ELA, "math": cls.MATH, "ma": cls.MATH, "mathematics": cls.MATH}
        try:
            return known[text.strip().lower()]
        except KeyError:
            raise ValueError(f"unknown subject {text!r}; known are ELA and Math") from None


class AssessmentType(StrEnum):
    """Summative, interim comprehensive (ICA) or interim block (IAB)."""

    SUMMATIVE = "summative"
    ICA = "ICA"
    IAB = "IAB"

    @classmethod
    def parse(cls, text: str) -> AssessmentType:
        """Read a type in any spelling packages use: `SUM`, `summative`, `ica`, ….

        >>> AssessmentType.parse("SUM")
        <AssessmentType.SUMMATIVE: 'summative'>
        """
        known = {
            "sum": cls.SUMMATIVE,
            "summative": cls.SUMMATIVE,
            "ica": cls.ICA,
            "interim comprehensive": cls.ICA,
            "interim comprehensive assessment": cls.ICA,
            "iab": cls.IAB,
            "fiab": cls.IAB,
            "interim block": cls.IAB,
            "interim assessment block": cls.IAB,
        }
        try:
            return known[text.strip().lower()]
        except KeyError:
            raise ValueError(f"unknown assessment type {text!r}") from None


class Part(StrEnum):
    """The part of a test that an item belongs to."""

    CAT = "CAT"
    PT = "PT"
    FIXED = "fixed"

    @classmethod
    def parse(cls, text: str) -> Part:
        """Read a part, ignoring case.

        >>> Part.parse("cat"), Part.parse("Fixed")
        (<Part.CAT: 'CAT'>, <Part.FIXED: 'fixed'>)
        """
        for part in cls:
            if part.value.lower() == text.strip().lower():
                return part
        raise ValueError(f"unknown part {text!r}; known are CAT, PT and fixed")


def parse_grade(text: str) -> str:
    """Return a grade as two characters, as result files write it.

    >>> parse_grade("3"), parse_grade("11"), parse_grade("KG")
    ('03', '11', 'KG')
    """
    grade = text.strip().upper()
    if not re.fullmatch(r"\d{1,2}|KG|PK|TK|UG|HS", grade):
        raise ValueError(f"unknown grade {text!r}")
    return grade.zfill(2)


@total_ordering
@dataclass(frozen=True)
class SchoolYear:
    """A school year, written as in "2018-19"; `ends` is the calendar year it ends in.

    >>> SchoolYear.parse("2018-19").ends
    2019
    >>> str(SchoolYear(2000))
    '1999-00'
    >>> SchoolYear.parse("2018-20")
    Traceback (most recent call last):
        ...
    ValueError: '2018-20' is not a school year; write it as in 2018-19
    """

    ends: int

    @classmethod
    def parse(cls, text: str) -> SchoolYear:
        """Read "2018-19"; nothing else, so that 2019 is never taken for 2019-20."""
        match = re.fullmatch(r"(\d{4})-(\d{2})", text.strip())
        if match and (int(match[1]) + 1) % 100 == int(match[2]):
            return cls(int(match[1]) + 1)
        raise ValueError(f"{text!r} is not a school year; write it as in 2018-19")

    @classmethod
    def parse_file_year(cls, text: str) -> SchoolYear:
        """Read a year as files write it: "2018-19", "2018-2019", or the ending year "2019".

        >>> SchoolYear.parse_file_year("2019") == SchoolYear.parse_file_year("2018-2019")
        True
        """
        if match := re.fullmatch(r"\d{4}", text.strip()):
            return cls(int(match[0]))
        if match := re.fullmatch(r"(\d{4})-(\d{4})", text.strip()):
            return cls.parse(f"{match[1]}-{match[2][2:]}")
        return cls.parse(text)

    def __str__(self) -> str:
        return f"{self.ends - 1}-{self.ends % 100:02d}"

    def __lt__(self, other: object) -> bool:
        return self.ends < other.ends if isinstance(other, SchoolYear) else NotImplemented


@dataclass(frozen=True)
class Origin:
    """Where a rule's value comes from, for explanations and for the reader who doubts it."""

    rule: str
    since: SchoolYear
    source: str
    title: str
    page: str = ""
    confidence: str = "published"
    note: str = ""

    @property
    def is_uncertain(self) -> bool:
        """Whether the value follows a recommendation or a reading, not a publication."""
        return self.confidence != "published"


@dataclass(frozen=True)
class Scale:
    """Scale score = slope × theta + intercept."""

    slope: float
    intercept: float


@dataclass(frozen=True)
class Cuts:
    """The lowest theta and scale score of levels 2, 3 and 4."""

    theta: tuple[float, float, float]
    scale: tuple[int, int, int]

    @property
    def standard_met(self) -> int:
        """The lowest scale score of Level 3."""
        return self.scale[1]

    @property
    def standard_met_theta(self) -> float:
        """The theta cut of Level 3."""
        return self.theta[1]


@dataclass(frozen=True)
class Bounds:
    """LOT, HOT, LOSS and HOSS of one subject and grade."""

    lowest_theta: float
    highest_theta: float
    lowest_scale_score: int
    highest_scale_score: int


@dataclass(frozen=True)
class AverageItem:
    """The average 2PL item that stands for each CAT item an incomplete test never reached."""

    discrimination: float
    difficulty: float
    score: int


@dataclass(frozen=True)
class ScoredPart:
    """A claim or composite: which strands it pools, and for whom it may be reported."""

    code: str
    kind: str  # claim or composite
    number: str
    name: str
    strands: tuple[str, ...]
    reporting: str  # individual or aggregate

    @property
    def measure(self) -> str:
        """The value of the `measure` column.

        >>> ScoredPart("SOCK_R", "claim", "1", "Reading", ("1-LT", "1-IT"), "individual").measure
        'claim:SOCK_R'
        """
        return f"{self.kind}:{self.code}"


@dataclass(frozen=True)
class Policy:
    """How extremes and the ends of the scale are treated."""

    policy_id: str
    label: str
    extremes: str  # bounds: perfect -> HOT, zero -> LOT; half_point: the 0.5 rule
    limits: str  # theta: truncate theta; score: clip the scale score; none
    bounds_set: str  # which table of LOT/HOT/LOSS/HOSS; blank when limits is none
    drops_unanswered_when_complete: bool = False  # the engine's deviation on fixed forms
    single_part_is_participant: bool = False  # the engine says P where the text says N


@dataclass(frozen=True)
class AttemptednessRule:
    """When a test counts as attempted, and what happens below the threshold."""

    minimum_answered: int  # in the whole test
    minimum_cat_answered: int
    minimum_pt_answered: int
    needs_both_parts: bool
    below_threshold: str  # not_scored or lowest_score
    nothing_answered: str  # not_scored or lowest_score
    force_completed: str  # as_answered or nonparticipant


@dataclass(frozen=True)
class WritingCode:
    """What a condition code does to the three traits of a writing item."""

    code: str
    label: str
    zeroed_traits: frozenset[str]  # of organization, evidence, conventions


@dataclass(frozen=True)
class MeasurementRules:
    """Every measurement rule of one program in one school year, frozen.

    Keys: `cuts`, `average_items` by (subject, grade); `bounds` by (bounds set, subject,
    grade); `parts` by subject; `attemptedness` and `claim_rounding` by assessment type.
    Grades are two characters ("03"). `origins` maps a rule path such as `cuts/ELA/05`,
    `bounds/2014-15/Math/03`, `scale/ELA` to its source.
    """

    program: str
    year: SchoolYear
    digest: str
    model_constant: float
    se_ceiling: float
    claim_band: float
    half_point: float
    scales: Mapping[Subject, Scale]
    cuts: Mapping[tuple[Subject, str], Cuts]
    bounds: Mapping[tuple[str, Subject, str], Bounds]
    average_items: Mapping[tuple[Subject, str], AverageItem]
    parts: Mapping[Subject, tuple[ScoredPart, ...]]
    policies: Mapping[str, Policy]
    default_policy: str
    attemptedness: Mapping[AssessmentType, AttemptednessRule]
    claim_rounding: Mapping[AssessmentType, bool]  # round before comparing with the cut?
    writing_codes: Mapping[str, WritingCode]
    minimum_cat_items: Mapping[tuple[Subject, str], int] = field(default_factory=dict)
    target_strands: Mapping[Subject, tuple[str, ...]] = field(default_factory=dict)
    most_at_bounds: float | None = None  # share of scores that LOSS, or HOSS, should cut off
    is_suspended: bool = False  # no summative administration in that year
    origins: Mapping[str, Origin] = field(default_factory=dict)

    def origin(self, *path: str) -> Origin:
        """Return the source of a rule: `rules.origin("cuts", "ELA", "05")`."""
        return self.origins["/".join(path)]
