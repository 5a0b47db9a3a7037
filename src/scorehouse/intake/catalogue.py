"""What is wrong with an input, said so that a person can act: one row a finding.

A finding has a stable rule id, a consequence, the place, the value and a remedy. The
catalogue of all rules is `findings.toml` beside this module; `findings.py` collects them.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources

from scorehouse.shapes import FINDINGS


class Consequence(StrEnum):
    """What happens next, from harmless to grave."""

    INFORMATION = "information"
    WARNING = "warning"
    RECORD_LEFT_OUT = "record_left_out"
    FILE_REFUSED = "file_refused"
    STOP = "stop"

    @property
    def leaves_out(self) -> bool:
        """Whether something of the input is not in the output because of it."""
        return _ORDER[self] >= _ORDER[Consequence.RECORD_LEFT_OUT]


_ORDER = {consequence: place for place, consequence in enumerate(Consequence)}


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of the catalogue."""

    rule: str
    consequence: Consequence
    message: str
    remedy: str
    source: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to say about an input; fields as in `shapes.FINDINGS`.

    `row` counts records from 1 in the order of the file, the header not included.
    """

    rule: str
    consequence: str
    file: str
    record: str
    field: str
    row: int | None
    value: str
    message: str
    remedy: str

    def columns(self) -> tuple[object, ...]:
        """Return the values in the order of `shapes.FINDINGS`."""
        return tuple(getattr(self, name) for name in FINDINGS.names)


assert tuple(FINDINGS.names) == Finding.__match_args__  # the published shape is the class

_PRIVATE = {
    *("studentid", "studentidentifier", "ssid", "alternatessid", "externalssid", "examineekey"),
    *("firstname", "middlename", "lastname", "lastorsurname", "aliasname", "birthdate", "dob"),
    *("response", "responsevalue"),
}


def is_private(field: str) -> bool:
    """Tell whether a field's values say who a student is, or what the student wrote.

    >>> is_private("StudentIdentifier"), is_private("LastOrSurname"), is_private("score")
    (True, True, False)
    """
    last = field.rpartition("/")[2]
    return re.sub("[^a-z]", "", last.lower()) in _PRIVATE


def masked(text: str) -> str:
    """Hide a private value and keep its length, which is what a repair mostly needs.

    >>> masked("9000007722")
    '(10 characters, hidden)'
    """
    return f"({len(text)} characters, hidden)" if text else ""


@cache
def catalogue() -> Mapping[str, Rule]:
    """Return every rule by its id, in the order of the catalogue."""
    text = resources.files(__package__).joinpath("findings.toml").read_text(encoding="utf-8")
    return {
        name: Rule(name, Consequence(entry["consequence"]), *_words(entry))
        for name, entry in tomllib.loads(text).items()
    }


def _words(entry: Mapping[str, str]) -> tuple[str, str, str]:
    return entry["message"], entry["remedy"], entry["source"]


def make(
    rule: str,
    *,
    file: str = "",
    record: str = "",
    field: str = "",
    row: int | None = None,
    value: object = "",
    show_private: bool = False,
    **words: object,
) -> Finding:
    """Make the finding of a rule; `words` fill the braces of its message and remedy.

    The value of a private field is masked unless `show_private`. A rule that is not in
    the catalogue, or a word that its message needs and didn't get, is a `KeyError`.

    >>> make("score_above_maximum", record="op-1", field="score", value=3, maximum=2).message
    "The score 3 is above the item's maximum 2."
    """
    entry = catalogue()[rule]
    shown = str(value)
    if is_private(field) and not show_private:
        shown = masked(shown)
    words = {**words, "file": file, "record": record, "field": field, "row": row, "value": shown}
    message, remedy = entry.message.format(**words), entry.remedy.format(**words)
    return Finding(rule, entry.consequence.value, file, record, field, row, shown, message, remedy)


def worst_of(consequences: Iterable[str]) -> Consequence | None:
    """Return the gravest of some consequences; None when there is none."""
    return max(map(Consequence, consequences), key=_ORDER.__getitem__, default=None)


class FindingCounts:
    """How many findings each rule has, by what they lead to; exact whatever their number."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def count(self, rule: str, consequence: str, number: int = 1) -> None:
        """Add some findings of a rule that all lead to the same."""
        self._counts[rule, consequence] += number

    def by_rule(self) -> dict[str, int]:
        """Return the number of findings by rule: the catalogue's in its order, then others."""
        found: Counter[str] = Counter()
        for (rule, _), number in self._counts.items():
            found[rule] += number
        known = {rule: found[rule] for rule in catalogue() if found[rule]}
        return known | {rule: found[rule] for rule in sorted(found) if rule not in known}

    def by_consequence(self) -> dict[tuple[str, str], int]:
        """Return the number of findings by rule and consequence, in no order."""
        return dict(self._counts)

    def __len__(self) -> int:
        return self._counts.total()

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_rule())

    @property
    def left_out(self) -> int:
        """How many findings left a record, a file or everything out."""
        return sum(
            number
            for (_, consequence), number in self._counts.items()
            if Consequence(consequence).leaves_out
        )

    @property
    def worst(self) -> Consequence | None:
        """The gravest consequence met; None when nothing was found."""
        return worst_of(consequence for _, consequence in self._counts)
