"""One TRT result as plain values: the test, the opportunity and its item rows.

Structure and rules: Test Results Transmission Format; the names in comments are its own.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.terms import SchoolYear

ORGANIZATION, EVIDENCE, CONVENTIONS = "organization", "evidence", "conventions"
WRITING = "WER"

TRAITS = {
    **dict.fromkeys(
        ("organizationpurpose", "organization", "purpose", "organizationfocus", "org"),
        ORGANIZATION,
    ),
    **dict.fromkeys(
        ("evidenceelaboration", "developmentelaboration", "elaborationdevelopment"), EVIDENCE
    ),
    **dict.fromkeys(("evidence", "elaboration", "development", "evi"), EVIDENCE),
    **dict.fromkeys(("conventions", "convention", "con"), CONVENTIONS),
}
_SCORE_TRAIT = re.compile(r"SOCK_(?:ARGU|EXPL|INFO|NARR|OPIN)_(ORG|EVI|CON)", re.IGNORECASE)
TRUE = frozenset({"1", "true", "t", "yes", "y"})
WAITING = frozenset({"waitingformachinescore", "scoringerror"})
_READS = ("final", "resolution", "backread", "initial")
_FIRST_YEAR, _LAST_YEAR = 1900, 9999


class ItemRow(NamedTuple):
    """One row of the responses; a writing item has one for each dimension."""

    item_id: str
    part: str
    dimension: str
    position: int | None
    answered: bool
    score: float | None
    condition_code: str
    use: str
    item_type: str


class Result(NamedTuple):
    """One test result: the opportunity's columns and its item rows."""

    opportunity: dict[str, object]
    items: list[ItemRow]


class UnusableError(Exception):
    """A result that can't be told apart or scored; a finding says why."""


class _Place(NamedTuple):
    """Where a result stands, to say so in findings."""

    log: FindingLog
    file: str
    record: str
    row: int | None

    def say(self, rule: str, field: str, value: str = "") -> None:
        self.log.add(
            rule, file=self.file, record=self.record, field=field, row=self.row, value=value
        )

    def refuse(self, rule: str, field: str, value: str = "") -> UnusableError:
        self.say(rule, field, value)
        return UnusableError()


def read_result(report: etree._Element, file: str, row: int | None, log: FindingLog) -> Result:
    """Take one result out of a `TDSReport`.

    Raises `UnusableError`, after saying why in the log, when it must be left out.
    """
    test, sitting = report.find("Test"), report.find("Opportunity")
    key = _text(sitting, "key") or _text(sitting, "oppId")
    place = _Place(log, file, key, row)
    if test is None or sitting is None or not key:
        missing = (
            "Test" if test is None else "Opportunity" if sitting is None else "Opportunity/key"
        )
        raise place.refuse("trt_field_missing", missing)
    examinee = report.find("Examinee")
    if _text(examinee, "isDemo").lower() in TRUE:
        raise place.refuse("trt_demo_record", "Examinee/isDemo")
    items = list(_items(sitting, place))
    return Result(_opportunity(key, test, examinee, sitting, place), items)


def _text(element: etree._Element | None, name: str) -> str:
    return "" if element is None else (element.get(name) or "").strip()


def _opportunity(
    key: str,
    test: etree._Element,
    examinee: etree._Element | None,
    sitting: etree._Element,
    place: _Place,
) -> dict[str, object]:
    logged_on_cat, logged_on_pt = _log_ons(sitting)
    test_id, name = _text(test, "testId"), _text(test, "name")
    if not (test_id or name):
        raise place.refuse("trt_field_missing", "Test/testId")
    mode = _text(test, "mode").lower()
    return {
        "opportunity_id": key,
        "mode": "paper" if mode == "scanned" else mode,
        "status": _text(sitting, "status").lower(),
        "completeness": (
            _text(sitting, "completeness") or _text(sitting, "completeStatus")
        ).capitalize(),
        "logged_on_cat": logged_on_cat,
        "logged_on_pt": logged_on_pt,
        "started_at": _text(sitting, "startDate"),
        "submitted_at": _text(sitting, "dateCompleted"),
        "force_completed": bool(_text(sitting, "dateForceCompleted")),
        "student_id": _student_id(examinee, place),
        "assessment_id": test_id or name,
        "assessment_name": name or test_id,
        "school_year": _school_year(test, place),
        "subject": _text(test, "subject"),
        "test_grade": _text(test, "grade"),
        "assessment_type_text": _text(test, "assessmentType"),
        "file": place.file,
        "source_row": place.row,
    }


