"""The registry of statistics: what each means, who is counted, how it is rounded, who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from scorehouse.rulebook.documents import TomlDocument
from scorehouse.rulebook.load import PACKAGED
from scorehouse.rulebook.model import Source

FILE = "reports/statistics.toml"
_TEXTS = ("label", "words", "formula", "counted", "rounding", "smallest", "source")
_SMALLEST = ("smallest_group", "smallest_group_claim", "smallest_group_target")


@dataclass(frozen=True)
class Statistic:
    """One statistic. `smallest` names the setting of the disclosure profiles that applies."""

    name: str
    label: str
    words: str
    formula: str
    counted: str
    rounding: str
    columns: tuple[str, ...]
    smallest: str
    source: Source
    note: str = ""


@cache
def statistics() -> Mapping[str, Statistic]:
    """Every statistic by its name."""
    return read_statistics((PACKAGED / FILE).read_text(encoding="utf-8"))


def read_statistics(text: str) -> Mapping[str, Statistic]:
    """Statistics from the text of such a file; what isn't understood is refused."""
    document = TomlDocument(FILE, text)
    sources = {name: Source(source_id=name, **e) for name, e in document.data["source"].items()}
    found = {}
    for name, entry in document.data.items():
        if name == "source":
            continue
        row = document.row(name)
        unknown = set(entry) - {*_TEXTS, "columns", "note"}
        missing = {*_TEXTS, "columns"} - set(entry)
        if unknown or missing:
            raise row.place.refuse(f"{name}: unknown or missing {sorted(unknown | missing)}")
        if entry["source"] not in sources or entry["smallest"] not in _SMALLEST:
            raise row.place.refuse(f"{name}: unknown source or smallest group")
        texts = {key: str(entry[key]) for key in _TEXTS if key != "source"}
        found[name] = Statistic(
            name=name,
            columns=tuple(entry["columns"]),
            source=sources[entry["source"]],
            note=str(entry.get("note", "")),
            **texts,
        )
    return found


def meanings() -> dict[str, str]:
    """What each column that a statistic fills means, for data dictionaries."""
    return {
        column: f"{statistic.label}. {statistic.formula}"
        for statistic in statistics().values()
        for column in statistic.columns
    }
