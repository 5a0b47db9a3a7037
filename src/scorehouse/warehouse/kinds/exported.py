"""Tables of results that a warehouse exported: sittings, scorings, and the parts of both.

A file of parts (scores, responses, accommodations) says of each row which sitting it belongs to,
so that every table loads by itself. Schools and tests come first: a sitting of one that isn't
known is left out and said.
"""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.intake.readers.identify import FileKind, identify
from scorehouse.warehouse.kinds.canonical import sound
from scorehouse.warehouse.kinds.exported_parts import settle_parts
from scorehouse.warehouse.kinds.exported_settle import settle_owners
from scorehouse.warehouse.kinds.people_text import pieces
from scorehouse.warehouse.loading import (
    BAD_DATA,
    NO_UPDATE,
    PROCESSED,
    Ending,
    Guess,
    Head,
    Kind,
    Loading,
)
from scorehouse.warehouse.places import SCRATCH_FOLDER, remove
from scorehouse.warehouse.schema import OWNERS, ROW_ID, TABLES, Table, owner_fields

_PARTS = ("score", "response", "accommodation_used")
_NOTES = ("submission", "finding", "supersession")
_SAID = {
    "assessment": "result_needs_assessment", "school": "result_needs_school",
    "owner": "part_needs_result",
}  # fmt: skip


def arriving(name: str) -> Table:
    """A table as its file has it: parts are told by their sitting, not by a row's number."""
    table = TABLES[name]
    own = tuple(field for field in table.fields if field.name != table.owner)
    return replace(table, fields=(*owner_fields(table), *own), order=())


def recognise(head: Head, name: str) -> Guess | None:
    """Tell an exported table by its header: all of its columns."""
    if {ROW_ID, *arriving(name).names, *TABLES[name].names} <= set(head.columns):
        return Guess(1.0, f"it has all columns of the exported table {name}")
    return None


def recognise_notes(head: Head, name: str) -> Guess | None:
    """Tell what the other warehouse noted about its own loads."""
    if set(TABLES[name].schema.names) <= set(head.columns):
        return Guess(1.0, f"it has all columns of the exported table {name}")
    return None


def bring_nothing(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring nothing: a load notes its own fates, findings and corrections."""
    return Ending(NO_UPDATE, "notes on the loads of the warehouse it comes from", {})


def bring(loading: Loading, path: Path, import_id: int, name: str) -> Ending:
    """Bring the rows of one table; those that the warehouse already holds change nothing."""
    settle = settle_owners if name in OWNERS else settle_parts
    with _named(loading, path, arriving(name)):
        settled = settle(loading.transaction, name, import_id)
    for (what, value), found in settled.lacking.items():
        loading.log.add(_SAID[what], file=path.name, value=value, found=found)
    return _ending(settled.fates)


def _ending(fates: Mapping[str, int]) -> Ending:
    counts = {fate: count for fate, count in Counter(fates).items() if count}
    said = ", ".join(f"{count:,} {fate}" for fate, count in counts.items()) or "nothing in it"
    if counts.get("new") or counts.get("updated"):
        return Ending(PROCESSED, said, counts)
    is_bad = counts.get("left_out") and len(counts) == 1
    return Ending(BAD_DATA if is_bad else NO_UPDATE, said, counts)


@contextmanager
def _named(loading: Loading, path: Path, table: Table) -> Iterator[None]:
    """Name a file's rows `arriving`, each with its place as `arrival`."""
    engine, typed = loading.transaction.engine, path
    if not _has_types(path, table):
        typed = loading.transaction.root / SCRATCH_FOLDER / f"{secrets.token_hex(8)}.parquet"
    try:
        if typed != path:
            _write_typed(loading, path, table, typed)
        engine.files("arriving", [str(typed)], table.own_schema, "arrival")
        yield
    finally:
        if typed != path:
            remove([typed])


def _has_types(path: Path, table: Table) -> bool:
    """Whether a file is Parquet with the types of the table, so that it needs no reading here."""
    if identify(path) is not FileKind.PARQUET:
        return False
    try:
        schema = pq.read_schema(path)
    except (pa.ArrowException, OSError):
        return False  # reading it as text says what is wrong
    return all(schema.field(name).type == table.own_schema.field(name).type
               for name in table.names)  # fmt: skip


def _write_typed(loading: Loading, path: Path, table: Table, target: Path) -> None:
    """Write a file's rows with the table's types; a cell that can't be so is a finding."""
    schema = table.own_schema
    with pq.ParquetWriter(target, schema, compression="zstd") as writer:
        for rows in pieces(path, loading.log):
            good = sound(loading, table, path.name, rows, spelled=("school_year",))
            writer.write_table(good.select(schema.names).cast(schema))


KINDS = (
    *(
        Kind(
            f"exported_{name}", f"exported table {name}", 51 + place,
            partial(recognise, name=name), partial(bring, name=name),
        )
        for place, name in enumerate((*OWNERS, *_PARTS))
    ),
    *(
        Kind(
            f"exported_{name}", f"exported table {name}", 59,
            partial(recognise_notes, name=name), bring_nothing,
        )
        for name in _NOTES
    ),
)  # fmt: skip
