"""Rulebook files as raw data with line numbers, nothing typed yet."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any

from scorehouse.errors import RulebookError
from scorehouse.rulebook.fields import Written
from scorehouse.rulebook.model import Place

_HEADER = re.compile(r"\s*\[{1,2}\s*([^\[\]]+?)\s*\]{1,2}\s*(#.*)?$")
_KEY = re.compile(r"\s*([A-Za-z0-9_\"'-]+)\s*=")


@dataclass(frozen=True)
class Row:
    """One CSV row or one TOML entry: raw values, and the line of each."""

    place: Place
    values: dict[str, Any]
    lines: dict[str, int]

    def at(self, key: str) -> Place:
        """The place of one value, or of the row when the value isn't there."""
        return Place(self.place.file, self.lines.get(key, self.place.line))


class TomlDocument:
    """A TOML file: its data, with numbers as written, and where each key stands."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        try:
            self.data: dict[str, Any] = tomllib.loads(text, parse_float=Written)
        except tomllib.TOMLDecodeError as error:
            raise _toml_error(file, str(error)) from None
        self._lines = _index_lines(text)

    def place(self, *path: str, index: int = 0, key: str = "") -> Place:
        """The line of a table (its nth appearance, for arrays), or of a key in it."""
        if found := self._lines.get((".".join(path), index)):
            return Place(self.file, found.get(key, found[""]))
        if not path:
            return Place(self.file)
        return self.place(*path[:-1], key=path[-1])

    def row(self, *path: str, index: int | None = None) -> Row:
        """The table at a path as a row; with an index, one table of the array there."""
        found: Any = self.data
        for step in path:
            found = found[step]
        values = found if index is None else found[index]
        lines = self._lines.get((".".join(path), index or 0), {})
        place = self.place(*path, index=index or 0)
        return Row(place, values, {key: line for key, line in lines.items() if key})


def _toml_error(file: str, fault: str) -> RulebookError:
    """Turn the parser's "(at line 3, column 9)" into our own way of naming a place."""
    match = re.search(r"\(at (?:line (\d+), column \d+|end of document)\)", fault)
    line = int(match[1]) if match and match[1] else 1
    return Place(file, line).refuse(f"not valid TOML: {fault.split(' (at ')[0]}")


def _index_lines(text: str) -> dict[tuple[str, int], dict[str, int]]:
    """Map (table, nth appearance) to {key: line}; the blank key is the header's line."""
    found: dict[tuple[str, int], dict[str, int]] = {("", 0): {"": 1}}
    current = found[("", 0)]
    for number, line in enumerate(text.splitlines(), start=1):
        if match := _HEADER.match(line):
            name = ".".join(step.strip().strip("\"'") for step in match[1].split("."))
            nth = sum(1 for table, _ in found if table == name)
            current = found[(name, nth)] = {"": number}
        elif match := _KEY.match(line):
            current.setdefault(match[1].strip("\"'"), number)
    return found
