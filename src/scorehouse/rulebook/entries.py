"""From raw rows to typed, dated entries: every refusal of a single file is made here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any

from scorehouse.rulebook import fields
from scorehouse.rulebook.bands import Band, find_fault
from scorehouse.rulebook.documents import Row, TomlDocument
from scorehouse.rulebook.families import LEVELS, Family, families_of
from scorehouse.rulebook.fields import Field
from scorehouse.rulebook.model import (
    ABSENT,
    CONFIDENCES,
    EXPECTED,
    IN_FORCE,
    Entry,
    History,
    Source,
)

Sources = Mapping[str, Source]
_COMMON = ("since", "source", "page", "confidence", "note", "also", "derived", "uncertain")
_TABLE_KEYS = ("label", "unit", "value")


def entries_of_table(family: Family, rows: Iterable[Row], sources: Sources) -> list[Entry]:
    """Type the rows of a CSV table; the rows of one set of bands become one entry."""
    entries = []
    label = family.name.replace("_", " ")
    for (rule, _), group in groupby(rows, key=lambda row: _identity(family, row)):
        rows_of_entry = list(group)
        if family.is_banded:
            entries.append(_banded_entry(family, rule, label, rows_of_entry, sources))
        else:
            entries += [_entry(family, rule, label, row, sources) for row in rows_of_entry]
    return entries


def columns_of(family: Family) -> tuple[str, ...]:
    """The columns that the family's CSV table may have."""
    own = [field.name for field in (*family.keys, *family.fields)]
    return (*own, *_COMMON, "state")


def _identity(family: Family, row: Row) -> tuple[str, str]:
    return _rule(family, row), str(row.values.get("since", ""))


def _rule(family: Family, row: Row) -> str:
    """The rule path of a CSV row, from its key columns."""
    keys = [str(_read(row, key.name, key.read)) for key in family.keys]
    return "/".join([family.name, *keys])


def entries_of_toml(document: TomlDocument, name: str, sources: Sources) -> list[Entry]:
    """Type the entries of every rule in a TOML file."""
    known = {family.name: family for family in families_of(name)}
    entries = []
    for top in document.data:
        if top not in known:
            listed = ", ".join(known)
            raise document.place(top).refuse(f"unknown rule {top!r}; this file has {listed}")
        for path in _rule_paths(document, known[top]):
            entries += _entries_of_rule(document, known[top], path, sources)
    return entries


def _rule_paths(document: TomlDocument, family: Family) -> Iterator[tuple[str, ...]]:
    """Walk down as many keys as the family has, checking each."""
    if not family.keys:
        yield (family.name,)
        return
    key = family.keys[0]
    if not isinstance(document.data[family.name], dict):
        raise document.place(family.name).refuse(f"{family.name} needs one table a {key.name}")
    for step in document.data[family.name]:
        try:
            key.read(step)
        except ValueError as error:
            raise document.place(family.name, step).refuse(f"{key.name}: {error}") from None
        yield (family.name, step)


def _entries_of_rule(
    document: TomlDocument, family: Family, path: tuple[str, ...], sources: Sources
) -> list[Entry]:
    table = document.row(*path)
    if not isinstance(table.values, dict):
        raise table.place.refuse(f"{'.'.join(path)} is not a table with label and value")
    _refuse_unknown(table, _TABLE_KEYS)
    label = _read(table, "label", fields.text)
    values = table.values.get("value")
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise table.place.refuse(f"{'.'.join(path)} has no [[{'.'.join(path)}.value]]")
    rows = [document.row(*path, "value", index=index) for index in range(len(values))]
    return [_entry(family, "/".join(path), label, row, sources) for row in rows]


def _state(row: Row) -> str:
    """CSV says it in a column `state`, TOML by `expected = true` or `absent = true`."""
    states = [state for state in (EXPECTED, ABSENT) if state in row.values]
    for state in states:
        if _read(row, state, fields.flag) is not True:
            raise row.at(state).refuse(f"{state} can only be true; leave it out otherwise")
    if len(states) > 1 or (states and "state" in row.values):
        raise row.place.refuse("one entry can't be in two states")
    if states:
        return states[0]
    if "state" in row.values:
        return str(_read(row, "state", fields.choice(IN_FORCE, EXPECTED, ABSENT)))
    return IN_FORCE


def _entry(family: Family, rule: str, label: str, row: Row, sources: Sources) -> Entry:
    is_table = family.file.endswith(".csv")
    names = [field.name for field in family.fields]
    known = columns_of(family) if is_table else (*names, *_COMMON, EXPECTED, ABSENT)
    _refuse_unknown(row, known)
    state = _state(row)
    if state != IN_FORCE:
        if given := [name for name in names if name in row.values]:
            raise row.at(given[0]).refuse(f"an entry that is {state} can't give {given[0]}")
        return _dated(rule, label, row, sources, state, {})
    return _dated(rule, label, row, sources, state, _values(row, family.fields))


