"""Bring a student's sittings of one summative test together, from anywhere in the input.

A first walk keeps eight bytes a test and finds who has several; a second one lets all other
tests through as they come and puts these aside on disk, to be scored at the end. Memory is
bounded by one bucket of them.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.ipc

from scorehouse.intake.canonical import (
    CHUNK_OPPORTUNITIES,
    CHUNK_RESPONSES,
    ResponseChunk,
    in_one_piece,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.scoring.bank import ItemBank
from scorehouse.terms import AssessmentType, SchoolYear

NEVER_MERGED = ("reset", "invalidated")
"""Statuses of sittings that don't stand for another: their reports are not to be used."""

_BUCKET_TESTS = 20_000
_NONE = 0  # the hash of a test that is never merged
_ROWS = "rows"

Hashes = npt.NDArray[np.uint64]
Read = Callable[[FindingLog], Iterator[ResponseChunk]]


class GatheredChunk(ResponseChunk):
    """A chunk that holds every sitting of the tests in it; `TestKeys.groups` parts them."""

    __slots__ = ()


@dataclass(frozen=True)
class TestKeys:
    """Says which sittings are of one test: the same student, subject, grade and year.

    Only summative tests of a known assessment are merged; a test whose year isn't said is
    taken for one of the run's.
    """

    bank: ItemBank
    year: SchoolYear

    def texts(self, chunk: ResponseChunk) -> list[str]:
        """A key for each test; blank: it is never merged."""
        known = self.bank.assessment_rows
        about = [self._about(index) for index in range(len(self.bank.assessments))]
        columns = ("student_id", "assessment_id", "assessment_name", "school_year", "status")
        rows = zip(*(chunk.opportunities[name].to_pylist() for name in columns), strict=True)
        keys = []
        for student, assessment, name, year, status in rows:
            test = known.get(assessment, known.get(name, -1))
            is_candidate = student and test >= 0 and status.lower() not in NEVER_MERGED
            told = about[test] if is_candidate else ""
            keys.append(f"{told}\t{year or self.year}\t{student}" if told else "")
        return keys

    def _about(self, index: int) -> str:
        test = self.bank.assessments[index]
        is_summative = test.assessment_type is AssessmentType.SUMMATIVE
        return f"{test.subject}\t{test.test_grade}" if is_summative else ""

    def hashes(self, chunk: ResponseChunk) -> Hashes:
        """Eight bytes of each key, the same in every run."""
        return np.fromiter(map(_hashed, self.texts(chunk)), np.uint64)

    def groups(self, chunk: ResponseChunk) -> list[list[int]]:
        """The places of the sittings of each test, in the order in which they came."""
        groups: dict[str | int, list[int]] = {}
        for place, key in enumerate(self.texts(chunk)):
            groups.setdefault(key or place, []).append(place)
        return list(groups.values())


def _hashed(key: str) -> int:
    return int.from_bytes(blake2b(key.encode(), digest_size=8).digest()) if key else _NONE


