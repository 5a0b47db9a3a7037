"""Writing TRT: one document a result, into a zip or a folder, under ordinal names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import pyarrow as pa

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.unflatten import unflatten
from scorehouse.intake.unflatten_conform import Conformed, conform
from scorehouse.intake.unflatten_notes import Notes, tell_notes
from scorehouse.intake.unflatten_upgrade import upgrade_elements, upgrade_tests
from scorehouse.intake.whole import put, replacing, working_folder
from scorehouse.intake.writers.features import features
from scorehouse.intake.writers.trt_text import documents
from scorehouse.result_shapes import RESULT

_FILE_DATE = (1980, 1, 1, 0, 0, 0)  # the same for all, so that the same results give the same bytes


@dataclass(frozen=True)
class WrittenDocuments:
    """What was written: the number of documents, and of results that couldn't be."""

    documents: int
    left_out: int


def write_trt(
    chunks: Iterable[ResultChunk],
    out: Path,
    *,
    score_codes: bool = False,
    log: FindingLog | None = None,
) -> WrittenDocuments:
    """Write results as TRT into `out`: a zip if it is called so, else a folder.

    Every document passes the published schema and the reporting warehouse's; a result that
    can't is left out with a finding. `score_codes` writes Score/@conditionCode, which only
    the warehouse's schema knows. Results from the two tables are made into elements first;
    what had to be invented is told in findings. All appears when everything was written, or
    nothing.
    """
    with TrtWriter(out, score_codes=score_codes, log=log) as writer:
        for chunk in chunks:
            writer.write(elements_to_write(chunk, writer.notes))
    return writer.written


def elements_to_write(chunk: ResultChunk, notes: Notes) -> Mapping[str, pa.Table]:
    """Return a chunk's elements, made from its tables if it has none; values up to date."""
    if chunk.is_xml:
        elements, upgraded = upgrade_elements(chunk.elements, features())
        notes.update(upgraded)
        return elements
    tests, upgraded = upgrade_tests(chunk.tests, features())
    made = unflatten(tests, chunk.items, features())
    notes.update(upgraded)
    notes.update(made.notes)
    return made.elements


@dataclass
class TrtWriter:
    """Writes results chunk by chunk; see `write_trt`."""

    out: Path
    score_codes: bool = False
    overwrite: bool = False
    log: FindingLog | None = None
    notes: Notes = field(default_factory=Notes)
    _stack: ExitStack = field(default_factory=ExitStack)
    _zip: ZipFile | None = None
    _folder: Path | None = None
    _written: int = 0
    _left_out: int = 0

    def __enter__(self) -> TrtWriter:
        if self.out.suffix.lower() == ".zip":
            stream = self._stack.enter_context(replacing(self.out))
            self._zip = self._stack.enter_context(ZipFile(stream, "w", ZIP_DEFLATED))
        else:
            if not self.overwrite and self.out.exists() and any(self.out.iterdir()):
                raise UsageError(f"the folder {self.out} holds files; name another, or a .zip")
            self._folder = self._stack.enter_context(working_folder(self.out))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._folder is None or error is not None:
            self._stack.__exit__(kind, error, trace)
        else:
            with self._stack:
                self._folder.chmod(0o755)
                put(self._folder, self.out)
        if error is None and self.log is not None:
            tell_notes(self.notes, self.log)

    @property
    def written(self) -> WrittenDocuments:
        """What has been written."""
        return WrittenDocuments(self._written, self._left_out)

    def write(self, elements: Mapping[str, pa.Table]) -> Conformed:
        """Add results; return them as they were written."""
        conformed = conform(elements)
        self.notes.update(conformed.notes)
        self._tell_impossible(conformed, elements["result"])
        made = documents(conformed.elements, score_codes=self.score_codes)
        self.notes.update(made.notes)
        for text in made.texts:
            self._written += 1
            self._add(f"{self._written:09d}.xml", text.encode())
        return conformed

    def _add(self, name: str, content: bytes) -> None:
        if self._zip is not None:
            member = ZipInfo(name, _FILE_DATE)
            member.compress_type = ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            self._zip.writestr(member, content)
        elif self._folder is not None:
            (self._folder / name).write_bytes(content)

    def _tell_impossible(self, conformed: Conformed, results: pa.Table) -> None:
        self._left_out += len({found.result for found in conformed.impossible})
        if self.log is None or not conformed.impossible:
            return
        columns = (RESULT, "file", "opportunity_key")
        places = {
            result: (file or "", key or "")
            for result, file, key in zip(
                *(results[name].to_pylist() for name in columns), strict=True
            )
        }
        for found in conformed.impossible:
            file, key = places[found.result]
            self.log.add(
                "trt_value_impossible", file=file, record=key, field=found.field, value=found.value
            )
