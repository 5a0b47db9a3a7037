"""From files to results, batch by batch: scan, read what is unusual carefully, put together.

The walk through files and archives stays in the calling thread; batches may be worked on in
several, and come back in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import starmap
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits, Walk
from scorehouse.intake.readers.trt_batch import scan_documents
from scorehouse.intake.readers.trt_documents import Batch, Document, batches, documents
from scorehouse.intake.readers.trt_elements import ElementRows
from scorehouse.intake.readers.trt_xml import reports

Progress = Callable[[int, int | None], None]
BATCH_BYTES = 14 << 20
_Made = TypeVar("_Made")


class Elements(NamedTuple):
    """The element tables of a batch; results count from 0."""

    tables: dict[str, pa.Table]
    contents: Sequence[bytes]  # by result: its document
    lines: Sequence[int | None]  # by result: the line its root stands on
    places: npt.NDArray[np.int64]  # by result: its place among the documents of the batch
    is_ordered: npt.NDArray[np.bool_]  # by result: see `Scanned`


def elements_of(batch: Batch, log: FindingLog, *, tells_parts: bool = True) -> Elements:
    """Read a batch: every document gives one result, or a finding.

    What has no place in the tables is told unless `tells_parts` is false.
    """
    scanned = scan_documents([document[:2] for document in batch.documents])
    is_read = scanned.is_done.copy()
    careful = ElementRows(log if tells_parts else FindingLog())
    slow: list[int] = []
    lines: dict[int, int | None] = {}
    for place in np.flatnonzero(~scanned.is_done).tolist():
        name, content, _ = batch.documents[place]
        for shown, report in reports(content, name, log):
            careful.add(len(slow), shown, report)
            slow.append(place)
            lines[place] = getattr(report, "sourceline", None)
            is_read[place] = True
    numbers = np.cumsum(is_read, dtype=np.int32) - np.int32(1)
    tables = _numbered(scanned.tables, numbers)
    if slow:
        tables = _merged(tables, _numbered(careful.tables(), numbers[slow]))
    kept = np.flatnonzero(is_read)
    return Elements(
        tables,
        [batch.documents[k].content for k in kept.tolist()],
        [batch.documents[k].line or lines.get(k, scanned.lines[k]) for k in kept.tolist()],
        kept,
        scanned.is_ordered[kept],
    )


def _numbered(
    tables: Mapping[str, pa.Table], numbers: npt.NDArray[np.int32]
) -> dict[str, pa.Table]:
    """Replace the number of a document by that of its result."""
    made = {}
    for name, table in tables.items():
        places = table["result"].to_numpy()
        made[name] = table.set_column(0, "result", pa.array(numbers[places], pa.int32()))
    return made


def _merged(fast: dict[str, pa.Table], slow: dict[str, pa.Table]) -> dict[str, pa.Table]:
    """Put both readers' rows together, results in order, rows of a result as they were."""
    made = {}
    for name, table in fast.items():
        both = pa.concat_tables([table, slow[name]]).combine_chunks()
        order = np.argsort(both["result"].to_numpy(), kind="stable")
        made[name] = both.take(pa.array(order))
    return made


class Gathering:
    """The batches of TRT files, each with what the walk through the files told up to it.

    `progress` hears of every document unpacked.
    """

    def __init__(
        self,
        sources: Sequence[tuple[Path, str]],
        *,
        show_private: bool,
        size: int,
        most_bytes: int = BATCH_BYTES,
        limits: Limits | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._log = FindingLog(show_private=show_private)
        walk = Walk(self._log, limits or Limits())
        found = documents(sources, walk, self._log)
        if progress:
            found = _counted(found, lambda done: progress(done, max(walk.expected, len(sources))))
        self._batches = batches(found, size, most_bytes)

    def __iter__(self) -> Iterator[tuple[FindingLog, Batch]]:
        return map(self._told, self._batches)  # keeps no batch while the next one is gathered

    def _told(self, batch: Batch) -> tuple[FindingLog, Batch]:
        return self._log.hand_over(), batch

    def rest(self) -> FindingLog:
        """What was told after the last batch."""
        return self._log.hand_over()


def each_batch(
    sources: Sequence[tuple[Path, str]],
    log: FindingLog,
    make: Callable[[Batch, FindingLog], _Made],
    *,
    size: int,
    most_bytes: int = BATCH_BYTES,
    limits: Limits | None,
    threads: int,
    progress: Progress | None,
) -> Iterator[_Made]:
    """Yield what `make` makes of each batch, with findings in the order of the batches.

    `make` runs in up to `threads` threads; what comes out is the same for any number.
    """
    gathering = Gathering(
        sources,
        show_private=log.show_private,
        size=size,
        most_bytes=most_bytes,
        limits=limits,
        progress=progress,
    )
    for told, own, made in _in_order(gathering, log, make, threads):
        log.merge(told)
        log.merge(own)
        yield made
        del made  # or it would stay while the next batch is read
    log.merge(gathering.rest())


def _counted(found: Iterable[Document], tell: Callable[[int], None]) -> Iterator[Document]:
    for done, document in enumerate(found, 1):
        tell(done)
        yield document


def _in_order(
    found: Iterable[tuple[FindingLog, Batch]],
    log: FindingLog,
    make: Callable[[Batch, FindingLog], _Made],
    threads: int,
) -> Iterator[tuple[FindingLog, FindingLog, _Made]]:
    def work(told: FindingLog, batch: Batch) -> tuple[FindingLog, FindingLog, _Made]:
        own = FindingLog(show_private=log.show_private)
        return told, own, make(batch, own)

    if threads <= 1:
        yield from starmap(work, found)
        return
    waiting: deque[Future[tuple[FindingLog, FindingLog, _Made]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for told, batch in found:
            waiting.append(pool.submit(work, told, batch))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
