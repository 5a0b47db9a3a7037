"""One register of predicates: a numbered rule's id, and the function that finds its breaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from inspect import signature
from typing import NamedTuple, Protocol

import polars as pl

from scorehouse.intake.checks.frames import ODD, Frames, Setting
from scorehouse.intake.checks.rule_data import ResultsRule

NO_WORDS: Mapping[str, pl.Expr] = {}


class Among(NamedTuple):
    """Rows for which `when` holds, and of them those in which a column is blank, or filled."""

    when: pl.Expr
    column: str
    is_blank: bool


class Hit(NamedTuple):
    """Where a rule is broken: the rows of a frame for which `where` holds.

    `frame` names one of the chunk's frames, or is a frame of its own with `result`.
    `value` is what the finding shows (default: the field's column), `words` fill the braces
    of the message; `part` picks the sentence. `among` is given where `where` has two halves,
    of which one is that a column is blank, or filled: that is found out with less work.
    """

    frame: str | pl.DataFrame
    where: pl.Expr
    field: str | pl.Expr
    value: pl.Expr | None = None
    part: str = ""
    words: Mapping[str, pl.Expr] = NO_WORDS
    among: Among | None = None


class Remark(NamedTuple):
    """What is said once about a whole delivery."""

    field: str
    value: str


class Given(Protocol):
    """What is the same for all chunks of a kind: all that some predicates ask of a chunk."""

    @property
    def is_xml(self) -> bool:
        """Whether the chunk came from TRT."""

    @property
    def setting(self) -> Setting:
        """What the check was asked for."""


Predicate = Callable[[Frames, ResultsRule], Iterable[Hit]]

PREDICATES: dict[str, Predicate] = {}
"""Rule id -> predicate over one chunk; those of a whole delivery keep their state in it."""


def predicate(rule: str) -> Callable[[Predicate], Predicate]:
    """Enter a function as the predicate of a numbered rule."""

    def enter(function: Predicate) -> Predicate:
        if rule in PREDICATES:
            raise ValueError(f"{rule} has two predicates")
        PREDICATES[rule] = function
        return function

    return enter


@cache
def is_fixed(function: Predicate) -> bool:
    """Whether a predicate gives the same hits for all chunks of a kind.

    It does when it leaves `_frames` alone, or asks only for what is `given`.
    """
    return next(iter(signature(function).parameters)) in ("_frames", "given")


@cache
def filled(name: str) -> pl.Expr:
    """Whether a column holds something."""
    return pl.col(name).is_not_null()


@cache
def blank(name: str) -> pl.Expr:
    """Whether a column holds nothing."""
    return pl.col(name).is_null()


def blanks(frame: str, names: Iterable[str], when: pl.Expr, part: str = "") -> Iterator[Hit]:
    """Each of some columns that is blank where it should not be."""
    for name in names:
        among = Among(when, name, is_blank=True)
        yield Hit(frame, when & blank(name), name, part=part, among=among)


def fills(frame: str, names: Iterable[str], when: pl.Expr, part: str = "") -> Iterator[Hit]:
    """Each of some columns that is filled where it should be blank."""
    for name in names:
        among = Among(when, name, is_blank=False)
        yield Hit(frame, when & filled(name), name, part=part, among=among)


@cache
def text(name: str) -> pl.Expr:
    """A column of an XML table as text: without outer blanks, nothing where it is blank."""
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


@cache
def number(name: str) -> pl.Expr:
    """A text column as a finite number, or nothing."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)


def places_of(frame: str, name: str) -> tuple[str, str]:
    """The frames in which a field with usual values is asked: as it was written, as it is read.

    Of items only the rows with another value than the usual ones are asked.
    """
    return ("as_written", frame) if frame == "tests" else (ODD + name, ODD + name)
