"""What goes in a purge, and how it is told in a delivered file."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from scorehouse.terms import SchoolYear
from scorehouse.warehouse.needles import Needles

STUDENT_COLUMNS = frozenset(
    {
        *("studentid", "studentidentifier", "ssid", "studentssid", "oldid", "replacedby"),
        *("externalssid", "alternatessid", "alternatestatestudentid"),
    }
)
YEAR_COLUMNS = frozenset({"schoolyear", "academicyear", "adminyear"})
SITTING_COLUMNS = frozenset({"testopportunityid", "opportunityid"})
LINK, LINKED = "sourcedid", frozenset({"usersourcedid", "studentsourcedid"})
_LETTERS = re.compile(r"[^a-z0-9]")


@dataclass
class Going:
    """Students, school years and sittings that go. `links` are row ids of rosters, as found."""

    needles: Needles
    years: frozenset[str] = frozenset()
    sittings: set[str] = field(default_factory=set)
    links: set[str] = field(default_factory=set)

    def is_year(self, text: str) -> bool:
        """Whether a year as delivered (`2019` or `2018-19`) goes."""
        return bool(self.years) and as_school_year(text) in self.years


def as_school_year(text: str) -> str:
    """A year as delivered as the warehouse has it.

    >>> as_school_year("2019"), as_school_year(" 2018-19")
    ('2018-19', '2018-19')
    """
    try:
        return str(SchoolYear.parse_file_year(text))
    except ValueError:
        return text.strip()


def bare(column: str) -> str:
    """The name of a column without what spellings differ in.

    >>> bare("Student_Identifier ")
    'studentidentifier'
    """
    return _LETTERS.sub("", column.lower())


@dataclass
class Counted:
    """What was done to a payload: records that went and stayed, mentions that were masked."""

    dropped: int = 0
    kept: int = 0
    masked: int = 0

    @property
    def is_changed(self) -> bool:
        """Whether anything of it went."""
        return bool(self.dropped or self.masked)

    @property
    def is_empty(self) -> bool:
        """Whether all of its records went."""
        return bool(self.dropped) and not self.kept

    def add(self, other: Counted) -> None:
        """Count another's as well."""
        self.dropped += other.dropped
        self.kept += other.kept
        self.masked += other.masked
