"""Put the scores of several years under one LOSS/HOSS option, and tell who changes.

Scores tables that `score` wrote become one scores table; results files (TRT, the two tables)
become the two tables. What can't be recomputed is told, and stays as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from scorehouse.errors import InputRefusedError, ScorehouseError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.tables import columns_of
from scorehouse.rulebook import Rulebook
from scorehouse.scoring.rescale_report import CHANGES, ChangeReport
from scorehouse.shapes import SCORES
from scorehouse.terms import MeasurementRules, Policy
from scorehouse.verbs.output import SUFFIXES, scores_sink, write_table
from scorehouse.verbs.request import load_rulebook, parse_year, pick_policy
from scorehouse.verbs.rescale_results import ResultsRun, rescale_results
from scorehouse.verbs.rescale_scores import ScoresRun, rescale_tables
from scorehouse.verbs.writable import FINDINGS_SUFFIXES, check_place

Progress = Callable[[int, int | None], None]
SCORES_FILES, RESULTS_FILES = "scores", "results"
_TELLING = {"opportunity_id", "measure"}


@dataclass(frozen=True)
class RescaleRequest:
    """What to rescale. Either `policy` or `as_in`, a year whose own policy is meant."""

    inputs: tuple[Path, ...]
    output: Path
    policy: str = ""
    as_in: str = ""
    program: str = "consortium"
    rulebook: Path | None = None
    keeps_errors: bool = False
    with_optional: bool = True
    overwrite: bool = False
    show_private: bool = False
    threads: int = 1


@dataclass(frozen=True)
class RescaleFiles:
    """Where the report goes, beside the output by default."""

    findings: Path
    changes: Path
    report: Path
    levels: Path

    @classmethod
    def beside(cls, output: Path) -> RescaleFiles:
        """`OUT.findings.csv`, `OUT.changes.csv`, `OUT.report.csv`, `OUT.levels.csv`."""
        names = ("findings", "changes", "report", "levels")
        return cls(*(output.with_name(f"{output.name}.{name}.csv") for name in names))


@dataclass
class RescaleSummary:
    """What a run did. `rows` counts score rows, or results; `left` scores that stayed."""

    form: str
    policy: str
    rulebook_digest: str
    rows: int = 0
    report: pa.Table = None
    levels: pa.Table = None
    findings: dict[str, int] = field(default_factory=dict)
    left_out: int = 0

    def total(self, column: str) -> int:
        """The sum of a count of the report."""
        return sum(value or 0 for value in self.report[column].to_pylist())

    @property
    def is_whole(self) -> bool:
        """Whether every score is under the option now, and nothing was left out."""
        return not (self.left_out or self.total("n_left"))


def rescale_files(
    request: RescaleRequest, files: RescaleFiles, progress: Progress | None = None
) -> RescaleSummary:
    """Rescale files of one form into `request.output`, with the report beside it.

    Memory stays bounded at any size. Raises UsageError and RuleNotInForceError before
    anything is read; InputRefusedError, after the findings are written, when nothing could
    be read. No file is left half-written.
    """
    form = _form(request)
    _check(request, files, form)
    book = load_rulebook(request.rulebook)
    rules = {str(year): book.at(year, request.program) for year in book.years(request.program)}
    policy = _policy(request, book, rules)
    log = FindingLog(show_private=request.show_private)
    summary = RescaleSummary(form, policy.policy_id, book.digest)
    try:
        report = _run(request, files, rules, policy, summary, log, progress)
    except ScorehouseError as error:
        log.write(files.findings)
        raise type(error)(f"{error} See {files.findings.name}.") from None
    if not summary.total("n_scores"):
        log.add("rescale_no_score")
    _warn_of_ends(report, rules, policy, log)
    write_table(summary.report, files.report)
    write_table(summary.levels, files.levels)
    log.write(files.findings)
    summary.findings, summary.left_out = log.counts(), log.left_out
    return summary


def _run(
    request: RescaleRequest,
    files: RescaleFiles,
    rules: Mapping[str, MeasurementRules],
    policy: Policy,
    summary: RescaleSummary,
    log: FindingLog,
    progress: Progress | None,
) -> ChangeReport:
    """Rescale everything; the output and the changes appear when all is written."""
    report = ChangeReport()
    with ExitStack() as stack:
        changes = stack.enter_context(scores_sink(files.changes, CHANGES))
        if summary.form == SCORES_FILES:
            scores = stack.enter_context(scores_sink(request.output))
            run = ScoresRun(rules, policy.policy_id, scores, changes, report, log)
            summary.rows = rescale_tables(run, request.inputs, request.threads, progress)
        else:
            results = ResultsRun(rules, policy.policy_id, changes, report, log)
            results = results.with_options(request.keeps_errors, request.with_optional)
            summary.rows = rescale_results(results, request.inputs, request.output, progress)
        if not summary.rows:
            raise InputRefusedError(_nothing_read(log))
    summary.report, summary.levels = report.table(), report.levels()
    return report


def _nothing_read(log: FindingLog) -> str:
    first = next((f for f in log if f.consequence in ("file_refused", "stop")), None)
    why = f"{first.message} {first.remedy}" if first else "There is no score in it."
    return f"Nothing could be read from the input. {why}"


def _form(request: RescaleRequest) -> str:
    """Whether the inputs are scores tables or results; UsageError for a mixture."""
    for place, path in enumerate(request.inputs):
        if not path.exists():
            raise UsageError(f"there is no file or folder {path}")
        if path.resolve() in {other.resolve() for other in request.inputs[:place]}:
            raise UsageError(f"{path} is given twice; its scores would count twice")
    forms = {is_scores_table(path): path.name for path in request.inputs}
    if len(forms) > 1:
        raise UsageError(
            f"{forms[True]} is a scores table and {forms[False]} is not; "
            "rescale scores tables and results files each by themselves"
        )
    return SCORES_FILES if True in forms else RESULTS_FILES


def is_scores_table(path: Path) -> bool:
    """Whether a file is a table of one row a measure, whatever its name and completeness."""
    return path.is_file() and set(columns_of(path)) >= _TELLING


def _check(request: RescaleRequest, files: RescaleFiles, form: str) -> None:
    """Refuse outputs of no known form or place before anything is read."""
    if bool(request.policy) == bool(request.as_in):
        raise UsageError("say which option: --policy with its name, or --as-in with a year")
    beside = {"changes": files.changes, "report": files.report, "levels": files.levels}
    for what, path in beside.items():
        check_place(path, what, SUFFIXES)
    check_place(files.findings, "findings", FINDINGS_SUFFIXES)
    if form == SCORES_FILES:
        check_place(request.output, "scores", SUFFIXES)
    else:
        _check_folder(request)
    written = [request.output.resolve(), *(p.resolve() for p in vars(files).values())]
    if len(set(written)) < len(written):
        raise UsageError("an output would be written twice; give each its own name")
    _check_not_read(request, written)


def _check_not_read(request: RescaleRequest, written: list[Path]) -> None:
    for path in request.inputs:
        for out in written:
            if out == path.resolve():
                raise UsageError(f"{path.name} is read by this run; write to another file")
            if path.is_dir() and path.resolve() in out.parents:
                raise UsageError(f"{out.name} is inside the input folder; write outside of it")


def _check_folder(request: RescaleRequest) -> None:
    """Results are written as two tables into a folder, a new one unless it may be replaced."""
    folder = request.output
    if not folder.parent.is_dir():
        raise UsageError(f"the folder {folder.parent} does not exist; make it, or choose another")
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file; results are written as two tables into a folder")
    if folder.suffix.lower() in (*SUFFIXES, ".zip"):
        raise UsageError(
            f"{request.inputs[0].name} is no scores table, so it is taken for results, which are "
            f"written as two tables into a folder; {folder.name} is no folder's name"
        )
    if folder.is_dir() and any(folder.iterdir()) and not request.overwrite:
        raise UsageError(f"{folder} holds files already; say --overwrite to replace them")


def _policy(
    request: RescaleRequest, book: Rulebook, rules: Mapping[str, MeasurementRules]
) -> Policy:
    """The option asked for: by its name, or as a year's own."""
    if request.as_in:
        policy = pick_policy(book.at(parse_year(request.as_in), request.program), "")
    else:
        newest = max(rules.values(), key=lambda one: one.year)
        policy = pick_policy(newest, request.policy)
    if policy.drops_unanswered_when_complete or policy.single_part_is_participant:
        raise UsageError(
            f"{policy.policy_id} takes other responses than the options do, so theta would be "
            "another; score again from the responses instead"
        )
    return policy


def _warn_of_ends(
    report: ChangeReport, rules: Mapping[str, MeasurementRules], policy: Policy, log: FindingLog
) -> None:
    """Warn where bounds cut off more scores than a member's own should."""
    for found in report.end_shares():
        most = rules[found.school_year].most_at_bounds if found.school_year in rules else None
        if policy.limits == "none" or most is None or found.share <= most:
            continue
        what = f"{found.school_year}, {found.subject}, grade {found.test_grade}"
        share, allowed = f"{found.share:.1%}", f"{most:.0%}"
        log.add("rescale_many_at_end", what=what, end=found.end, share=share, most=allowed)


assert set(SCORES.names) >= _TELLING
