"""Reading responses of any kind: the one way in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from scorehouse.intake.canonical import ResponseChunk
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Limits
from scorehouse.intake.readers.damage import EMPTY_FILE, EMPTY_FOLDER
from scorehouse.intake.readers.identify import FileKind, identify, is_left_behind
from scorehouse.intake.readers.long_form import Progress, read_long_form
from scorehouse.intake.readers.trt import CHUNK_FILES, read_trt

_TABLE_SUFFIXES = (".parquet", ".csv")
_RESPONSES, _OPPORTUNITIES = "responses", "opportunities"
_WHOLE_FOLDER = ("responses.parquet", "responses.csv")


def read_responses(
    path: Path,
    log: FindingLog,
    *,
    opportunities: Path | None = None,
    chunk_tests: int = 20_000,
    progress: Progress | None = None,
    limits: Limits | None = None,
) -> Iterator[ResponseChunk]:
    """Yield the tests of a TRT file, a zip, a folder, or a long form table.

    The kind is told by content. The opportunities of a long form `responses.parquet` are
    looked for beside it (`opportunities.parquet` or `.csv`) unless given. `progress` is
    called with the tests read so far and the number expected, where that is known.

    Nothing is raised for a bad record or file: what is wrong is in `log`.
    """
    if not path.exists():
        log.add("file_missing", file=path.name)
    elif path.is_dir():
        yield from _folder(path, opportunities, log, chunk_tests, progress, limits)
    else:
        kind = _kind(path, log)
        if kind in (FileKind.XML, FileKind.ZIP):
            tests = min(chunk_tests, CHUNK_FILES)
            found = [(path, path.name)]
            yield from read_trt(found, log, chunk_tests=tests, limits=limits, progress=progress)
        elif kind in (FileKind.CSV, FileKind.PARQUET):
            beside = opportunities or opportunities_beside(path)
            yield from read_long_form(path, beside, log, chunk_tests=chunk_tests, progress=progress)
        elif kind is FileKind.EMPTY:
            log.add("file_unreadable", file=path.name, reason=EMPTY_FILE)
        elif kind is not None:
            log.add("file_unknown_kind", file=path.name)


def opportunities_beside(path: Path) -> Path | None:
    """Find the opportunities table that belongs to a responses table, by its name."""
    stems = [_OPPORTUNITIES]
    if _RESPONSES in path.stem:
        stems.insert(0, path.stem.replace(_RESPONSES, _OPPORTUNITIES))
    suffixes = sorted(_TABLE_SUFFIXES, key=lambda suffix: suffix != path.suffix.lower())
    found = (path.with_name(stem + suffix) for stem in stems for suffix in suffixes)
    return next((other for other in found if other != path and other.is_file()), None)


def _kind(path: Path, log: FindingLog) -> FileKind | None:
    try:
        return identify(path)
    except OSError as error:
        log.add("file_unreadable", file=path.name, reason=error.strerror or type(error).__name__)
        return None


def _folder(
    path: Path,
    opportunities: Path | None,
    log: FindingLog,
    chunk_tests: int,
    progress: Progress | None,
    limits: Limits | None,
) -> Iterator[ResponseChunk]:
    tables, documents = _contents(path, log)
    if not tables and not documents:
        log.add("file_unreadable", file=path.name, reason=EMPTY_FOLDER)
    for table in tables:
        beside = opportunities or opportunities_beside(table)
        yield from read_long_form(table, beside, log, chunk_tests=chunk_tests, progress=progress)
    if documents:
        tests = min(chunk_tests, CHUNK_FILES)
        yield from read_trt(documents, log, chunk_tests=tests, limits=limits, progress=progress)


def _contents(path: Path, log: FindingLog) -> tuple[list[Path], list[tuple[Path, str]]]:
    """Sort a folder's files into responses tables and TRT files with the name to show.

    A folder with a `responses` table of its own is read for it alone.
    """
    tables: list[Path] = []
    documents: list[tuple[Path, str]] = []
    files = [file for file in sorted(path.rglob("*")) if file.is_file()]
    own = [f for f in files if f.parent == path and f.name in _WHOLE_FOLDER]
    if own:
        others = len(files) - len(own) - sum(f.stem == _OPPORTUNITIES for f in files)
        if others:
            log.add("file_not_read", file=path.name, value=others)
        return own[:1], []
    for number, file in enumerate(files, 1):
        shown = _shown(path, file, number, log)
        if is_left_behind(file.name):
            log.add("file_passed_over", file=shown)
            continue
        kind = _kind(file, log)
        if kind in (FileKind.XML, FileKind.ZIP):
            documents.append((file, shown))
        elif kind in (FileKind.CSV, FileKind.PARQUET):
            if _RESPONSES in file.stem:
                tables.append(file)
            elif _OPPORTUNITIES not in file.stem:
                log.add("file_unknown_kind", file=shown)
        elif kind is FileKind.EMPTY:
            log.add("file_unreadable", file=shown, reason=EMPTY_FILE)
        elif kind is not None:
            log.add("file_unknown_kind", file=shown)
    return tables, documents


def _shown(folder: Path, file: Path, number: int, log: FindingLog) -> str:
    """Name a file of a folder by its place in the sorted list: its own name may be an id."""
    if log.show_private:
        return str(file.relative_to(folder))
    return f"{folder.name}#{number}"
