"""From dated entries to the frozen rules of one program and school year."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from scorehouse.errors import RuleNotInForceError
from scorehouse.rulebook.families import FAMILIES, Family, family_of
from scorehouse.rulebook.model import (
    EXPECTED,
    IN_FORCE,
    Entry,
    History,
    Program,
    Review,
    entry_at,
)
from scorehouse.terms import (
    AssessmentType,
    AttemptednessRule,
    AverageItem,
    Bounds,
    Cuts,
    MeasurementRules,
    Origin,
    Policy,
    Scale,
    SchoolYear,
    ScoredPart,
    Subject,
    WritingCode,
)

HOW_TO = "docs/how-to/bring-in-a-new-year.md"


def check_year(program: Program, review: Review, year: SchoolYear) -> None:
    """Raise RuleNotInForceError for a year before the first or after the reviewed ones."""
    if year < program.first_year:
        raise RuleNotInForceError(
            f"{year} is absent: the rules of {program.name} begin in {program.first_year}, and "
            f"no earlier year is scored by later rules; use a year from {program.first_year} on"
        )
    if year >= review.expected_since:
        raise RuleNotInForceError(
            f"{year} is expected, not in force: the rulebook is reviewed through "
            f"{review.through}, and from {review.expected_since} on nothing may be scored by "
            f"it. {review.note} To bring in a new year, see {HOW_TO}"
        )


def speaking_entry(history: History, year: SchoolYear) -> Entry | None:
    """The entry to use in a year; a named option is there before its own first year too."""
    entry = entry_at(history, year)
    if entry is None and family_of(history[0].rule).is_named and history[0].state == IN_FORCE:
        return history[0]
    return entry


def rules_in_force(program: Program, year: SchoolYear) -> dict[str, Entry]:
    """Every rule with a value in a year; RuleNotInForceError when one is only expected."""
    found = {}
    for rule, history in program.rules.items():
        entry = speaking_entry(history, year)
        if entry is not None and entry.state == EXPECTED:
            raise RuleNotInForceError(_expected(entry, year))
        if entry is not None and entry.state == IN_FORCE:
            found[rule] = entry
    for family in FAMILIES:
        if family.is_required and not any(family_of(rule) is family for rule in found):
            raise RuleNotInForceError(_absent(program, family, year))
    return found


def _expected(entry: Entry, year: SchoolYear) -> str:
    return (
        f"{entry.rule} is expected, not in force, in {year}: a change is due since "
        f"{entry.since} ({entry.source.title}); fill it in at {entry.place.file}, line "
        f"{entry.place.line}, see {HOW_TO}"
    )


def _absent(program: Program, family: Family, year: SchoolYear) -> str:
    starts = [
        history[0].since for rule, history in program.rules.items() if family_of(rule) is family
    ]
    since = f"it begins in {min(starts)}" if starts else "it is nowhere in the rulebook"
    return (
        f"{family.name} is absent in {year} for {program.name}: {since}; "
        f"add it to {family.file}, or use another year"
    )


def measurement_rules(program: Program, year: SchoolYear, digest: str) -> MeasurementRules:
    """Build the rules of a year from what is in force."""
    entries = rules_in_force(program, year)
    of = _by_family(entries.values())
    return MeasurementRules(
        program=program.name,
        year=year,
        digest=digest,
        model_constant=entries["model_constant"].values["value"],
        se_ceiling=entries["se_ceiling"].values["value"],
        claim_band=entries["claim_band"].values["value"],
        half_point=entries["half_point"].values["value"],
        scales={Subject(e.keys[0]): Scale(**e.values) for e in of["scale"]},
        cuts={_subject_grade(e.keys): _cuts(e) for e in of["cuts"]},
        bounds={(e.keys[0], *_subject_grade(e.keys[1:])): Bounds(**e.values) for e in of["bounds"]},
        average_items={
            _subject_grade(e.keys): AverageItem(**e.values) for e in of["average_items"]
        },
        parts=_parts(of["parts"], of["reporting"]),
        policies={e.keys[0]: _policy(e) for e in of["policy"]},
        default_policy=entries["default_policy"].values["value"],
        attemptedness={
            AssessmentType(e.keys[0]): AttemptednessRule(**e.values) for e in of["attemptedness"]
        },
        claim_rounding={AssessmentType(e.keys[0]): e.values["value"] for e in of["claim_rounding"]},
        writing_codes={e.keys[0]: _writing_code(e) for e in of["writing"]},
        minimum_cat_items={
            _subject_grade(e.keys): e.values["value"] for e in of["minimum_cat_items"]
        },
        target_strands={Subject(e.keys[0]): e.values["value"] for e in of["target_strands"]},
        most_at_bounds=_value(of["most_at_bounds"]),
        is_suspended=any(e.values["value"] for e in of["suspended"]),
        origins=_origins(entries),
    )


def _value(entries: Iterable[Entry]) -> float | None:
    """The one number of a rule that a rulebook may leave out."""
    return next((entry.values["value"] for entry in entries), None)


def _by_family(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {family.name: [] for family in FAMILIES}
    for entry in entries:
        found[family_of(entry.rule).name].append(entry)
    return found


def _subject_grade(keys: tuple[str, ...]) -> tuple[Subject, str]:
    return Subject(keys[0]), keys[1]


def _cuts(entry: Entry) -> Cuts:
    """The lower ends of the bands of levels 2, 3 and 4."""
    theta = tuple(band.lower for band in entry.values["theta"][1:])
    scale = tuple(band.lower for band in entry.values["scale_score"][1:])
    return Cuts(theta=theta, scale=scale)


def _policy(entry: Entry) -> Policy:
    given = {name: value for name, value in entry.values.items() if value is not None}
    return Policy(policy_id=entry.keys[0], label=entry.label, **given)


def _writing_code(entry: Entry) -> WritingCode:
    return WritingCode(entry.keys[0], entry.label, frozenset(entry.values["zeroed_traits"]))


def _parts(
    memberships: Iterable[Entry], reporting: Iterable[Entry]
) -> Mapping[Subject, tuple[ScoredPart, ...]]:
    """Claims before composites, each by its number; what isn't reported at all is left out."""
    whom: dict[str, str] = {entry.keys[0]: entry.values["value"] for entry in reporting}
    found: dict[Subject, list[ScoredPart]] = {subject: [] for subject in Subject}
    for entry in memberships:
        if entry.values["kind"] in whom:
            found[Subject(entry.keys[0])].append(_part(entry, whom[entry.values["kind"]]))
    return {
        subject: tuple(sorted(parts, key=lambda part: (part.kind, part.number)))
        for subject, parts in found.items()
    }


def _part(entry: Entry, reporting: str) -> ScoredPart:
    values: Mapping[str, Any] = entry.values
    return ScoredPart(code=entry.keys[1], reporting=reporting, **values)


def _origins(entries: Mapping[str, Entry]) -> dict[str, Origin]:
    """One origin a rule, and one more for each field of weaker confidence."""
    origins = {}
    for rule, entry in entries.items():
        origins[rule] = entry.origin()
        for name in entry.weaker_fields:
            origins[f"{rule}/{name}"] = entry.origin(name)
    return origins
