"""A declared column mapping: which column of a roster is which field, stated by its user.

The form is our own (docs/how-to/load-a-roster.md). It is read strictly: what isn't known is
refused with the file and the place, so that a slip is never silently without effect.
"""

from __future__ import annotations

import codecs
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.warehouse.kinds.oneroster_files import FILES
from scorehouse.warehouse.kinds.oneroster_rows import Choices
from scorehouse.warehouse.schema import TABLES, Field

TARGETS = (
    "entity", "ssid_replacement", "student", "local_id", "enrollment", "program_participation",
    "el_status", "score",
)  # fmt: skip
"""The tables that a mapping may fill, in the order in which they are filled."""

SCORE_FIELDS = ("opportunity_id", "student_id", "assessment_id", "measure", "scale_score")
SCORE_MEASURES = ("lexile", "quantile")
NEEDED: Mapping[str, tuple[str, ...]] = {
    "entity": ("entity_id", "entity_type"),
    "ssid_replacement": ("old_id", "student_id"),
    "student": ("student_id",),
    "local_id": ("student_id", "local_id"),
    "enrollment": ("student_id", "school_id"),
    "program_participation": ("student_id", "program", "takes_part"),
    "el_status": ("student_id", "el_status"),
    "score": ("measure", "scale_score"),
}
"""Table -> the fields without which a row says nothing; a mapping must name them."""

_TOP = ("file", "skip", "oneroster", *TARGETS)
_FILE_KEYS = ("delimiter", "encoding")
_CELL_KEYS = ("column", "constant", "values", "other", "format")


@dataclass(frozen=True)
class Cell:
    """Where a field comes from: a column, or a constant.

    `values`: what is written -> what it means, in full; `other` what everything else means.
    `format`: how days are written, as strftime has it.
    """

    column: str = ""
    constant: str = ""
    values: Mapping[str, str] | None = None
    other: str | None = None
    format: str = ""


@dataclass(frozen=True)
class Target:
    """One table to fill, and where each of its fields comes from."""

    table: str
    cells: Mapping[str, Cell]

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the roster that are used."""
        return tuple(cell.column for cell in self.cells.values() if cell.column)


@dataclass(frozen=True)
class Mapped:
    """A whole mapping. `skip`: column -> the values whose rows are passed over."""

    targets: tuple[Target, ...]
    skip: Mapping[str, tuple[str, ...]]
    delimiter: str = ""
    encoding: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the roster that is used, once."""
        named = [*self.skip, *(name for target in self.targets for name in target.columns)]
        return tuple(dict.fromkeys(named))


def read_mapping(path: Path) -> Mapped:
    """Read a mapping. Raises UsageError that names the file and the place of what is wrong."""
    told = _toml(path)
    place = path.name
    _only(told, _TOP, place)
    file = _table_at(told, "file", place)
    _only(file, _FILE_KEYS, f"{place}, [file]")
    settings = (_skip(told, place), _delimiter(file, place), _encoding(file, place))
    targets = [target for name in TARGETS for target in _targets(told, name, place)]
    if not targets:
        raise UsageError(f"{place}: it fills no table; name one of {', '.join(TARGETS)}")
    return Mapped(tuple(targets), *settings)


def oneroster_choices(path: Path | None) -> Choices:
    """What a mapping says about OneRoster; without one, what is usual."""
    if path is None:
        return Choices()
    told, place = _toml(path), path.name
    _only(told, _TOP, place)
    chosen = _table_at(told, "oneroster", place)
    _only(chosen, tuple(field.name for field in fields(Choices)), f"{place}, [oneroster]")
    for name, value in chosen.items():
        text = _text(value, f"{place}, [oneroster] {name}")
        column, _, kind = text.partition(":")
        if column not in FILES["users"] or (kind and column != "userIds"):
            raise UsageError(
                f"{place}, [oneroster] {name}: {text!r} is no column of users.csv that is read, "
                "and not userIds:TYPE"
            )
        if column == "userIds" and (not kind or name != "student_id"):
            raise UsageError(f"{place}, [oneroster] {name}: write student_id = 'userIds:TYPE'")
    return Choices(**chosen)


# --- the parts ---


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(f"{path.name}: the mapping can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path.name}: the mapping is not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path.name}: {error}") from error


def _targets(told: Mapping[str, Any], name: str, place: str) -> Iterator[Target]:
    blocks = told.get(name, [])
    several = isinstance(blocks, list)
    for number, block in enumerate(blocks if several else [blocks], 1):
        here = f"{place}, [{name}]" + (f" number {number}" if several else "")
        if not isinstance(block, dict):
            raise UsageError(f"{here}: it must be a table of fields")
        yield _target(name, block, here)


