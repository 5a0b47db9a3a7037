"""Rules that only the elements of TRT can break (P16 to P23, R8 to R18, X14 to X43)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Hit, blanks, number, predicate, text
from scorehouse.intake.checks.rule_data import ResultsRule

ALL = pl.lit(True)
OVERALL = ("OVERALL", "ACCOMMODATION")
TRAIT = r"^SOCK_(ARGU|EXPL|INFO|NARR|OPIN)_(ORG|EVI|CON)$"
CLAIM_LABELS = ("SCALESCORE", "PERFORMANCELEVEL", "THETASCORE")
CLAIM_MEASURES = {
    "ELA": ("SOCK_R", "2-W", "SOCK_LS", "4-CR"),
    "Math": ("1", "SOCK_2", "3"),
}
CLAIM_NAMES = {
    "ELA": r"^(?:Claim ?[1-4].*|Reading|Writing|Listening|Research)$",
    "Math": r"^(?:Claim ?[1-3].*|Concepts|PSMDA|Reasoning)$",
}
WITHIN = 0.05  # a twentieth of a second: what rounding a shared page time can do


@predicate("P16")
def selected_has_response(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Selected items without a Response element."""
    no_response = ~pl.col("has_response") & pl.col("response_date").is_null()
    yield Hit("item", (pl.col("isSelected") == "1") & no_response, rule.fields[0], pl.lit(""))


