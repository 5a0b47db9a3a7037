"""Canonical spellings of the two tables' values; what isn't known stays as it is.

Source: Test Results Logical Data Model and the reporting requirements, the mapping of TRT
values to those of the two tables. Nothing is repaired that would have to be guessed.
"""

from __future__ import annotations

import json
import re
from typing import Any

_YES = frozenset({"yes", "y", "true", "t", "1"})
_NO = frozenset({"no", "n", "false", "f", "0"})
_SUBJECTS = {"ma": "Math", "math": "Math", "mathematics": "Math", "ela": "ELA"}
_MODES = {"": "Online", "online": "Online", "paper": "Paper", "scanned": "Paper"}
_TYPES = {
    "summative": "Summative",
    "interim": "Interim",
    "interim assessment blocks": "Interim",
    "interim comprehensive": "Interim",
}
_SEXES = {
    "m": "Male",
    "male": "Male",
    "f": "Female",
    "female": "Female",
    "nonbinary": "Nonbinary",
    "neutral": "Neutral",
    "other": "Other",
    "notselected": "NotSelected",
    "notstated": "NotSelected",
}
_CONDITIONS = {
    "valid": "Valid",
    "in": "Invalid",
    "invalid": "Invalid",
    "sd": "Standardized",
    "standardized": "Standardized",
    "ns": "Nonstandardized",
    "nonstandardized": "Nonstandardized",
}
_COMPLETENESS = {"partial": "Partial", "complete": "Complete", "expired": "Expired", "none": ""}
_DIMENSIONS = {
    "overall": "Overall",
    "null": "",
    "purpose": "Organization/Purpose",
    "evidence": "Evidence/Elaboration",
}
_LETTERS = "UNY"
_MOST_DELIVERY = 26


def subject(text: str) -> str:
    """Return ELA or Math for their spellings.

    >>> subject("MATH"), subject("ela"), subject("ELPAC")
    ('Math', 'ELA', 'ELPAC')
    """
    return _SUBJECTS.get(text.lower(), text)


def delivery_mode(text: str) -> str:
    """Return Online or Paper; blank is online, scanned is paper."""
    return _MODES.get(text.lower(), text)


def grade(text: str) -> str:
    """Pad a grade of one digit; the infant and toddler grade is written IT.

    >>> grade("3"), grade("11"), grade("T"), grade("3-12")
    ('03', '11', 'IT', '3-12')
    """
    if text == "T":
        return "IT"
    return f"0{text}" if len(text) == 1 and text.isascii() and text.isdigit() else text


def assessment_type(text: str) -> str:
    """Return Summative or Interim for their spellings."""
    return _TYPES.get(text.lower(), text)


def yes_or_no(text: str) -> str:
    """Return Yes or No for their forms."""
    folded = text.lower()
    return "Yes" if folded in _YES else "No" if folded in _NO else text


def section_504(text: str) -> str:
    """Return Yes, No, or blank for the third value that the two tables don't have."""
    return "" if text.lower() == "unknown/cannot provide" else yes_or_no(text)


def sex(text: str) -> str:
    """Return the canonical word; hyphens, underlines and case don't matter.

    >>> sex("M"), sex("Non-Binary"), sex("NOT_STATED")
    ('Male', 'Nonbinary', 'NotSelected')
    """
    return _SEXES.get(re.sub("[-_ ]", "", text.lower()), text)


def administration_condition(text: str) -> str:
    """Return the word of the tables for the code of TRT (IN: Invalid)."""
    return _CONDITIONS.get(text.lower(), text)


def completeness(text: str) -> str:
    """Return Partial, Complete or Expired; `none` means nothing and is blank."""
    return _COMPLETENESS.get(text.lower(), text)


def instruction_program(text: str) -> str:
    """Mend the one published misspelling."""
    return "HeritageLanguage" if text == "HeritageLangague" else text


def date_part(text: str) -> str:
    """Return the date of a date-time as written; other text stays.

    >>> date_part("2016-03-01T00:00:00Z"), date_part("2016-03-01")
    ('2016-03-01', '2016-03-01')
    """
    match = re.match(r"\d{4}-\d\d-\d\d(?=T)", text)
    return match[0] if match else text


def scale_score(text: str) -> str:
    """Blank the two ways to say that there is no score: NS, and zero."""
    return "" if text.upper() == "NS" or re.fullmatch(r"[+-]?0+(\.0*)?", text) else text


def whole_number(text: str) -> str:
    """Drop a fraction that is zero: an achievement level is a whole number."""
    return re.sub(r"^(\d+)\.0+$", r"\1", text)


def field_test(operational: str) -> str:
    """Return Yes for an item that isn't operational."""
    return {"Yes": "No", "No": "Yes"}.get(yes_or_no(operational), "")


def dimension(text: str) -> str:
    """Return the published name of a score dimension."""
    return _DIMENSIONS.get(text.lower(), text)


def delivery_code(text: str) -> str:
    """Return the letters of a numeric delivery code (designated, available, used).

    >>> delivery_code("6"), delivery_code("26"), delivery_code("x")
    ('UYU', 'YYY', '')
    """
    if not re.fullmatch(r"[0-9]{1,2}", text) or int(text) > _MOST_DELIVERY:
        return ""
    number = int(text)
    return "".join(_LETTERS[number // power % 3] for power in (9, 3, 1))


def message_member(text: str, name: str) -> str:
    """Return a text member of a rationale's JSON; blank when it isn't JSON or hasn't it.

    >>> message_member('{"scorerID":"1001"}', "scorerID"), message_member("plain", "scorerID")
    ('1001', '')
    """
    text = text.strip()
    if not text.startswith("{"):
        return ""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    value = message.get(name) if isinstance(message, dict) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.strip() if isinstance(value, str) else ""
