"""Check a results delivery: read it, run every rule of a profile, and say what was found."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl

from scorehouse.documents.findings_page import FindingsPage, RuleTold, render
from scorehouse.errors import UsageError
from scorehouse.intake.catalogue import Consequence, is_private
from scorehouse.intake.checks import (
    Checker,
    CheckTotals,
    Setting,
    checked_chunks,
    profile_named,
    results_rules,
)
from scorehouse.intake.checks.rule_data import fields_of_tests
from scorehouse.intake.findings import Finding, FindingLog, replacing
from scorehouse.intake.readers.packages import read_packages
from scorehouse.intake.readers.results import (
    CHECKED_BYTES,
    Reading,
    read_files,
    read_results,
    sorted_files,
)
from scorehouse.rulebook import Rulebook
from scorehouse.terms import MeasurementRules, SchoolYear
from scorehouse.verbs.check_worker import Job
from scorehouse.verbs.check_workers import (
    CHUNK_RESULTS,
    CheckWorkers,
    SideBySide,
    workers_for,
)
from scorehouse.verbs.request import load_rulebook, parse_year
from scorehouse.verbs.rule_titles import first_sentence, title_of
from scorehouse.verbs.schema_told import SchemaVerdicts

Progress = Callable[[int, int | None], None]
EXAMPLES = 5
_ORDER = {consequence.value: place for place, consequence in enumerate(Consequence)}
_MASKED_VALUE = "(hidden)"


@dataclass(frozen=True)
class CheckRequest:
    """A check. Blank `year`: the profile's, else each record's own; blank `policy`: none stated."""

    input: Path
    profile: str
    year: str = ""
    program: str = "consortium"
    policy: str = ""
    packages: tuple[Path, ...] = ()
    required: tuple[str, ...] = ()
    rulebook: Path | None = None
    with_schema: bool = True
    is_deidentified: bool = False
    show_private: bool = False
    threads: int = 1


@dataclass
class CheckSummary:
    """What a check found. `rules` stand gravest first, each with a few examples."""

    profile: str
    year: str
    totals: CheckTotals
    rules: list[RuleTold] = field(default_factory=list)
    by_consequence: dict[str, int] = field(default_factory=dict)

    @property
    def is_refused(self) -> bool:
        """Whether nothing could be read, or a finding refuses a file or the delivery."""
        refusing = (Consequence.FILE_REFUSED.value, Consequence.STOP.value)
        return not self.totals.results or any(self.by_consequence.get(c, 0) for c in refusing)

    @property
    def leaves_out(self) -> bool:
        """Whether something would be left out."""
        return any(
            number and Consequence(consequence).leaves_out
            for consequence, number in self.by_consequence.items()
        )


def check_file(
    request: CheckRequest,
    findings: Path | None = None,
    page: Path | None = None,
    progress: Progress | None = None,
    workers: CheckWorkers | None = None,
) -> CheckSummary:
    """Check a file, folder or zip; write findings and the page a vendor can be sent.

    With `threads` above 1 a large delivery of TRT is checked by so many processes, or by the
    `workers` given; what is found is the same. Memory stays bounded at any size. Raises
    UsageError, and RuleNotInForceError for a `year` without rules, before anything is read;
    what is wrong with the input is in the summary.
    """
    setting, rules_of = _prepared(request)
    _check_outputs(findings, page)
    log = FindingLog(show_private=request.show_private)
    setting = _with_packages(setting, request, log)
    checker = Checker(setting, rules_of, policy=request.policy, show_private=request.show_private)
    _check(request, checker, log, progress, workers)
    _tell_absent_columns(log, request.profile)
    summary = _summary(setting, checker.totals, log)
    if findings is not None:
        log.write(findings)
    if page is not None:
        _write_page(page, request, summary)
    return summary


def _check(
    request: CheckRequest,
    checker: Checker,
    log: FindingLog,
    progress: Progress | None,
    workers: CheckWorkers | None,
) -> None:
    """Check what the input holds: TRT by workers, if there are any, the rest here."""
    found = sorted_files(request.input, log)
    with workers_for(request.threads, found.documents, workers) as beside:
        if beside is not None:
            SideBySide(beside, _job(request, checker), checker, log).check(
                found.documents, progress
            )
            found = found._replace(documents=())
    verdicts = SchemaVerdicts(request.profile) if request.with_schema else None
    reading = Reading(
        chunk_results=CHUNK_RESULTS,
        chunk_bytes=CHECKED_BYTES,
        progress=progress,
        threads=request.threads,
        beside=verdicts,
    )
    chunks = read_files(found, log, reading)
    deque(checked_chunks(chunks, checker, log), maxlen=0)  # keeps none of them


def _job(request: CheckRequest, checker: Checker) -> Job:
    return Job(
        setting=checker.setting,
        program=request.program,
        policy=request.policy,
        rulebook=request.rulebook,
        with_schema=request.with_schema,
        show_private=request.show_private,
    )


class CompatLine(NamedTuple):
    """One message of the incumbent about one result; `value` is masked unless asked."""

    result: int
    element: str
    value: str
    error: str


def compat_lines(request: CheckRequest) -> Iterator[CompatLine]:
    """The incumbent warehouse's own messages for the same input."""
    from scorehouse.intake.compat.rdw import messages_in
    from scorehouse.intake.compat.rdw_fields import DEFAULT_REQUIRED

    log = FindingLog(show_private=request.show_private)
    required = request.required or DEFAULT_REQUIRED
    for chunk in read_results(request.input, log):
        if chunk.is_xml:
            for result, messages in messages_in(chunk.elements, required):
                for message in messages:
                    yield _compat_line(result, *message[:3], request.show_private)