def _banded_entry(
    family: Family, rule: str, label: str, rows: list[Row], sources: Sources
) -> Entry:
    entries = [_entry(family, rule, label, row, sources) for row in rows]
    if entries[0].state != IN_FORCE:
        if len(rows) > 1:
            raise rows[1].place.refuse(f"duplicate row for {rule} since {entries[0].since}")
        return entries[0]
    first = entries[0]
    for row, entry in zip(rows, entries, strict=True):
        if (entry.source, entry.confidence, entry.state) != (
            first.source,
            first.confidence,
            first.state,
        ):
            raise row.place.refuse(f"the bands of {rule} must share source, confidence and state")
    _check_levels(rule, rows, entries)
    bands = {axis: _check_bands(axis, rule, rows, entries) for axis in ("scale_score", "theta")}
    return _dated(rule, label, rows[0], sources, IN_FORCE, bands)


def _check_levels(rule: str, rows: list[Row], entries: list[Entry]) -> None:
    for wanted, row, entry in zip(LEVELS, rows, entries, strict=False):
        if entry.values["level"] != wanted:
            fault = f"{rule} has level {entry.values['level']} where level {wanted} should stand"
            raise row.at("level").refuse(fault)
    if len(rows) != len(LEVELS):
        raise rows[-1].place.refuse(f"{rule} has {len(rows)} levels instead of {len(LEVELS)}")


def _check_bands(axis: str, rule: str, rows: list[Row], entries: list[Entry]) -> tuple[Band, ...]:
    bands = tuple(
        Band(
            f"level {entry.values['level']}",
            entry.values[f"lower_{axis}"],
            entry.values[f"upper_{axis}"],
            entry.values["includes"],
        )
        for entry in entries
    )
    if fault := find_fault(bands):
        raise rows[fault.index].place.refuse(f"{rule}, {axis}: {fault.text}")
    return bands


def _values(row: Row, wanted: tuple[Field, ...]) -> dict[str, Any]:
    values = {}
    for field in wanted:
        if field.name in row.values or field.is_required:
            values[field.name] = _read(row, field.name, field.read)
        else:
            values[field.name] = None
    return values


def _dated(
    rule: str, label: str, row: Row, sources: Sources, state: str, values: dict[str, Any]
) -> Entry:
    return Entry(
        rule=rule,
        label=label,
        since=_read(row, "since", fields.school_year),
        state=state,
        values=values,
        source=_source(row, "source", _read(row, "source", fields.text), sources),
        place=row.place,
        page=_optional(row, "page", fields.text, ""),
        confidence=_optional(row, "confidence", fields.choice(*CONFIDENCES), CONFIDENCES[0]),
        note=_optional(row, "note", fields.text, ""),
        also=tuple(
            _source(row, "also", name, sources) for name in _optional(row, "also", fields.words, ())
        ),
        weaker_fields=_weaker_fields(row, values),
    )


def _weaker_fields(row: Row, values: dict[str, Any]) -> dict[str, str]:
    found = {}
    for confidence in CONFIDENCES[1:]:
        for name in _optional(row, confidence, fields.words, ()):
            if name not in values:
                raise row.at(confidence).refuse(f"{confidence}: there is no field {name!r} here")
            found[name] = confidence
    return found


def _source(row: Row, key: str, name: str, sources: Sources) -> Source:
    if name not in sources:
        raise row.at(key).refuse(f"source {name!r} is not in sources.toml")
    return sources[name]


def _read(row: Row, key: str, read: Callable[[object], Any]) -> Any:
    if key not in row.values:
        raise row.at(key).refuse(f"{key} is missing")
    try:
        return read(row.values[key])
    except ValueError as error:
        raise row.at(key).refuse(f"{key}: {error}") from None


def _optional(row: Row, key: str, read: Callable[[object], Any], otherwise: Any) -> Any:
    return _read(row, key, read) if key in row.values else otherwise


def _refuse_unknown(row: Row, known: Iterable[str]) -> None:
    known = tuple(known)
    for key in row.values:
        if key not in known:
            raise row.at(key).refuse(f"unknown key {key!r}; known are {', '.join(known)}")


def histories(entries: Iterable[Entry]) -> dict[str, History]:
    """Order entries by rule; years must ascend, and nothing may follow an expected entry."""
    found: dict[str, History] = {}
    for entry in entries:
        before = found.get(entry.rule, ())
        if before:
            _check_order(before[-1], entry)
        found[entry.rule] = (*before, entry)
    return found


def _check_order(before: Entry, entry: Entry) -> None:
    if entry.since == before.since:
        fault = f"duplicate: {entry.rule} since {entry.since} stands on line {before.place.line}"
        raise entry.place.refuse(fault)
    if entry.since < before.since:
        fault = f"{entry.rule}: {entry.since} stands after {before.since}; years must ascend"
        raise entry.place.refuse(fault)
    if before.state == EXPECTED:
        fault = f"{entry.rule}: nothing may follow what is expected since {before.since}"
        raise entry.place.refuse(fault)
