"""Load a rulebook from its folder: read every file, refuse what isn't understood."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from scorehouse.errors import UsageError
from scorehouse.rulebook import check, fields
from scorehouse.rulebook.book import Rulebook
from scorehouse.rulebook.documents import Row, TomlDocument
from scorehouse.rulebook.entries import (
    Sources,
    columns_of,
    entries_of_table,
    entries_of_toml,
    histories,
)
from scorehouse.rulebook.families import FILES, families_of
from scorehouse.rulebook.fields import Written
from scorehouse.rulebook.model import Entry, History, Place, Program, Review, Source
from scorehouse.terms import SchoolYear

PACKAGED = Path(__file__).parent / "data"
_SOURCES = "sources.toml"
_PROGRAMS = "programs.toml"
_SOURCE_KEYS = ("title", "publisher", "date", "where", "note")


def load(path: Path | None = None) -> Rulebook:
    """Load the rulebook that comes with the package, or the one in a folder.

    A folder has `sources.toml`, `programs.toml` and a folder of rules for each name that
    `programs.toml` lists. RulebookError names the file and line of what is wrong.
    """
    if path is None:
        return _packaged()
    root = Path(path)
    if not root.is_dir():
        raise UsageError(f"{root} is not a folder; a rulebook is a folder with {_PROGRAMS} in it")
    return _load(root)


@cache
def _packaged() -> Rulebook:
    return _load(PACKAGED)


def _load(root: Path) -> Rulebook:
    contents: dict[str, Any] = {}
    sources = _load_sources(_document(root, _SOURCES, contents))
    document = _document(root, _PROGRAMS, contents)
    folders = {
        name: _load_folder(root, name, sources, contents) for name in _folder_names(document)
    }
    programs = _load_programs(document, folders)
    for program in programs.values():
        check.check_program(program)
    return Rulebook(_digest(contents), programs, _load_review(document), sources)


def _read_text(root: Path, file: str) -> str:
    try:
        return (root / file).read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise Place(file).refuse("the file is not there") from None
    except UnicodeDecodeError as error:
        raise Place(file).refuse(f"not UTF-8 text (byte {error.start})") from None


def _document(root: Path, file: str, contents: dict[str, Any]) -> TomlDocument:
    document = TomlDocument(file, _read_text(root, file))
    contents[file] = document.data
    return document


def _load_sources(document: TomlDocument) -> dict[str, Source]:
    sources = {}
    for name in document.data:
        row = document.row(name)
        if not isinstance(row.values, dict):
            raise row.place.refuse(f"{name} is not a table [{name}]")
        _check_keys(row, _SOURCE_KEYS, optional=("note",))
        values = {key: _checked(row, key, fields.text) for key in row.values}
        sources[name] = Source(name, **values)
    return sources


def _check_keys(row: Row, known: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
    for key in row.values:
        if key not in known:
            raise row.at(key).refuse(f"unknown key {key!r}; known are {', '.join(known)}")
    for key in known:
        if key not in row.values and key not in optional:
            raise row.place.refuse(f"{key} is missing")


def _checked(row: Row, key: str, read: fields.Reader) -> Any:
    try:
        return read(row.values[key])
    except ValueError as error:
        raise row.at(key).refuse(f"{key}: {error}") from None


def _program_rows(document: TomlDocument) -> dict[str, Row]:
    top = Row(Place(document.file), document.data, {})
    _check_keys(top, ("review", "program"))
    if not isinstance(document.data["program"], dict):
        raise document.place("program").refuse("program needs one table a program")
    rows = {name: document.row("program", name) for name in document.data["program"]}
    for row in rows.values():
        if not isinstance(row.values, dict):
            raise row.place.refuse("a program is a table with label, first_year and folders")
        _check_keys(row, ("label", "first_year", "folders"))
    return rows


def _folder_names(document: TomlDocument) -> list[str]:
    names: dict[str, None] = {}
    for row in _program_rows(document).values():
        names |= dict.fromkeys(_checked(row, "folders", fields.words))
    return list(names)


def _load_programs(
    document: TomlDocument, folders: Mapping[str, Mapping[str, History]]
) -> dict[str, Program]:
    programs = {}
    for name, row in _program_rows(document).items():
        own_folders = _checked(row, "folders", fields.words)
        rules: dict[str, History] = {}
        for folder in own_folders:
            rules |= folders[folder]
        programs[name] = Program(
            name=name,
            label=_checked(row, "label", fields.text),
            folders=own_folders,
            first_year=_checked(row, "first_year", fields.school_year),
            rules=rules,
        )
    return programs


def _load_review(document: TomlDocument) -> Review:
    row = document.row("review")
    if not isinstance(row.values, dict):
        raise row.place.refuse("review is a table with reviewed_through and expected_since")
    _check_keys(row, ("reviewed_through", "expected_since", "note"))
    through: SchoolYear = _checked(row, "reviewed_through", fields.school_year)
    expected_since: SchoolYear = _checked(row, "expected_since", fields.school_year)
    if expected_since.ends != through.ends + 1:
        fault = f"expected_since must be the year after reviewed_through, {through}"
        raise row.at("expected_since").refuse(fault)
    return Review(through, expected_since, _checked(row, "note", fields.text))


def _load_folder(
    root: Path, folder: str, sources: Sources, contents: dict[str, Any]
) -> dict[str, History]:
    if not (root / folder).is_dir():
        raise Place(_PROGRAMS).refuse(f"there is no folder {folder!r}")
    entries: list[Entry] = []
    for path in sorted((root / folder).iterdir()):
        if path.suffix in (".toml", ".csv") and not path.name.startswith("."):
            entries += _load_file(root, f"{folder}/{path.name}", path.name, sources, contents)
    return histories(entries)


def _load_file(
    root: Path, file: str, name: str, sources: Sources, contents: dict[str, Any]
) -> list[Entry]:
    if name not in FILES:
        raise Place(file).refuse(f"unknown file; a folder of rules has {', '.join(FILES)}")
    if name.endswith(".toml"):
        return entries_of_toml(_document(root, file, contents), name, sources)
    (family,) = families_of(name)
    rows = list(_read_rows(file, _read_text(root, file), columns_of(family)))
    contents[file] = sorted(sorted(row.values.items()) for row in rows)
    return entries_of_table(family, rows, sources)


def _read_rows(file: str, text: str, known: tuple[str, ...]) -> Iterator[Row]:
    """Read a CSV file with a header, every cell as text; blank cells are left out.

    A column that isn't known or stands there twice, a row too short or too long, or
    broken quotes are refused.
    """
    reader = csv.reader((f"{line}\n" for line in text.split("\n")), strict=True)
    try:
        header = next(reader, [])
        _check_header(Place(file), header, known)
        for cells in reader:
            if cells:
                yield _row(Place(file, reader.line_num), header, cells)
    except csv.Error as error:
        raise Place(file, reader.line_num).refuse(f"not valid CSV: {error}") from None


def _check_header(place: Place, header: list[str], known: tuple[str, ...]) -> None:
    for name in header:
        if name not in known:
            raise place.refuse(f"unknown column {name!r}; known are {', '.join(known)}")
        if header.count(name) > 1:
            raise place.refuse(f"duplicate column {name!r}")


def _row(place: Place, header: list[str], cells: list[str]) -> Row:
    if len(cells) != len(header):
        raise place.refuse(f"{len(cells)} cells under {len(header)} columns")
    values = {name: Written(cell) for name, cell in zip(header, cells, strict=True) if cell}
    return Row(place, values, dict.fromkeys(header, place.line))


def _digest(contents: Mapping[str, Any]) -> str:
    """SHA-256 over what the files say: their values as written, not their layout.

    Comments, spacing, the order of keys, rows or files and the kind of line ends don't
    count; every character of a name or value does.
    """
    canonical = json.dumps(contents, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
