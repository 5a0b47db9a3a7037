"""One register of predicates: a numbered rule's id, and the function that finds its breaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from inspect import signature
from typing import NamedTuple

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.rule_data import ResultsRule

NO_WORDS: Mapping[str, pl.Expr] = {}


class Hit(NamedTuple):
    """Where a rule is broken: the rows of a frame for which `where` holds.

    `frame` names one of the chunk's frames, or is a frame of its own with `result`.
    `value` is what the finding shows (default: the field's column), `words` fill the braces
    of the message; `part` picks the sentence.
    """

    frame: str | pl.DataFrame
    where: pl.Expr
    field: str | pl.Expr
    value: pl.Expr | None = None
    part: str = ""
    words: Mapping[str, pl.Expr] = NO_WORDS


class Remark(NamedTuple):
    """What is said once about a whole delivery."""

    field: str
    value: str


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


def is_fixed(function: Predicate) -> bool:
    """Whether a predicate gives the same hits for every chunk: it leaves `_frames` alone."""
    return next(iter(signature(function).parameters)) == "_frames"


def filled(name: str) -> pl.Expr:
    """Whether a column holds something."""
    return pl.col(name).is_not_null()


def blank(name: str) -> pl.Expr:
    """Whether a column holds nothing."""
    return pl.col(name).is_null()


def blanks(frame: str, names: Iterable[str], when: pl.Expr, part: str = "") -> Iterator[Hit]:
    """Each of some columns that is blank where it should not be."""
    for name in names:
        yield Hit(frame, when & blank(name), name, part=part)


def text(name: str) -> pl.Expr:
    """A column of an XML table as text: without outer blanks, nothing where it is blank."""
    stripped = pl.col(name).str.strip_chars()
    return pl.when(stripped != "").then(stripped)


def number(name: str) -> pl.Expr:
    """A text column as a finite number, or nothing."""
    value = pl.col(name).cast(pl.Float64, strict=False)
    return pl.when(value.is_finite()).then(value)
