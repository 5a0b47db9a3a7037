"""Which of the two tables a header belongs to, and which column each of its names means."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from scorehouse.result_shapes import (
    ITEM_COLUMNS,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    TEST_COLUMNS,
)

STUDENT = "StudentIdentifier"
_LEAST_KNOWN = 3  # columns that must be known before a header is one


@dataclass(frozen=True)
class Layout:
    """A recognized header.

    `columns` maps the place of a column in the file to the column it is; `derived` columns
    follow from places that are no column by themselves. The item table may have a
    StudentIdentifier of its own, which only older files need.
    """

    table: str  # test or item
    header: tuple[str, ...]
    columns: Mapping[int, str]
    unknown: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    older: str = ""
    has_header: bool = True
    standard_errors: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    accommodations: Mapping[int, str] = field(default_factory=dict)
    group_names: tuple[int, ...] = ()
    inverted: Mapping[int, str] = field(default_factory=dict)

    @property
    def aliases(self) -> dict[str, str]:
        """The names in the header that differ from their column's own."""
        return {
            self.header[place]: name
            for place, name in (*self.columns.items(), *self.inverted.items())
            if self.header[place] != name and self.has_header
        }

    @property
    def absent(self) -> list[str]:
        """The required columns that nothing in the header gives."""
        required = REQUIRED_TEST_COLUMNS if self.table == "test" else REQUIRED_ITEM_COLUMNS
        given = {*self.columns.values(), *self.standard_errors, *self.inverted.values()}
        given |= {"AccessibilityCodes"} if self.accommodations else set()
        return [name for name in required if name not in given]


@cache
def _data() -> Mapping[str, Any]:
    folder = resources.files("scorehouse.rulebook") / "data" / "layouts"
    return tomllib.loads((folder / "two_tables.toml").read_text(encoding="utf-8"))


def folded(name: str) -> str:
    """Return a column name as it is compared.

    >>> folded("Accessibility Codes") == folded("AccessibilityCodes")
    True
    """
    return re.sub(r"[\s_]", "", name).lower()


@cache
def _names(table: str) -> Mapping[str, str]:
    """Every folded name of a table's columns, and the column."""
    aliases = [pair for names in _data()[table]["aliases"].values() for pair in names.items()]
    own = TEST_COLUMNS if table == "test" else (*ITEM_COLUMNS, STUDENT)
    return {folded(name): column for name, column in (*aliases, *((n, n) for n in own))}


def recognize(header: Sequence[str]) -> Layout | None:
    """Recognize a header; None when it is neither table's.

    A first line of values is taken for a file without a header if it has as many cells as
    one of the tables and something in it that only such a row has.
    """
    known = {
        table: sum(folded(name) in _names(table) for name in header) for table in ("item", "test")
    }
    table = max(known, key=known.__getitem__)
    if known[table] < min(_LEAST_KNOWN, len(header)) or not known[table]:
        return _without_header(header)
    return _layout(table, tuple(header))


def _without_header(row: Sequence[str]) -> Layout | None:
    candidates = {
        len(REQUIRED_TEST_COLUMNS): ("test", REQUIRED_TEST_COLUMNS),
        len(REQUIRED_ITEM_COLUMNS): ("item", REQUIRED_ITEM_COLUMNS),
        len(_data()["warehouse_items"]["columns"]): (
            "item", tuple(_data()["warehouse_items"]["columns"]),
        ),
    }  # fmt: skip
    table, names = candidates.get(len(row), ("", ()))
    if not table or not _holds_values(row):
        return None
    layout = _layout(table, names)
    return Layout(**{**vars(layout), "has_header": False})


def _holds_values(row: Sequence[str]) -> bool:
    return any(re.match(r"\d{4}-\d\d-\d\d", cell) for cell in row)


def _layout(table: str, header: tuple[str, ...]) -> Layout:
    names = {folded(name) for name in header}
    older = ""
    if table == "test" and _is(names, "warehouse"):
        older = _data()["warehouse"]["source"]
    elif table == "item" and _is(names, "warehouse_items"):
        older = _data()["warehouse_items"]["source"]
    special = _special_names(table, older)
    columns: dict[int, str] = {}
    unknown, repeated = [], []
    for place, name in enumerate(header):
        column = special.get(folded(name), _names(table).get(folded(name), ""))
        if column in columns.values():
            repeated.append(column)
        elif column:
            columns[place] = column
        else:
            unknown.append(name)
    return _completed(Layout(table, header, columns, (), tuple(repeated), older), unknown)


def _is(names: set[str], form: str) -> bool:
    return {folded(name) for name in _data()[form]["recognized_by"]} <= names


def _special_names(table: str, older: str) -> Mapping[str, str]:
    """Names that mean something else in the older extract of tests."""
    if table != "test" or not older:
        return {}
    return {folded(name): column for name, column in _data()["warehouse"]["aliases"].items()}


def _completed(layout: Layout, unknown: list[str]) -> Layout:
    """Find the places that columns are derived from in the older forms."""
    places = {folded(name): place for place, name in enumerate(layout.header)}
    old_tests, old_items = _data()["warehouse"], _data()["warehouse_items"]
    errors: dict[str, tuple[int, int]] = {}
    accommodations: dict[int, str] = {}
    groups: tuple[int, ...] = ()
    inverted: dict[int, str] = {}
    if layout.older == old_tests["source"]:
        for column, (low, high) in old_tests["standard_errors"].items():
            if {folded(low), folded(high)} <= places.keys():
                errors[column] = (places[folded(low)], places[folded(high)])
        accommodations = _placed(old_tests["accommodations"], places)
        groups = tuple(places[f] for n in old_tests["group_names"] if (f := folded(n)) in places)
    elif layout.older == old_items["source"]:
        inverted = _placed(old_items["inverted"], places)
    used = {*accommodations, *groups, *inverted, *(p for pair in errors.values() for p in pair)}
    still = tuple(name for name in unknown if places[folded(name)] not in used)
    return Layout(
        **{
            **vars(layout),
            "unknown": still,
            "standard_errors": errors,
            "accommodations": accommodations,
            "group_names": groups,
            "inverted": inverted,
        }
    )


def _placed(names: Mapping[str, str], places: Mapping[str, int]) -> dict[int, str]:
    return {places[folded(n)]: column for n, column in names.items() if folded(n) in places}
