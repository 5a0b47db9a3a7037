"""What the two tables can't hold of a TRT result: found, counted, kept beside, put back.

The rest is the difference between the elements that were read and those that the tables
alone give back. It is a long table: one row a value.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.unflatten_conform import attribute_path
from scorehouse.intake.unflatten_notes import Note, Notes
from scorehouse.result_shapes import ELEMENTS, RESULT

REST = pa.schema(
    [
        (RESULT, pa.int32()),
        ("opportunity_id", pa.string()),
        ("element", pa.string()),
        ("kind", pa.string()),
        ("place", pa.int32()),
        ("column", pa.string()),
        ("value", pa.string()),
    ]
)
"""The rest as a table. `element` is a table of `result_shapes.ELEMENTS`.

Kind `same`: the result has as many of the element either way, `place` of them, whose
fingerprint is `value`; kind `rows`: it has `place` of them, all given whole. Kind `value`:
a column's value in the row at `place`, from 0; null where the attribute isn't there.
"""

_PLACE, _SAME, _ROWS, _VALUE = "place", "same", "rows", "value"
_IDENTITY = {
    "examinee_attribute": ("context", "name", "value"),
    "examinee_relationship": ("context", "name", "value"),
    "segment": ("id",),
    "accommodation": ("code",),
    "score": ("measureOf", "measureLabel", "value", "standardError"),
    "score_info": ("item", "scoreDimension", "scorePoint"),
    "item": ("bankKey", "key", "position"),
}
_NAMED = ("examinee_attribute", "examinee_relationship")
_PLAIN_NAME = re.compile(r"[A-Za-z0-9]{1,60}")


class Difference(NamedTuple):
    """The rest of some results, and what of it a person should hear, counted."""

    rest: pa.Table
    notes: Notes


def difference(elements: Mapping[str, pa.Table], returned: Mapping[str, pa.Table]) -> Difference:
    """Compare the elements that were read with those that the tables give back."""
    notes: Notes = Notes()
    parts = [_compared(name, elements[name], returned[name], notes) for name in ELEMENTS]
    keys = _text_frame(elements["result"], "result").select(
        RESULT, opportunity_id=pl.col("opportunity_key").fill_null("")
    )
    rest = pl.concat([part for part in parts if part.height] or [_nothing()])
    order = {name: place for place, name in enumerate(ELEMENTS)}
    rest = rest.join(keys, on=RESULT, how="left").sort(
        RESULT,
        pl.col("element").replace_strict(order, return_dtype=pl.Int32),
        pl.col("kind") == _VALUE,
        _PLACE,
        maintain_order=True,
    )
    return Difference(rest.select(REST.names).to_arrow().cast(REST), notes)


def _nothing() -> pl.DataFrame:
    schema = {
        RESULT: pl.Int32, "element": pl.String, "kind": pl.String, _PLACE: pl.Int32,
        "column": pl.String, "value": pl.String,
    }  # fmt: skip
    return pl.DataFrame(schema=schema)


def _text_frame(table: pa.Table, name: str) -> pl.DataFrame:
    """An element table with its columns as text, and each row's place in its result."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    columns = [c for c in _columns(name) if frame.schema[c] != pl.String]
    place = pl.int_range(pl.len(), dtype=pl.Int32).over(RESULT)
    return frame.with_columns(pl.col(columns).cast(pl.String), place.alias(_PLACE))


def _columns(name: str) -> list[str]:
    return [c for c in ELEMENTS[name].names if c not in (RESULT, "file")]


