"""The rulebook as callers see it: rules of a year, and answers to who says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook import show as showing
from scorehouse.rulebook.at_year import check_year, measurement_rules, rules_in_force
from scorehouse.rulebook.model import Program, Review, RuleEntry, Source
from scorehouse.terms import MeasurementRules, SchoolYear


@dataclass(frozen=True)
class Rulebook:
    """Every program's dated rules, with the digest of the data they were read from."""

    digest: str
    programs: Mapping[str, Program]
    review: Review
    sources: Mapping[str, Source]

    def at(self, year: str | SchoolYear, program: str = "consortium") -> MeasurementRules:
        """Return the rules in force in a school year.

        RuleNotInForceError: the year, or a rule in it, is absent or only expected;
        UsageError: no such program, or not a school year.
        """
        found = self._program(program)
        wanted = _school_year(year)
        check_year(found, self.review, wanted)
        return measurement_rules(found, wanted, self.digest)

    def years(self, program: str = "consortium") -> tuple[SchoolYear, ...]:
        """Return the school years that can be asked for, ascending."""
        found = self._program(program)
        ends = range(found.first_year.ends, self.review.through.ends + 1)
        return tuple(year for year in map(SchoolYear, ends) if _is_usable(found, year))

    def topics(self) -> tuple[str, ...]:
        """Return what `show` can be asked about."""
        return tuple(showing.TOPICS)

    def show(
        self,
        topic: str,
        *,
        subject: str | None = None,
        grade: str | None = None,
        year: str | SchoolYear | None = None,
        program: str = "consortium",
    ) -> list[RuleEntry]:
        """Answer "which value, since when, says who" for a topic.

        Without a year: the whole history, the last entry of each rule in force, earlier
        ones replaced. With a year: what holds then, or that it is absent or expected.
        """
        found = self._program(program)
        wanted = None if year is None else _school_year(year)
        question = showing.Question.ask(topic, subject, grade, wanted)
        return showing.answer(question, found, self.review)

    def unused_sources(self) -> tuple[str, ...]:
        """Return the ids of sources that no value of any program cites."""
        used = set()
        for program in self.programs.values():
            for history in program.rules.values():
                for entry in history:
                    used |= {source.source_id for source in (entry.source, *entry.also)}
        return tuple(sorted(set(self.sources) - used))

    def _program(self, name: str) -> Program:
        if name not in self.programs:
            known = ", ".join(self.programs)
            raise UsageError(f"unknown program {name!r}; this rulebook has {known}")
        return self.programs[name]


def _school_year(year: str | SchoolYear) -> SchoolYear:
    try:
        return year if isinstance(year, SchoolYear) else SchoolYear.parse(year)
    except ValueError as error:
        raise UsageError(str(error)) from None


def _is_usable(program: Program, year: SchoolYear) -> bool:
    try:
        rules_in_force(program, year)
    except RuleNotInForceError:
        return False
    return True
