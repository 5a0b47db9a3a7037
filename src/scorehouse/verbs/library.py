"""The verbs as an analyst calls them from Python, on paths, with Arrow tables as results."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.findings import FindingLog
from scorehouse.shapes import SCORES
from scorehouse.transmit.deidentify import Choices
from scorehouse.transmit.hashing import Method
from scorehouse.verbs.check import CheckRequest, CheckSummary, check_file
from scorehouse.verbs.convert import ConvertRequest, ConvertSummary, convert_file
from scorehouse.verbs.deidentify import DeidentifyRequest, DeidentifySummary, deidentify_file
from scorehouse.verbs.package import MOST_BYTES, PackageSummary, package_results
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.rescale import RescaleFiles, RescaleRequest, RescaleSummary, rescale_files
from scorehouse.verbs.score import make_scorer, scored_chunks

AnyPath = str | PathLike[str]


class Scored(NamedTuple):
    """Scores (`shapes.SCORES`) and findings (`shapes.FINDINGS`), as Arrow tables.

    `scores.to_pandas()` and `polars.from_arrow(scores)` take them further.
    """

    scores: pa.Table
    findings: pa.Table


class Checked(NamedTuple):
    """What a check counted, and each finding (`shapes.FINDINGS`) as an Arrow table."""

    summary: CheckSummary
    findings: pa.Table


def score(
    responses: AnyPath,
    packages: AnyPath | Iterable[AnyPath],
    year: str,
    *,
    program: str = "consortium",
    policy: str = "",
    leave_out: Iterable[str] = (),
    rulebook: AnyPath | None = None,
    with_targets: bool = True,
    merge_parts: bool = False,
) -> Scored:
    """Score responses into a table in memory; see `scorehouse score` for what they may be.

    Raises ScorehouseError when the request can't be met; what is wrong with records is in
    the findings.
    """
    request = ScoreRequest(
        input=Path(responses),
        packages=_paths(packages),
        year=year,
        program=program,
        policy=policy,
        leave_out=frozenset(leave_out),
        rulebook=_path(rulebook),
        with_targets=with_targets,
        merge_parts=merge_parts,
    )
    rules, chosen = request.rules()
    log = FindingLog()
    scorer = make_scorer(request, rules, chosen, log)
    tables = [result.scores for result in scored_chunks(request, scorer, log)]
    return Scored(pa.concat_tables([SCORES.empty_table(), *tables]), log.table())


def check(
    results: AnyPath,
    profile: str,
    *,
    year: str = "",
    program: str = "consortium",
    policy: str = "",
    packages: AnyPath | Iterable[AnyPath] = (),
    required: Iterable[str] = (),
    rulebook: AnyPath | None = None,
    with_schema: bool = True,
    is_deidentified: bool = False,
    page: AnyPath | None = None,
) -> Checked:
    """Check results against every rule of a profile; see `scorehouse check`.

    `page` is where the page for the sender goes. Raises ScorehouseError when the request
    can't be met; a refused delivery doesn't raise, `summary.is_refused` says so.
    """
    request = CheckRequest(
        input=Path(results),
        profile=profile,
        year=year,
        program=program,
        policy=policy,
        packages=_paths(packages),
        required=tuple(required),
        rulebook=_path(rulebook),
        with_schema=with_schema,
        is_deidentified=is_deidentified,
    )
    with tempfile.TemporaryDirectory() as folder:
        findings = Path(folder) / "findings.parquet"
        summary = check_file(request, findings, _path(page))
        return Checked(summary, pq.read_table(findings, memory_map=False))


def convert(
    results: AnyPath,
    output: AnyPath,
    *,
    to: str = "",
    optional_columns: bool = False,
    split_by: str = "",
    sidecar: AnyPath | None = None,
    overwrite: bool = False,
    findings: AnyPath | None = None,
) -> ConvertSummary:
    """Convert TRT to the two tables or back; see `scorehouse convert`.

    Findings go to `OUT.findings.csv` unless named. Raises ScorehouseError.
    """
    request = ConvertRequest(
        input=Path(results),
        output=Path(output),
        to=to,
        optional_columns=optional_columns,
        split_by=split_by,
        sidecar=_path(sidecar),
        overwrite=overwrite,
    )
    return convert_file(request, _findings(findings, output))


def deidentify(
    results: AnyPath,
    output: AnyPath,
    *,
    key_file: AnyPath | None = None,
    key_env: str = "",
    method: str = Method.HMAC_SHA1,
    keep_schools: bool = False,
    keep_groups: bool = False,
    findings: AnyPath | None = None,
) -> DeidentifySummary:
    """Take out who the students are, and prove it; see `scorehouse deidentify`.

    The key comes from a file or an environment variable, never as an argument. Findings go
    to `OUT.findings.csv` unless named. Raises ScorehouseError, and ValueError for an
    unknown method.
    """
    request = DeidentifyRequest(
        input=Path(results),
        key_file=_path(key_file),
        key_variable=key_env,
        method=Method(method),
        choices=Choices(keep_schools=keep_schools, keep_groups=keep_groups),
    )
    return deidentify_file(request, Path(output), _findings(findings, output))


def package(
    results: AnyPath,
    output: AnyPath,
    *,
    most_bytes: int = MOST_BYTES,
    findings: AnyPath | None = None,
) -> PackageSummary:
    """Split results by subject and grade into zips with a manifest; see `scorehouse package`.

    Findings go to `OUT.findings.csv` unless named. Raises ScorehouseError.
    """
    where = _findings(findings, output)
    return package_results(Path(results), Path(output), where, most_bytes=most_bytes)


def rescale(
    inputs: AnyPath | Iterable[AnyPath],
    output: AnyPath,
    *,
    policy: str = "",
    as_in: str = "",
    program: str = "consortium",
    rulebook: AnyPath | None = None,
    keeps_errors: bool = False,
    with_optional: bool = True,
    overwrite: bool = False,
) -> RescaleSummary:
    """Put scores of several years under one LOSS/HOSS option; see `scorehouse rescale`.

    The report and the levels are in the summary as Arrow tables, and beside the output with
    the changes and the findings. Raises ScorehouseError.
    """
    request = RescaleRequest(
        inputs=_paths(inputs),
        output=Path(output),
        policy=policy,
        as_in=as_in,
        program=program,
        rulebook=_path(rulebook),
        keeps_errors=keeps_errors,
        with_optional=with_optional,
        overwrite=overwrite,
    )
    return rescale_files(request, RescaleFiles.beside(request.output))


def _path(path: AnyPath | None) -> Path | None:
    return Path(path) if path is not None else None


def _paths(paths: AnyPath | Iterable[AnyPath]) -> tuple[Path, ...]:
    return (Path(paths),) if isinstance(paths, str | PathLike) else tuple(map(Path, paths))


def _findings(findings: AnyPath | None, output: AnyPath) -> Path:
    out = Path(output)
    return _path(findings) or out.with_name(f"{out.name}.findings.csv")
