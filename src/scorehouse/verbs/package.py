"""Split results by subject and grade into zips of a limited size, with a manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from lxml import etree

from scorehouse import __version__
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Walk
from scorehouse.intake.readers.identify import is_left_behind
from scorehouse.intake.readers.trt_documents import documents
from scorehouse.intake.readers.trt_xml import looks_like_xml, reports
from scorehouse.intake.whole import put, working_folder
from scorehouse.transmit.manifest import Manifest, PackedFile, write_manifest
from scorehouse.transmit.package import DocumentPacker, Group
from scorehouse.verbs.package_tables import TablesPacker

Progress = Callable[[int, int | None], None]
MOST_BYTES = 500_000_000
_HEAD = 4096


@dataclass(frozen=True)
class PackageSummary:
    """What was packed, and what was found on the way."""

    manifest: Manifest
    left_out: int = 0
    findings: dict[str, int] = field(default_factory=dict)


def package_results(
    source: Path,
    out: Path,
    findings: Path,
    *,
    most_bytes: int = MOST_BYTES,
    progress: Progress | None = None,
) -> PackageSummary:
    """Pack the results of a file or folder into the new folder `out`, whole or not at all.

    TRT documents and rows of the two tables go in as they are, under names that say nothing
    about a student. A document that can't be read as a result is a finding and left out.
    Raises UsageError, and InputRefusedError when there is no result to pack.
    """
    _check(source, out)
    log = FindingLog()
    with log.written_to(findings), working_folder(out) as place:
        files = _packed(source, place, most_bytes, log, progress)
        if not files:
            raise InputRefusedError(f"{source.name} holds no result to pack; see {findings.name}")
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = Manifest(made_at, f"scorehouse {__version__}", tuple(files))
        write_manifest(manifest, place)
        place.chmod(0o755)
        put(place, out)
    return PackageSummary(manifest, log.left_out, log.counts())


def _check(source: Path, out: Path) -> None:
    if not source.exists():
        raise UsageError(f"{source} does not exist")
    if not out.parent.is_dir():
        raise UsageError(f"the folder {out.parent} does not exist")
    if out.exists():
        raise UsageError(f"{out} is there already; choose another name")


def _packed(
    source: Path, place: Path, most_bytes: int, log: FindingLog, progress: Progress | None
) -> list[PackedFile]:
    files = sorted(source.rglob("*")) if source.is_dir() else [source]
    files = [path for path in files if path.is_file() and not is_left_behind(path.name)]
    tables = [path for path in files if path.suffix.lower() == ".csv"]
    named = [
        (path, f"{source.name}#{number}" if source.is_dir() else source.name)
        for number, path in enumerate(files, 1)
        if path not in tables
    ]
    if tables and named:
        raise UsageError(f"{source.name} mixes tables and other files; pack them one by one")
    if tables:
        return TablesPacker(tables, place, most_bytes, log, progress).pack()
    return _pack_documents(named, place, most_bytes, log, progress)


def _pack_documents(
    sources: list[tuple[Path, str]],
    place: Path,
    most_bytes: int,
    log: FindingLog,
    progress: Progress | None,
) -> list[PackedFile]:
    packer = DocumentPacker(place, most_bytes)
    walk = Walk(log)
    try:
        for done, (document, report) in enumerate(_results(sources, walk, log), 1):
            packer.add(_group_of(report), document, sum(1 for _ in report.iter("Item")))
            if progress:
                progress(done, max(walk.expected, len(sources)))
        return packer.close()
    finally:
        packer.abandon()


def _results(
    sources: list[tuple[Path, str]], walk: Walk, log: FindingLog
) -> Iterator[tuple[bytes, etree._Element]]:
    """Yield each document that can be read, with its root; the others become findings."""
    for document in documents(sources, walk, log):
        if looks_like_xml(document.content[:_HEAD]):
            for _, report in reports(document.content, document.name, log):
                yield document.content, report
        else:
            log.add("file_unknown_kind", file=document.name)


def _group_of(report: etree._Element) -> Group:
    """The subject and grade that a result says of itself."""
    test = report.find("Test")
    if test is None:
        return Group.of("", "")
    return Group.of(test.get("subject", ""), test.get("grade", ""))
