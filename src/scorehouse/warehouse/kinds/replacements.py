"""Replaced identifiers: which one is in force, through every chain.

The form is our own: `old_id`, `student_id` (what took its place) and, if known, `replaced_on`.
The table keeps each link as delivered (`replaced_by`) and the end of its chain (`student_id`), so
that one join finds the identifier in force.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.kinds.people_checks import with_good_ids
from scorehouse.warehouse.kinds.people_text import ROW, day, filled, pieces, tell_cells
from scorehouse.warehouse.loading import BAD_DATA, Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID, TABLES
from scorehouse.warehouse.transaction import Transaction

_NEEDED, _COLUMNS = {"old_id", "student_id"}, {*TABLES["ssid_replacement"].names}


class Link(NamedTuple):
    """One identifier that took the place of another. `row` 0: held already."""

    old_id: str
    replaced_by: str
    replaced_on: date | None = None
    row: int = 0


def ends_of(links: Mapping[str, str]) -> dict[str, str]:
    """Follow each chain to its end; there must be no circle.

    >>> ends_of({"9000000001": "9000000002", "9000000002": "9000000003"})["9000000001"]
    '9000000003'
    """
    ends: dict[str, str] = {}
    for start in links:
        passed, here = [], start
        while here in links and here not in ends:
            passed.append(here)
            here = links[here]
        ends.update(dict.fromkeys(passed, ends.get(here, here)))
    return ends


def joined(held: Iterable[Link], coming: Iterable[Link]) -> tuple[dict[str, Link], list[Link]]:
    """Add links to those held, oldest first; return all, and those that close a circle.

    Of two links from one identifier the newer holds; without a day, the one that came last.
    """
    links = {link.old_id: link for link in held}
    circles: list[Link] = []
    for link in sorted(coming, key=lambda one: (one.replaced_on or date.min, one.row)):
        if _is_older(link, links.get(link.old_id)):
            continue
        if _leads_to(links, link.replaced_by, link.old_id):
            circles.append(link)
        else:
            links[link.old_id] = link
    return links, circles


def _is_older(link: Link, held: Link | None) -> bool:
    if held is None or held.replaced_on is None or link.replaced_on is None:
        return False
    return link.replaced_on < held.replaced_on


def _leads_to(links: Mapping[str, Link], start: str, wanted: str) -> bool:
    here = start
    while here != wanted and here in links:
        here = links[here].replaced_by
    return here == wanted


# --- resolving ---


def resolve(transaction: Transaction, ids: pa.Table) -> pa.Table:
    """Add the identifier in force (`in_force`) to a table with `student_id`, row by row."""
    found = pl.from_arrow(ids)
    assert isinstance(found, pl.DataFrame)
    delivered = pl.col("student_id").alias("delivered_")
    told = in_force(transaction, found.with_columns(delivered))
    return told.rename({"student_id": "in_force", "delivered_": "student_id"}).select(
        *ids.column_names, "in_force"
    ).to_arrow()  # fmt: skip


def in_force(transaction: Transaction, rows: pl.DataFrame) -> pl.DataFrame:
    """Put the identifier in force in the place of replaced ones."""
    links = transaction.sql("SELECT old_id, student_id FROM ssid_replacement")
    if not links.num_rows:
        return rows
    ends = dict(zip(links["old_id"].to_pylist(), links["student_id"].to_pylist(), strict=True))
    return rows.with_columns(pl.col("student_id").replace(ends))


# --- loading ---


def recognise(head: Head) -> Guess | None:
    """Tell replaced identifiers by their columns."""
    columns = {*head.columns} - {ROW_ID, IMPORT_ID}
    if columns >= _NEEDED and columns <= _COLUMNS:
        return Guess(1.0, "it has old_id and student_id")
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring replaced identifiers; a link that closes a circle is left out."""
    coming = [link for rows in pieces(path, loading.log)
              for link in _links(loading.log, path.name, rows)]  # fmt: skip
    if not coming:
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    merged = bring_links(loading, path.name, import_id, coming)
    if not sum(merged):
        return Ending(BAD_DATA, "no row could be taken; see the findings", {})
    return ending_of(merged)


def bring_links(loading: Loading, shown: str, import_id: int, coming: list[Link]) -> Merged:
    """Bring links beside those held; every chain that they lengthen gets its new end."""
    _tell_doubled(loading.log, shown, coming)
    links, circles = joined(_held(loading.transaction), coming)
    for circle in circles:
        loading.log.add("replacement_circle", file=shown, row=circle.row, field="student_id")
    return merge(loading.transaction, "ssid_replacement", _table(links), import_id, keep_known=True)


def _links(log: FindingLog, shown: str, rows: pl.DataFrame) -> list[Link]:
    by = "replaced_by" if "replaced_by" in rows.columns else "student_id"
    good = with_good_ids(log, shown, rows, {"old_id": "student", by: "student"})
    if "replaced_on" not in rows.columns:
        good = good.with_columns(replaced_on=pl.lit(""))
    read = day(filled(pl.col("replaced_on")))
    tell_cells(log, shown, good, "replaced_on", read, "a day as in 2019-06-30")
    picked = good.select("old_id", by, read.alias("replaced_on"), ROW)
    return [Link(*row) for row in picked.iter_rows()]


def _held(transaction: Transaction) -> list[Link]:
    held = transaction.sql(
        "SELECT old_id, coalesce(replaced_by, student_id) AS replaced_by, replaced_on "
        "FROM ssid_replacement"
    )
    return [Link(**row) for row in held.to_pylist()]


def _tell_doubled(log: FindingLog, shown: str, coming: list[Link]) -> None:
    seen: dict[str, Link] = {}
    for link in coming:
        before = seen.setdefault(link.old_id, link)
        if before.replaced_by != link.replaced_by:
            log.add("replacement_twice", file=shown, row=link.row, field="student_id",
                    earlier=before.row)  # fmt: skip
        seen[link.old_id] = link


def _table(links: Mapping[str, Link]) -> pa.Table:
    ends = ends_of({old: link.replaced_by for old, link in links.items()})
    rows = [
        {
            "old_id": old,
            "student_id": ends[old],
            "replaced_by": link.replaced_by,
            "replaced_on": link.replaced_on,
        }
        for old, link in links.items()
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["ssid_replacement"].own_schema)


KINDS = (Kind("replacements", "replaced student identifiers", 28, recognise, bring),)
