"""A saved question: everything that decides a report, as one versioned file.

The same file against the same state of the warehouse gives the same report. TOML or JSON;
keys that nobody knows are refused, so that a slip never widens a report.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from scorehouse.intake.catalogue import Finding, make
from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING, crossing
from scorehouse.reports.refusal import QueryRefusedError, refuse_query
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.terms import AssessmentType, SchoolYear, parse_grade

VERSION = 1
KINDS = ("aggregate", "claims", "targets", "longitudinal", "items")
CHILDREN = ("", "districts", "schools")
COHORT, GRADES = "cohort", "grades"
FOLLOW = (COHORT, GRADES, "both")
COUNTED_AT = ("tested", "enrolled", "accountable")
DEMOGRAPHICS = ("locked", "current")
SCORES = ("either", "delivered", "scored")
PROGRAMS = ("california", "consortium")
AVAILABILITY = ("loading", "reviewing", "released")
"""How far results of a district, year and subject are on their way to everybody."""

RESULT_FIELDS = ("administration_condition", "completeness", "grade_when_assessed")
STATE = "state"
_STEP = re.compile(r"(\d{4}-\d{2}):(\w+)")
_BARE = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True)
class ReportQuery:
    """What a report is about. Empty lists mean all that there is, `entities` the state.

    `compare` adds what each entity belongs to (district, state); `children` the entities
    below. `by` crosses dimensions of student groups; `filters` (dimension or result field ->
    values) let through results with any of the values of every name. `steps` are the year and
    grade pairs of a longitudinal report, as in `2017-18:03`. `percentiles` and `pooled` ask
    for percentiles, and for a row of all grades together. `availability` is the least that
    results must be to count: `released`, `reviewing` or `loading`; empty: what the audience
    may see.
    """

    report: str
    name: str = ""
    entities: tuple[str, ...] = ()
    compare: tuple[str, ...] = ()
    children: str = ""
    school_years: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    grades: tuple[str, ...] = ()
    assessment_types: tuple[str, ...] = ("summative",)
    assessments: tuple[str, ...] = ()
    student_groups: tuple[str, ...] = (ALL_STUDENTS,)
    by: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    steps: tuple[str, ...] = ()
    follow: str = "cohort"
    counted_at: str = "tested"
    demographics: str = "locked"
    scores: str = "either"
    program: str = "california"
    percentiles: bool = False
    pooled: bool = True
    nonpublic_schools: bool = False
    availability: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        told = {one.name: getattr(self, one.name) for one in fields(self)}
        values, found = _checked(told)
        refuse_query(found)
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The steps as (school year, grade)."""
        return tuple((year, grade) for year, _, grade in (s.partition(":") for s in self.steps))

    @property
    def wanted_groups(self) -> tuple[str, ...]:
        """Every group asked for: those named, and all crossings of the dimensions of `by`."""
        from itertools import product

        parts = [[group.code for group in dimensions()[name]] for name in self.by]
        crossed = [crossing(*codes) for codes in product(*parts)] if parts else []
        return tuple(dict.fromkeys([*self.student_groups, *crossed]))


_FEWEST_STEPS = 2
_MANY = 24
"""More known values than this aren't listed in a finding."""
Check = Callable[[Any, "_Told"], Any]


class _Told:
    """Collects what is wrong with the value of one key."""

    def __init__(self, field: str, file: str = "") -> None:
        self.found: list[Finding] = []
        self._field, self._file = field, file

    def add(self, rule: str, value: object, **words: Any) -> None:
        self.found.append(make(rule, field=self._field, file=self._file, value=value, **words))

    def unknown(self, what: str, value: str, known: Iterable[str]) -> None:
        listed = [one for one in known if one]
        names = ", ".join(listed[:_MANY]) + (" …" if len(listed) > _MANY else "")
        self.add("query_unknown_value", value, what=what, known=names)


def _one_of(what: str, known: Callable[[], Iterable[str]] | tuple[str, ...]) -> Check:
    def check(value: str, told: _Told) -> str:
        names = tuple(known() if callable(known) else known)
        if value not in names:
            told.unknown(what, value, names)
        return value

    return check


