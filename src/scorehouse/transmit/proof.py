"""Reading a written output back, and proving that no original identifier stands in it."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scorehouse.intake.long_cells import LONGEST_CELL, cells_up_to
from scorehouse.transmit.leaks import Leak, LeakCheck

_BLOCK = 1 << 24
_OVERLAP = 1 << 12
_RESPONSE = re.compile(rb"<Response\b[^>]*>.*?</Response\s*>", re.DOTALL)
_OTHER_ID = re.compile(rb"""(?:\s(?:key|oppId)|\sname="OPPID"\s+value)="\Z""")
_RESPONSE_COLUMN = "ResponseValue"
_ID_COLUMNS = ("TestOpportunityId", "TestOpportunityAltId", "ItemId")


@dataclass
class Proof:
    """What was looked at and found; the output is clean when `leaks` is 0.

    `in_responses` counts identifiers inside texts that students wrote; `coincidences` are
    ids of opportunities and items that happen to be the number of another student, as
    where a system counts both from the same start. An opportunity that has its own
    student's id was renamed before.
    """

    files: int = 0
    size: int = 0
    leaks: int = 0
    in_responses: int = 0
    coincidences: int = 0
    first: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether no identifier is left outside response texts."""
        return self.leaks == 0

    def note(self, leaks: int, in_responses: int, place: str) -> None:
        """Count what one file held."""
        if leaks and not self.first:
            self.first = place
        self.leaks += leaks
        self.in_responses += in_responses


def prove(out: Path, check: LeakCheck) -> Proof:
    """Look at every byte of a written file, zip or folder."""
    proof = Proof()
    for path in sorted(out.rglob("*")) if out.is_dir() else [out]:
        if path.is_file():
            _prove_file(path, check, proof)
    return proof


def _prove_file(path: Path, check: LeakCheck, proof: Proof) -> None:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                content = archive.read(entry)
                _note_document(content, check, proof, f"{path.name}, {entry.filename}")
                names = list(check.search(entry.filename.encode()))
                proof.note(len(names), 0, f"a file name in {path.name}")
    elif path.suffix == ".xml":
        _note_document(path.read_bytes(), check, proof, path.name)
    else:
        _note_table(path, check, proof)


def _note_document(content: bytes, check: LeakCheck, proof: Proof, place: str) -> None:
    proof.files += 1
    proof.size += len(content)
    found = list(check.search(content))
    if not found:
        return
    telling = [leak for leak in found if not _is_other_id(content, leak)]
    proof.coincidences += len(found) - len(telling)
    spans = [match.span() for match in _RESPONSE.finditer(content)]
    inside = sum(any(s <= leak.start and leak.end <= e for s, e in spans) for leak in telling)
    proof.note(len(telling) - inside, inside, place)


def _is_other_id(content: bytes, leak: Leak) -> bool:
    """Whether the place is the whole id of an opportunity or an item."""
    before = content[max(leak.start - 40, 0) : leak.start]
    is_whole = content[leak.end : leak.end + 1] == b'"' and b"<Examinee" not in before
    return is_whole and _OTHER_ID.search(before) is not None


def _note_table(path: Path, check: LeakCheck, proof: Proof) -> None:
    proof.files += 1
    proof.size += path.stat().st_size
    if not any(next(check.search(block), None) for block in _blocks(path)):
        return
    with cells_up_to(LONGEST_CELL), path.open(encoding="utf-8", newline="") as stream:
        rows = csv.reader(stream)
        header = next(rows, [])
        for number, row in enumerate(rows, 1):
            for name, cell in zip(header, row, strict=False):
                if found := list(check.search(cell.encode())):
                    _note_cell(name, cell, found, proof, f"{path.name}, row {number}, {name}")


def _note_cell(name: str, cell: str, found: list[Leak], proof: Proof, place: str) -> None:
    if name == _RESPONSE_COLUMN:
        proof.note(0, len(found), place)
    elif name in _ID_COLUMNS and found[0] == Leak(0, len(cell.encode())):
        proof.coincidences += 1
    else:
        proof.note(len(found), 0, place)


def _blocks(path: Path) -> Iterator[bytes]:
    """The file in blocks that overlap, so that nothing is missed where they meet."""
    with path.open("rb") as stream:
        tail = b""
        while block := stream.read(_BLOCK):
            yield tail + block
            tail = block[-_OVERLAP:]
