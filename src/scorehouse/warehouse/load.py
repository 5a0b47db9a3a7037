"""Loading: files in, one transaction, the fate of everything told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.errors import InputRefusedError
from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse import archive
from scorehouse.warehouse.index import update_index
from scorehouse.warehouse.loading import (
    BAD_DATA,
    BAD_FORMAT,
    NOT_LOADED,
    Delivery,
    Ending,
    Loading,
    Progress,
)
from scorehouse.warehouse.recognise import deliveries
from scorehouse.warehouse.replay import replay_waiting
from scorehouse.warehouse.stated import check_year, stated_day
from scorehouse.warehouse.store import Warehouse
from scorehouse.warehouse.tidy import tidy
from scorehouse.warehouse.transaction import Transaction


@dataclass(frozen=True)
class LoadRequest:
    """A load. `as_kind` names the kind of all files; `is_dry`: say what would happen."""

    paths: tuple[Path, ...]
    as_kind: str = ""
    school_year: str = ""
    effective: str = ""
    mapping: Path | None = None
    is_dry: bool = False
    threads: int = 1
    show_private: bool = False


@dataclass(frozen=True)
class FileLoaded:
    """What became of one file. `import_id` 0: a dry run, or a file that was not taken."""

    file: str
    content: str
    why: str
    sureness: float
    import_id: int
    ending: Ending


@dataclass
class LoadSummary:
    """What became of a load. `snapshot` 0: nothing was kept (a dry run, or nothing to keep)."""

    files: list[FileLoaded] = field(default_factory=list)
    replayed: list[FileLoaded] = field(default_factory=list)
    snapshot: int = 0
    log: FindingLog = field(default_factory=FindingLog)

    @property
    def is_refused(self) -> bool:
        """Whether nothing at all could be taken; what is held already is taken."""
        bad = (BAD_FORMAT, BAD_DATA, NOT_LOADED, "REFUSED")
        told = (*self.files, *self.replayed)
        return all(loaded.ending.status in bad for loaded in told)

    @property
    def leaves_out(self) -> bool:
        """Whether something isn't held now: left out, refused, or waiting."""
        told = [loaded.ending for loaded in (*self.files, *self.replayed)]
        waits = any(
            name.startswith("waits") and count
            for ending in told
            for name, count in ending.counts.items()
        )
        return waits or bool(self.log.left_out)


def load(
    warehouse: Warehouse,
    request: LoadRequest,
    *,
    progress: Progress = lambda _done, _expected: None,
    say: archive.Say = lambda _sentence: None,
) -> LoadSummary:
    """Load files: all of it is there at the end, or nothing is.

    Raises UsageError before anything is written (a file that isn't there, an unknown kind, a
    day or a year that can't be); what is wrong with the files is in the summary's findings.
    """
    stated_day(request.effective)
    check_year(request.school_year, date.today())
    found = deliveries(request.paths, request.as_kind, "mapped" if request.mapping else "")
    summary = LoadSummary(log=FindingLog(show_private=request.show_private))
    what = f"load of {len(found)} file" + ("s" if len(found) != 1 else "")
    with warehouse.transaction(what, say) as transaction:
        loading = _loading(transaction, request, summary.log, progress, say)
        for delivery in found:
            summary.files.append(_load_one(warehouse, loading, delivery, request))
        summary.replayed = _replayed(warehouse, loading)
        if request.is_dry:
            transaction.forget()
        elif any(loaded.import_id for loaded in summary.files):
            tidy(transaction)
            summary.snapshot = transaction.commit(what)
    if summary.snapshot:
        update_index(warehouse)
        warehouse.note("load", "", what)
    return summary


def _loading(
    transaction: Transaction,
    request: LoadRequest,
    log: FindingLog,
    progress: Progress,
    say: archive.Say,
) -> Loading:
    return Loading(
        transaction=transaction,
        log=log,
        school_year=request.school_year,
        effective=request.effective,
        mapping=request.mapping,
        threads=request.threads,
        show_private=request.show_private,
        progress=progress,
        say=say,
    )


def _load_one(
    warehouse: Warehouse, loading: Loading, delivery: Delivery, request: LoadRequest
) -> FileLoaded:
    kind, guess, shown = delivery.kind, delivery.guess, delivery.shown
    if kind is None:
        _tell_refused(loading, delivery)
        ending = Ending(BAD_FORMAT, guess.why, {})
        return FileLoaded(shown, "", guess.why, guess.sureness, 0, ending)
    if kind.unloaded:
        loading.log.add(kind.unloaded, file=shown, value=kind.label)
        ending = Ending(NOT_LOADED, f"{kind.label}: not loaded", {})
        return FileLoaded(shown, kind.name, guess.why, guess.sureness, 0, ending)
    digest = "" if request.is_dry else archive.keep(warehouse, _files(delivery), kind.name)
    _tell_earlier(warehouse, loading, digest, shown)
    import_id = loading.transaction.begin_import(kind.name, digest, shown)
    with _source(warehouse, delivery, digest) as source:
        ending = bring_one(loading, delivery, source, import_id)
    return FileLoaded(shown, kind.name, guess.why, guess.sureness, import_id, ending)


