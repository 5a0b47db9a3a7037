"""Scores: their ranges, and what follows from what (rules R13 to R16, X25 to X28 and X40).

Every number of the scale comes from the rulebook, joined by school year, subject and grade;
where it has none (another subject, another year) nothing is compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.registry import Given, Hit, blank, filled, predicate
from scorehouse.intake.checks.rule_data import ResultsRule

CLAIMS = (1, 2, 3, 4)
ROUNDING = 0.5
SAME_THETA = 0.0001


def measures() -> Iterator[tuple[str, str, str, str, str]]:
    """Give score, its error, level, theta and its error: overall, then each claim."""
    yield (
        "ScaleScore",
        "ScaleScoreStandardError",
        "ScaleScoreAchievementLevel",
        "OverallTheta",
        "OverallThetaStandardError",
    )
    for claim in CLAIMS:
        name = f"Claim{claim}"
        yield (
            f"{name}Score",
            f"{name}ScoreStandardError",
            f"{name}ScoreAchievementLevel",
            f"{name}Theta",
            f"{name}ThetaStandardError",
        )


def value(name: str) -> pl.Expr:
    """The number in a column."""
    return pl.col(f"#{name}")


def rounded(expression: pl.Expr) -> pl.Expr:
    """Nearest whole number, halves up."""
    return (expression + ROUNDING).floor()


def shown(expression: pl.Expr) -> pl.Expr:
    """A number as a reader writes it."""
    return expression.round(2).cast(pl.String).str.replace(r"\.0$", "")


def _expected(expression: pl.Expr) -> Mapping[str, pl.Expr]:
    return {"expected": shown(expression)}


@predicate("R13")
def scale_scores(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Scores that aren't positive, off the consortium's range, or beyond LOSS and HOSS."""
    lowest, highest = rule.parameters["lowest"], rule.parameters["highest"]
    for name in rule.fields:
        score = value(name)
        yield Hit("tests", score <= 0, name)
        is_off = (score > 0) & ~score.is_between(lowest, highest) & filled("subject")
        yield Hit("tests", is_off, name, part="range")
        within = rounded(score).is_between(
            pl.col("lowest_scale_score"), pl.col("highest_scale_score")
        )
        is_beyond = ~within & (pl.col("limits") != "none") & (score > 0)
        words = {
            "expected": pl.format("{} to {}", "lowest_scale_score", "highest_scale_score"),
        }
        if given.setting.is_policy_stated:
            yield Hit("tests", is_beyond, name, part="bounds", words=words)