def _each(check: Check) -> Check:
    return lambda values, told: tuple(dict.fromkeys(check(value, told) for value in values))


def _parsed(what: str, parse: Callable[[str], object]) -> Check:
    def check(value: str, told: _Told) -> str:
        try:
            return str(parse(value))
        except ValueError as error:
            reason = str(error).partition("; ")[2] or str(error)  # what it isn't is said already
            told.add("query_value", value, what=what, reason=reason)
            return value

    return check


def _check_group(code: str, told: _Told) -> str:
    for part in code.split(CROSSING):
        if part not in groups():
            told.unknown("student group", part, groups())
            return code
    codes = [part for part in code.split(CROSSING) if part != ALL_STUDENTS]
    own = [groups()[part].dimension for part in codes]
    if len(own) != len(set(own)):
        why = f"{code}: nobody is in two groups of one dimension"
        told.add("query_contradiction", code, why=why)
    return crossing(*codes)


def _check_filters(filters: Mapping[str, tuple[str, ...]], told: _Told) -> dict[str, Any]:
    for name, values in filters.items():
        if name in dimensions():
            known = [group.code for group in dimensions()[name]]
            for value in values:
                if value not in known:
                    told.unknown(f"{name} group", value, known)
        elif name not in RESULT_FIELDS:
            told.unknown("filter", name, (*dimensions(), *RESULT_FIELDS))
    return {name: tuple(values) for name, values in filters.items()}


def _check_step(step: str, told: _Told) -> str:
    match = _STEP.fullmatch(step)
    if match is None:
        told.add("query_value", step, what="step", reason="a year and a grade are missing")
        return step
    year = _parsed("school year", SchoolYear.parse)(match[1], told)
    return f"{year}:{_parsed('grade', parse_grade)(match[2], told)}"


_CHECKS: Mapping[str, Check] = {
    "report": _one_of("report", KINDS),
    "compare": _each(_one_of("comparison", ("district", STATE))),
    "children": _one_of("kind of children", CHILDREN),
    "school_years": _each(_parsed("school year", SchoolYear.parse)),
    "grades": _each(_parsed("grade", parse_grade)),
    "assessment_types": _each(_parsed("type of test", AssessmentType.parse)),
    "student_groups": _each(_check_group),
    "by": _each(_one_of("dimension", dimensions)),
    "filters": _check_filters,
    "steps": _each(_check_step),
    "follow": _one_of("way to follow", FOLLOW),
    "counted_at": _one_of("counted_at", COUNTED_AT),
    "demographics": _one_of("demographics", DEMOGRAPHICS),
    "scores": _one_of("scores", SCORES),
    "program": _one_of("program", PROGRAMS),
    "availability": _one_of("availability", ("", *AVAILABILITY)),
}


def _checked(told: Mapping[str, Any], file: str = "") -> tuple[dict[str, Any], list[Finding]]:
    """Values as a query holds them, and everything that is wrong with them."""
    found: list[Finding] = []
    values = dict(told)
    for name, check in _CHECKS.items():
        if name in told:
            own = _Told(name, file)
            values[name] = check(told[name], own)
            found += own.found
    return values, found or list(_contradictions(values, file))


def _contradictions(told: Mapping[str, Any], file: str) -> Iterator[Finding]:
    """What can't be asked together, each value being known."""
    if told.get("report") == "longitudinal" and len(told.get("steps", ())) < _FEWEST_STEPS:
        yield make("query_steps_missing", field="steps", file=file)
        return
    for name, why in (*_of_report(told), *_of_groups(told)):
        yield make("query_contradiction", field=name, file=file, why=why)