def _tell_refused(loading: Loading, delivery: Delivery) -> None:
    if delivery.fault:
        loading.log.add("file_unreadable", file=delivery.shown, reason=delivery.fault)
    else:
        rule = "load_unsure" if delivery.others else "load_unknown_kind"
        loading.log.add(rule, file=delivery.shown, value=" or ".join(delivery.others))


def _files(delivery: Delivery) -> tuple[Path, ...]:
    return delivery.parts or (delivery.path,)


@contextmanager
def _source(warehouse: Warehouse, delivery: Delivery, digest: str) -> Iterator[Path]:
    """What is read of a delivery: where it is several files, the one payload they are kept as."""
    if digest and (delivery.parts or delivery.path.is_dir()):
        yield archive.payload_path(warehouse, digest)
    elif delivery.parts:
        with archive.as_file(warehouse, delivery.parts) as payload:
            yield payload
    else:
        yield delivery.path


def bring_one(loading: Loading, delivery: Delivery, source: Path, import_id: int) -> Ending:
    """Bring one file; a file that can't be read at all is refused, and the load goes on."""
    assert delivery.kind is not None
    own = FindingLog(show_private=loading.show_private)
    whole, loading.log = loading.log, own
    try:
        ending = delivery.kind.bring(loading, source, import_id)
    except InputRefusedError as error:
        own.add("file_unreadable", file=delivery.shown, reason=str(error))
        ending = Ending(BAD_FORMAT, str(error), {})
    finally:
        own = _as_delivered(own, source.name, delivery.shown)
        loading.log = whole
        whole.merge(own)
    loading.transaction.add("finding", _in_order(_masked(own)), import_id)
    loading.transaction.end_import(import_id, ending.status, ending.message, ending.counts)
    return ending


def _as_delivered(log: FindingLog, read: str, shown: str) -> FindingLog:
    """Findings under the name of what was delivered, where a payload was read in its place."""
    if read == shown or not len(log):
        return log
    named = FindingLog(show_private=log.show_private)
    for batch in log.batches():
        table = pa.Table.from_batches([batch])
        files = pc.replace_substring(table["file"], read, shown)
        place = table.schema.get_field_index("file")
        named.add_table(table.set_column(place, table.schema.field(place), files))
    return named


def _masked(log: FindingLog) -> pa.Table:
    """Findings as the warehouse keeps them: private values stay out even when they were shown."""
    table = log.table()
    if not log.show_private:
        return table
    hidden = pa.array(["(not kept)"] * table.num_rows, pa.string())
    place = table.schema.get_field_index("value")
    return table.set_column(place, "value", hidden)


_FINDINGS_BY = ("file", "row", "record", "rule", "field", "value", "message")


def _in_order(findings: pa.Table) -> pa.Table:
    """Findings by where they are, so that each engine numbers them alike."""
    return findings.sort_by([(name, "ascending") for name in _FINDINGS_BY])


def _tell_earlier(warehouse: Warehouse, loading: Loading, digest: str, shown: str) -> None:
    earlier = archive.imports_of(warehouse, digest) if digest else []
    if earlier:
        loading.log.add("load_twice", file=shown, value=earlier[-1])


def _replayed(warehouse: Warehouse, loading: Loading) -> list[FileLoaded]:
    return [
        FileLoaded(shown, "results", "waited for what is known now", 1.0, import_id, ending)
        for shown, import_id, ending in replay_waiting(warehouse, loading)
    ]


def replay(
    warehouse: Warehouse,
    *,
    progress: Progress = lambda _done, _expected: None,
    say: archive.Say = lambda _sentence: None,
    threads: int = 1,
) -> LoadSummary:
    """Bring what waited for a school or test that is known now."""
    summary = LoadSummary()
    request = LoadRequest((), threads=threads)
    with warehouse.transaction("replay", say) as transaction:
        loading = _loading(transaction, request, summary.log, progress, say)
        summary.replayed = _replayed(warehouse, loading)
        if summary.replayed:
            tidy(transaction)
            summary.snapshot = transaction.commit("replay")
    if summary.snapshot:
        update_index(warehouse)
        warehouse.note("replay")
    return summary


def reconcile(warehouse: Warehouse, summary: LoadSummary) -> pa.Table:
    """The fate of every result of a load, as the incumbent's reconciliation lists it.

    A dry run kept nothing: its list is empty.
    """
    told = (*summary.files, *summary.replayed) if summary.snapshot else ()
    numbers = ", ".join(str(loaded.import_id) for loaded in told) or "0"
    with warehouse.snapshot() as snapshot:
        return snapshot.sql(
            "SELECT student_id, assessment_id, school_year, opportunity_id, import_id, number, "
            "fate, message, waits_for, waits_value FROM submission__rows "
            f"WHERE import_id IN ({numbers}) ORDER BY import_id, number"
        )