def _student_id(examinee: etree._Element | None, place: _Place) -> str:
    """The first FINAL StudentIdentifier in document order; without one, the last INITIAL."""
    found = ""
    for attribute in () if examinee is None else examinee.iterfind("ExamineeAttribute"):
        if attribute.get("name") in ("StudentIdentifier", "SSID"):
            found = _text(attribute, "value")
            if attribute.get("context") == "FINAL":
                break
    if not found:
        place.say("trt_field_blank", "StudentIdentifier")
    return found


def _school_year(test: etree._Element, place: _Place) -> str:
    """The year the school year ends in, as a school year; blank when it isn't one."""
    text = _text(test, "academicYear")
    if not text:
        place.say("trt_field_blank", "Test/academicYear")
        return ""
    if not (text.isascii() and text.isdigit() and _FIRST_YEAR <= int(text[:5]) <= _LAST_YEAR):
        place.say("trt_number_ignored", "Test/academicYear", text)
        return ""
    return str(SchoolYear(int(text)))


def _log_ons(sitting: etree._Element) -> tuple[bool | None, bool | None]:
    variables: dict[str, dict[str, str]] = {}
    for variable in sitting.iterfind("GenericVariable"):
        values = variables.setdefault(_text(variable, "context").upper(), {})
        values[_text(variable, "name").upper()] = _text(variable, "value")
    return log_ons(variables)


def log_ons(variables: Mapping[str, Mapping[str, str]]) -> tuple[bool | None, bool | None]:
    """What a combined result's components say of the CAT and the PT; None: not known.

    `variables` are the generic ones: context (upper case) -> name (upper case) -> value.
    """
    components = [v for name, v in variables.items() if re.fullmatch(r"COMPONENT_\d+", name)]
    sat = [values for values in components if values.get("OPPID")]
    if not sat:
        return None, None
    is_pt = [re.search(r"(?i)perf|[-_]PT[-_]", values.get("TESTID", "")) for values in sat]
    if len(sat) > 1:
        return True, True
    return (False, True) if is_pt[0] else (True, False)


def _items(sitting: etree._Element, place: _Place) -> Iterator[ItemRow]:
    adaptive = {
        _text(segment, "id")
        for segment in sitting.iterfind("Segment")
        if "adaptive" in _text(segment, "algorithm").lower()
    }
    items = sitting.findall("Item")
    writing_items = sum(_text(item, "format").upper() == WRITING for item in items)
    reported = _reported_traits(sitting) if writing_items == 1 else {}
    for item in items:
        base = _base_row(item, "CAT" if _text(item, "segmentId") in adaptive else "", place)
        if base.item_type == WRITING:
            yield from _writing_rows(item, base, reported, place)
        else:
            yield base


def _base_row(item: etree._Element, part: str, place: _Place) -> ItemRow:
    bank, key = _text(item, "bankKey"), _text(item, "key")
    if not (bank and key):
        raise place.refuse("trt_field_missing", "Item/key" if bank else "Item/bankKey")
    answered = _text(item, "isSelected").lower() in TRUE or _has_response(item)
    status = _text(item, "scoreStatus").lower()
    return ItemRow(
        item_id=f"{bank}-{key}",
        part=part,
        dimension="",
        position=_position(item, place),
        answered=answered,
        score=_score(item.get("score"), "Item/score", status, answered, place),
        condition_code=_condition_code(item.find("ScoreInfo")),
        use=_use(item),
        item_type=_text(item, "format").upper(),
    )


def _has_response(item: etree._Element) -> bool:
    response = item.find("Response")
    return response is not None and any(text.strip() for text in response.itertext())


