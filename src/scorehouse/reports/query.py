"""A saved question: everything that decides a report, as one versioned file.

The same file against the same state of the warehouse gives the same report. TOML or JSON;
keys that nobody knows are refused, so that a slip never widens a report.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING, crossing
from scorehouse.rulebook.counting import dimensions, groups
from scorehouse.terms import AssessmentType, SchoolYear, parse_grade

VERSION = 1
KINDS = ("aggregate", "claims", "targets", "longitudinal", "items")
CHILDREN = ("", "districts", "schools")
FOLLOW = ("cohort", "grades")
COUNTED_AT = ("tested", "enrolled", "accountable")
DEMOGRAPHICS = ("locked", "current")
SCORES = ("either", "delivered", "scored")
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
    for percentiles, and for a row of all grades together.
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
    as_of: str = ""

    def __post_init__(self) -> None:
        for name, check in _CHECKS.items():
            object.__setattr__(self, name, check(getattr(self, name)))
        if self.report == "longitudinal" and len(self.steps) < _FEWEST_STEPS:
            raise UsageError(
                "a longitudinal report needs two steps or more: --step 2017-18:03 --step 2018-19:04"
            )

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


def _one_of(what: str, known: tuple[str, ...]) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in known:
            listed = ", ".join(filter(None, known))
            raise UsageError(f"unknown {what} {value!r}; known are {listed}")
        return value

    return check


def _each(check: Callable[[str], str]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    return lambda values: tuple(dict.fromkeys(check(value) for value in values))


def _parsed(parse: Callable[[str], object]) -> Callable[[str], str]:
    def check(value: str) -> str:
        try:
            return str(parse(value))
        except ValueError as error:
            raise UsageError(str(error)) from None

    return check


def _check_group(code: str) -> str:
    for part in code.split(CROSSING):
        if part not in groups():
            raise UsageError(f"unknown student group {part!r}; known are {', '.join(groups())}")
    codes = [part for part in code.split(CROSSING) if part != ALL_STUDENTS]
    own = [groups()[part].dimension for part in codes]
    if len(own) != len(set(own)):
        raise UsageError(f"{code}: nobody is in two groups of one dimension")
    return crossing(*codes)


def _check_filters(filters: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, values in filters.items():
        if name in dimensions():
            known = tuple(group.code for group in dimensions()[name])
            found[name] = tuple(_one_of(f"{name} group", known)(value) for value in values)
        elif name in RESULT_FIELDS:
            found[name] = tuple(values)
        else:
            listed = ", ".join((*dimensions(), *RESULT_FIELDS))
            raise UsageError(f"can't filter by {name!r}; known are {listed}")
    return found


def _check_step(step: str) -> str:
    match = _STEP.fullmatch(step)
    if match is None:
        raise UsageError(f"{step!r} is not a step; write a year and a grade, as in 2017-18:03")
    year, grade = _parsed(SchoolYear.parse)(match[1]), _parsed(parse_grade)(match[2])
    return f"{year}:{grade}"


_CHECKS: Mapping[str, Callable[[Any], Any]] = {
    "report": _one_of("report", KINDS),
    "compare": _each(_one_of("comparison", ("district", STATE))),
    "children": _one_of("kind of children", CHILDREN),
    "school_years": _each(_parsed(SchoolYear.parse)),
    "grades": _each(_parsed(parse_grade)),
    "assessment_types": _each(_parsed(AssessmentType.parse)),
    "student_groups": _each(_check_group),
    "by": _each(lambda name: _one_of("dimension", tuple(dimensions()))(name)),
    "filters": _check_filters,
    "steps": _each(_check_step),
    "follow": _one_of("way to follow", FOLLOW),
    "counted_at": _one_of("counted_at", COUNTED_AT),
    "demographics": _one_of("demographics", DEMOGRAPHICS),
    "scores": _one_of("scores", SCORES),
}


# --- files ---


def read_query(text: str, *, is_json: bool = False) -> ReportQuery:
    """A query from the text of a query file. UsageError says what isn't understood."""
    try:
        told = json.loads(text) if is_json else tomllib.loads(text)
    except ValueError as error:
        form = "JSON" if is_json else "TOML"
        raise UsageError(f"the query file is not valid {form}: {error}") from None
    if not isinstance(told, dict):
        raise UsageError("a query file holds one table of keys")
    return query_of(told)


def query_of(told: Mapping[str, Any]) -> ReportQuery:
    """A query from the keys of a query file."""
    if told.get("version") != VERSION:
        raise UsageError(f"a query file begins with version = {VERSION}")
    known = {one.name: one for one in fields(ReportQuery)}
    if unknown := sorted(set(told) - {"version", *known}):
        raise UsageError(f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
    if "report" not in told:
        raise UsageError(f"a query file names its report: {', '.join(KINDS)}")
    return ReportQuery(**{k: _typed(k, v) for k, v in told.items() if k != "version"})


def _typed(name: str, value: Any) -> Any:
    """A value as the query has it; UsageError if it has another type."""
    wanted = _TYPES[name]
    if wanted is bool or wanted is str:
        if not isinstance(value, wanted):
            raise UsageError(f"{name} is a {'yes or no' if wanted is bool else 'text'}")
        return value
    if wanted is dict:
        if not isinstance(value, dict):
            raise UsageError(f"{name} is a table of lists")
        return {key: _texts(f"{name}.{key}", one) for key, one in value.items()}
    return _texts(name, value)


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise UsageError(f"{name} is a list of texts")
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