def _compat_line(
    result: int, element: str, value: str | None, error: str, show_private: bool
) -> CompatLine:
    shown = value or ""
    if not show_private and shown and is_private(element):
        error, shown = error.replace(shown, _MASKED_VALUE), _MASKED_VALUE
    return CompatLine(result + 1, element, shown, error)


def _prepared(request: CheckRequest) -> tuple[Setting, Callable[[SchoolYear], MeasurementRules]]:
    profile = profile_named(request.profile)
    text = request.year or profile.year
    year = parse_year(text) if text else None
    book = load_rulebook(request.rulebook)
    _check_policy(book, request)
    if year and request.year:
        book.at(year, request.program)  # refuses a year that has no rules
    setting = Setting(
        profile=profile,
        year=year,
        today=today(),
        required=_required(request),
        is_deidentified=request.is_deidentified,
        is_policy_stated=bool(request.policy),
    )
    return setting, lambda asked: book.at(asked, request.program)


def _check_policy(book: Rulebook, request: CheckRequest) -> None:
    known = book.at(book.years(request.program)[-1], request.program).policies
    if request.policy and request.policy not in known:
        raise UsageError(f"unknown policy {request.policy!r}; known are {', '.join(sorted(known))}")


def _required(request: CheckRequest) -> frozenset[str] | None:
    if not request.required:
        return None
    known = {*fields_of_tests(), "ethnicity", "items"}
    unknown = sorted(set(request.required) - known)
    if unknown:
        raise UsageError(f"unknown field {unknown[0]!r}; a field of the test table, or ethnicity")
    return frozenset(request.required)


def _check_outputs(findings: Path | None, page: Path | None) -> None:
    if findings is not None and findings.suffix.lower() not in (".csv", ".json", ".parquet"):
        raise UsageError(f"findings are written as .csv or .json, not {findings.name!r}")
    for path in (findings, page):
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} does not exist")