def _use(item: etree._Element) -> str:
    if _text(item, "dropped").lower() in TRUE:
        return "dropped"
    return "field_test" if _text(item, "operational").lower() in ("0", "false") else "operational"


def _position(item: etree._Element, place: _Place) -> int | None:
    text = _text(item, "position")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        if text:
            place.say("trt_number_ignored", "Item/position", text)
        return None
    return int(text)


def _score(
    text: str | None, field: str, status: str, answered: bool, place: _Place
) -> float | None:
    """A score as delivered; None when there is none, or when it is not yet a real one.

    An item that is not answered and has -1, or is NOTSCORED, was presented only.
    """
    text = (text or "").strip()
    if not text or status in WAITING:
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score) or "_" in text:
        raise place.refuse("trt_number", field, text)
    is_presented_only = not answered and (score < 0 or status == "notscored")
    return None if is_presented_only else score


def _writing_rows(
    item: etree._Element, base: ItemRow, reported: Mapping[str, tuple[str, str]], place: _Place
) -> Iterator[ItemRow]:
    """One row a trait: from the item's own nodes, else from the test's trait scores.

    Derived nodes D and C stand in only where no raw trait is given (their dimensions are
    then `D` and `C`); an item with none of these gives its one row as it is.
    """
    traits, derived = _trait_nodes(item)
    given = traits or reported or derived
    for dimension, (text, code) in given.items():
        score = _score(text, "ScoreInfo/scorePoint", "", base.answered, place)
        yield base._replace(
            dimension=dimension, score=score, condition_code=code or base.condition_code
        )
    if not given:
        yield base


def _trait_nodes(
    item: etree._Element,
) -> tuple[dict[str, tuple[str, str]], dict[str, tuple[str, str]]]:
    traits: dict[str, tuple[str, str]] = {}
    derived: dict[str, tuple[str, str]] = {}
    for node in item.iterfind("ScoreInfo/SubScoreList/ScoreInfo"):
        name = _text(node, "scoreDimension")
        trait = TRAITS.get(re.sub("[^a-z]", "", name.lower()))
        waits = _text(node, "scoreStatus").lower() in WAITING
        values = ("" if waits else _text(node, "scorePoint"), _condition_code(node))
        if trait:
            traits.setdefault(trait, values)
        elif name.upper() in ("C", "D"):
            derived.setdefault(name.upper(), values)
    return traits, derived


def _condition_code(node: etree._Element | None) -> str:
    """The code of a ScoreInfo: its attribute, its rationale's JSON, or that of its reads."""
    if node is None:
        return ""
    own = _text(node, "conditionCode") or _rationale_code(node)
    if own:
        return own
    reads = {
        _text(read, "scoreDimension").lower(): _text(read, "conditionCode") or _rationale_code(read)
        for read in node.iterfind("SubScoreList/ScoreInfo")
    }
    return next((reads[name] for name in _READS if reads.get(name)), "")


def _rationale_code(node: etree._Element) -> str:
    text = (node.findtext("ScoreRationale/Message") or "").strip()
    if not text.startswith("{"):
        return ""
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    code = message.get("conditionCode") if isinstance(message, dict) else None
    return code.strip() if isinstance(code, str) else ""


def _reported_traits(sitting: etree._Element) -> dict[str, tuple[str, str]]:
    """Trait scores that stand as summative Score elements, with their condition codes."""
    scores: dict[str, str] = {}
    codes: dict[str, str] = {}
    for element in sitting.iterfind("Score"):
        match = _SCORE_TRAIT.fullmatch(_text(element, "measureOf"))
        if not match:
            continue
        trait, label = TRAITS[match[1].lower()], _text(element, "measureLabel").lower()
        if label == "rawscore":
            scores.setdefault(trait, _text(element, "value"))
        code = _text(element, "value") if label == "conditioncode" else ""
        codes[trait] = codes.get(trait) or code or _text(element, "conditionCode")
    return {
        trait: (scores.get(trait, ""), codes[trait])
        for trait in (ORGANIZATION, EVIDENCE, CONVENTIONS)
        if trait in codes
    }