def gathered(read: Read, keys: TestKeys, log: FindingLog) -> Iterator[ResponseChunk]:
    """Yield tests as they are read; those sat more than once come last, as `GatheredChunk`.

    `read` is called twice and must give the same tests; what the first walk has to say goes
    nowhere, so that nothing is said twice.
    """
    repeated, count = _repeated(keys.hashes(chunk) for chunk in read(FindingLog()))
    if not count:
        yield from read(log)
        return
    with ExitStack() as stack:
        aside = _Aside(stack, -(-count // _BUCKET_TESTS))
        for chunk in read(log):
            hashes = keys.hashes(chunk)
            is_held = np.isin(hashes, repeated)
            if not is_held.all():
                yield chunk if not is_held.any() else _only(chunk, ~is_held)
            aside.put(chunk, hashes, is_held)
        yield from aside.buckets()


def _repeated(walk: Iterable[Hashes]) -> tuple[Hashes, int]:
    """The hashes met more than once, and how many tests have them."""
    parts = [np.zeros(0, np.uint64), *walk]
    hashes = np.concatenate(parts)
    distinct, counts = np.unique(hashes[hashes != _NONE], return_counts=True)
    return distinct[counts > 1], int(counts[counts > 1].sum())


def gathered_around(
    read: Read, keys: TestKeys, opportunity_id: str, log: FindingLog
) -> GatheredChunk | None:
    """All sittings of the test that an opportunity belongs to; None: it isn't in the input."""
    wanted = _key_of(read, keys, opportunity_id)
    if wanted is None:
        return None
    found = []
    for chunk in read(log):
        ids = chunk.opportunities["opportunity_id"].to_pylist()
        texts = keys.texts(chunk)
        pairs = zip(ids, texts, strict=True)
        is_of_it = np.array([i == opportunity_id or (wanted and k == wanted) for i, k in pairs])
        if is_of_it.any():
            found.append(_only(chunk, is_of_it.astype(bool)))
    return _together(found)


def _key_of(read: Read, keys: TestKeys, opportunity_id: str) -> str | None:
    for chunk in read(FindingLog()):
        place = pc.index(chunk.opportunities["opportunity_id"], opportunity_id).as_py()
        if place >= 0:
            return keys.texts(chunk.part(place, place + 1))[0]
    return None


def _only(chunk: ResponseChunk, which: npt.NDArray[np.bool_]) -> ResponseChunk:
    """Some tests of a chunk."""
    lengths = np.diff(chunk.offsets)
    offsets = np.concatenate(([0], np.cumsum(lengths[which]))).astype(np.int64)
    return ResponseChunk(
        in_one_piece(chunk.responses.filter(pa.array(np.repeat(which, lengths)))),
        in_one_piece(chunk.opportunities.filter(pa.array(which))),
        offsets,
    )


def _together(chunks: list[ResponseChunk]) -> GatheredChunk:
    """Chunks as one."""
    lengths = np.concatenate([np.diff(chunk.offsets) for chunk in chunks])
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
    responses = pa.concat_tables([chunk.responses for chunk in chunks])
    opportunities = pa.concat_tables([chunk.opportunities for chunk in chunks])
    return GatheredChunk(in_one_piece(responses), in_one_piece(opportunities), offsets)


def _plain(schema: pa.Schema) -> pa.Schema:
    """A schema with coded text as plain text, as it stands on disk."""
    return pa.schema(
        [(f.name, pa.string() if pa.types.is_dictionary(f.type) else f.type) for f in schema]
    )


_ON_DISK = (_plain(CHUNK_RESPONSES), CHUNK_OPPORTUNITIES.append(pa.field(_ROWS, pa.int64())))


class _Aside:
    """Tests put aside on disk, by bucket; all tests of one hash go to one bucket."""

    def __init__(self, stack: ExitStack, buckets: int) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="scorehouse-")))
        self._buckets = buckets
        self._batches: list[list[int]] = [[] for _ in range(buckets)]
        self._count = 0
        self._paths = (folder / "responses.arrow", folder / "opportunities.arrow")
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        self._writers = [
            stack.enter_context(pa.ipc.new_file(str(path), schema, options=options))
            for path, schema in zip(self._paths, _ON_DISK, strict=True)
        ]

    def put(self, chunk: ResponseChunk, hashes: Hashes, is_held: npt.NDArray[np.bool_]) -> None:
        """Put some tests of a chunk aside."""
        buckets = hashes % np.uint64(self._buckets)
        for bucket in np.unique(buckets[is_held]).tolist():
            part = _only(chunk, is_held & (buckets == bucket))
            lengths = pa.array(np.diff(part.offsets))
            tables = (part.responses, part.opportunities.append_column(_ROWS, lengths))
            for writer, table, schema in zip(self._writers, tables, _ON_DISK, strict=True):
                writer.write_batch(_one_batch(table, schema))
            self._batches[bucket].append(self._count)
            self._count += 1

    def buckets(self) -> Iterator[GatheredChunk]:
        """Take everything back, bucket by bucket."""
        for writer in self._writers:
            writer.close()
        with ExitStack() as stack:
            files = [stack.enter_context(pa.memory_map(str(path))) for path in self._paths]
            readers = [pa.ipc.open_file(file) for file in files]
            for batches in self._batches:
                if batches:
                    yield _taken_back(readers[0], readers[1], batches)


def _one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    """A table as one batch with plain text, also when it is empty."""
    columns = [table[field.name].cast(field.type).combine_chunks() for field in schema]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _taken_back(responses: Any, opportunities: Any, batches: list[int]) -> GatheredChunk:
    """One bucket, its text coded again."""
    rows = pa.Table.from_batches([responses.get_batch(i) for i in batches]).combine_chunks()
    tests = pa.Table.from_batches([opportunities.get_batch(i) for i in batches])
    columns = [
        rows[field.name].dictionary_encode() if pa.types.is_dictionary(field.type)
        else rows[field.name]
        for field in CHUNK_RESPONSES
    ]  # fmt: skip
    offsets = np.concatenate(([0], np.cumsum(tests[_ROWS].to_numpy()))).astype(np.int64)
    return GatheredChunk(
        in_one_piece(pa.table(columns, CHUNK_RESPONSES)),
        in_one_piece(tests.drop_columns([_ROWS])),
        offsets,
    )
