"""One record's fields against each other (rules X5 to X7, X18 to X24, X29, X30, X36 to X42)."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from scorehouse.intake.checks.frames import Frames
from scorehouse.intake.checks.presence import RACES
from scorehouse.intake.checks.registry import Given, Hit, blank, filled, predicate
from scorehouse.intake.checks.rule_data import ResultsRule, fields_of_tests

PSEUDONYM = r"^[0-9A-Fa-f]{40}$"
NAMED_TEST = r"(ELA|MATH)-(?:G|GRADE-?)?(\d{1,2})(?:-|$)"


def _before(first: str, second: str) -> pl.Expr:
    """Whether one moment is before another; not told when only one has a zone."""
    same_kind = pl.col(f"zone:{first}") == pl.col(f"zone:{second}")
    return same_kind & (pl.col(f"@{first}") < pl.col(f"@{second}"))


def _day(name: str) -> pl.Expr:
    return pl.col(f"@{name}").dt.date()


def _upper(name: str) -> pl.Expr:
    return pl.col(name).str.to_uppercase()


@predicate("X5")
def submitted_after_start(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Submitted before it started."""
    yield Hit("tests", _before("SubmitDateTime", "StartDateTime"), rule.fields[0])


@predicate("X6")
def status_after_submission(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """A status older than the submission."""
    yield Hit("tests", _before("StatusDateTime", "SubmitDateTime"), rule.fields[0])


@predicate("X7")
def administration_before_start(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """An administration that began after the test."""
    is_late = _day("AssessmentAdministrationStartDate") > _day("StartDateTime")
    yield Hit("tests", is_late, rule.fields[0])


@predicate("X18")
def any_ethnicity(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """No flag of ethnicity or race is Yes."""
    flags = [pl.col(f"?{name}").fill_null(False) for name in (*RACES, "Filipino", "TwoOrMoreRaces")]
    yield Hit("tests", ~pl.any_horizontal(flags), rule.fields[0])


@predicate("X19")
def several_races(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Several races with the combined flag at No."""
    races = pl.sum_horizontal(pl.col(f"?{name}").fill_null(False) for name in RACES[1:])
    says_no = ~pl.col("?TwoOrMoreRaces")
    yield Hit("tests", (races > 1) & says_no, rule.fields[0])


@predicate("X20")
def condition_fits(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Conditions of the other type of test."""
    name = rule.fields[0]
    condition, interim = _upper(name), pl.col("is_interim")
    standard = condition.is_in(["STANDARDIZED", "NONSTANDARDIZED", "SD", "NS"])
    valid = condition.is_in(["VALID", "INVALID", "IN"])
    yield Hit("tests", ~interim & standard, name)
    yield Hit("tests", interim & valid, name, part="tolerated")


@predicate("X21")
def validity_agrees(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Validity against the condition."""
    name = rule.fields[0]
    is_invalid = _upper("AdministrationCondition").is_in(["INVALID", "IN"])
    differs = (_upper(name) == "INVALID") != is_invalid
    words = {"expected": pl.col("AdministrationCondition")}
    yield Hit("tests", differs, name, words=words)


@predicate("X23")
def complete_has_answers(frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Complete tests without an answer, or without one in a segment."""
    name = rule.fields[0]
    complete = _upper(name) == "COMPLETE"
    yield Hit("tests", complete & (pl.col("n_answered") == 0), name)
    lacking = (pl.col("n_answered") > 0) & (pl.col("n_segments_answered") < pl.col("n_segments"))
    suspects = frames.tests.filter(complete & lacking).select("result")
    if suspects.height:
        segments = frames.firsts.join(suspects, on="result", how="semi")
        per_segment = segments.group_by("result", "SegmentId", maintain_order=True).agg(
            pl.col("is_answered").any()
        )
        where = ~pl.col("is_answered")
        yield Hit(per_segment, where, name, pl.col("SegmentId"), part="part")


@predicate("X24")
def obsolete_statuses(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Obsolete statuses, and what they contradict."""
    name, status = rule.fields[0], pl.col(rule.fields[0]).str.to_lowercase()
    yield Hit("tests", status.is_in(list(rule.parameters["means"])), name)
    valid = _upper("AdministrationCondition").is_in(["VALID", "STANDARDIZED", "SD"])
    contradictions = (
        ("completed", _upper("Completeness") == "PARTIAL", "Completeness"),
        ("expired", _upper("Completeness") == "COMPLETE", "Completeness"),
        ("invalidated", valid, "AdministrationCondition"),
    )
    for said, contrary, other in contradictions:
        words = {"expected": pl.format(other + " {}", pl.col(other))}
        yield Hit("tests", (status == said) & contrary, name, part="contradiction", words=words)


@predicate("X29")
def named_subject_and_grade(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The subject and grade that a consortium test id spells out."""
    name = rule.fields[0]
    subject = _upper(name).str.extract(NAMED_TEST, 1)
    grade = _upper(name).str.extract(NAMED_TEST, 2).str.zfill(2)
    other_subject = subject != pl.col("subject").str.to_uppercase()
    other_grade = (grade != pl.col("grade")) & pl.col("grade").str.contains(r"^\d\d$")
    words = {"expected": pl.format("{} {}", pl.col("Subject"), pl.col("TestGrade"))}
    yield Hit("tests", other_subject | other_grade, name, words=words)


@predicate("X30")
def other_grade(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """Students who take another grade's test."""
    name = rule.fields[0]
    differs = _upper(name).str.zfill(2) != pl.col("grade")
    words = {"expected": pl.col("TestGrade")}
    yield Hit("tests", differs, name, words=words)


@predicate("X36")
def acquisition_status(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """The acquisition status in place of LEPStatus."""
    name = rule.fields[0]
    yield Hit("tests", blank(name) & filled("EnglishLanguageAcquisitionStatus"), name)


@predicate("X37")
def learner_dates(_frames: Frames, _rule: ResultsRule) -> Iterator[Hit]:
    """Exit before entry, entry into school after the test."""
    early = _day("LEPExitDate") < _day("LimitedEnglishProficiencyEntryDate")
    yield Hit("tests", early, "LEPExitDate")
    late = _day("FirstEntryDateIntoUSSchool") > _day("SubmitDateTime")
    yield Hit("tests", late, "FirstEntryDateIntoUSSchool")


@predicate("X38")
def deidentified(given: Given, _rule: ResultsRule) -> Iterator[Hit]:
    """What a de-identified record may not hold; asked for by the setting."""
    if not given.setting.is_deidentified:
        return
    for name, layout in fields_of_tests().items():
        if layout.deidentified == "blank":
            yield Hit("tests", filled(name), name)
    plain = ~pl.col("StudentIdentifier").str.contains(PSEUDONYM)
    yield Hit("tests", plain, "StudentIdentifier", part="pseudonym")


@predicate("X42")
def agent_header(_frames: Frames, rule: ResultsRule) -> Iterator[Hit]:
    """A User-Agent without a slash token."""
    name = rule.fields[0]
    looks_so = pl.col(name).str.contains("/", literal=True) | (_upper(name) == "ONLINE TEST")
    yield Hit("tests", ~pl.col("is_paper") & ~looks_so, name)