def _target(name: str, block: Mapping[str, Any], here: str) -> Target:
    known = field_types(name)
    _only(block, tuple(known), here, "field")
    missing = [field for field in NEEDED[name] if field not in block]
    if missing:
        raise UsageError(f"{here}: the field {missing[0]} is missing")
    cells = {key: _cell(value, known[key], f"{here} {key}") for key, value in block.items()}
    if name == "score":
        _check_score(cells, here)
    return Target(name, cells)


def field_types(name: str) -> dict[str, str]:
    """The fields of a table that a mapping may fill, and their types."""
    own = {field.name: field.type for field in TABLES[name].fields if _may_fill(name, field)}
    if name == "score":
        return {field: own.get(field, "text") for field in SCORE_FIELDS}
    return own


def _may_fill(table: str, field: Field) -> bool:
    return (table, field.name) not in (
        ("student", "info_from"),
        ("ssid_replacement", "replaced_by"),
    )


def _check_score(cells: Mapping[str, Cell], here: str) -> None:
    if cells["measure"].constant not in SCORE_MEASURES:
        known = " or ".join(SCORE_MEASURES)
        raise UsageError(f"{here} measure: it must be the constant {known}")
    by_student = {"student_id", "assessment_id"} <= {*cells}
    if "opportunity_id" not in cells and not by_student:
        raise UsageError(f"{here}: name opportunity_id, or student_id and assessment_id")


def _cell(value: Any, kind: str, here: str) -> Cell:
    if isinstance(value, str):
        return Cell(column=_text(value, here))
    if not isinstance(value, dict):
        raise UsageError(f"{here}: write the name of a column, or a table with {_CELL_KEYS[0]}")
    _only(value, _CELL_KEYS, here)
    if ("column" in value) == ("constant" in value):
        raise UsageError(f"{here}: give either column or constant")
    if "constant" in value and len(value) > 1:
        raise UsageError(f"{here}: a constant takes nothing beside it")
    if "format" in value and kind not in ("day", "instant"):
        raise UsageError(f"{here}: a format is for days only")
    if "other" in value and "values" not in value:
        raise UsageError(f"{here}: other needs values")
    texts = {key: _text(value[key], f"{here}.{key}", may_be_blank=key == "other")
             for key in value if key != "values"}  # fmt: skip
    return Cell(**texts, values=_values(value, here))


def _values(value: Mapping[str, Any], here: str) -> Mapping[str, str] | None:
    if "values" not in value:
        return None
    told = value["values"]
    if not isinstance(told, dict) or not told:
        raise UsageError(f"{here}.values: it must be a table of what is written -> what it means")
    return {key: _text(means, f"{here}.values.{key}", may_be_blank=True)
            for key, means in told.items()}  # fmt: skip


def _skip(told: Mapping[str, Any], place: str) -> Mapping[str, tuple[str, ...]]:
    found = {}
    for column, values in _table_at(told, "skip", place).items():
        here = f"{place}, [skip] {column}"
        listed = values if isinstance(values, list) else [values]
        found[column] = tuple(_text(value, here, may_be_blank=True) for value in listed)
    return found


def _delimiter(file: Mapping[str, Any], place: str) -> str:
    text = file.get("delimiter", "")
    if not isinstance(text, str) or len(text) > 1 or (text and text in '"\r\n'):
        raise UsageError(f"{place}, [file] delimiter: it must be one character")
    return text


def _encoding(file: Mapping[str, Any], place: str) -> str:
    text = file.get("encoding", "")
    try:
        return codecs.lookup(_text(text, place)).name if text else ""
    except LookupError:
        raise UsageError(f"{place}, [file] encoding: {text!r} is no known encoding") from None


def _table_at(told: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
    value = told.get(name, {})
    if not isinstance(value, dict):
        raise UsageError(f"{place}, [{name}]: it must be a table")
    return value


def _only(told: Mapping[str, Any], known: tuple[str, ...], here: str, what: str = "key") -> None:
    for key in told:
        if key not in known:
            raise UsageError(f"{here}: unknown {what} {key!r}; known are {', '.join(known)}")


def _text(value: Any, here: str, *, may_be_blank: bool = False) -> str:
    if not isinstance(value, str) or not (value or may_be_blank):
        raise UsageError(f"{here}: it must be a text between quotation marks")
    return value
