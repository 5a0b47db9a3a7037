"""The ledger of releases: what was let out, to whom, as they saw it.

A release is decided upon everything that was released before, and stands in the ledger
before anybody gets it. Hidden counts aren't in the ledger: what is needed to check a later
release is what an outsider knows. Two releases at once can't both rest on the same past: the
second one finds its number taken and decides again.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.ipc as ipc
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from scorehouse.disclosure import (
    Earlier,
    Ledger,
    Query,
    Relation,
    Released,
    RowKey,
    ScoreRange,
    release,
    released_again,
)
from scorehouse.disclosure.columns import KEPT
from scorehouse.errors import ScorehouseError
from scorehouse.rulebook.small_groups import Profile
from scorehouse.warehouse import catalog as tables
from scorehouse.warehouse.catalog import Catalog, now
from scorehouse.warehouse.store import Warehouse, who

_TRIES = 20


def let_out(
    warehouse: Warehouse,
    figures: pa.Table,
    relations: Iterable[Relation],
    *,
    profile: Profile,
    audience: str,
    query: Query,
    snapshot: int,
    score_ranges: Mapping[tuple[str, str], ScoreRange] | None = None,
) -> Released:
    """Release figures to an audience, checked against the ledger and written into it.

    The same release again is let out as it was decided the first time, and written down once
    for each audience.
    """
    told = tuple(relations)
    years = sorted(set(figures["school_year"].to_pylist()))
    _ensure(warehouse.catalog)
    for _ in range(_TRIES):
        number = _last(warehouse.catalog)
        past = ledger(warehouse, years, profile.checked_against)
        same = [
            one
            for one in past.releases
            if (one.profile, one.query, one.snapshot) == (profile.name, query, snapshot)
        ]
        again = (released_again(figures, one, audience) for one in same)
        done = next((each for each in again if each), None) or release(
            figures,
            told,
            profile=profile,
            audience=audience,
            query=query,
            snapshot=snapshot,
            ledger=past,
            score_ranges=score_ranges,
        )
        if _write(warehouse.catalog, done, number + 1, years):
            warehouse.note("release", query.name, f"{profile.name}, {audience}")
            return done
    raise ScorehouseError("other releases kept coming in between; try again")


def ledger(warehouse: Warehouse, years: Iterable[str], profiles: Iterable[str]) -> Ledger:
    """What was released of some school years under some profiles, oldest first."""
    row = tables.released.c
    spoken = [row.years.contains(f" {year} ", autoescape=True) for year in years]
    query = (
        sa.select(tables.released)
        .where(row.profile.in_(list(profiles)), sa.or_(sa.false(), *spoken))
        .order_by(row.number)
    )
    _ensure(warehouse.catalog)
    with warehouse.catalog.reading() as connection:
        return Ledger(tuple(_earlier(dict(each)) for each in connection.execute(query).mappings()))


def releases(
    warehouse: Warehouse, *, audience: str = "", profile: str = "", limit: int = 100
) -> list[dict[str, Any]]:
    """The newest releases, newest first: what, to whom, how much of it hidden."""
    row = tables.released.c
    shown = [column for column in row if column.name not in ("figures", "relations")]
    query = sa.select(*shown).order_by(row.number.desc()).limit(limit)
    if audience:
        query = query.where(row.audience == audience)
    if profile:
        query = query.where(row.profile == profile)
    _ensure(warehouse.catalog)
    with warehouse.catalog.reading() as connection:
        found = [dict(entry) for entry in connection.execute(query).mappings()]
    return [{**entry, "query": json.loads(entry["query"])} for entry in found]


def _ensure(catalog: Catalog) -> None:
    """A warehouse made before there was a ledger gets one."""
    if "released" not in catalog.tables():
        catalog.create()


def _last(catalog: Catalog) -> int:
    with catalog.reading() as connection:
        return int(
            connection.execute(sa.select(sa.func.max(tables.released.c.number))).scalar() or 0
        )


def _write(catalog: Catalog, done: Released, number: int, years: list[str]) -> bool:
    """Write a release down unless it is there already; False: another took the number."""
    kept = done.figures.select([name for name in KEPT if name in done.figures.column_names])
    packed = _packed(kept)
    query = _query_text(done.query)
    digest = hashlib.sha256(packed + query.encode() + done.audience.encode()).hexdigest()
    values = {
        "number": number,
        "profile": done.profile,
        "audience": done.audience,
        "query": query,
        "snapshot_id": done.snapshot,
        "years": f" {' '.join(years)} ",
        "rows": done.figures.num_rows,
        "hidden_rows": sum(bool(each) for each in done.figures["hidden"].to_pylist()),
        "digest": digest,
        "figures": packed,
        "relations": zlib.compress(json.dumps(_told(done.relations)).encode()),
        "who": who(),
        "created_at": now(),
    }
    try:
        with catalog.writing() as connection:
            if not _is_there(connection, values):
                connection.execute(sa.insert(tables.released).values(values))
    except IntegrityError:
        return False
    return True


def _is_there(connection: sa.Connection, values: Mapping[str, Any]) -> bool:
    row = tables.released.c
    same = [row[name] == values[name] for name in ("profile", "snapshot_id", "digest")]
    return connection.execute(sa.select(row.release_id).where(*same).limit(1)).first() is not None


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with ipc.new_stream(sink, table.schema, options=ipc.IpcWriteOptions(compression="zstd")) as out:
        out.write_table(table.combine_chunks())
    return bytes(sink.getvalue())


def _query_text(query: Query) -> str:
    filters = {name: sorted(kept) for name, kept in sorted(query.filters.items())}
    told = {"name": query.name, "population": query.population, "filters": filters}
    return json.dumps(told, sort_keys=True)


def _told(relations: Iterable[Relation]) -> list[list[Any]]:
    return [[list(r.total), [list(part) for part in r.parts], list(r.columns)] for r in relations]


def _earlier(found: Mapping[str, Any]) -> Earlier:
    query = json.loads(found["query"])
    filters = {name: frozenset(kept) for name, kept in query["filters"].items()}
    relations = json.loads(zlib.decompress(found["relations"]))
    return Earlier(
        release_id=found["release_id"],
        profile=found["profile"],
        audience=found["audience"],
        query=Query(query["name"], query["population"], filters),
        snapshot=found["snapshot_id"],
        figures=ipc.open_stream(found["figures"]).read_all(),
        relations=tuple(
            Relation(RowKey(*total), tuple(RowKey(*part) for part in parts), tuple(columns))
            for total, parts, columns in relations
        ),
    )
