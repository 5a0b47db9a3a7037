"""What the Academic Indicator is made from: two tables, from a warehouse or from files alike."""

from __future__ import annotations

import pyarrow as pa

_TEXT, _DAY, _FLAG = pa.string(), pa.date32(), pa.bool_()

ROSTER = pa.schema(
    [
        ("student_id", _TEXT),
        ("school_year", _TEXT),
        ("school_id", _TEXT),
        ("entered_on", _DAY),  # null: not known
        ("exited_on", _DAY),  # the last day; null: still enrolled
        ("grade_enrolled", _TEXT),
        ("residence_lea", _TEXT),  # district of residence; blank: the school's LEA
        ("accountable_lea", _TEXT),  # who answers for the student, where it is known to differ
        ("race_ethnicity", _TEXT),  # one of the Dashboard's codes; blank: not known
        ("el_status", _TEXT),  # EO, IFEP, EL, RFEP, TBD or ADEL; blank: not known
        ("reclassified_on", _DAY),
        ("first_entry_on", _DAY),  # in a school of the United States
        ("student_with_disabilities", _FLAG),  # null: not known, of this and all flags
        ("disability_ended_on", _DAY),  # when the student left special education
        ("long_term_english_learner", _FLAG),
        ("economically_disadvantaged", _FLAG),
        ("foster_youth", _FLAG),
        ("homeless", _FLAG),
    ]
)
"""One row an enrollment: a student, a school, from when to when, and what is so of the student."""

RESULTS = pa.schema(
    [
        ("student_id", _TEXT),
        ("school_year", _TEXT),
        ("subject", _TEXT),
        ("test_program", _TEXT),  # SBA, or CAA for the alternate assessment
        ("test_grade", _TEXT),
        ("scale_score", pa.int64()),
        ("distance", pa.int64()),  # of an alternate assessment, points × sums.POINT
        ("include_indicator", _TEXT),  # Y, T, N, E or R; blank: by condition code, or by score
        ("condition_code", _TEXT),
        ("completed_on", _DAY),
        ("tested_school", _TEXT),
    ]
)
"""One row a result of a summative test, overall."""
