"""Comparing the two implementations of scoring, column by column."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import fields

import numpy as np
import pyarrow as pa

from cases.scoring_builders import Row, by_test
from scorehouse import simulate
from scorehouse.intake.canonical import CHUNK_RESPONSES, ResponseChunk
from scorehouse.scoring import reference
from scorehouse.scoring.batch import Batch
from scorehouse.scoring.models import ScoredResponse
from scorehouse.scoring.one import Score, ScoredSitting, score_sitting
from scorehouse.terms import MeasurementRules
from scorehouse.verbs.score import Scorer

SMALLEST = 1e-9
BY_ERROR = 1e-15

_ON_THE_SCALE = ("scale_score_unrounded", "se_scale")


def simulated_chunk(made: simulate.SimulatedTests) -> ResponseChunk:
    """A simulation's tables as a reader would give them."""
    answers, sittings = made.responses, made.opportunities
    ids = sittings["opportunity_id"].to_pylist()
    of_rows = answers["opportunity_id"].to_pylist()
    first = {name: at for at, name in reversed(list(enumerate(of_rows)))}
    ends = np.concatenate(
        ([0], np.flatnonzero(np.array(of_rows[1:]) != np.array(of_rows[:-1])) + 1)
    )
    assert [of_rows[at] for at in ends] == [name for name in ids if name in first]
    counts = dict.fromkeys(ids, 0)
    for name in of_rows:
        counts[name] += 1
    offsets = np.concatenate(([0], np.cumsum(list(counts.values())))).astype(np.int64)
    for name in ("assessment_id", "student_id"):
        column = answers[name].to_pylist()
        values = [column[first[one]] if one in first else "" for one in ids]
        sittings = sittings.append_column(name, pa.array(values, pa.string()))
    sittings = sittings.append_column("assessment_name", pa.array([""] * len(ids)))
    blank = pa.array([""] * len(of_rows), pa.string())
    for name in set(CHUNK_RESPONSES.names) - set(answers.column_names):
        answers = answers.append_column(name, blank)
    return ResponseChunk(answers, sittings, offsets)


def uncapped_error(pattern: Sequence[ScoredResponse], theta: float, constant: float) -> float:
    """The standard error of theta over the whole pattern, without the reporting ceiling."""
    information = reference.information(theta, [given.item for given in pattern], constant)
    return 1.0 / math.sqrt(information) if information > 0 else math.inf


def pattern_of(
    scored: ScoredSitting, score: Score, rules: MeasurementRules
) -> list[ScoredResponse]:
    """The responses that a measure's theta rests on."""
    assert scored.overall is not None
    used = scored.overall.administered
    if score.measure == "overall":
        return [*used, *scored.simulated]
    for part in rules.parts[scored.sitting.assessment.subject]:
        if part.measure == score.measure:
            return [given for given in used if given.item.claim in part.strands]
    return list(used)


def tolerance(scored: ScoredSitting, score: Score, column: str, rules: MeasurementRules) -> float:
    """1e-9, or 1e-15 · SE² where doubles can't do better; times the slope on the scale."""
    pattern = pattern_of(scored, score, rules)
    theta = score.theta if score.theta is not None else scored.overall.placement.theta
    error = uncapped_error(pattern, theta, rules.model_constant)
    allowed = max(SMALLEST, BY_ERROR * min(error, 1e12) ** 2)
    slope = rules.scales[scored.sitting.assessment.subject].slope
    return allowed * slope if column in _ON_THE_SCALE else allowed


def differences(
    scored: ScoredSitting, rows: Sequence[Row], rules: MeasurementRules
) -> Iterator[str]:
    """What differs between the readable scores of a sitting and the kernel's rows."""
    measures = [score.measure for score in scored.scores]
    if measures != [row["measure"] for row in rows]:
        yield f"measures {measures} and {[row['measure'] for row in rows]}"
        return
    for score, row in zip(scored.scores, rows, strict=True):
        for field in fields(Score):
            mine, other = getattr(score, field.name), row[field.name]
            if mine == other:
                continue
            if not (isinstance(mine, float) and isinstance(other, float)):
                yield f"{score.measure} {field.name}: {mine!r} and {other!r}"
            elif abs(mine - other) > SMALLEST:
                allowed = tolerance(scored, score, field.name, rules)
                if not abs(mine - other) <= allowed:
                    yield f"{score.measure} {field.name}: {mine!r} and {other!r}, {allowed=}"


def disagreements(batch: Batch, scorer: Scorer, scores: pa.Table) -> tuple[int, list[str]]:
    """How many sittings were compared, and every difference found."""
    rules, policy = scorer.prepared.rules, scorer.prepared.policy
    rows = by_test(scores, batch.opportunity_id.to_pylist())
    found, compared = [], 0
    for index in range(len(batch)):
        if batch.assessment[index] < 0:
            continue
        sitting = batch.sitting(index, scorer.assembler.bank)
        readable = score_sitting(sitting, rules, policy)
        compared += 1
        found += [f"{index}: {text}" for text in differences(readable, rows[index], rules)]
    return compared, found
