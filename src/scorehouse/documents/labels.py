"""Codes in words for readers: subjects, measures, groups, levels, and why a number is hidden."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import Any

from scorehouse.reports.figure_shape import ALL_STUDENTS, CROSSING
from scorehouse.rulebook.counting import groups

_SMALL = "n<"


@cache
def packaged() -> Mapping[str, Mapping[str, Any]]:
    """The words of the package."""
    text = (resources.files("scorehouse.documents") / "words.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def why_words(code: str) -> str:
    """Why a number isn't shown, in a few words.

    >>> why_words("n<11"), why_words("complement")
    ('fewer than 11', 'protects another')
    """
    if code.startswith(_SMALL):
        return f"fewer than {code.removeprefix(_SMALL)}"
    return str(packaged()["why"].get(code, (code, ""))[0])


def why_meaning(code: str) -> str:
    """Why a number isn't shown, as a sentence."""
    if code.startswith(_SMALL):
        fewest = code.removeprefix(_SMALL)
        return f"Results of fewer than {fewest} students are not shown ({code})."
    meaning = packaged()["why"].get(code, ("", "It is not shown."))[1]
    return f"{meaning} ({code})"


@dataclass(frozen=True)
class Labels:
    """Words for codes: a caller's own, then those of the package and the rulebook."""

    own: Mapping[str, str] = field(default_factory=dict)
    own_levels: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def say(self, what: str, code: str) -> str:
        """What a code is called, such as `say("subject", "Math")`; itself, if nobody says."""
        return self.own.get(code) or str(packaged()[what].get(code, code))

    def group(self, code: str) -> str:
        """A student group, or a crossing of several."""
        if code in self.own:
            return self.own[code]
        known = groups()
        names = [known[part].name if part in known else part for part in code.split(CROSSING)]
        return " and ".join([names[0], *(name[:1].lower() + name[1:] for name in names[1:])])

    def dimension(self, code: str) -> str:
        """What a group is one of, as a heading; blank for all students and for crossings."""
        known = groups()
        if CROSSING in code:
            return "Crossed groups"
        return self.say("dimension", known[code].dimension) if code in known else "Other groups"

    def grade(self, grade: str) -> str:
        """A grade; blank: all grades together.

        >>> Labels().grade("03"), Labels().grade("")
        ('Grade 3', 'All grades')
        """
        return f"Grade {grade.lstrip('0') or grade}" if grade else "All grades"

    def measure(self, subject: str, code: str) -> str:
        """A claim, composite, trait, item or target of a subject."""
        bare = code.partition(":")[2] or code
        known = self.own.get(code) or packaged()["measure"].get(f"{subject}/{code}")
        return str(known or bare)

    def place(self, subject: str, code: str) -> int:
        """Where a measure stands among those of its subject; what nobody knows comes last.

        >>> Labels().place("ELA", "claim:SOCK_R") < Labels().place("ELA", "claim:2-W")
        True
        """
        known = list(packaged()["measure"])
        name = f"{subject}/{code}"
        return known.index(name) if name in known else len(known)

    def levels(self, subject: str, measure: str, count: int) -> Sequence[str]:
        """What so many levels of a measure are called, lowest first."""
        for key in (f"{subject}/{measure}", measure.partition(":")[0]):
            own = self.own_levels.get(key, ())
            if own and len(own) == count:
                return own
        usual = packaged()["levels"].get(str(count))
        return usual or [f"Level {level}" for level in range(1, count + 1)]


def is_everybody(code: str) -> bool:
    """Whether a group is all students."""
    return code == ALL_STUDENTS