def _compared(name: str, read: pa.Table, back: pa.Table, notes: Notes) -> pl.DataFrame:
    ours, theirs = _text_frame(read, name), _text_frame(back, name)
    counts = (
        ours.group_by(RESULT)
        .agg(ours=pl.len())
        .join(theirs.group_by(RESULT).agg(theirs=pl.len()), on=RESULT, how="full", coalesce=True)
        .fill_null(0)
    )
    alike = counts.filter(pl.col("ours") == pl.col("theirs")).select(RESULT)
    other = counts.filter(pl.col("ours") != pl.col("theirs"))
    values = _changed_values(name, ours.join(alike, on=RESULT, how="semi"), theirs, notes)
    whole = _whole_rows(name, ours.join(other, on=RESULT, how="semi"), other)
    _note_rows(name, ours, theirs, other, notes)
    concerned = values.select(RESULT).unique()
    marks = _marks(name, theirs.join(concerned, on=RESULT, how="semi"))
    return pl.concat([marks, whole, values])


def _changed_values(
    name: str, ours: pl.DataFrame, theirs: pl.DataFrame, notes: Notes
) -> pl.DataFrame:
    """One row for each value that the tables would give back otherwise."""
    pairs = ours.join(theirs, on=[RESULT, _PLACE], how="inner", suffix="/back")
    is_changed = {c: pl.col(c).ne_missing(pl.col(f"{c}/back")) for c in _columns(name)}
    found = pairs.select(**{c: e.any() for c, e in is_changed.items()}).row(0, named=True)
    parts = []
    for column in (c for c, is_any in found.items() if is_any):
        changed = pairs.filter(is_changed[column])
        parts.append(_long(changed, name, column))
        if count := int(changed[column].is_not_null().sum()):
            notes[Note("value_not_carried", attribute_path(name, column))] += count
    return pl.concat(parts) if parts else _nothing()


def _long(rows: pl.DataFrame, name: str, column: str) -> pl.DataFrame:
    return rows.select(
        RESULT,
        element=pl.lit(name),
        kind=pl.lit(_VALUE),
        place=pl.col(_PLACE),
        column=pl.lit(column),
        value=pl.col(column),
    )


def _whole_rows(name: str, rows: pl.DataFrame, counts: pl.DataFrame) -> pl.DataFrame:
    heads = counts.select(
        RESULT,
        element=pl.lit(name),
        kind=pl.lit(_ROWS),
        place=pl.col("ours").cast(pl.Int32),
        column=pl.lit(""),
        value=pl.lit(None, pl.String),
    )
    given = [
        _long(rows.filter(pl.col(column).is_not_null()), name, column)
        for column in (_columns(name) if rows.height else [])
    ]
    return pl.concat([heads, *given])


def _marks(name: str, theirs: pl.DataFrame) -> pl.DataFrame:
    """How many rows a result has, and which: values go to rows by their place."""
    rows = [
        (result, name, _SAME, len(prints), "", _fingerprint(prints))
        for result, prints in _identities(name, theirs)
    ]
    return pl.DataFrame(rows, schema=_nothing().schema, orient="row")


def _identities(name: str, frame: pl.DataFrame) -> Iterator[tuple[int, list[str]]]:
    columns = _IDENTITY.get(name, ()) if name in ("item", "segment", "score_info") else ()
    text = pl.concat_str([pl.col(c).fill_null("") for c in columns] or [pl.lit("")], separator="|")
    grouped = frame.group_by(RESULT, maintain_order=True).agg(prints=text)
    yield from grouped.iter_rows()


def _fingerprint(prints: list[str]) -> str:
    return hashlib.sha256("\n".join(prints).encode()).hexdigest()[:16]


def _note_rows(
    name: str, ours: pl.DataFrame, theirs: pl.DataFrame, other: pl.DataFrame, notes: Notes
) -> None:
    """Count the elements that have no counterpart, by name where they have one."""
    identity = list(_IDENTITY.get(name, _columns(name)))
    lost = ours.join(other, on=RESULT, how="semi").join(
        theirs, on=[RESULT, *identity], how="anti", nulls_equal=True
    )
    if name not in _NAMED:
        element = attribute_path(name, "x").partition("/")[0]
        if lost.height:
            notes[Note("value_not_carried", element)] += lost.height
        return
    element = attribute_path(name, "x").partition("/")[0]
    for called, context, count in lost.group_by("name", "context").len().iter_rows():
        shown = called if called and _PLAIN_NAME.fullmatch(called) else "…"
        where = "" if context == "FINAL" else f" ({context})"
        notes[Note("value_not_carried", f"{element} {shown}{where}")] += count


