"""Reading TRT XML: one file, a folder, a zip, or archives that wrap many results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lxml import etree

from scorehouse.intake.canonical import (
    CHUNK_OPPORTUNITIES,
    CHUNK_RESPONSES,
    ResponseChunk,
    chunk_from_rows,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits, Member, Walk
from scorehouse.intake.readers.trt_result import ItemRow, Result, UnusableError, read_result
from scorehouse.intake.readers.trt_xml import looks_like_xml, reports

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
    gathered = _Gathered()
    seen: set[str] = set()
    walk = Walk(log, limits or Limits())
    files = list(sources)
    done = 0
    for result in _results(files, walk, log):
        done += 1
        if progress:
            progress(done, max(walk.expected, len(files)))
        if _is_repeated(result, seen, log):
            continue
        gathered.add(result)
        if len(gathered.counts) >= chunk_tests:
            yield gathered.chunk()
            gathered = _Gathered()
    if gathered.counts:
        yield gathered.chunk()


def _results(files: Iterable[tuple[Path, str]], walk: Walk, log: FindingLog) -> Iterator[Result]:
    for path, shown in files:
        try:
            yield from _results_of(path, shown, walk, log)
        except OSError as error:
            log.add("file_unreadable", file=shown, reason=error.strerror or type(error).__name__)


def _results_of(path: Path, shown: str, walk: Walk, log: FindingLog) -> Iterator[Result]:
    with path.open("rb") as stream:
        head = stream.read(4096)
        stream.seek(0)
        if head.startswith(b"PK"):
            for member in walk.zip_members(path, shown):
                yield from _member_results(member, log)
        elif path.stat().st_size <= walk.limits.member_bytes or b"<TDSReports" in head:
            yield from _usable(reports(stream, shown, log), log)
        else:
            log.add("xml_too_large", file=shown, limit=walk.limits.member_bytes)


def _member_results(member: Member, log: FindingLog) -> Iterator[Result]:
    if member.is_too_large:
        log.add("xml_too_large", file=member.name, limit=len(member.content) - 1)
    elif not looks_like_xml(member.content[:4096]):
        log.add("file_unknown_kind", file=member.name)
    else:
        yield from _usable(reports(member.content, member.name, log), log)


def _usable(found: Iterable[tuple[str, etree._Element]], log: FindingLog) -> Iterator[Result]:
    for name, report in found:
        try:
            yield read_result(report, name, _line(report), log)
        except UnusableError:
            continue


def _line(report: etree._Element) -> int | None:
    return getattr(report, "sourceline", None)


def _is_repeated(result: Result, seen: set[str], log: FindingLog) -> bool:
    key = str(result.opportunity["opportunity_id"])
    if key in seen:
        file = str(result.opportunity["file"])
        log.add("opportunity_twice", file=file, record=key, field="Opportunity/key", value=key)
        return True
    seen.add(key)
    return False


class _Gathered:
    """Results on their way to a chunk, column by column."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self._opportunities: dict[str, list[object]] = defaultdict(list)
        self._items: list[ItemRow] = []

    def add(self, result: Result) -> None:
        for name in CHUNK_OPPORTUNITIES.names:
            self._opportunities[name].append(result.opportunity[name])
        self._items.extend(result.items)
        self.counts.append(len(result.items))

    def chunk(self) -> ResponseChunk:
        columns = zip(*self._items, strict=True) if self._items else [()] * len(ItemRow._fields)
        responses = {
            name: list(column) for name, column in zip(ItemRow._fields, columns, strict=True)
        }
        for name in set(CHUNK_RESPONSES.names) - set(responses):
            responses[name] = self._repeated(name)
        return chunk_from_rows(responses, self._opportunities, self.counts)

    def _repeated(self, name: str) -> list[object]:
        values = zip(self._opportunities[name], self.counts, strict=True)
        return [value for value, count in values for _ in range(count)]
