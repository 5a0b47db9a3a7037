"""Item rows: positions, scores, durations, reads (rules R7, R9, R11, X2, X8 to X13, X31 to X33)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Given, Hit, blank, filled, predicate
from scorehouse.intake.checks.rule_data import ResultsRule
from scorehouse.intake.checks.scores import rounded, shown

TRAITS = ("ORGANIZATION", "EVIDENCE", "CONVENTIONS")
UP_TO_A_SECOND = 1.0


@predicate("R7")
def positions(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Item positions from 1, segment positions from 1 to 255."""
    yield Hit("items", pl.col("#ItemPosition") < 1, "ItemPosition")
    if given.is_xml:
        place = pl.col("position").cast(pl.Int64, strict=False)
        is_off = ~place.is_between(1, rule.parameters["last_segment"])
        yield Hit("segment", is_off, "Segment/@position", pl.col("position"))


@predicate("R9")
def item_scores(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Scores that no item has; -1 in another spelling."""
    score, not_scored = pl.col("#ItemScore"), rule.parameters["not_scored"]
    is_score = (score == not_scored) | score.is_between(0, rule.parameters["largest"])
    yield Hit("items", ~is_score, "ItemScore")
    if given.is_xml:
        is_spelled = (score == not_scored) & (pl.col("ItemScore") != str(not_scored))
        yield Hit("items", is_spelled, "ItemScore", part="spelled")


@predicate("R11")
def durations(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Durations that are negative, longer than a day, or copied milliseconds."""
    name, seconds = rule.fields[0], pl.col("#ResponseDuration")
    yield Hit("items", seconds < 0, name)
    yield Hit("items", seconds > rule.parameters["longest_seconds"], name, part="long")
    if given.is_xml:
        page = pl.col("pageTime").cast(pl.Float64, strict=False)
        duration = pl.col("responseDuration").cast(pl.Float64, strict=False)
        copied = (duration == page) & (page >= rule.parameters["shortest_milliseconds"])
        yield Hit("item", copied, name, pl.col("responseDuration"), part="milliseconds")


@predicate("X2")
def belong_together(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Item rows without a test, summative tests without items."""
    name = rule.fields[0]
    yield Hit("items", pl.col("result") < 0, name)
    if not given.is_xml:
        yield Hit("tests", ~pl.col("is_interim") & blank("n_items"), name, part="no_items")


@predicate("X8")
def within_the_test(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Moments of items before the start, after the submission, or out of order."""
    start, end = pl.col("test:@StartDateTime"), pl.col("test:@SubmitDateTime")
    for name in rule.fields:
        moment = pl.col(f"@{name}")
        comparable = pl.col(f"zone:{name}") == pl.col("test:zone:StartDateTime")
        outside = (moment < start).fill_null(False) | (moment > end).fill_null(False)
        if name == "SubmitDateTime":
            outside = outside | (moment < pl.col("@AdminDateTime")).fill_null(False)
        yield Hit("items", outside & comparable & pl.col("is_first"), name)


@predicate("X9")
def once_each(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Positions and items that stand more than once; only suspicious results are sorted out."""
    repeats = (pl.col("n_positions") < pl.col("n_items")) | (
        pl.col("n_item_ids") < pl.col("n_items")
    )
    suspects = frames.counts.filter(repeats).select("result")
    rows = frames.items.join(suspects, on="result", how="semi", maintain_order="left")
    firsts = rows.filter(pl.col("is_first"))
    others = pl.col("ItemId").n_unique().over("result", "ItemPosition") > 1
    yield Hit(firsts, others & filled("ItemPosition"), rule.fields[0])
    places = pl.col("ItemPosition").n_unique().over("result", "ItemId") > 1
    yield Hit(firsts, places & filled("ItemId"), "ItemId", part="positions")
    score = pl.struct("result", "ItemId", pl.col("ItemPosition"), pl.col("ScoreDimension"))
    again = ~score.is_first_distinct() & filled("ItemId")
    yield Hit(rows, again, "ItemId", part="again")
    several = frames.several.join(suspects, on="result", how="anti", maintain_order="left")
    yield Hit(several, again, "ItemId", part="again")


@predicate("X10")
def rows_agree(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Item-level values that differ between the rows of one item."""
    rows = frames.several
    for name in rule.fields:
        given = pl.col(name)
        if name == "ResponseDuration":
            given = pl.when(pl.col("#ResponseDuration") != 0).then(given)
        differs = given.drop_nulls().n_unique().over("result", "item") > 1
        yield Hit(rows, differs & pl.col("is_first"), name)


@predicate("X11")
def count_of_items(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """NumberOfResponses against the distinct items of the result."""
    differs = pl.col("#NumberOfResponses") != pl.col("n_item_ids")
    words = {"expected": pl.col("n_item_ids").cast(pl.String)}
    yield Hit("tests", differs, rule.fields[0], words=words)


@predicate("X12")
def count_of_field_test_items(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """FieldTestCount against the items that say so, where any does."""
    if frames.firsts["FieldTest"].count():
        differs = pl.col("#FieldTestCount") != pl.col("n_field_test")
        words = {"expected": pl.col("n_field_test").cast(pl.String)}
        yield Hit("tests", differs, rule.fields[0], words=words)


@predicate("X13")
def time_on_test(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The sum of durations against the time between start and submission."""
    elapsed = (pl.col("@SubmitDateTime") - pl.col("@StartDateTime")).dt.total_seconds()
    unpaused = pl.col("#PauseCount").fill_null(0) == 0
    seconds, name = pl.col("seconds"), rule.fields[0]
    too_long = unpaused & (elapsed >= 0) & (seconds > elapsed + UP_TO_A_SECOND)
    words = {"expected": shown(seconds)}
    yield Hit("tests", too_long, name, shown(seconds), words=words)
    nothing = (pl.col("n_durations") > 0) & (seconds == 0) & (pl.col("n_answered") > 0)
    yield Hit("tests", nothing & ~pl.col("is_paper"), name, pl.lit("0"), part="zero")


def _writing(frames: Frames) -> pl.DataFrame:
    """One row a writing item: its total and its three traits."""
    dimension = pl.col("ScoreDimension").str.to_uppercase()
    score = pl.col("#ItemScore")
    traits = [
        score.filter(dimension.str.starts_with(trait)).first().alias(trait) for trait in TRAITS
    ]
    total = dimension == "OVERALL"
    return frames.several.group_by("result", "item", maintain_order=True).agg(
        pl.col("file", "row", "TestOpportunityId").filter(total).first(),
        pl.col("ItemScore").filter(total).first(),
        score.filter(total).first().alias("total"),
        *traits,
    )


@predicate("X31")
def writing_totals(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The total of a writing item against its traits."""
    organization, evidence, conventions = (pl.col(trait) for trait in TRAITS)
    computed = conventions + rounded((organization + evidence) / 2)
    is_scored = pl.min_horizontal(organization, evidence, conventions, pl.col("total")) >= 0
    differs = is_scored & (pl.col("total") != computed) & computed.is_not_null()
    words = {"expected": shown(computed)}
    yield Hit(_writing(frames), differs, rule.fields[0], words=words)


@predicate("X32")
def coded_scores(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Points beside a condition code."""
    words = {"expected": pl.col("ItemScore")}
    scored = filled("ConditionCode") & (pl.col("#ItemScore") > 0)
    yield Hit("items", scored, rule.fields[0], words=words)


@predicate("X33")
def reads(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The third read, and which read is the score."""
    first, second, third = (pl.col(f"#Rater{number}Score") for number in (1, 2, 3))
    score = pl.col("#ItemScore")
    yield Hit("items", third.is_not_null() & (first == second), rule.fields[0])
    words = {"expected": pl.col("Rater3Score")}
    yield Hit("items", third != score, "ItemScore", part="resolved", words=words)
    words = {"expected": pl.col("Rater1Score")}
    single = third.is_null() & (first != score) & second.is_null()
    yield Hit("items", single, "ItemScore", part="single", words=words)


@predicate("X45")
def in_the_package(frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Items that the packages given don't have for the test."""
    packages = frames.setting.items_of
    if not packages:
        return
    pairs = [(test, item) for test, items in packages.items() for item in items]
    known = pl.DataFrame(pairs, schema=["test:AssessmentId", "ItemId"], orient="row")
    is_ours = pl.col("test:AssessmentId").is_in(list(packages))
    rows = frames.items.filter(is_ours & pl.col("is_first"))
    keys = ["test:AssessmentId", "ItemId"]
    yield Hit(rows.join(known, on=keys, how="anti", maintain_order="left"), pl.lit(True), "ItemId")
