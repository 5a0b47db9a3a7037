"""What the Academic Indicator asks of students: days that decide, groups, entities, enrollment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from scorehouse.rulebook.dashboard_students import (
    AFTER_ONE_DAY,
    EVERYWHERE,
    SPECIAL,
    StudentRules,
)
from scorehouse.terms import SchoolYear

STATE_ID = "0" * 14
SBA, CAA = "SBA", "CAA"
RACES = ("AA", "AI", "AS", "FI", "HI", "PI", "WH", "MR")
CURRENT_SWD = "SWD_NOW"
"""Students with disabilities without those who left: the count for the color's minimum."""

GROUPS = (
    "ALL", *RACES, "EL", "ELO", "RFP", "EO", "LTEL", "SED", "SWD", "FOS", "HOM", SBA, CAA,
    CURRENT_SWD,
)  # fmt: skip
BITS: Mapping[str, int] = {code: 1 << place for place, code in enumerate(GROUPS)}
"""Groups as bits of a number, which is how the SQL carries them."""

LAST_DAY = date.fromisoformat("2999-12-31")
"""The last day of an enrollment that goes on."""


@dataclass(frozen=True)
class Place:
    """A school: its LEA, what it is, and the testing window of its LEA in the subject.

    `recent_after`: English learners who entered later are in their first year.
    """

    school_id: str
    lea_id: str
    starts_on: date
    ends_on: date
    recent_after: date
    is_charter: bool = False
    is_nonpublic: bool = False
    is_special: bool = False


@dataclass(frozen=True)
class Days:
    """Days of a school year that decide."""

    census_on: date
    reclassified_since: date
    disability_since: date


@dataclass(frozen=True)
class Spell:
    """An enrollment, with what is so of the student; None is not known, and never a default."""

    student_id: str
    school_id: str
    entered_on: date | None
    exited_on: date | None = None
    grade_enrolled: str | None = None
    residence_lea: str = ""
    accountable_lea: str = ""
    race_ethnicity: str = ""
    el_status: str = ""
    reclassified_on: date | None = None
    first_entry_on: date | None = None
    student_with_disabilities: bool | None = None
    disability_ended_on: date | None = None
    long_term_english_learner: bool | None = None
    economically_disadvantaged: bool | None = None
    foster_youth: bool | None = None
    homeless: bool | None = None

    @property
    def last_on(self) -> date:
        """The last day; far off while still enrolled."""
        return self.exited_on or LAST_DAY

    def holds_on(self, day: date) -> bool:
        """Whether the student was enrolled on a day."""
        return self.entered_on is not None and self.entered_on <= day <= self.last_on

    def is_in_window(self, place: Place) -> bool:
        """Whether the student was enrolled on any day of the testing window."""
        return (
            self.entered_on is not None
            and self.entered_on <= place.ends_on
            and self.last_on >= place.starts_on
        )


@dataclass(frozen=True)
class Record:
    """A result of the subject. `distance` of an alternate assessment is in points × `POINT`."""

    student_id: str
    test_program: str
    test_grade: str
    scale_score: int | None = None
    distance: int | None = None
    include_indicator: str = ""
    condition_code: str = ""
    completed_on: date | None = None
    tested_school: str = ""

    @property
    def value(self) -> int | None:
        """What would count: a scale score, or an alternate assessment's distance."""
        return self.distance if self.test_program == CAA else self.scale_score


@dataclass(frozen=True)
class Range:
    """The lowest Level 3 score of a grade, and the ends of its scale."""

    standard_met: int
    lowest: int
    highest: int


# --- days ---


def census_day(year: SchoolYear, rules: StudentRules) -> date:
    """The day from which a student must be enrolled: the first Wednesday in October.

    >>> from scorehouse.rulebook.dashboard_students import student_rules
    >>> census_day(SchoolYear.parse("2018-19"), student_rules("2019")).isoformat()
    '2018-10-03'
    """
    rule = rules.census_day
    first = date(year.ends - 1, rule["month"], 1)
    ahead = (rule["weekday"] - first.weekday()) % 7
    return first + timedelta(days=ahead + 7 * (rule["week"] - 1))


def days_of(year: SchoolYear, rules: StudentRules, census_on: date | None = None) -> Days:
    """The days that decide in a year; `census_on` where it is known to be another."""
    extract = date(year.ends, rules.demographics_day["month"], rules.demographics_day["day"])
    return Days(
        census_on=census_on or census_day(year, rules),
        reclassified_since=extract.replace(year=year.ends - rules.reclassified_years),
        disability_since=extract.replace(year=year.ends - rules.disability_exit_years),
    )


