"""De-identify a results file into another, and prove it before the output appears."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from scorehouse.errors import InputRefusedError, ScorehouseError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.whole import put, working_folder
from scorehouse.intake.writers.trt import write_trt
from scorehouse.intake.writers.two_tables import write_two_tables
from scorehouse.result_shapes import OPTIONAL_ITEM_COLUMNS, OPTIONAL_TEST_COLUMNS
from scorehouse.transmit import private_fields as private
from scorehouse.transmit.deidentify import Choices, deidentify
from scorehouse.transmit.hashing import Hasher, Method
from scorehouse.transmit.key import read_key
from scorehouse.transmit.leaks import LeakCheck
from scorehouse.transmit.mentions import mentions
from scorehouse.transmit.proof import Proof, prove

Progress = Callable[[int, int | None], None]


@dataclass(frozen=True)
class DeidentifyRequest:
    """What to de-identify, and under which key: from a file or a variable, one of them."""

    input: Path
    key_file: Path | None = None
    key_variable: str = ""
    method: Method = Method.HMAC_SHA1
    choices: Choices = field(default_factory=Choices)
    show_private: bool = False


@dataclass
class DeidentifySummary:
    """What was written, and the proof that nothing identifies a student."""

    results: int = 0
    left_out: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    proof: Proof = field(default_factory=Proof)
    identifiers: int = 0


class LeakError(ScorehouseError):
    """An original identifier was still in the output, which was not kept."""


def deidentify_file(
    request: DeidentifyRequest, out: Path, findings: Path, progress: Progress | None = None
) -> DeidentifySummary:
    """Write the results of a file without identities; the output appears when it is proved.

    TRT stays TRT (a zip where `out` is called so, else a folder), the two tables stay two
    tables in a folder. Raises UsageError, InputRefusedError when there is no result to
    write, and LeakError; findings are written in every case.
    """
    _check_paths(request.input, out)
    log = FindingLog(show_private=request.show_private)
    work = _Work(request, log, progress)
    with log.written_to(findings), working_folder(out) as place:
        written = place / out.name
        work.write(written)
        work.prove(written)
        put(written, out)
    work.summary.findings = log.counts()
    work.summary.left_out = log.left_out
    return work.summary


def _check_paths(source: Path, out: Path) -> None:
    if not source.exists():
        raise UsageError(f"{source} does not exist")
    if not out.parent.is_dir():
        raise UsageError(f"the folder {out.parent} does not exist")
    if out.exists():
        raise UsageError(f"{out} is there already; choose another name")


class _Work:
    """One run: chunks read, de-identified and written, then the proof."""

    def __init__(
        self, request: DeidentifyRequest, log: FindingLog, progress: Progress | None
    ) -> None:
        key = read_key(request.key_file, request.key_variable)
        self._request, self._log, self._progress = request, log, progress
        self._hasher = Hasher(key.passphrase, request.method)
        self._check = LeakCheck()
        self.summary = DeidentifySummary()
        if key.is_open and request.key_file:
            log.add("deidentify_key_open", file=request.key_file.name)
        if not request.method.is_compatible:
            log.add("deidentify_method_incompatible", value=request.method.value)

    def write(self, out: Path) -> None:
        """Write all results in the form they came in."""
        chunks = read_results(self._request.input, self._log, progress=self._progress)
        first = next(chunks, None)
        if first is None:
            raise InputRefusedError(f"{self._request.input.name} holds no result; see the findings")
        if first.is_xml:
            write_trt(self._made(first, chunks), out, log=self._log)
        elif out.suffix.lower() == ".zip":
            raise UsageError("the two tables are written into a folder: give one, not a .zip")
        else:
            columns = _optional_columns(self._request.choices)
            made = self._made(first, chunks)
            write_two_tables(made, out, optional_columns=columns, log=self._log)

    def _made(self, first: ResultChunk, rest: Iterator[ResultChunk]) -> Iterator[ResultChunk]:
        chunk: ResultChunk | None = first
        while chunk is not None:
            done = deidentify(chunk, self._hasher, self._request.choices)
            self._log.extend(done.findings)
            self._log.extend(mentions(done.chunk, done.originals))
            self._check.add(done.originals.sure())
            self.summary.results += done.chunk.tests.num_rows
            yield done.chunk
            chunk = next(rest, None)

    def prove(self, out: Path) -> None:
        """Look for every original identifier in what was written; raises LeakError."""
        proof = prove(out, self._check)
        self.summary.proof, self.summary.identifiers = proof, len(self._check)
        if not proof.is_clean:
            self._log.add("deidentify_leak", value=proof.first, count=proof.leaks)
            raise LeakError(
                f"{proof.leaks} identifiers of the input were still in the output, first in "
                f"{proof.first}; the output was not kept"
            )


def _optional_columns(choices: Choices) -> list[str]:
    """The optional columns worth writing: those that aren't blanked anyway."""
    gone = {
        *(private.TEST_REMOVED + private.ITEM_REMOVED),
        *(() if choices.keep_schools else private.TEST_SCHOOLS),
        *(() if choices.keep_groups else private.TEST_GROUPS),
    }
    return [name for name in OPTIONAL_TEST_COLUMNS + OPTIONAL_ITEM_COLUMNS if name not in gone]
