"""Bringing elements into the form that both published schemas demand.

Spelling is corrected (upper and lower case, blanks, obsolete words), required attributes
that aren't there are filled, and results with values of the wrong type are named. Nothing
is done silently: every correction is counted, every result that can't be written is told.

Source: schema of revision 1.11 as published and the reporting warehouse's variant; facts on
the format, writer checklist.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import reduce
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.unflatten_notes import Note, Notes
from scorehouse.result_shapes import ELEMENTS, RESULT

_LARGEST = {"whole": "4294967295", "small": "255"}
_NUMBER = r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?"
_MOMENT = (
    r"-?[0-9]{4,}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?"
    r"(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?"
)
_PATTERNS = {
    "whole": r"^\+?[0-9]{1,18}$",
    "small": r"^\+?[0-9]{1,18}$",
    "signed": r"^[+-]?[0-9]{1,18}$",
    "number": rf"^{_NUMBER}$",
    "error": rf"^({_NUMBER})?$",
    "points": r"^(-1|\+?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?)$",
    "moment": rf"^{_MOMENT}$",
    "moment_or_blank": rf"^({_MOMENT})?$",
    "whole_or_blank": r"^(\+?[0-9]{1,18})?$",
    "sequence": r"^\+?0*[1-9][0-9]{0,17}$",
    "letter": r"^[A-Z]$",
}
_YEAR_MONTH_DAY = r"^([0-9]{4}-[0-9][0-9]-[0-9][0-9])T"


class Rule(NamedTuple):
    """What a schema says of an attribute.

    `kind` is a pattern or blank; `words` are the values allowed, by the folded forms that
    are read for them; `default` fills what must be there; a blank value is removed where
    `no_blank` says that a schema refuses it.
    """

    kind: str = ""
    words: Mapping[str, str] = {}
    default: str | None = None
    no_blank: bool = False


def _words(*values: str, **others: str) -> dict[str, str]:
    return {**{value.lower(): value for value in values}, **others}


_BIT = Rule("", {"0": "0", "1": "1", "true": "1", "false": "0", "yes": "1", "no": "0"})
_COMPLETENESS = _words("Partial", "Complete", expired="Partial", none="")
_STATUS = _words(
    "appeal", "completed", "expired", "handscoring", "invalidated", "paused", "reported",
    "reset", "scored", "submitted", "pending",
)  # fmt: skip
_CONTEXT = Rule("", _words("INITIAL", "FINAL"))
_NODE_STATUS = _words("Scored", "NotScored", "WaitingForMachineScore", "ScoringError")

_RESULT_RULES: dict[str, Rule] = {
    **{f"test_{name}": Rule(default="") for name in (
        "name", "subject", "testId", "grade", "assessmentType",
    )},
    "test_mode": Rule("", _words("online", "paper", scanned="paper"), default="online"),
    "test_academicYear": Rule("whole"),
    "test_bankKey": Rule("whole", no_blank=True),
    "test_handScoreProject": Rule("whole", no_blank=True),
    "examinee_key": Rule("signed", no_blank=True),
    "examinee_isDemo": Rule("", {"true": "true", "false": "false", "1": "1", "0": "0"},
                            no_blank=True),
    **{f"opportunity_{name}": Rule(default="") for name in (
        "clientName", "windowId", "assessmentParticipantSessionPlatformUserAgent",
    )},
    "opportunity_key": Rule("key"),
    "opportunity_startDate": Rule("moment_or_blank", default=""),
    "opportunity_dateCompleted": Rule("moment_or_blank", default=""),
    "opportunity_dateForceCompleted": Rule("moment_or_blank"),
    "opportunity_statusDate": Rule("moment"),
    "opportunity_status": Rule("", _STATUS, default="scored"),
    "opportunity_opportunity": Rule("whole", default="1"),
    **{f"opportunity_{name}": Rule("whole", default="0") for name in (
        "pauseCount", "itemCount", "ftCount", "abnormalStarts", "gracePeriodRestarts",
    )},
    "opportunity_windowOpportunity": Rule("whole_or_blank"),
    "opportunity_reportingVersion": Rule("whole", no_blank=True),
    "opportunity_validity": Rule("", _words("valid", "invalid"), no_blank=True),
    "opportunity_completeness": Rule("", _COMPLETENESS, no_blank=True),
    "opportunity_completeStatus": Rule("", _COMPLETENESS, no_blank=True),
    "opportunity_administrationCondition": Rule(
        "", _words("Valid", "SD", "NS", "IN", invalid="IN", standardized="SD",
                   nonstandardized="NS"), no_blank=True),
}  # fmt: skip

RULES: dict[str, dict[str, Rule]] = {
    "result": _RESULT_RULES,
    "examinee_attribute": {
        "context": _CONTEXT, "name": Rule(default=""), "contextDate": Rule("moment"),
    },
    "examinee_relationship": {
        "context": _CONTEXT, "name": Rule(default=""), "contextDate": Rule("moment"),
    },
    "segment": {"id": Rule(default=""), "position": Rule("small")},
    "accommodation": {
        "type": Rule(default=""), "value": Rule(default=""), "code": Rule(default=""),
        "segment": Rule("whole", default="0"),
    },
    "score": {
        "measureOf": Rule(default=""), "measureLabel": Rule(default=""),
        "value": Rule(default=""), "standardError": Rule("error", default=""),
    },
    "generic_variable": {name: Rule(default="") for name in ("context", "name", "value")},
    "item": {
        "position": Rule("whole"), "segmentId": Rule(default=""),
        "bankKey": Rule("whole"), "key": Rule("whole"),
        "operational": _BIT._replace(default="1"), "isSelected": _BIT._replace(default="0"),
        "format": Rule(default="UNKNOWN"), "score": Rule("points", default="-1"),
        "scoreStatus": Rule("", _words("NOTSCORED", "SCORED", "WAITINGFORMACHINESCORE",
                                       "SCORINGERROR", "APPEALED", noscoringengine="NOTSCORED"),
                            no_blank=True),
        "adminDate": Rule("moment"), "numberVisits": Rule("whole", default="1"),
        "mimeType": Rule("", {**_words("text/plain", "text/xml", "text/html", "audio/ogg"),
                              "application/xml": "text/xml"}, default="text/plain"),
        "pageNumber": Rule("whole", default="1"), "pageVisits": Rule("whole", default="1"),
        "pageTime": Rule("signed", default="0"), "dropped": _BIT._replace(default="0"),
        "responseDuration": Rule("number", default="0"),
        "response_date": Rule("moment"),
        "response_type": Rule("", _words("value", "reference")),
    },
    "score_info": {
        "scorePoint": Rule("points", default="-1"), "maxScore": Rule("points", default="-1"),
        "scoreDimension": Rule(default=""),
        "scoreStatus": Rule("", _NODE_STATUS, default="Scored"),
        "conditionCode": Rule("letter", no_blank=True), "sequence": Rule("sequence", no_blank=True),
    },
    "comment": {
        "context": Rule(default=""), "itemPosition": Rule("whole_or_blank", default=""),
        "date": Rule("moment"),
    },
    "tool_page": {
        "type": Rule(default=""), "code": Rule(default=""), "page": Rule("whole"),
        "groupId": Rule(default=""), "count": Rule("whole"),
    },
}  # fmt: skip
"""What both schemas demand, by element table and attribute."""

_NEEDED = ("whole", "small", "moment", "key")
_MAY_BE_ABSENT = {
    "test_bankKey", "test_handScoreProject", "opportunity_reportingVersion", "response_date",
}  # fmt: skip
_SPELLED: dict[str, tuple[str, str]] = {
    "result": ("", ""), "examinee_attribute": ("ExamineeAttribute", ""),
    "examinee_relationship": ("ExamineeRelationship", ""), "segment": ("Segment", ""),
    "accommodation": ("Accommodation", ""), "score": ("Score", ""),
    "generic_variable": ("GenericVariable", ""), "item": ("Item", ""),
    "score_info": ("ScoreInfo", ""), "comment": ("Comment", ""), "tool_page": ("ToolPage", ""),
}  # fmt: skip


class Impossible(NamedTuple):
    """A value that neither schema allows, so that its result can't be written."""

    result: int
    field: str
    value: str