def recent_after(year: SchoolYear, rules: StudentRules, starts_on: date, ends_on: date) -> date:
    """The day after which an English learner's first entry is too recent to count.

    >>> from scorehouse.rulebook.dashboard_students import student_rules
    >>> year, window = SchoolYear.parse("2018-19"), (date(2019, 3, 1), date(2019, 5, 30))
    >>> recent_after(year, student_rules("2019"), *window).isoformat()
    '2018-04-15'
    >>> recent_after(year, student_rules("2018"), *window).isoformat()
    '2018-04-15'
    """
    if rules.recent_method == AFTER_ONE_DAY:
        return date(year.ends - 1, rules.recent_day["month"], rules.recent_day["day"])
    return months_before(starts_on + (ends_on - starts_on) // 2, rules.recent_months)


def months_before(day: date, months: int) -> date:
    """The same day some months earlier, or the month's last.

    >>> months_before(date(2020, 2, 29), 12).isoformat()
    '2019-02-28'
    """
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    first_of_next = date(year + (month + 1) // 12, (month + 1) % 12 + 1, 1)
    return date(year, month + 1, min(day.day, (first_of_next - timedelta(days=1)).day))


# --- student groups ---


def groups_of(spell: Spell, days: Days) -> frozenset[str]:
    """The groups of a student, as the enrollment tells; what isn't known puts nobody in one."""
    was_reclassified = spell.el_status == "RFEP" and is_since(
        spell.reclassified_on, days.reclassified_since
    )
    has_left = is_since(spell.disability_ended_on, days.disability_since)
    holds = {
        "ALL": True,
        spell.race_ethnicity: spell.race_ethnicity in RACES,
        "EL": spell.el_status == "EL" or was_reclassified,
        "ELO": spell.el_status == "EL",
        "RFP": was_reclassified,
        "EO": spell.el_status == "EO",
        "LTEL": spell.long_term_english_learner,
        "SED": spell.economically_disadvantaged,
        "SWD": spell.student_with_disabilities or has_left,
        CURRENT_SWD: spell.student_with_disabilities,
        "FOS": spell.foster_youth,
        "HOM": spell.homeless,
    }
    return frozenset(code for code, is_so in holds.items() if is_so)


def is_since(day: date | None, since: date) -> bool:
    """Whether a day is known and not before another."""
    return day is not None and day >= since


def mask(groups: Iterable[str]) -> int:
    """Groups as one number."""
    return sum(BITS[code] for code in groups)


# --- places ---


def school_row(place: Place) -> str:
    """The school's row; nonpublic schools have none."""
    return "" if place.is_nonpublic else place.school_id


def lea_row(spell: Spell, place: Place, rules: StudentRules) -> str:
    """The LEA's row in which the student counts; blank in charter schools, which are LEAs."""
    if place.is_charter and rules.charters_apart:
        return ""
    if spell.accountable_lea:
        return spell.accountable_lea
    is_special = rules.residence == SPECIAL and (place.is_nonpublic or place.is_special)
    if spell.student_with_disabilities and (rules.residence == EVERYWHERE or is_special):
        return spell.residence_lea or place.lea_id
    return place.lea_id


# --- continuous enrollment ---


def stays(spells: Iterable[Spell], gap_days: int) -> list[tuple[date, date]]:
    """Enrollments joined where no more days lie between them: first and last day of each.

    >>> march = Spell("9000000001", "s", date(2019, 3, 1), date(2019, 3, 31))
    >>> may = Spell("9000000001", "s", date(2019, 5, 1), date(2019, 6, 10))
    >>> len(stays([march, may], 30)), len(stays([march, may], 29))
    (1, 2)
    """
    found: list[tuple[date, date]] = []
    dated = ((spell.entered_on, spell.last_on) for spell in spells if spell.entered_on)
    for entered_on, last_on in sorted(dated):
        if found and entered_on <= found[-1][1] + timedelta(days=gap_days + 1):
            found[-1] = found[-1][0], max(found[-1][1], last_on)
        else:
            found.append((entered_on, last_on))
    return found


def is_continuous(spells: Iterable[Spell], since: date, until: date, gap_days: int) -> bool:
    """Whether one stay lasts from a day to another."""
    return any(first <= since and last >= until for first, last in stays(spells, gap_days))