def _with_packages(setting: Setting, request: CheckRequest, log: FindingLog) -> Setting:
    if not request.packages:
        return setting
    items = read_packages(request.packages, log).items
    pairs = zip(items["assessment_id"].to_pylist(), items["item_id"].to_pylist(), strict=True)
    items_of: dict[str, set[str]] = {}
    for assessment, item in pairs:
        items_of.setdefault(assessment, set()).add(item)
    frozen = {assessment: frozenset(ids) for assessment, ids in items_of.items()}
    return Setting(**{**setting.__dict__, "items_of": frozen})


def today() -> date:
    """The day of the check."""
    return date.today()


def _tell_absent_columns(log: FindingLog, profile: str) -> None:
    """P1 and P2 by the profile, from what the reader of the two tables said."""
    if "results_column_absent" not in log.counts():
        return  # a log may hold millions
    absent = [f for f in log if f.rule == "results_column_absent"]
    for finding in absent:
        rule = results_rules()["P1" if finding.field in fields_of_tests() else "P2"]
        if rule.when.get(profile) != "off":
            part = rule.parts[""]
            message = part.message.format(field=finding.field)
            consequence = rule.consequence(profile).value
            log.append(
                Finding(
                    *(rule.rule, consequence, finding.file, "", finding.field),
                    *(None, "", message, part.remedy),
                )
            )


def _summary(setting: Setting, totals: CheckTotals, log: FindingLog) -> CheckSummary:
    counts = log.by_consequence()
    by_consequence = dict.fromkeys(_ORDER, 0)
    for (_, consequence), number in counts.items():
        by_consequence[consequence] += number
    examples = _examples(log)
    rules = [
        _rule_told(rule, consequence, number, examples.get((rule, consequence), []))
        for (rule, consequence), number in counts.items()
    ]
    rules.sort(key=lambda told: (-_ORDER[told.consequence], -told.count, told.rule))
    year = str(setting.year) if setting.year else "each record's own"
    return CheckSummary(setting.profile.name, year, totals, rules, by_consequence)


def _rule_told(rule: str, consequence: str, number: int, examples: list[Finding]) -> RuleTold:
    return RuleTold(rule, _title(rule, number, examples), consequence, number, examples)


def _title(rule: str, number: int, examples: list[Finding]) -> str:
    """A rule's title; of a rule that happened once, what it says of that case."""
    if rule not in results_rules() and number == 1 and examples:
        return first_sentence(examples[0].message)
    return title_of(rule)


def _examples(log: FindingLog) -> Mapping[tuple[str, str], list[Finding]]:
    """The first few findings of each rule and consequence."""
    found: dict[tuple[str, str], list[Finding]] = {}
    for batch in log.batches():
        frame = pl.from_arrow(batch)
        assert isinstance(frame, pl.DataFrame)
        each_field = frame.unique(
            ["rule", "consequence", "field"], keep="first", maintain_order=True
        )
        first = frame.group_by("rule", "consequence", maintain_order=True).head(EXAMPLES)
        for row in pl.concat([each_field, first.select(frame.columns)]).iter_rows():
            finding = Finding(*row)
            kept = found.setdefault((finding.rule, finding.consequence), [])
            if len(kept) < EXAMPLES and finding not in kept:
                kept.append(finding)
    return found


def _write_page(path: Path, request: CheckRequest, summary: CheckSummary) -> None:
    totals = summary.totals
    page = FindingsPage(
        delivery=request.input.name if request.show_private else f"a {_kind(request.input)}",
        profile=profile_named(request.profile).label,
        year=summary.year,
        policy=request.policy or "none stated",
        checked_on=today().isoformat(),
        results=totals.results,
        item_rows=totals.item_rows,
        left_out=totals.left_out,
        rules=summary.rules,
        by_consequence=summary.by_consequence,
        coverage={"Test table": totals.tests, "Item table": totals.items},
        years_without_rules=tuple(totals.years_without_rules),
    )
    with replacing(path) as stream:
        stream.write(render(page).encode())


def _kind(path: Path) -> str:
    return "folder" if path.is_dir() else f"{path.suffix.lstrip('.').lower() or 'file'} file"