class Restored(NamedTuple):
    """Elements with the rest put back; `misfits` are elements whose rows are others now."""

    elements: dict[str, pa.Table]
    misfits: list[tuple[int, str]]


def restore(returned: Mapping[str, pa.Table], rest: pa.Table) -> Restored:
    """Put the rest back into the elements that the tables gave.

    Where a result no longer has the rows that the rest was taken from, nothing is put back
    for that element, and it is named.
    """
    frame = pl.from_arrow(rest)
    assert isinstance(frame, pl.DataFrame)
    misfits: list[tuple[int, str]] = []
    restored = {}
    for name, table in returned.items():
        part = frame.filter(pl.col("element") == name)
        restored[name] = _restored(name, table, part, misfits) if part.height else table
    return Restored(restored, misfits)


def _restored(
    name: str, table: pa.Table, rest: pl.DataFrame, misfits: list[tuple[int, str]]
) -> pa.Table:
    theirs = _text_frame(table, name)
    wrong = _misfits(name, theirs, rest)
    misfits += [(result, name) for result in wrong]
    rest = rest.filter(~pl.col(RESULT).is_in(wrong)) if wrong else rest
    heads = rest.filter(pl.col("kind") == _ROWS)
    values = rest.filter(pl.col("kind") == _VALUE)
    replaced = values.join(heads, on=RESULT, how="semi")
    patched = _patched(name, theirs, values.join(heads, on=RESULT, how="anti"))
    kept = patched.join(heads, on=RESULT, how="anti")
    whole = _rebuilt(name, heads, replaced, theirs)
    both = pl.concat([kept, whole], how="diagonal").sort(RESULT, _PLACE, maintain_order=True)
    schema = ELEMENTS[name]
    return both.select(schema.names).to_arrow().cast(schema)


def _misfits(name: str, theirs: pl.DataFrame, rest: pl.DataFrame) -> list[int]:
    now = {r: (len(prints), _fingerprint(prints)) for r, prints in _identities(name, theirs)}
    marks = rest.filter(pl.col("kind") == _SAME).select(RESULT, _PLACE, "value")
    return [r for r, count, value in marks.iter_rows() if now.get(r) != (count, value)]


def _patched(name: str, theirs: pl.DataFrame, values: pl.DataFrame) -> pl.DataFrame:
    for column in values["column"].unique().to_list():
        if column not in _columns(name):
            continue
        changes = values.filter(pl.col("column") == column).select(
            RESULT, _PLACE, new="value", is_new=pl.lit(True)
        )
        theirs = (
            theirs.join(changes, on=[RESULT, _PLACE], how="left", maintain_order="left")
            .with_columns(pl.when("is_new").then("new").otherwise(column).alias(column))
            .drop("new", "is_new")
        )
    return theirs


def _rebuilt(
    name: str, heads: pl.DataFrame, values: pl.DataFrame, theirs: pl.DataFrame
) -> pl.DataFrame:
    """Rows given whole, from their values."""
    rows = heads.select(
        RESULT, pl.int_ranges(0, pl.col(_PLACE), dtype=pl.Int32).alias(_PLACE)
    ).explode(_PLACE)
    rows = rows.filter(pl.col(_PLACE).is_not_null())
    for column in _columns(name):
        given = values.filter(pl.col("column") == column).select(
            RESULT, _PLACE, pl.col("value").alias(column)
        )
        rows = rows.join(given, on=[RESULT, _PLACE], how="left", maintain_order="left")
    if "file" in ELEMENTS[name].names:
        files = theirs.select(RESULT, "file").unique()
        rows = rows.join(files, on=RESULT, how="left", maintain_order="left")
    return rows
