"""Score an administration: responses and packages in, a scores table and findings out."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.errors import InputRefusedError, ScorehouseError
from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.packages import Package, read_packages
from scorehouse.intake.readers.responses import read_responses
from scorehouse.scoring.assemble import Assembler
from scorehouse.scoring.bank import ItemBank, bank_from_tables
from scorehouse.scoring.batch import Batch, Problem
from scorehouse.scoring.fit import FitSums, fit_sums, fit_table, no_sums
from scorehouse.scoring.merge_batch import merged_batch
from scorehouse.scoring.prepared import Prepared, prepare
from scorehouse.scoring.score import score_batch
from scorehouse.terms import MeasurementRules, Policy, SchoolYear
from scorehouse.verbs.merge import GatheredChunk, TestKeys, gathered
from scorehouse.verbs.output import TableSink, scores_sink, write_table
from scorehouse.verbs.request import ScoreRequest, write_record
from scorehouse.verbs.summary import ScoreSummary
from scorehouse.verbs.writable import check_outputs

Progress = Callable[[int, int | None], None]
_RUN_WIDE = ("left_out_on_request",)


class ChunkScores(NamedTuple):
    """What scoring a chunk gave."""

    chunk: ResponseChunk
    scores: pa.Table
    problems: list[Problem]
    fit: FitSums | None


class Made(NamedTuple):
    """Some of a run's scores."""

    scores: pa.Table
    fit: FitSums | None = None


@dataclass(frozen=True)
class Scorer:
    """Everything a run needs besides the responses; tables in, tables out."""

    assembler: Assembler
    prepared: Prepared
    with_targets: bool = True
    with_fit: bool = False

    @classmethod
    def make(
        cls,
        package: Package,
        rules: MeasurementRules,
        policy: Policy,
        leave_out: frozenset[str] = frozenset(),
        *,
        with_targets: bool = True,
        with_fit: bool = False,
    ) -> Scorer:
        """Prepare a scorer for the tests of a package."""
        bank: ItemBank = bank_from_tables(package.assessments, package.items)
        prepared = prepare(bank, rules, policy)
        return cls(Assembler(bank, rules, leave_out), prepared, with_targets, with_fit)

    def batch(self, chunk: ResponseChunk) -> tuple[Batch, list[Problem]]:
        """Assemble a chunk of responses; the sittings of a gathered one as one test each."""
        if isinstance(chunk, GatheredChunk):
            groups = self.keys.groups(chunk)
            return merged_batch(*chunk, groups, self.assembler)
        return self.assembler.batch(chunk.responses, chunk.opportunities, chunk.offsets)

    @property
    def keys(self) -> TestKeys:
        """Which sittings are of one test."""
        return TestKeys(self.prepared.bank, self.prepared.rules.year)

    def score(self, chunk: ResponseChunk) -> ChunkScores:
        """Score a chunk of responses."""
        batch, problems = self.batch(chunk)
        scores = score_batch(batch, self.prepared, with_targets=self.with_targets)
        fit = fit_sums(batch, self.prepared, scores) if self.with_fit else None
        return ChunkScores(chunk, scores, problems, fit)


ScoreAll = Callable[
    [ScoreRequest, Scorer, FindingLog, Progress | None], Iterator[Made | ChunkScores]
]
"""Reads and scores a whole input, in its order: `scored_chunks`, or a `score_spread.Spread`."""


def score_file(
    request: ScoreRequest,
    out: Path,
    findings: Path,
    progress: Progress | None = None,
    score_all: ScoreAll | None = None,
) -> ScoreSummary:
    """Score a file or folder into `out`; what was wrong with it goes to `findings`.

    Memory stays bounded at any size. Raises InputRefusedError, after the findings are
    written, when nothing at all could be read from the input or the packages; UsageError
    and RuleNotInForceError before anything is read. No file is left half-written.
    """
    check_outputs(request, out, findings)
    rules, policy = request.rules()
    log = FindingLog(show_private=request.show_private)
    try:
        summary = _scored_into(
            request, rules, policy, log, out, progress, score_all or scored_chunks
        )
    except ScorehouseError as error:
        log.write(findings)
        raise type(error)(f"{error} See {findings.name}.") from None
    _uncertain_rules(rules, policy, request, summary, log)
    log.write(findings)
    summary.findings, summary.left_out = log.counts(), log.left_out
    summary.consequences = log.by_consequence()
    summary.other_years = _other_years(log)
    return summary


