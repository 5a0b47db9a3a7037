"""The incumbent warehouse's messages for a result, and how its import would end.

Reproduced from what its ingest does with public fixtures: all errors of the elements are
collected, those of the test first, then those of the student, each as element name,
offending value and text. What needs the incumbent's own tables (does it know the school,
the assessment, its items, targets and score range) is left out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from typing import NamedTuple

import pyarrow as pa
from lxml import etree

from scorehouse.intake.compat.rdw_fields import (
    ATTRIBUTES,
    ATTRIBUTES_PART,
    CODES,
    DEFAULT_REQUIRED,
    ETHNICITIES,
    NOT_A_LANGUAGE,
    STUDENT,
    STUDENT_PART,
    TEST_PART,
    Field,
)
from scorehouse.intake.compat.rdw_report import Report, report_from, reports_in
from scorehouse.intake.schema import INCUMBENT, verdict

_BLANK = "value may not be blank"
_INVALID = "invalid value"
_POSITIVE = "invalid value, must be a positive number"
_TRUE = frozenset({"yes", "y", "true", "t", "1"})
_FALSE = frozenset({"no", "n", "false", "f", "0"})
_LARGEST_INT = 2**31 - 1
_UNKNOWN_504 = "unknown/cannot provide"


class Message(NamedTuple):
    """One message: `value` is None where the element isn't there at all.

    `value` and `error` hold what was delivered, so they may name a student.
    """

    element_name: str
    value: str | None
    error: str
    part: str

    def as_json(self) -> dict[str, str]:
        """The incumbent's own form; it leaves an absent value out."""
        shown = {"elementName": self.element_name, "value": self.value, "error": self.error}
        return {name: text for name, text in shown.items() if text is not None}


class Rehearsal(NamedTuple):
    """How the incumbent's import would end: its status and code, a text or messages."""

    status: str
    code: int
    text: str
    messages: tuple[Message, ...]


def messages(document: bytes, required: Collection[str] = DEFAULT_REQUIRED) -> list[Message]:
    """The incumbent's message list for a well-formed document; empty: it finds nothing.

    `required` names the elements that its configuration requires
    (`rdw_fields.CONFIGURATIONS` has the usual ones).
    """
    return messages_for(report_from(_parsed(document)), required)


def rehearse(document: bytes, required: Collection[str] = DEFAULT_REQUIRED) -> Rehearsal:
    """How its import would end, as far as the file alone decides it."""
    faults = verdict(document, INCUMBENT)
    is_without_examinee = any("expected here: Examinee" in fault.message for fault in faults)
    if faults and not is_without_examinee:
        text = "; ".join(f"line {fault.line}: {fault.message}" for fault in faults)
        return Rehearsal("PIPELINE_FAILURE", -7, text, ())
    report = report_from(_parsed(document))
    if report.examinee is None:
        return Rehearsal("BAD_DATA", -3, "Examinee may not be null", ())
    if not (report.relationship("SchoolId") or "").strip():
        text = "report does not contain school id for Examinee"
        return Rehearsal("UNKNOWN_SCHOOL", -6, text, ())
    found = tuple(messages_for(report, required))
    return Rehearsal("BAD_DATA", -3, "", found) if found else Rehearsal("PROCESSED", 1, "", ())


def messages_in(
    elements: Mapping[str, pa.Table], required: Collection[str] = DEFAULT_REQUIRED
) -> Iterator[tuple[int, list[Message]]]:
    """The message list of each result in a chunk's element tables, with the result's number."""
    for number, report in reports_in(elements):
        yield number, messages_for(report, required)


def messages_for(report: Report, required: Collection[str]) -> list[Message]:
    """All messages about one report: of the test, of the student, of the student's attributes."""
    return [
        *_opportunity_messages(report, required),
        *_student_messages(report, required),
        *_field_messages(report, ATTRIBUTES, ATTRIBUTES_PART, required),
    ]


def _parsed(document: bytes) -> etree._Element:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    return etree.fromstring(document, parser)


# --- the test and the opportunity ----------------------------------------------------


def _opportunity_messages(report: Report, required: Collection[str]) -> Iterator[Message]:
    test, opportunity = report.test, report.opportunity
    year = test.get("academicYear")
    if year is None or not _is_year(year):
        yield Message("AcademicYear", year, "invalid year", TEST_PART)
    texts = (
        (Field("AssessmentVersion", "text", 30), test.get("assessmentVersion")),
        (Field("OppId", "text", 60, is_always_required=True), opportunity.get("oppId")),
        (Field("SessionId", "text", 128), opportunity.get("sessionId")),
    )
    for field, value in texts:
        yield from _checked(field, value, TEST_PART, required)
    completeness = opportunity.get("completeness") or opportunity.get("completeStatus")
    condition = opportunity.get("administrationCondition")
    yield from _coded("Completeness", completeness, "completeness")
    yield from _coded("AdministrationCondition", condition, "administration condition")
    if not (opportunity.get("dateCompleted") or "").strip():
        yield Message("DateCompleted", None, _INVALID, TEST_PART)
    for score in report.scores:
        yield from _score_messages(score)