@predicate("R14")
def standard_errors(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Negative standard errors."""
    for _, score_error, _, _, theta_error in measures():
        for name in (score_error, theta_error):
            yield Hit("tests", value(name) < 0, name)


@predicate("R15")
def levels(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Levels that are none, and levels beyond those of the consortium's tests."""
    largest = rule.parameters["largest"]
    for place, (_, _, name, _, _) in enumerate(measures()):
        is_level = pl.col(name).str.contains(r"^\d$") & value(name).is_between(1, largest)
        yield Hit("tests", filled(name) & ~is_level, name)
        is_part = pl.lit(place > 0) | pl.col("is_block")
        most = pl.when(is_part).then(rule.parameters["part"]).otherwise(rule.parameters["overall"])
        beyond = is_level & (value(name) > most) & filled("subject")
        words = {"expected": most.cast(pl.String)}
        yield Hit("tests", beyond, name, part="kind", words=words)


@predicate("R16")
def thetas(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Thetas too far from 0, errors of theta above the ceiling."""
    for _, _, _, theta, error in measures():
        yield Hit("tests", value(theta).abs() > rule.parameters["farthest_theta"], theta)
        above = value(error) > pl.col("se_ceiling")
        words = _expected(pl.col("se_ceiling"))
        yield Hit("tests", above, error, part="error", words=words)


@predicate("X25")
def complete_scores(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """A score without its error or level, a level without its score, theta without error."""
    for score, error, level, theta, theta_error in measures():
        for missing, present in (
            (error, score),
            (level, score),
            (score, level),
            (theta_error, theta),
            (theta, theta_error),
        ):
            words = {"expected": pl.lit(present)}
            yield Hit("tests", blank(missing) & filled(present), missing, words=words)


def _is_clipped(score: pl.Expr, raw: pl.Expr) -> pl.Expr:
    """Whether a score stands at a bound that theta lies beyond."""
    at_lowest = (score == pl.col("lowest_scale_score")) & (raw <= score)
    at_highest = (score == pl.col("highest_scale_score")) & (raw >= score)
    return (at_lowest | at_highest).fill_null(False)


def _clipped(raw: pl.Expr) -> pl.Expr:
    lowest, highest = pl.col("lowest_scale_score"), pl.col("highest_scale_score")
    has_limits = (pl.col("limits") != "none") & lowest.is_not_null()
    return pl.when(has_limits).then(raw.clip(lowest, highest)).otherwise(raw)


@predicate("X26")
def scale_from_theta(given: Given, rule: ResultsRule) -> Iterator[Hit]:
    """Scale score and error by the line of the subject, under the LOSS/HOSS option."""
    points = rule.parameters["points"]
    for name, error, _, theta, theta_error in measures():
        raw = rounded(value(theta) * pl.col("slope") + pl.col("intercept"))
        score = rounded(value(name))
        is_far = (score - _clipped(raw)).abs() > points
        if not given.setting.is_policy_stated:
            is_far = is_far & ((score - raw).abs() > points)
        yield Hit("tests", is_far & (score > 0), name, words=_expected(_clipped(raw)))
        computed = value(theta_error) * pl.col("slope")
        is_off = (value(error) - computed).abs() > ROUNDING + SAME_THETA
        is_off = is_off & ~_is_clipped(score, raw)
        yield Hit("tests", is_off, error, words=_expected(computed))


@predicate("X27")
def level_from_cuts(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The overall level by the cut scores, on the rounded score."""
    score = rounded(value("ScaleScore"))
    level = pl.sum_horizontal(
        pl.lit(1), *((score >= pl.col(f"cut_{n}")).cast(pl.Int32) for n in (2, 3, 4))
    )
    name = rule.fields[0]
    is_known = filled("cut_3") & score.is_not_null() & ~pl.col("is_block")
    differs = is_known & (value(name) != level)
    yield Hit("tests", differs, name, words=_expected(level))


def _claim_level(score: pl.Expr, error: pl.Expr) -> pl.Expr:
    """Below, near or above the cut of level 3, by the band around the score."""
    rounds = (
        pl.when(pl.col("is_interim"))
        .then(pl.col("rounds_interim_claims"))
        .otherwise(pl.col("rounds_claims"))
    )
    band = error * pl.col("claim_band")
    upper = pl.when(rounds).then(rounded(score + band)).otherwise(score + band)
    lower = pl.when(rounds).then(rounded(score - band)).otherwise(score - band)
    cut = pl.col("cut_3")
    return pl.when(upper < cut).then(1).when(lower >= cut).then(3).otherwise(2)


@predicate("X28")
def claim_levels(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """The level of each claim by its score and error."""
    for name, error, level, _, _ in list(measures())[1:]:
        computed = _claim_level(value(name), value(error))
        is_known = value(name).is_not_null() & value(error).is_not_null() & filled("cut_3")
        differs = is_known & (value(level) != computed)
        yield Hit("tests", differs, level, words=_expected(computed))


@predicate("X40")
def cut_off_thetas(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """A theta exactly on a bound, with a score at that bound."""
    name = rule.fields[0]
    score = rounded(value("ScaleScore"))
    for end in ("lowest", "highest"):
        on_bound = (value(name) - pl.col(f"{end}_theta")).abs() < SAME_THETA
        clipped = score == pl.col(f"{end}_scale_score")
        yield Hit("tests", on_bound & clipped, name)
