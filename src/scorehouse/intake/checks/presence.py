"""Presence: what must not be blank, and when it may be (rules F4, F11, F12 and P3 to P24)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import (
    Given,
    Hit,
    blank,
    blanks,
    filled,
    fills,
    predicate,
    text,
)
from scorehouse.intake.checks.rule_data import ResultsRule, fields_of_tests

ANSWERED = pl.col("n_answered").fill_null(0)
CLAIM_PARTS = (
    "Score",
    "ScoreStandardError",
    "ScoreAchievementLevel",
    "Theta",
    "ThetaStandardError",
)
RACES = (
    "HispanicOrLatinoEthnicity",
    "AmericanIndianOrAlaskaNative",
    "Asian",
    "BlackOrAfricanAmerican",
    "White",
    "NativeHawaiianOrOtherPacificIslander",
)
MOMENTS = ("StartDateTime", "SubmitDateTime")
"""In TRT these have a rule of their own, P18."""
OWN_RULE = {"UserAgent", "AccessibilityCodes", "IDEAIndicator", "EconomicDisadvantageStatus"}


def claim_columns(number: int) -> tuple[str, ...]:
    """The five columns of a claim."""
    return tuple(f"Claim{number}{part}" for part in CLAIM_PARTS)


def is_attempted() -> pl.Expr:
    """Whether something was answered in every segment that the items name."""
    every_segment = pl.col("n_segments_answered") >= pl.col("n_segments")
    return ((ANSWERED > 0) & every_segment).fill_null(False)


@predicate("F4")
def merged_data(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Count the records that have and lack the field; the delivery's end says the rest."""
    records = frames.tests.filter(~pl.col("is_paper"))
    for name in rule.fields:
        frames.delivery.counts[f"F4:{name}:filled"] += records[name].count()
        frames.delivery.counts[f"F4:{name}:rows"] += records.height
    yield from ()