class Conformed(NamedTuple):
    """Elements that pass, what was corrected, and the results that were taken out."""

    elements: Mapping[str, pa.Table]
    notes: Notes
    impossible: list[Impossible]


def conform(elements: Mapping[str, pa.Table]) -> Conformed:
    """Correct what can be corrected; take out the results that can't be written."""
    notes: Notes = Notes()
    impossible: list[Impossible] = []
    frames = {name: _frame(elements[name]) for name in ELEMENTS}
    for name, rules in RULES.items():
        frames[name] = _corrected(frames[name], name, rules, notes)
        impossible += _impossible(frames[name], name, rules)
    impossible += _without_parts(frames)
    out = pl.Series("out", sorted({found.result for found in impossible}), pl.Int32)
    kept = {
        name: frame.filter(~pl.col(RESULT).is_in(out.implode())) if len(out) else frame
        for name, frame in frames.items()
    }
    tables = {name: frame.to_arrow().cast(ELEMENTS[name]) for name, frame in kept.items()}
    return Conformed(tables, notes, impossible)


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame


def attribute_path(table: str, column: str) -> str:
    """Return how findings name an attribute.

    >>> attribute_path("item", "response_date"), attribute_path("result", "test_mode")
    ('Response/@date', 'Test/@mode')
    """
    head, _, rest = column.partition("_")
    if head in ("test", "examinee", "opportunity", "response") and rest:
        return f"{head.capitalize()}/{'text()' if rest == 'text' else '@' + rest}"
    return f"{_SPELLED[table][0]}/@{column}"


