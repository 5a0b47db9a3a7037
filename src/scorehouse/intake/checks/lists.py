"""Lists of values: what a field may say (rules R19, R26 to R29, R31 and R33)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Given, Hit, filled, places_of, predicate
from scorehouse.intake.checks.rule_data import (
    ResultsRule,
    accessibility_codes,
    field_values,
    fields_of_tests,
)

DELIVERED = r"(?i):[UYN]{3}$"
ENTRY = r"^(?:NEDS_Other\([^():;,%\r\n]{1,100}\)|[A-Za-z0-9_&. -]+)(?::[UYN]{3})?$"
_ENTRY_SPLIT = r"NEDS_Other\([^)]*\)(?::[^;]*)?|[^;]+"


def frame_of(name: str) -> str:
    """The frame that a field stands in."""
    return "tests" if name in fields_of_tests() else "items"


def known_values(name: str) -> pl.Expr:
    """The published values of a field, as text for a message."""
    return pl.lit(", ".join(value.value for value in field_values()[name]))


def _read_forms(name: str) -> dict[str, str]:
    """Every form in upper case that is read as a published value."""
    forms: dict[str, str] = {}
    for value in field_values()[name]:
        forms |= dict.fromkeys((value.value.upper(), *value.read_forms), value.value)
    return forms


def _meant(name: str) -> pl.Expr:
    forms = _read_forms(name)
    upper = pl.col(name).str.to_uppercase()
    return upper.replace_strict(forms, default=None, return_dtype=pl.String)


@predicate("R19")
def listed(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Unknown values, other spellings, and values of another year's list."""
    for name in rule.fields:
        frame = frame_of(name)
        written, read = places_of(frame, name)
        meant, words = _meant(name), {"expected": known_values(name)}
        is_open = name in rule.parameters["open"]
        unknown = filled(name) & meant.is_null()
        yield Hit(read, unknown, name, part="open" if is_open else "", words=words)
        spelled = meant.is_not_null() & (pl.col(name) != meant)
        yield Hit(written, spelled, name, part="spelling", words={"expected": meant})
        year = given.setting.year
        late = [v.value for v in field_values()[name] if not v.is_in_force(year)]
        if late:
            yield Hit(frame, meant.is_in(late), name, part="year")


@predicate("R26")
def schema_spellings(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Spellings that the schema fixes to the letter."""
    for name in ("ResponseContentType", "ItemScoreStatus"):
        values = [value.value for value in field_values()[name]]
        yield Hit("items", ~pl.col(name).is_in(values), name)
    if given.is_xml:
        is_known = pl.col("scoreStatus").is_in(rule.parameters["score_info"])
        yield Hit("score_info", ~is_known, "ScoreInfo/@scoreStatus", pl.col("scoreStatus"))
        is_known = pl.col("test_mode").is_in(rule.parameters["modes"])
        yield Hit("result", ~is_known, "Test/@mode", pl.col("test_mode"))


def accessibility_entries(frames: Frames) -> pl.DataFrame:
    """One row an entry of AccessibilityCodes; each distinct list is taken apart once."""
    lists = frames.tests.select("result", "AccessibilityCodes").drop_nulls()
    distinct = lists.select(pl.col("AccessibilityCodes").unique())
    entries = distinct.with_columns(
        pl.col("AccessibilityCodes").str.extract_all(_ENTRY_SPLIT).alias("entry")
    ).explode("entry")
    bare = pl.col("entry").str.strip_chars()
    apart = entries.with_columns(
        bare.alias("entry"),
        bare.str.replace(DELIVERED, "").alias("code"),
        bare.str.extract(r"(?i):([UYN]{3})$").str.to_uppercase().alias("delivery"),
    )
    return lists.join(apart, on="AccessibilityCodes", how="inner", maintain_order="left_right")


@predicate("R27")
def accessibility(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Entries that can't be read, unknown ones, and replaced ones."""
    entries = accessibility_entries(frames)
    name, entry = rule.fields[0], pl.col("entry")
    codes = accessibility_codes()
    upper = pl.col("code").str.to_uppercase()
    is_free = upper.str.starts_with("NEDS_OTHER(")
    is_readable = entry.str.contains(ENTRY)
    yield Hit(entries, ~is_readable, name, entry)
    too_long = pl.col("AccessibilityCodes").str.len_chars() > rule.parameters["longest"]
    yield Hit("tests", too_long, name, pl.col(name).str.slice(0, 40))
    is_known = (
        upper.is_in(list(codes))
        | upper.str.split("&").list.eval(pl.element().is_in(list(codes))).list.all()
    )
    yield Hit(entries, is_readable & ~is_free & ~is_known, name, pl.col("code"), part="unknown")
    replaced = {code: new for code, new in codes.items() if new}
    new = upper.replace_strict(replaced, default=None, return_dtype=pl.String)
    words = {"expected": new}
    yield Hit(entries, new.is_not_null(), name, pl.col("code"), part="replaced", words=words)


@predicate("R28")
def delivery_codes(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Delivery codes that can't be, and those that tell of an irregularity."""
    entries = accessibility_entries(frames)
    delivery = pl.col("delivery")
    for kind, part in (("impossible", ""), ("irregular", "irregular")):
        where = delivery.is_in(rule.parameters[kind])
        yield Hit(entries, where, rule.fields[0], pl.col("entry"), part=part)


@predicate("R29")
def states(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Postal codes of states and territories."""
    codes = [value.value for value in field_values()["StateAbbreviation"]]
    yield Hit("tests", ~pl.col("StateAbbreviation").is_in(codes), "StateAbbreviation")


@predicate("R31")
def program_values(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Lists of program fields."""
    for name in rule.fields:
        words = {"expected": known_values(name)}
        yield Hit("tests", filled(name) & _meant(name).is_null(), name, words=words)


@predicate("R33")
def condition_codes(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """The five letters; in XML a blank attribute is no letter either."""
    codes = rule.parameters["codes"]
    if not given.is_xml:
        yield Hit("items", ~pl.col("ConditionCode").is_in(codes), "ConditionCode")
        return
    for frame, place in (("score_info", "ScoreInfo"), ("score", "Score")):
        code = pl.col("conditionCode")
        yield Hit(frame, ~code.is_in(codes), f"{place}/@conditionCode", code)
