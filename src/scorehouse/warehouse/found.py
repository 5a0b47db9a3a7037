"""What a search shows."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FoundStudent:
    """A student as last known; empty where nothing is known.

    School and grade are those of the newest enrollment in the last school year, or of the
    newest result when there is none.
    """

    student_id: str
    last_name: str
    first_name: str
    middle_name: str
    birth_date: str
    sex: str
    school_id: str
    grade: str
    last_year: str


@dataclass(frozen=True)
class Found:
    """Students, the best first. `is_cut`: more fit as well as the last, or worse.

    `how`: student_id, replaced_id, local_id, name or list.
    """

    how: str
    students: tuple[FoundStudent, ...]
    is_cut: bool