def _is_year(text: str) -> bool:
    return bool(re.fullmatch(r"\s*\+?\d+\s*", text)) and int(text) <= _LARGEST_INT


def _coded(name: str, value: str | None, codes: str) -> Iterator[Message]:
    """A blank is filled in, or stays blank; anything else must be a code."""
    if value and value.strip() and value not in CODES[codes]:
        yield Message(name, value, _INVALID, TEST_PART)


def _score_messages(score: Mapping[str, str]) -> Iterator[Message]:
    value, error = score.get("value", ""), score.get("standardError", "")
    label = score.get("measureLabel", "")
    if label == "PerformanceLevel" and value and not _is_positive_integer(value):
        yield Message("PerformanceLevel", value, _POSITIVE, TEST_PART)
    if label in ("ScaleScore", "ThetaScore") and (_number(error) or 0) < 0:
        yield Message("StandardError", error, _POSITIVE, TEST_PART)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_positive_integer(text: str) -> bool:
    return bool(re.fullmatch(r"\d+", text)) and int(text) > 0


# --- the student ---------------------------------------------------------------------


def _student_messages(report: Report, required: Collection[str]) -> Iterator[Message]:
    is_demo = (report.examinee or {}).get("isDemo", "").strip() in ("1", "true")
    if is_demo:
        yield Message("isDemo", "true", "demo students are not supported", STUDENT_PART)
    yield from _field_messages(report, STUDENT, STUDENT_PART, required)
    yield from _ethnicity_messages(report, required)


def _ethnicity_messages(report: Report, required: Collection[str]) -> Iterator[Message]:
    has_any = False
    for name in ETHNICITIES:
        value = report.attribute(name)
        truth = _boolean((value or "").strip())
        has_any = has_any or truth is True
        if value and value.strip() and truth is None:
            yield Message(name, value, f"invalid value [{value}]", STUDENT_PART)
    if "Ethnicity" in required and not has_any:
        text = "must provide at least one value for Ethnicity"
        yield Message("Ethnicity", "none", text, STUDENT_PART)


def _field_messages(
    report: Report, fields: tuple[Field, ...], part: str, required: Collection[str]
) -> Iterator[Message]:
    for field in fields:
        yield from _checked(field, report.attribute(field.name), part, required)


def _checked(
    field: Field, value: str | None, part: str, required: Collection[str]
) -> Iterator[Message]:
    """At most one message about one field."""
    is_required = field.is_always_required or field.name in required
    if value is None or not value.strip():
        error = _blank_error(field, value) if is_required else ""
    else:
        error = _error(field, value)
    if error:
        yield Message(field.name, value, error, part)


def _blank_error(field: Field, value: str | None) -> str:
    if field.kind in ("boolean", "section_504"):
        return f"invalid value [{'null' if value is None else value}]"
    return _BLANK


def _error(field: Field, value: str) -> str:
    """What is wrong with a value that isn't blank; blank when nothing is."""
    if field.kind == "text":
        is_long = len(value) > field.longest
        return f"string is too long, max length is {field.longest}" if is_long else ""
    if field.kind == "date":
        return "" if _is_date(value) else f"invalid date [{value}], use format YYYY-MM-DD"
    if field.kind in ("boolean", "section_504"):
        is_known_504 = field.kind == "section_504" and value.lower() == _UNKNOWN_504
        return "" if is_known_504 or _boolean(value) is not None else f"invalid value [{value}]"
    return "" if _is_code(field.kind, value) else f"unknown {field.kind} code [{value}]"


def _is_code(kind: str, value: str) -> bool:
    if kind == "language":
        return bool(re.fullmatch("[A-Za-z]{3}", value)) and value.lower() not in NOT_A_LANGUAGE
    padded = value.zfill(2) if kind == "grade" and len(value) == 1 else value
    return padded.lower() in {code.lower() for code in CODES[kind]}


def _boolean(value: str) -> bool | None:
    lower = value.lower()
    return True if lower in _TRUE else False if lower in _FALSE else None


def _is_date(value: str) -> bool:
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value):
        return False
    try:
        date.fromisoformat(value)
    except ValueError:
        return False
    return True
