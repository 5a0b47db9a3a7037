"""Split results by subject and grade into zips of a limited size, with a manifest."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from scorehouse import __version__
from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Walk
from scorehouse.intake.readers.identify import is_left_behind
from scorehouse.intake.readers.trt_documents import Document, documents
from scorehouse.transmit.manifest import Manifest, PackedFile, write_manifest
from scorehouse.transmit.package import DocumentPacker, Group
from scorehouse.verbs.package_tables import TablesPacker

Progress = Callable[[int, int | None], None]
MOST_BYTES = 500_000_000
_HEAD = 1 << 16
_TEST = re.compile(rb"<Test\b([^>]*)>")
_PLACE = re.compile(rb"""\b(subject|grade)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ITEM = re.compile(rb"<Item[\s/>]")


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
    about a student. Raises UsageError and InputRefusedError.
    """
    _check(source, out)
    log = FindingLog()
    place = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    place.chmod(0o755)
    try:
        files = _packed(source, place, most_bytes, log, progress)
        if not files:
            raise InputRefusedError(f"{source.name} holds no result to pack; see the findings")
        made_at = datetime.now(UTC).isoformat(timespec="seconds")
        manifest = Manifest(made_at, f"scorehouse {__version__}", tuple(files))
        write_manifest(manifest, place)
        place.rename(out)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        log.write(findings)
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
        for done, document in enumerate(_unwrapped(sources, walk, log), 1):
            packer.add(group_of(document.content), document.content, _items_in(document))
            if progress:
                progress(done, max(walk.expected, len(sources)))
        return packer.close()
    finally:
        packer.abandon()


def _unwrapped(sources: list[tuple[Path, str]], walk: Walk, log: FindingLog) -> Iterator[Document]:
    for document in documents(sources, walk, log):
        if b"<TDSReport" in document.content[:_HEAD]:
            yield document
        else:
            log.add("file_unknown_kind", file=document.name)


def group_of(document: bytes) -> Group:
    """The subject and grade that a TRT document says of itself.

    >>> group_of(b'<TDSReport><Test subject="MATH" grade="4"/></TDSReport>')
    Group(subject='Math', test_grade='04')
    """
    test = _TEST.search(document)
    found = {
        name.decode(): (one or other).decode("utf-8", "replace")
        for name, one, other in _PLACE.findall(test[1] if test else b"")
    }
    return Group.of(found.get("subject", ""), found.get("grade", ""))


def _items_in(document: Document) -> int:
    return sum(1 for _ in _ITEM.finditer(document.content))
