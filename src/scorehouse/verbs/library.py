"""The verbs as an analyst calls them from Python, on paths, with Arrow tables as results."""

from __future__ import annotations

from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.shapes import SCORES
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import make_scorer, scored_chunks


class Scored(NamedTuple):
    """Scores (`shapes.SCORES`) and findings (`shapes.FINDINGS`), as Arrow tables.

    `scores.to_pandas()` and `polars.from_arrow(scores)` take them further.
    """

    scores: pa.Table
    findings: pa.Table


def score(
    responses: str | PathLike[str],
    packages: str | PathLike[str] | Iterable[str | PathLike[str]],
    year: str,
    *,
    program: str = "consortium",
    policy: str = "",
    leave_out: Iterable[str] = (),
    rulebook: str | PathLike[str] | None = None,
    with_targets: bool = True,
    merge_parts: bool = False,
) -> Scored:
    """Score responses into a table in memory; see `scorehouse score` for what they may be.

    Raises ScorehouseError when the request can't be met; what is wrong with records is in
    the findings.
    """
    paths = [packages] if isinstance(packages, str | PathLike) else list(packages)
    request = ScoreRequest(
        input=Path(responses),
        packages=tuple(Path(path) for path in paths),
        year=year,
        program=program,
        policy=policy,
        leave_out=frozenset(leave_out),
        rulebook=Path(rulebook) if rulebook is not None else None,
        with_targets=with_targets,
        merge_parts=merge_parts,
    )
    rules, chosen = request.rules()
    log = FindingLog()
    scorer = make_scorer(request, rules, chosen, log)
    tables = [result.scores for result in scored_chunks(request, scorer, log)]
    return Scored(pa.concat_tables([SCORES.empty_table(), *tables]), log.table())