@predicate("F11")
def hand_scored_items(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Trait scores are reported, but no item is a writing item."""
    traits = frames.xml("score").filter(
        pl.col("measureOf").str.contains(r"^SOCK_(?:ARGU|EXPL|INFO|NARR|OPIN)_(?:ORG|EVI|CON)$")
    )
    if not traits.height:
        return
    is_writing = (pl.col("ItemType") == "WER") | pl.col("ScoreDimension").is_not_null()
    writing = frames.items.filter(is_writing).select("result").unique()
    first = traits.unique("result", keep="first", maintain_order=True)
    found = first.join(writing, on="result", how="anti", maintain_order="left")
    yield Hit(found, pl.lit(True), "Score/@measureOf", pl.col("measureOf"))


@predicate("F12")
def paper_only(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """A record taken online among paper results."""
    mode = pl.col("DeliveryMode").str.to_uppercase()
    yield Hit("tests", ~mode.is_in(["PAPER", "SCANNED"]), "DeliveryMode")


@predicate("P3")
def never_blank(given: Given, _rule: ResultsRule) -> Iterator[Hit]:
    """Required fields, by how and for what the test was given."""
    for name, layout in fields_of_tests().items():
        if not layout.in_required_list or name in OWN_RULE or (given.is_xml and name in MOMENTS):
            continue
        needs = [("online", pl.lit(True)), ("paper", pl.col("is_paper"))]
        required = pl.col("is_interim") if layout.interim == "R" else pl.lit(False)
        for delivery, is_so in needs:
            if getattr(layout, delivery) == "R":
                required = required | (~pl.col("is_interim") & is_so)
        if name == "LEPStatus":
            required = required & blank("EnglishLanguageAcquisitionStatus")
        if "R" in (layout.online, layout.paper, layout.interim):
            yield from blanks("tests", [name], required)
    if given.is_xml:
        yield from _taken_for_granted()


def _taken_for_granted() -> Iterator[Hit]:
    """What TRT leaves blank and the reader takes as usual."""
    status = text("opportunity_status").str.to_lowercase().fill_null("")
    for name, sources in (
        ("AdministrationCondition", ("administrationCondition", "validity")),
        ("TestOpportunityId", ("key",)),
    ):
        unsaid = pl.all_horizontal(text(f"opportunity_{source}").is_null() for source in sources)
        where = unsaid & filled(name) & (status != "invalidated")
        words = {"expected": pl.col(name)}
        yield Hit("result_taken", where, name, pl.lit(""), part="taken", words=words)


@predicate("P4")
def user_agent(_frames: Frames, rule: ResultsRule) -> Iterable[Hit]:
    """UserAgent of a record that isn't on paper."""
    return blanks("tests", rule.fields, ~pl.col("is_paper"))


@predicate("P5")
@predicate("P24")
def blank_fields(_frames: Frames, rule: ResultsRule) -> Iterable[Hit]:
    """The rule's fields, blank in any record."""
    return blanks("tests", rule.fields, pl.lit(True))


@predicate("P6")
def overall_scores(_frames: Frames, rule: ResultsRule) -> Iterable[Hit]:
    """Overall scores of an attempted test."""
    return blanks("tests", rule.fields, is_attempted())


@predicate("P7")
def claim_scores(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Claims that the subject reports, those it doesn't, and those of blocks."""
    partial = ~pl.col("is_interim") & (pl.col("Completeness").str.to_uppercase() != "COMPLETE")
    yields = ~pl.col("is_block") & filled("ScaleScore") & ~partial.fill_null(False)
    for subject, claims in rule.parameters["claims"].items():
        when = yields & (pl.col("subject") == subject)
        for claim in claims:
            yield from blanks("tests", claim_columns(claim), when)
    yield from fills("tests", claim_columns(4), pl.col("subject") == "Math", "fourth")
    of_claims = [name for claim in (1, 2, 3, 4) for name in claim_columns(claim)]
    yield from fills("tests", of_claims, pl.col("is_block"), "block")


@predicate("P8")
def partial_without_claims(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """A partial summative result with a total and no claims."""
    partial = ~pl.col("is_interim") & (pl.col("Completeness").str.to_uppercase() == "PARTIAL")
    no_claims = pl.all_horizontal(blank(f"Claim{claim}Score") for claim in (1, 2, 3, 4))
    yield Hit("tests", partial & filled("ScaleScore") & no_claims, rule.fields[0])


@predicate("P9")
def scores_of_nothing(_frames: Frames, rule: ResultsRule) -> Iterable[Hit]:
    """Scores although nothing was answered."""
    return fills("tests", rule.fields, filled("n_items") & (ANSWERED == 0))


@predicate("P10")
def item_fields_filled(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Item fields that are never blank; responses of answered items."""
    on_paper = pl.col("test:is_paper").fill_null(False)
    is_follower = ~pl.col("is_first")
    for name in rule.fields:
        when = blank(name)
        if name == "ResponseDuration":
            yield Hit("items", when & on_paper & ~is_follower, name, part="paper")
            when = when & ~on_paper & ~is_follower
        yield Hit("items", when, name)
    no_response = blank("ResponseValue") & pl.col("is_answered") & ~on_paper & ~is_follower
    yield Hit("items", no_response, "ResponseValue", part="response")


@predicate("P11")
def dimensions(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """ScoreDimension where an item has several rows, and where it has one."""
    name = rule.fields[0]
    yield Hit(frames.several, blank(name), name)
    has_followers = (~pl.col("is_first")).shift(-1, fill_value=False)
    yield Hit("items", filled(name) & pl.col("is_first") & ~has_followers, name, part="single")


@predicate("P12")
def raters(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """A rater's score without an id, and the reverse."""
    for number in (1, 2, 3):
        score, user = f"Rater{number}Score", f"Rater{number}UserId"
        yield Hit("items", filled(score) & blank(user), user)
        yield Hit("items", filled(user) & blank(score), score)


@predicate("P13")
def identified(given: Given, rule: ResultsRule) -> Iterable[Hit]:
    """A record that names somebody, but not completely."""
    if given.setting.is_deidentified:
        return ()
    names_somebody = pl.any_horizontal(filled(name) for name in rule.fields)
    return blanks("tests", rule.fields, names_somebody)


def required_by_load(given: Given, rule: ResultsRule) -> set[str]:
    """What a load needs besides its fixed minimum: the configurable list, or the one asked for."""
    asked = given.setting.required
    return set(rule.parameters["configurable"]) if asked is None else set(asked)


@predicate("P19")
def load_minimum(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """The warehouse's minimum and its configurable list."""
    configured = required_by_load(given, rule)
    always = {name for name, layout in fields_of_tests().items() if layout.reporting == "R"}
    if not given.is_xml:
        always -= {"TestOpportunityAltId"}
    yield from blanks("tests", sorted(always), pl.lit(True))
    yield from blanks("tests", sorted(configured & set(fields_of_tests())), pl.lit(True))
    if "ethnicity" in configured:
        nothing_known = pl.all_horizontal(blank(name) for name in (*RACES, "Filipino"))
        yield Hit("tests", nothing_known, "ethnicity", pl.lit(""))
    if "items" in configured:
        yield Hit("tests", blank("n_items"), "items", pl.lit(""))
