"""What a load's user states about its files: checked before anything is read."""

from __future__ import annotations

from datetime import date

from scorehouse.errors import UsageError
from scorehouse.rulebook import load as load_rulebook
from scorehouse.terms import SchoolYear


def stated_day(text: str) -> date | None:
    """The day since which undated rows hold; none stated: None. Raises UsageError for no day."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise UsageError(f"--effective {text!r} is not a day as in 2019-06-30") from None


def check_year(text: str, today: date) -> None:
    """Raise UsageError unless a stated year is one that a file can be of.

    That is from the first year of the rulebook to the school year that begins in this one.
    """
    if not text:
        return
    try:
        year = SchoolYear.parse(text)
    except ValueError as error:
        raise UsageError(f"--year: {error}") from None
    first, last = load_rulebook().years()[0], SchoolYear(today.year + 1)
    if year < first or last < year:
        raise UsageError(f"--year {year}: no file is of that year; use one from {first} to {last}")
