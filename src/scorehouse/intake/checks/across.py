"""Rules over a whole delivery (X1, X3, X4, X34, X39, X44): ids met before, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import polars as pl

from scorehouse.intake.checks.delivery import Delivery
from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Hit, Remark, filled, predicate
from scorehouse.intake.checks.rule_data import ResultsRule


@cache
def folded(name: str) -> pl.Expr:
    """An id without case and dashes."""
    return pl.col(name).str.to_lowercase().str.replace_all("-", "", literal=True)


def _again(frames: Frames, kind: str, rows: pl.DataFrame, *keys: pl.Expr) -> pl.DataFrame:
    return rows.filter(frames.delivery.again(kind, rows, *keys))


@predicate("X1")
def unique_opportunities(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """An opportunity id met before."""
    name = rule.fields[0]
    rows = frames.tests.filter(filled(name))
    yield Hit(_again(frames, "X1", rows, folded(name)), pl.lit(True), name)


@predicate("X3")
def one_opportunity(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Another opportunity of the same student at the same summative test and year."""
    keys = ("StudentIdentifier", "AssessmentId", "SchoolYear")
    is_complete = pl.all_horizontal(filled(key) for key in (*keys, "TestOpportunityId"))
    rows = frames.tests.filter(is_complete & ~pl.col("is_interim"))
    student = pl.concat_str(*keys, separator="\x1f")
    differs = frames.delivery.differs("X3", rows, student, folded("TestOpportunityId"))
    yield Hit(rows.filter(differs), pl.lit(True), rule.fields[0])


@predicate("X4")
def unique_client_ids(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """An oppId met before with the same assessment, under another key."""
    name = rule.fields[0]
    rows = frames.tests.filter(filled(name) & filled("TestOpportunityId"))
    key = pl.concat_str(name, pl.col("AssessmentId").fill_null(""), separator="\x1f")
    differs = frames.delivery.differs("X4", rows, key, folded("TestOpportunityId"))
    yield Hit(rows.filter(differs), pl.lit(True), name)


@predicate("X34")
def replaced(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Later files of one opportunity, and deletions."""
    key = pl.coalesce("TestOpportunityAltId", "TestOpportunityId")
    rows = frames.tests.filter(key.is_not_null())
    again = _again(frames, "X34", rows, key, pl.col("AssessmentId").fill_null(""))
    yield Hit(again, pl.lit(True), rule.fields[0])
    yield Hit("tests", pl.col("Status").str.to_lowercase() == "reset", "Status", part="reset")


@predicate("X39")
def one_student(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The same student id with another birth date or sex."""
    for name in rule.fields:
        rows = frames.tests.filter(filled("StudentIdentifier") & filled(name))
        value = pl.col(name).str.to_lowercase()
        differs = frames.delivery.differs(f"X39:{name}", rows, pl.col("StudentIdentifier"), value)
        yield Hit(rows.filter(differs), pl.lit(True), name)


@predicate("X44")
def without_points(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Count field-test and dropped rows; the delivery's end tells their number."""
    says_so = [
        pl.col(name).str.to_uppercase().is_in(["YES", "Y", "TRUE", "T", "1"]).fill_null(False)
        for name in ("FieldTest", "Dropped")
    ]
    frames.delivery.counts["X44"] += frames.firsts.select(pl.any_horizontal(says_so).sum()).item()
    yield from ()


def remarks(rule: ResultsRule, delivery: Delivery) -> Iterator[Remark]:
    """What a rule says once, at the end of a delivery."""
    if rule.rule == "X44" and delivery.counts["X44"]:
        yield Remark("FieldTest", str(delivery.counts["X44"]))
    if rule.rule == "F4":
        for name in rule.fields:
            is_lacking = not delivery.counts[f"F4:{name}:filled"]
            if delivery.counts[f"F4:{name}:rows"] and is_lacking:
                yield Remark(name, "")
