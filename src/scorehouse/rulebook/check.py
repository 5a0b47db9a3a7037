"""Checks across the rules of one program: complete tables, names that exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from scorehouse.rulebook.model import ABSENT, Entry, Program, entry_at
from scorehouse.terms import SchoolYear

_TABLES = ("cuts", "average_items", "minimum_cat_items")


def check_program(program: Program) -> None:
    """Refuse incomplete tables and references to nothing, with file and line."""
    for year in _years_of_change(program):
        _check_tables(program, year)
    _check_bounds_sets(program)
    _check_policies(program)
    _check_bounds_order(program)


def _entries(program: Program, family: str) -> list[Entry]:
    """Every in-force entry of a family."""
    found = []
    for rule, history in program.rules.items():
        if rule.split("/")[0] == family:
            found += [entry for entry in history if entry.values]
    return found


def _years_of_change(program: Program) -> list[SchoolYear]:
    return sorted({entry.since for history in program.rules.values() for entry in history})


def _grades_of(program: Program, year: SchoolYear) -> Iterator[tuple[str, tuple[str, ...]]]:
    for rule, history in program.rules.items():
        entry = entry_at(history, year)
        if rule.startswith("grades/") and entry is not None and entry.values:
            yield entry.keys[0], entry.values["value"]


def _check_tables(program: Program, year: SchoolYear) -> None:
    """In every year a table has all grades of a subject, or none of them."""
    for subject, grades in _grades_of(program, year):
        for family in _TABLES:
            _check_complete(program, f"{family}/{subject}", grades, year)


def _check_complete(program: Program, stem: str, grades: Iterable[str], year: SchoolYear) -> None:
    speaking = {}
    for rule, history in program.rules.items():
        entry = entry_at(history, year)
        if rule.rpartition("/")[0] == stem and entry is not None and entry.state != ABSENT:
            speaking[rule.rpartition("/")[2]] = entry
    if not speaking:
        return
    missing = [grade for grade in grades if grade not in speaking]
    if missing:
        last = max(speaking.values(), key=lambda entry: entry.place.line)
        raise last.place.refuse(f"incomplete: {stem} in {year} has no grade {', '.join(missing)}")
    for grade, entry in speaking.items():
        if grade not in grades:
            raise entry.place.refuse(f"{entry.rule}: the subject has no grade {grade} in {year}")


def _check_bounds_sets(program: Program) -> None:
    """A set of bounds is complete as a whole: every subject of the set, all its grades."""
    entries = _entries(program, "bounds")
    for set_name in dict.fromkeys(entry.keys[0] for entry in entries):
        for rule, history in program.rules.items():
            if rule.startswith("grades/"):
                grades = {grade for entry in history for grade in entry.values.get("value", ())}
                _check_set(set_name, history[0].keys[0], grades, entries)


def _check_set(set_name: str, subject: str, grades: set[str], entries: list[Entry]) -> None:
    own = [entry for entry in entries if entry.keys[:2] == (set_name, subject)]
    missing = sorted(grades - {entry.keys[2] for entry in own})
    if missing:
        place = max((entry for entry in entries), key=lambda entry: entry.place.line).place
        last = own[-1].place if own else place
        fault = f"incomplete: bounds/{set_name}/{subject} has no grade {', '.join(missing)}"
        raise last.refuse(fault)


def _check_policies(program: Program) -> None:
    sets = {entry.keys[0] for entry in _entries(program, "bounds")}
    policies = {entry.keys[0] for entry in _entries(program, "policy")}
    for entry in _entries(program, "policy"):
        _check_policy(entry, sets)
    for entry in _entries(program, "default_policy"):
        if entry.values["value"] not in policies:
            fault = f"default policy {entry.values['value']!r} is not among the policies"
            raise entry.place.refuse(fault)


def _check_policy(entry: Entry, sets: set[str]) -> None:
    bounds_set, limits = entry.values["bounds_set"], entry.values["limits"]
    is_limited = limits != "none" or entry.values["extremes"] == "bounds"
    if is_limited and bounds_set not in sets:
        raise entry.place.refuse(f"{entry.rule} names bounds_set {bounds_set!r}, which is nowhere")
    if not is_limited and bounds_set:
        fault = f"{entry.rule} has neither limits nor bounded extremes; leave bounds_set blank"
        raise entry.place.refuse(fault)


def _check_bounds_order(program: Program) -> None:
    for entry in _entries(program, "bounds"):
        for axis in ("theta", "scale_score"):
            if entry.values[f"lowest_{axis}"] >= entry.values[f"highest_{axis}"]:
                raise entry.place.refuse(f"{entry.rule}: lowest_{axis} is not below the highest")