@predicate("P17")
def has_items(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Results without an item whose status doesn't explain it."""
    status = pl.col("opportunity_status").str.to_lowercase().fill_null("")
    results = frames.xml("result").filter(~status.is_in(rule.parameters["statuses_without_items"]))
    found = results.join(frames.xml("item"), on="result", how="anti", maintain_order="left")
    yield Hit(found, ALL, rule.fields[0], pl.col("opportunity_status"))


@predicate("P18")
def has_moments(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Results without a start that were started, or without a completion."""
    status = pl.col("Status").str.to_lowercase().fill_null("")
    was_started = ~status.is_in(rule.parameters["statuses_without_start"])
    yield from blanks("tests", ["StartDateTime"], was_started)
    yield from blanks("tests", ["SubmitDateTime"], ALL)


@predicate("P20")
def has_score_info(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Open-ended items without ScoreInfo."""
    kinds = rule.parameters["item_types"]
    open_ended = pl.col("format").is_in([*kinds, *(kind.lower() for kind in kinds)])
    items = frames.xml("item").filter(open_ended)
    scored = frames.xml("score_info").filter(pl.col("node") == 0).select("result", "item")
    found = items.join(scored, on=["result", "item"], how="anti", maintain_order="left")
    yield Hit(found, ALL, rule.fields[0], pl.col("format"))


@predicate("P21")
def paper_response_type(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Responses of paper records that don't say what their text is."""
    on_paper = frames.tests.filter(pl.col("is_paper")).select("result")
    items = frames.xml("item").join(on_paper, on="result", how="semi", maintain_order="left")
    yield Hit(
        items, pl.col("has_response") & text("response_type").is_null(), rule.fields[0], pl.lit("")
    )


@predicate("P22")
@predicate("P23")
def attributes_there(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Attributes of comments, tool usage and generic variables that aren't there."""
    frames = {
        "Comment": "comment",
        "ToolUsage": "tool_page",
        "ToolPage": "tool_page",
        "GenericVariable": "generic_variable",
    }
    for place in rule.fields:
        element, _, attribute = place.partition("/@")
        yield Hit(frames[element], pl.col(attribute).is_null(), place, pl.lit(""))


@predicate("R8")
def numeric_keys(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Keys of items that aren't 32-bit numbers."""
    for place in rule.fields:
        name = place.partition("/@")[2]
        key = pl.col(name).cast(pl.UInt64, strict=False)
        is_key = (key <= rule.parameters["largest"]).fill_null(False)
        yield Hit("item", pl.col(name).is_not_null() & ~is_key, place, pl.col(name))


@predicate("R10")
def points_in_range(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Points above a maximum that is known."""
    points, largest = number("scorePoint"), number("maxScore")
    words = {"expected": pl.col("maxScore")}
    above = (largest > 0) & (points > largest)
    yield Hit("score_info", above, rule.fields[0], pl.col("scorePoint"), words=words)


@predicate("R12")
def page_times(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Negative page times."""
    yield Hit("item", number("pageTime") < 0, rule.fields[0], pl.col("pageTime"))


@predicate("R17")
def residuals(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Residuals beyond 1, negative raw scores, more items scored than there are."""
    label, value = text("measureLabel").str.to_lowercase(), number("value")
    is_residual = label.str.ends_with("residualscore") | label.is_in(
        ["benchmarkscore", "proficiencydelta"]
    )
    is_raw = label.is_in(["rawscore", "itemcount", "itemcountscored"])
    off = (is_residual & (value.abs() > 1)) | (is_raw & (value < 0))
    yield Hit("score", off, rule.fields[0], pl.col("value"))
    counted = pl.when(label == "itemcount").then(value)
    scored = label == "itemcountscored"
    more = scored & (value > counted.max().over("result", "measureOf"))
    yield Hit("score", more, rule.fields[0], pl.col("value"))


@predicate("R18")
def writing_traits(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Traits out of range, repeated, or of several purposes."""
    is_raw = text("measureLabel").str.to_lowercase() == "rawscore"
    purpose, trait = (pl.col("measureOf").str.extract(TRAIT, place) for place in (1, 2))
    traits = frames.xml("score").filter(is_raw & trait.is_not_null())
    named = traits.with_columns(purpose.alias("purpose"), trait.alias("trait"))
    field = pl.col("measureOf")
    largest = pl.col("trait").replace_strict(rule.parameters["largest"], return_dtype=pl.Float64)
    is_points = number("value").is_between(0, largest).fill_null(False)
    yield Hit(named, ~is_points, field, pl.col("value"))
    twice = ~pl.struct("result", "measureOf").is_first_distinct()
    yield Hit(named, twice, field, pl.col("value"), part="twice")
    purposes = named.group_by("result", maintain_order=True).agg(
        pl.col("purpose").unique().sort().str.join(", ").alias("purposes"),
        pl.col("purpose").n_unique().alias("n"),
    )
    yield Hit(purposes, pl.col("n") > 1, "Score/@measureOf", pl.col("purposes"), part="purposes")


@predicate("X14")
def shared_page_time(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Durations that aren't the page's time divided by its items."""
    items = frames.xml("item").select(
        "result", "item", "segmentId", "pageNumber", "responseDuration", "pageTime"
    )
    page = ("result", "segmentId", "pageNumber")
    place = pl.col("result").hash() + pl.col("segmentId").hash() + pl.col("pageNumber").hash(1)
    sharing = items.filter(place.is_duplicated())  # hashes may only let too many through
    share = number("pageTime") / 1000 / pl.len().over(page)
    is_shared = pl.len().over(page) > 1
    differs = (
        is_shared & (number("pageTime") > 0) & ((number("responseDuration") - share).abs() > WITHIN)
    )
    words = {"expected": share.round(3).cast(pl.String)}
    yield Hit(sharing, differs, rule.fields[0], pl.col("responseDuration"), words=words)


@predicate("X15")
def known_segments(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Segments of items that aren't listed, and those listed twice."""
    listed = frames.xml("segment").select("result", pl.col("id").alias("segmentId"))
    used = frames.xml("item").select("result", "segmentId").drop_nulls().unique(maintain_order=True)
    unlisted = used.join(listed, on=["result", "segmentId"], how="anti", maintain_order="left")
    yield Hit(unlisted, ALL, rule.fields[0], pl.col("segmentId"))
    twice = ~pl.struct("result", "segmentId").is_first_distinct()
    yield Hit(listed, twice, "Segment/@id", pl.col("segmentId"), part="twice")


@predicate("X16")
def once_a_context(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Attributes and relationships repeated in one context."""
    for name in ("examinee_attribute", "examinee_relationship"):
        rows = frames.xml(name).select("result", "context", "name")
        again = ~pl.struct("result", "context", "name").is_first_distinct()
        repeats = pl.col("name").is_in(rule.parameters["repeats"])
        yield Hit(rows, again & ~repeats, pl.col("name"), pl.lit(""))


@predicate("X17")
def one_district(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Several districts or schools in one context."""
    aliases = {
        "DistrictId": ["DistrictId", "DistrictID", "ResponsibleDistrictIdentifier"],
        "SchoolId": [
            "SchoolId",
            "SchoolID",
            "ResponsibleInstitutionIdentifier",
            "ResponsibleSchoolIdentifier",
        ],
    }
    for name in rule.fields:
        named = frames.xml("examinee_relationship").filter(pl.col("name").is_in(aliases[name]))
        several = named.group_by("result", "context", maintain_order=True).agg(
            text("value").drop_nulls().n_unique().alias("n")
        )
        yield Hit(several, pl.col("n") > 1, name, pl.lit(""))


@predicate("X22")
def completeness_agrees(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The two attributes of completeness."""
    one, other = text("opportunity_completeness"), text("opportunity_completeStatus")
    differs = one.str.to_lowercase() != other.str.to_lowercase()
    yield Hit("result", differs, rule.fields[0], one, words={"expected": other})


@predicate("X35")
def demonstration(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Demonstration records."""
    is_demo = text("examinee_isDemo").str.to_lowercase().is_in(["1", "true"])
    yield Hit("result", is_demo, rule.fields[0], pl.col("examinee_isDemo"))


@predicate("X41")
def known_measures(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Scale scores and levels of measures that the subject doesn't have."""
    subjects = frames.tests.select("result", "subject")
    of_claims = text("measureLabel").str.to_uppercase().is_in(CLAIM_LABELS)
    overall = text("measureOf").str.to_uppercase().is_in(OVERALL)
    scores = frames.xml("score").filter(of_claims & ~overall)
    measured = scores.join(subjects, on="result", how="left", maintain_order="left")
    measure = text("measureOf")
    for subject, codes in CLAIM_MEASURES.items():
        known = measure.is_in(codes) | measure.str.contains(CLAIM_NAMES[subject])
        unknown = (pl.col("subject") == subject) & ~known
        yield Hit(measured, unknown, rule.fields[0], pl.col("measureOf"))


@predicate("X43")
def combined_tests(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Results of a combined test."""
    is_component = text("context").str.to_uppercase().str.starts_with("COMPONENT_")
    components = frames.xml("generic_variable").filter(is_component)
    named = components.unique("result", keep="first", maintain_order=True)
    counted = frames.xml("result").select("result", "opportunity_itemCount")
    found = named.join(counted, on="result", how="left", maintain_order="left")
    yield Hit(found, ALL, rule.fields[0], pl.col("opportunity_itemCount"))
