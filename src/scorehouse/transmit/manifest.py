"""What a package holds: each file with its size, digest and rows, for machines and people."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from scorehouse.errors import InputRefusedError

MANIFEST = "manifest.json"
READABLE = "manifest.txt"
FORM = "scorehouse-package-1"
_BLOCK = 1 << 20


@dataclass(frozen=True)
class PackedFile:
    """One file of a package; `sha256` in lower-case hexadecimal, `size` in bytes."""

    name: str
    kind: str
    subject: str
    test_grade: str
    results: int
    item_rows: int
    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """Everything that a package holds, and when and by what it was made."""

    made_at: str
    made_by: str
    files: tuple[PackedFile, ...]

    @property
    def results(self) -> int:
        """Results in all files."""
        return sum(file.results for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def as_json(self) -> dict[str, Any]:
        """The manifest as it stands in `manifest.json`."""
        return {
            "form": FORM,
            "made_at": self.made_at,
            "made_by": self.made_by,
            "results": self.results,
            "bytes": self.size,
            "files": [asdict(file) for file in self.files],
        }

    def as_text(self) -> str:
        """The manifest for people, with the digests as `sha256sum --check` reads them."""
        head = f"{self.results:,} results in {len(self.files)} files, {self.size:,} bytes"
        rows = [
            f"{file.name:<32} {file.subject:<8} grade {file.test_grade:<6} "
            f"{file.results:>9,} results {file.item_rows:>12,} item rows {file.size:>14,} bytes"
            for file in self.files
        ]
        digests = [f"{file.sha256}  {file.name}" for file in self.files]
        made = f"made {self.made_at} by {self.made_by}"
        return "\n".join([head, made, "", *rows, "", *digests, ""])


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write both forms of the manifest into the folder."""
    text = json.dumps(manifest.as_json(), indent=2, ensure_ascii=False)
    (folder / READABLE).write_text(manifest.as_text(), encoding="utf-8")
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")


def read_manifest(folder: Path) -> Manifest:
    """Read a package's manifest; raises InputRefusedError where there is none to trust."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        files = tuple(PackedFile(**entry) for entry in told["files"])
        manifest = Manifest(told["made_at"], told["made_by"], files)
    except FileNotFoundError:
        raise InputRefusedError(
            f"{folder} holds no {MANIFEST}; make a package of it first: scorehouse package"
        ) from None
    except (ValueError, KeyError, TypeError, OSError):
        raise InputRefusedError(f"{folder / MANIFEST} is not the manifest of a package") from None
    if any("/" in file.name or "\\" in file.name or ".." in file.name for file in files):
        raise InputRefusedError(f"{folder / MANIFEST} names files outside its folder")
    return manifest


def faults_of(manifest: Manifest, folder: Path) -> Iterator[str]:
    """Say of each file of a package that isn't as the manifest says."""
    for file in manifest.files:
        path = folder / file.name
        if not path.is_file():
            yield f"{file.name} is missing"
        elif path.stat().st_size != file.size:
            yield f"{file.name} has {path.stat().st_size} bytes, the manifest says {file.size}"
        elif digest_of(path) != file.sha256:
            yield f"{file.name} was changed since the package was made"


def digest_of(path: Path, size: int | None = None) -> str:
    """The SHA-256 of a file, or of its first `size` bytes, in lower-case hexadecimal."""
    digest, left = hashlib.sha256(), size
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK if left is None else min(_BLOCK, left)):
            digest.update(block)
            left = None if left is None else left - len(block)
    return digest.hexdigest()