def element_of(path: str) -> str:
    """Return the element table that an attribute's path belongs to.

    >>> element_of("Response/@date"), element_of("Test/@mode"), element_of("ScoreInfo/@sequence")
    ('item', 'result', 'score_info')
    """
    head = path.partition("/")[0]
    if head == "Response":
        return "item"
    return next((table for table, (spelled, _) in _SPELLED.items() if spelled == head), "result")


def _corrected(
    frame: pl.DataFrame, table: str, rules: Mapping[str, Rule], notes: Notes
) -> pl.DataFrame:
    changes = {column: _correction(column, rule) for column, rule in rules.items()}
    new = frame.with_columns(**changes)
    counts = new.select(
        **{f"{c}+": (frame[c].is_null() & pl.col(c).is_not_null()).sum() for c in rules},
        **{f"{c}~": (frame[c].is_not_null() & frame[c].ne_missing(new[c])).sum() for c in rules},
    ).row(0, named=True) if frame.height else {}  # fmt: skip
    for column, rule in rules.items():
        path = attribute_path(table, column)
        if filled := counts.get(f"{column}+"):
            notes[Note("value_invented", path, repr(rule.default))] += filled
        if changed := counts.get(f"{column}~"):
            notes[Note("value_respelled", path)] += changed
    return new


def _correction(column: str, rule: Rule) -> pl.Expr:
    text = pl.col(column)
    if rule.kind or rule.words:
        text = text.str.strip_chars(" \t\r\n")
    if rule.words:
        words = {**rule.words, "": ""}
        text = text.str.to_lowercase().replace_strict(words, default=text)
    if rule.kind == "points":
        text = pl.when(text.str.contains(r"^-1\.0*$")).then(pl.lit("-1")).otherwise(text)
    if rule.no_blank or (rule.words and rule.default is not None):
        text = pl.when(text != "").then(text)
    if rule.kind and rule.default:
        text = pl.when(text != "").then(text)
    if rule.default is not None:
        text = text.fill_null(rule.default)
    return text


def _impossible(frame: pl.DataFrame, table: str, rules: Mapping[str, Rule]) -> Iterator[Impossible]:
    """Find values of the wrong type: one for each result and attribute."""
    tests = {column: _is_bad(column, rule) for column, rule in rules.items()}
    given = {column: test for column, test in tests.items() if test is not None}
    if not given:
        return
    found = frame.select(**{c: test.any() for c, test in given.items()}).row(0, named=True)
    for column, is_bad in given.items():
        if not found[column]:
            continue
        bad = frame.filter(is_bad).unique(RESULT, keep="first", maintain_order=True)
        path = attribute_path(table, column)
        for result, value in bad.select(RESULT, column).iter_rows():
            yield Impossible(result, path, value or "")


def _is_bad(column: str, rule: Rule) -> pl.Expr | None:
    """Whether a value breaks a rule; None when nothing can."""
    text = pl.col(column)
    tests: list[pl.Expr] = []
    if rule.words:
        allowed = {*rule.words.values()} | ({""} if not rule.no_blank else set())
        tests.append(~text.is_in(sorted(allowed)))
    if rule.kind in _PATTERNS:
        tests.append(~text.str.contains(_PATTERNS[rule.kind]))
    if rule.kind in ("whole", "small"):
        tests.append(text.cast(pl.UInt64, strict=False) > int(_LARGEST[rule.kind]))
    if rule.kind == "small":
        tests.append(text.cast(pl.UInt64, strict=False) < 1)
    if rule.kind.startswith("moment"):
        day = text.str.extract(_YEAR_MONTH_DAY, 1)
        tests.append(day.is_not_null() & day.str.to_date("%Y-%m-%d", strict=False).is_null())
    if column == "pageTime":
        tests.append(text.cast(pl.Int64, strict=False).abs() > 2**31 - 1)
    if rule.kind == "key":
        tests.append(text.str.strip_chars() == "")
    if not tests:
        return None
    broken = reduce(lambda a, b: a | b, (test.fill_null(False) for test in tests))
    if rule.kind in _NEEDED and column not in _MAY_BE_ABSENT:
        return broken | text.is_null()
    return broken


def _without_parts(frames: Mapping[str, pl.DataFrame]) -> Iterator[Impossible]:
    """A Response needs its date; segments stand at 1 or later."""
    items = frames["item"]
    undated = items.filter(
        pl.col("response_text").is_not_null() & pl.col("response_date").is_null()
    ).unique(RESULT, keep="first", maintain_order=True)
    for result in undated[RESULT]:
        yield Impossible(result, "Response/@date", "")