def _scored_into(
    request: ScoreRequest,
    rules: MeasurementRules,
    policy: Policy,
    log: FindingLog,
    out: Path,
    progress: Progress | None,
    score_all: ScoreAll,
) -> ScoreSummary:
    """Score everything into `out` and write the record of the run beside it."""
    scorer = make_scorer(request, rules, policy, log)
    types = {a.assessment_id: a.assessment_type for a in scorer.prepared.bank.assessments}
    summary = ScoreSummary(types, rulebook_digest=rules.digest, policy=policy.policy_id)
    with scores_sink(out) as sink:
        _run(request, scorer, sink, summary, score_all(request, scorer, log, progress))
        if not summary.tests:
            raise InputRefusedError(_nothing_read("the input", log))
    write_record(request, out, rules.digest, policy.policy_id)
    return summary


def make_scorer(
    request: ScoreRequest, rules: MeasurementRules, policy: Policy, log: FindingLog
) -> Scorer:
    """Read the packages and prepare the scorer; InputRefusedError if they hold no item."""
    package = read_packages(request.packages, log)
    if package.is_empty:
        raise InputRefusedError(_nothing_read("the packages", log))
    _check_package_years(package, rules.year, log)
    _check_minimums(package, rules, log)
    return Scorer.make(
        package,
        rules,
        policy,
        request.leave_out,
        with_targets=request.with_targets,
        with_fit=request.item_fit is not None,
    )


def _nothing_read(what: str, log: FindingLog) -> str:
    """Say why nothing could be read, as the first grave finding says it."""
    grave = ("file_refused", "stop", "record_left_out")
    first = next((f for f in log if f.consequence in grave), None)
    if first is None:
        return f"Nothing could be read from {what}: no test is in it."
    name = f"{first.file}: " if first.file else ""
    return f"Nothing could be read from {what}. {name}{first.message} {first.remedy}"


def _run(
    request: ScoreRequest,
    scorer: Scorer,
    sink: TableSink,
    summary: ScoreSummary,
    made: Iterator[Made | ChunkScores],
) -> None:
    """Put everything into the sink, counting; write item fit if it was asked for."""
    sums = no_sums(len(scorer.prepared.bank))
    for result in made:
        sink.write_table(result.scores)
        summary.add(result.scores)
        if result.fit is not None:
            sums = sums.plus(result.fit)
    if request.item_fit is not None:
        write_table(fit_table(sums, scorer.prepared.bank), request.item_fit)


def scored_chunks(
    request: ScoreRequest, scorer: Scorer, log: FindingLog, progress: Progress | None = None
) -> Iterator[ChunkScores]:
    """Read and score chunk after chunk, in order; what is wrong goes to the log."""
    chunks = _chunks(request, scorer, log, progress)
    years = YearCheck(scorer.prepared.rules.year)
    run_wide: Counter[tuple[str, str]] = Counter()
    for result in _in_order(chunks, scorer, request.threads):
        years.see(result.chunk)
        report(result.problems, result.chunk, log, run_wide)
        yield result
    years.report(log)
    for (rule, value), count in run_wide.items():
        log.add(rule, value=value, count=count)


def _chunks(
    request: ScoreRequest, scorer: Scorer, log: FindingLog, progress: Progress | None
) -> Iterator[ResponseChunk]:
    """The tests of the input; those sat more than once together, if that is asked for."""

    def read(log: FindingLog) -> Iterator[ResponseChunk]:
        return read_responses(
            request.input, log, opportunities=request.opportunities, progress=progress
        )

    return gathered(read, scorer.keys, log) if request.merge_parts else read(log)


