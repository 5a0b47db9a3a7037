"""What a load works with, and what it asks of each kind of file it knows.

A kind recognises its files by their content and brings their rows. It is one entry of
`kinds.KINDS`; nothing else knows the kinds by name.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.transaction import Transaction

Progress = Callable[[int, int | None], None]

PROCESSED, NO_UPDATE, BAD_FORMAT, BAD_DATA = "PROCESSED", "NO_UPDATE", "BAD_FORMAT", "BAD_DATA"
"""How an import ends, in the incumbent's words."""

NOT_LOADED = "NOT_LOADED"
"""How a file ends that is known to hold nothing that a warehouse keeps."""


class Head(NamedTuple):
    """What a file is recognised by: its beginning, and the columns if it is a table.

    For a zip `members` are the names of what it holds and `columns` is empty; for a folder
    likewise. `root` is the name of an XML document's root element.
    """

    path: Path
    start: bytes
    columns: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    root: str = ""


class Guess(NamedTuple):
    """How sure a kind is that a file is its own (0 to 1), and by what it tells."""

    sureness: float
    why: str


class Ending(NamedTuple):
    """How an import ended: status, one sentence, counts."""

    status: str
    message: str
    counts: Mapping[str, int]


@dataclass
class Loading:
    """One load under way. `names` are what the command's user stated.

    `school_year` is the year of files that don't name one (blank: not stated); `effective`
    the day since which undated rows hold; `mapping` a declared column mapping;
    `defines` what results may define by naming it: schools, tests or both.
    """

    transaction: Transaction
    log: FindingLog
    school_year: str = ""
    effective: str = ""
    mapping: Path | None = None
    defines: frozenset[str] = frozenset()
    threads: int = 1
    show_private: bool = False
    progress: Progress = lambda _done, _expected: None
    say: Callable[[str], None] = lambda _sentence: None
    notes: list[str] = field(default_factory=list)


Recognise = Callable[[Head], Guess | None]
Bring = Callable[[Loading, Path, int], Ending]
"""Given the load, a file and the number of its import: bring its rows, say how it ended."""


Holds = Callable[[Path], frozenset[str]]
"""Given a file: which of a kind's tables it holds, where a delivery is several of them."""


class Kind(NamedTuple):
    """A kind of file. Files of lower `rank` are loaded first: schools before their students.

    `holds` is there for a kind whose tables may come in files of their own; `unloaded` is the
    finding that says why files of a kind aren't loaded.
    """

    name: str
    label: str
    rank: int
    recognise: Recognise
    bring: Bring
    holds: Holds | None = None
    unloaded: str = ""


class Delivery(NamedTuple):
    """A file or folder of a load, what it is taken for, and why. `kind` None: not known.

    `parts`: the files of a delivery that is several, of which `path` is the first; `fault`: why
    nobody can read it.
    """

    path: Path
    kind: Kind | None
    guess: Guess
    others: tuple[str, ...] = ()
    parts: tuple[Path, ...] = ()
    fault: str = ""

    @property
    def shown(self) -> str:
        """Its name for people."""
        names = [part.name for part in self.parts[:_FEW_NAMES]] or [self.path.name]
        more = len(self.parts) - len(names)
        return " + ".join(names) + (f" and {more} more" if more > 0 else "")


_FEW_NAMES = 3