def _of_report(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    report = told.get("report")
    if report == "targets" and set(told.get("assessment_types", ())) - {"summative"}:
        yield "assessment_types", "targets are reported of summative tests only"
    if report != "longitudinal":
        return
    steps = [step.split(":") for step in told.get("steps", ())]
    if set(told.get("assessment_types", ())) - {"summative"}:
        yield "assessment_types", "students are followed over summative tests only"
    for place, name in enumerate(("school_years", "grades")):
        odd = [one for one in told.get(name, ()) if one not in {step[place] for step in steps}]
        if odd:
            yield name, f"no step is of {', '.join(odd)}: the steps say years and grades"


def _of_groups(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Groups that a filter leaves nobody in."""
    for name, values in told.get("filters", {}).items():
        if not values:
            yield f"filters.{name}", f"the filter {name} lets nothing through"
        for code in told.get("student_groups", ()) if name in dimensions() else ():
            parts = [groups()[part] for part in code.split(CROSSING)]
            own = [part for part in parts if part.dimension == name and part.code != ALL_STUDENTS]
            if values and any(not {part.code, *part.members} & set(values) for part in own):
                yield "filters", f"nobody of {code} is in {name} {' or '.join(values)}"


# --- files ---


def read_query(text: str, *, is_json: bool = False, file: str = "") -> ReportQuery:
    """A query from the text of a query file; `file` is its name, for findings.

    QueryRefusedError tells everything that isn't understood.
    """
    form = "JSON" if is_json else "TOML"
    try:
        told = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise QueryRefusedError(
            [make("query_broken", file=file, form=form, reason=error)]
        ) from None
    if not isinstance(told, dict):
        reason = "a query file holds one table of keys"
        raise QueryRefusedError([make("query_broken", file=file, form=form, reason=reason)])
    return query_of(told, file=file)


def query_of(told: Mapping[str, Any], *, file: str = "") -> ReportQuery:
    """A query from the keys of a query file; everything that is wrong is told at once."""
    found: list[Finding] = []
    if told.get("version") != VERSION:
        value = told.get("version", "")
        found.append(make("query_version", file=file, field="version", value=value, known=VERSION))
    typed: dict[str, Any] = {}
    for name, value in told.items():
        own = _Told(name, file)
        if name in _TYPES:
            typed[name] = _typed(name, value, own)
        elif name != "version":
            own.unknown("key", name, _TYPES)
        found += own.found
        if own.found:
            typed.pop(name, None)
    if "report" not in told:
        found.append(make("query_no_report", file=file, field="report", known=", ".join(KINDS)))
    _, wrong = _checked(typed, file)
    refuse_query([*found, *wrong])
    return ReportQuery(**typed)


def _typed(name: str, value: Any, told: _Told) -> Any:
    """A value as the query has it; one of another type is told."""
    wanted = _TYPES[name]
    if wanted is bool or wanted is str:
        if not isinstance(value, wanted):
            told.add("query_type", value, expected="yes or no" if wanted is bool else "a text")
        return value
    if wanted is not dict:
        return _texts(value, told)
    if not isinstance(value, dict):
        told.add("query_type", value, expected="a table of lists")
        return {}
    return {key: _texts(one, told) for key, one in value.items()}


def _texts(value: Any, told: _Told) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        told.add("query_type", value, expected="a list of texts")
        return ()
    return tuple(value)


_TYPES: Mapping[str, type] = {
    one.name: {"str": str, "bool": bool}.get(
        str(one.type), dict if "Mapping" in str(one.type) else tuple
    )
    for one in fields(ReportQuery)
}


def as_dict(query: ReportQuery) -> dict[str, Any]:
    """A query as the keys of its file, with the version; what is as usual is left out."""
    usual = ReportQuery("aggregate")
    told = {
        name: value
        for name, value in asdict(query).items()
        if name == "report" or value != getattr(usual, name)
    }
    return {"version": VERSION, **told}


def query_json(query: ReportQuery) -> str:
    """A query as a JSON file."""
    return json.dumps(as_dict(query), indent=2, ensure_ascii=False) + "\n"


def query_toml(query: ReportQuery) -> str:
    """A query as a TOML file."""
    told = as_dict(query)
    filters = told.pop("filters", {})
    lines = [f"{name} = {_toml(value)}" for name, value in told.items()]
    if filters:
        lines += ["", "[filters]"]
        lines += [f"{_key(name)} = {_toml(values)}" for name, values in filters.items()]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _toml(name)


def _toml(value: Any) -> str:
    """A value in TOML; a JSON text is a TOML text, but for the character 127."""
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(one) for one in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