def _in_order(
    chunks: Iterator[ResponseChunk], scorer: Scorer, threads: int
) -> Iterator[ChunkScores]:
    """Score chunks in threads, giving them back in order and never holding many."""
    if threads <= 1:
        yield from map(scorer.score, chunks)
        return
    waiting: deque[Future[ChunkScores]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for chunk in chunks:
            waiting.append(pool.submit(scorer.score, chunk))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def report(
    problems: list[Problem],
    chunk: ResponseChunk,
    log: FindingLog,
    run_wide: Counter[tuple[str, str]],
) -> None:
    """Turn a chunk's problems into findings that say file, record and row."""
    if not problems:
        return
    records, files = chunk.opportunities["opportunity_id"], chunk.opportunities["file"]
    for problem in problems:
        if problem.test < 0:
            run_wide[problem.rule, problem.value] += int(dict(problem.words).get("count", "1"))
            continue
        log.add(
            problem.rule,
            file=files[problem.test].as_py(),
            record=records[problem.test].as_py(),
            field=problem.field,
            row=_row(problem, chunk),
            value=problem.value,
            **dict(problem.words),
        )


def _row(problem: Problem, chunk: ResponseChunk) -> int | None:
    """The row of a table that was read; of a TRT, the line on which its result begins."""
    first = chunk.opportunities["source_row"][problem.test].as_py()
    if not isinstance(first, int):
        return None
    is_trt = bool(chunk.opportunities["subject"][problem.test].as_py())
    if problem.row < 0 or is_trt:
        return first
    return first + problem.row - int(chunk.offsets[problem.test])


_OTHER_YEAR = "year_mismatch"


class YearCheck:
    """Files that say another year than the run's: a warning a year, not one a test.

    `others` counts their tests by year.
    """

    def __init__(self, year: SchoolYear) -> None:
        self._year = year
        self.others: Counter[str] = Counter()

    def see(self, chunk: ResponseChunk) -> None:
        """Count the years a chunk says."""
        for row in pc.value_counts(chunk.opportunities["school_year"].combine_chunks()).to_pylist():
            if row["values"] and row["values"] != str(self._year):
                self.others[row["values"]] += row["counts"]

    def report(self, log: FindingLog) -> None:
        """One warning for each other year."""
        for year, count in sorted(self.others.items()):
            what = f"school year of {count} test{'s' if count > 1 else ''}"
            log.add(_OTHER_YEAR, field="school_year", value=year, what=what, year=self._year)


def _other_years(log: FindingLog) -> tuple[str, ...]:
    """What the log says of other years; it may hold millions of other findings."""
    if _OTHER_YEAR not in log.counts():
        return ()
    found = (batch.filter(pc.equal(batch["rule"], _OTHER_YEAR)) for batch in log.batches())
    return tuple(message for batch in found for message in batch["message"].to_pylist())


def _check_package_years(package: Package, year: SchoolYear, log: FindingLog) -> None:
    """Warn of packages made for another year."""
    others = Counter(said for said in package.assessments["school_year"].to_pylist() if said)
    for said, count in sorted(others.items()):
        if said != str(year):
            what = f"package ({count} assessment{'s' if count > 1 else ''})"
            log.add(_OTHER_YEAR, field="school_year", value=said, what=what, year=year)


def _check_minimums(package: Package, rules: MeasurementRules, log: FindingLog) -> None:
    """Warn of adaptive tests whose completeness nobody can tell."""
    with_cat = set(
        package.items.filter(pc.equal(package.items["part"], "CAT"))["assessment_id"].to_pylist()
    )
    known = {(str(subject), grade) for subject, grade in rules.minimum_cat_items}
    for row in package.assessments.to_pylist():
        is_adaptive = row["assessment_type"] == "summative" and row["assessment_id"] in with_cat
        is_known = (row["subject"], row["test_grade"]) in known
        if is_adaptive and row["minimum_cat_items"] is None and not is_known:
            log.add("minimum_cat_unknown", field="minimum_cat_items", value=row["assessment_id"])


def _uncertain_rules(
    rules: MeasurementRules,
    policy: Policy,
    request: ScoreRequest,
    summary: ScoreSummary,
    log: FindingLog,
) -> None:
    """Say which uncertain rules the run rests on."""
    used = ["attemptedness/ICA"] if "ICA" in summary.met_types else []
    if not request.policy:
        used.append("default_policy")
    if summary.by_reason.get("nothing_answered"):
        used.append("attemptedness/summative/nothing_answered")
    used.append(f"policy/{policy.policy_id}")
    for path in used:
        origin = rules.origins.get(path)
        if origin is not None and origin.is_uncertain:
            log.add("uncertain_rule_used", field=path, value=path, note=origin.note or origin.title)
