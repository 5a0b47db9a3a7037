"""Responses in the long form, with their opportunities, as results without delivered scores.

A sitting that a results file delivered is left as that file has it: it says more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa

from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.readers.responses import read_responses
from scorehouse.warehouse.kinds.response_settle import settle
from scorehouse.warehouse.kinds.result_values import NUMBER, frame, instant
from scorehouse.warehouse.loading import (
    BAD_DATA,
    BAD_FORMAT,
    NO_UPDATE,
    PROCESSED,
    Ending,
    Guess,
    Head,
    Kind,
    Loading,
)

_MARKS = {"opportunity_id", "student_id", "assessment_id", "item_id", "answered", "score"}
_BESIDE_MARKS = {"opportunity_id", "logged_on_cat", "logged_on_pt", "submitted_at"}
_PART_TESTS, _PART_RESPONSES = 100_000, 2_000_000
WAITING = "UNKNOWN_ASMT"


def recognise(head: Head) -> Guess | None:
    """Tell a long form by its columns."""
    if set(head.columns) >= _MARKS and "result_row" not in head.columns:
        return Guess(1.0, "it has the columns of the long form of responses")
    return None


def recognise_opportunities(head: Head) -> Guess | None:
    """Tell the table of opportunities that stands beside responses."""
    if set(head.columns) >= _BESIDE_MARKS:
        return Guess(1.0, "it has the columns of an opportunities table")
    return None


def bring_opportunities(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring nothing: opportunities are read with the responses they stand beside."""
    return Ending(NO_UPDATE, "read with the responses it stands beside", {})


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring every sitting of a table of responses."""
    return bring_sittings(loading, path, import_id, None)


def bring_sittings(
    loading: Loading, path: Path, import_id: int, sittings: frozenset[str] | None
) -> Ending:
    """Bring the sittings of these opportunities, or all of them."""
    fates: Counter[str] = Counter()
    for tests, responses in _parts(loading, path, sittings):
        told = frame(settle(loading.transaction, tests, responses, import_id))
        fates.update(told["fate"].to_list())
        _tell_waiting(loading, told)
    return _ending(fates)


def _parts(
    loading: Loading, path: Path, sittings: frozenset[str] | None
) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Sittings and responses in parts of like size: many small files would be read again."""
    held: list[tuple[pa.Table, pa.Table]] = []
    for tests, responses in _staged(loading, path, sittings):
        held.append((tests.to_arrow(), responses.to_arrow()))
        if sum(part.num_rows for _, part in held) >= _PART_RESPONSES:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: list[tuple[pa.Table, pa.Table]]) -> tuple[pa.Table, pa.Table]:
    tests, responses = zip(*held, strict=True)
    return pa.concat_tables(tests), pa.concat_tables(responses)


def _staged(
    loading: Loading, path: Path, sittings: frozenset[str] | None
) -> Iterator[tuple[pl.DataFrame, pl.DataFrame]]:
    first = 0
    for chunk in _chunks(loading, path):
        tests, responses = staged(chunk, first)
        first += tests.height
        if sittings is not None:
            tests = tests.filter(pl.col("opportunity_id").is_in(list(sittings)))
            responses = responses.join(tests.select(NUMBER), on=NUMBER, how="semi")
        yield tests, responses


def _chunks(loading: Loading, path: Path) -> Iterator[ResponseChunk]:
    return read_responses(path, loading.log, chunk_tests=_PART_TESTS, progress=loading.progress)


def staged(chunk: ResponseChunk, first: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Sittings and responses with the sitting's number, counted from `first`."""
    tests = frame(chunk.opportunities)
    numbers = pl.Series(NUMBER, range(first, first + tests.height), dtype=pl.Int64)
    of_row = np.repeat(numbers.to_numpy(), np.diff(chunk.offsets))
    results = tests.select(
        numbers,
        *(pl.col(name) for name in ("opportunity_id", "student_id", "assessment_id")),
        pl.col("school_year").fill_null(""),
        pl.col("mode"),
        pl.col("status"),
        pl.col("completeness"),
        instant(pl.col("started_at")).alias("started_at"),
        instant(pl.col("submitted_at")).alias("completed_at"),
        pl.when(pl.col("force_completed"))
        .then(instant(pl.col("submitted_at")))
        .alias("force_completed_at"),
    )
    rows = frame(chunk.responses).with_columns(pl.Series(NUMBER, of_row))
    wanted = (
        NUMBER, "part", "item_id", "dimension", "position", "answered", "score", "condition_code",
    )  # fmt: skip
    return results, rows.select(wanted)


def _tell_waiting(loading: Loading, told: pl.DataFrame) -> None:
    waiting = told.filter(pl.col("fate") == "waits")
    for opportunity, value in waiting.select("opportunity_id", "waits_value").iter_rows():
        loading.log.add("result_waits_for_assessment", record=opportunity, value=value)


def _ending(fates: Counter[str]) -> Ending:
    counts = {fate: number for fate, number in sorted(fates.items()) if number}
    said = ", ".join(f"{number:,} {fate}" for fate, number in counts.items())
    if not counts:
        return Ending(BAD_FORMAT, "no response could be read; see the findings", counts)
    if fates["new"] or fates["updated"]:
        return Ending(PROCESSED, said, counts)
    if fates["waits"]:
        return Ending(WAITING, said, counts)
    return Ending(NO_UPDATE if fates["unchanged"] or fates["held"] else BAD_DATA, said, counts)


KINDS = (
    Kind("responses", "responses, long form", 55, recognise, bring),
    Kind(
        "opportunities",
        "opportunities beside responses",
        54,
        recognise_opportunities,
        bring_opportunities,
    ),
)
