"""Explain one stored score: read its responses again, and score them by the readable rules."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.findings import Consequence, FindingLog
from scorehouse.intake.readers.responses import opportunities_beside, read_responses
from scorehouse.scoring.batch import Problem
from scorehouse.scoring.explain import Explanation, explain
from scorehouse.scoring.one import Score, score_sitting
from scorehouse.terms import MeasurementRules
from scorehouse.verbs.merge import gathered_around
from scorehouse.verbs.request import ScoreRequest, moved, read_record
from scorehouse.verbs.score import Scorer, make_scorer, report

_AGREES = 1e-9


@dataclass(frozen=True)
class StoredExplanation:
    """The story of a stored score, and where what is stored differs from it.

    `notes` say what was found in its responses, in the words of the findings.
    """

    opportunity_id: str
    explanation: Explanation
    notes: tuple[str, ...]
    rules: MeasurementRules
    request: ScoreRequest
    differences: tuple[str, ...]
    rulebook_changed: bool


def explain_stored(
    out: Path,
    opportunity_id: str,
    *,
    new_input: Path | None = None,
    new_packages: tuple[Path, ...] = (),
) -> StoredExplanation:
    """Explain the scores of an opportunity in a scores file made by `score_file`.

    The record beside the file says what it was made from; `new_input` and `new_packages`
    say where those are now, if they were moved. Raises UsageError when the opportunity
    isn't in the scores or its responses aren't in the input.
    """
    stored = _stored_rows(out, opportunity_id)
    if not stored:
        raise UsageError(f"{out.name} holds no such opportunity; opportunity_id names them")
    recorded, digest = read_record(out)
    request = moved(recorded, new_input, new_packages)
    rules, policy = request.rules()
    log = FindingLog()
    scorer = make_scorer(request, rules, policy, log)
    chunk = _find(request, opportunity_id, log, scorer)
    batch, problems = scorer.batch(chunk)
    if batch.assessment[0] < 0:
        raise UsageError("no package given holds the assessment of this opportunity")
    scored = score_sitting(batch.sitting(0, scorer.prepared.bank), rules, policy)
    differences = tuple(_differences(scored.scores, stored))
    notes = tuple(_notes(problems, chunk))
    is_changed = rules.digest != digest
    return StoredExplanation(
        opportunity_id, explain(scored, rules), notes, rules, request, differences, is_changed
    )


def _notes(problems: list[Problem], chunk: ResponseChunk) -> Iterator[str]:
    """What was found in the responses, gravest first, each once."""
    log = FindingLog()
    report(problems, chunk, log, Counter())
    found = sorted(log, key=lambda finding: not Consequence(finding.consequence).leaves_out)
    yield from dict.fromkeys(finding.message for finding in found)


def _stored_rows(out: Path, opportunity_id: str) -> list[dict[str, object]]:
    """The rows of one opportunity in a scores file."""
    if not out.is_file():
        raise UsageError(f"there is no file {out}")
    try:
        if out.suffix.lower() == ".csv":
            texts = pa.csv.ConvertOptions(
                column_types={"opportunity_id": pa.string(), "student_id": pa.string()}
            )
            table = pa.csv.read_csv(out, convert_options=texts)
            names = pa.array([opportunity_id, f"'{opportunity_id}"])  # as a formula is written
            table = table.filter(pc.is_in(table["opportunity_id"], value_set=names))
        else:
            table = pq.read_table(out, filters=[("opportunity_id", "=", opportunity_id)])
    except (pa.ArrowInvalid, KeyError) as error:
        raise InputRefusedError(f"{out.name} is not a scores file: {error}") from None
    rows: list[dict[str, object]] = table.to_pylist()
    return rows


def _find(
    request: ScoreRequest, opportunity_id: str, log: FindingLog, scorer: Scorer
) -> ResponseChunk:
    """The chunk of one opportunity, found in the input, with what was merged into it."""
    if request.merge_parts and request.input.exists():

        def read(log: FindingLog) -> Iterator[ResponseChunk]:
            return read_responses(request.input, log, opportunities=request.opportunities)

        merged = gathered_around(read, scorer.keys, opportunity_id, log)
        if merged is not None:
            return merged
    with _narrowed(request, opportunity_id) as (path, opportunities):
        for chunk in read_responses(path, log, opportunities=opportunities):
            place = pc.index(chunk.opportunities["opportunity_id"], opportunity_id).as_py()
            if place >= 0:
                return chunk.part(place, place + 1)
    raise UsageError(
        "the responses of this opportunity are not in the input any more; say where with --input"
    )


@contextmanager
def _narrowed(request: ScoreRequest, opportunity_id: str) -> Iterator[tuple[Path, Path | None]]:
    """Of long-form Parquet only the rows wanted, so that big files are found fast."""
    path = request.input
    if path.is_dir() and (path / "responses.parquet").is_file():
        path = path / "responses.parquet"
    if not path.exists():
        raise UsageError("the input of the run is not where it was; say where with --input")
    if path.suffix.lower() != ".parquet":
        yield request.input, request.opportunities
        return
    beside = request.opportunities or opportunities_beside(path)
    with tempfile.TemporaryDirectory(prefix="scorehouse-") as name:
        small = Path(name) / "responses.parquet"
        _filtered(path, small, opportunity_id)
        if beside is not None and beside.suffix.lower() == ".parquet":
            _filtered(beside, Path(name) / "opportunities.parquet", opportunity_id)
            beside = Path(name) / "opportunities.parquet"
        yield small, beside


def _filtered(source: Path, target: Path, opportunity_id: str) -> None:
    wanted = [("opportunity_id", "=", opportunity_id)]
    pq.write_table(pq.read_table(source, filters=wanted), target)


def _differences(scores: tuple[Score, ...], stored: list[dict[str, object]]) -> Iterator[str]:
    """Where the stored rows differ from the readable implementation's."""
    by_measure = {row["measure"]: row for row in stored}
    for score in scores:
        row = by_measure.get(score.measure)
        if row is None:
            if not score.measure.startswith("target:"):
                yield f"{score.measure}: not in the file"
            continue
        for field in fields(Score):
            now, then = getattr(score, field.name), row.get(field.name)
            if field.name not in ("measure", "reason") and not _same(now, then):
                yield f"{score.measure} {field.name}: stored {then}, now {now}"


def _same(now: object, then: object) -> bool:
    if isinstance(now, int | float) and isinstance(then, int | float):
        return abs(now - then) <= _AGREES * max(1.0, abs(now))
    return now == then
