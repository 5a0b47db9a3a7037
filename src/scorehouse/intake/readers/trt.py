"""Reading the responses in TRT XML: one file, a folder, a zip, or archive wrappers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from scorehouse.intake.canonical import ResponseChunk, in_one_piece
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.trt_responses import Responses, responses_of
from scorehouse.intake.readers.trt_stream import each_batch

CHUNK_FILES = 2_000
Progress = Callable[[int, int | None], None]


def read_trt(
    sources: Iterable[tuple[Path, str]],
    log: FindingLog,
    *,
    chunk_tests: int = CHUNK_FILES,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Iterator[ResponseChunk]:
    """Yield the results of TRT files and zips, each given with the name findings may show."""
    seen: set[str] = set()
    for found in each_batch(
        list(sources),
        log,
        responses_of,
        size=chunk_tests,
        limits=limits,
        threads=1,
        progress=progress,
    ):
        chunk = _chunk(found, seen, log)
        if chunk.opportunities.num_rows:
            yield chunk


def _chunk(found: Responses, seen: set[str], log: FindingLog) -> ResponseChunk:
    """Make a chunk of the opportunities that weren't met before."""
    offsets = np.concatenate(([0], np.cumsum(found.counts))).astype(np.int64)
    keys = found.opportunities["opportunity_id"].to_pylist()
    is_new = [_is_new(key, place, found.opportunities, seen, log) for place, key in enumerate(keys)]
    opportunities, responses = found.opportunities, found.responses
    if not all(is_new):
        counts = np.where(is_new, found.counts, 0)
        responses = responses.filter(pa.array(np.repeat(is_new, found.counts)))
        opportunities = opportunities.filter(pa.array(is_new))
        offsets = np.concatenate(([0], np.cumsum(counts[np.array(is_new)]))).astype(np.int64)
    return ResponseChunk(in_one_piece(responses), in_one_piece(opportunities), offsets)


def _is_new(key: str, place: int, opportunities: pa.Table, seen: set[str], log: FindingLog) -> bool:
    if key in seen:
        file = opportunities["file"][place].as_py()
        log.add("opportunity_twice", file=file, record=key, field="Opportunity/key", value=key)
        return False
    seen.add(key)
    return True
