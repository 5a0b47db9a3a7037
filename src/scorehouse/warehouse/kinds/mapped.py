"""Any other roster, through a column mapping that its user declares with `--mapping`.

No layout is guessed: a file is read by a mapping only when one is given. Reading measures
(Lexile, Quantile) are attached to results that are held.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl

from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.warehouse.kinds import people_text as text
from scorehouse.warehouse.kinds.attached import attach
from scorehouse.warehouse.kinds.mapping import (
    NEEDED,
    Cell,
    Mapped,
    Target,
    field_types,
    read_mapping,
)
from scorehouse.warehouse.kinds.people_checks import with_good_ids
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW, filled
from scorehouse.warehouse.kinds.replacements import Link, bring_links
from scorehouse.warehouse.kinds.result_values import instant
from scorehouse.warehouse.loading import Ending, Guess, Head, Kind, Loading
from scorehouse.warehouse.schema import TABLES

_IDS = {"student_id": "student", "old_id": "student", "school_id": "school",
        "entity_id": "school", "lea_id": "school"}  # fmt: skip
_CODED = {("student", "sex"): "sex", ("el_status", "el_status"): "el_status"}
_BEGINS = {"enrollment": "entered_on", "program_participation": "began_on",
           "el_status": "began_on"}  # fmt: skip
_EXPECTED = {"day": "a day in the declared form", "instant": "a moment in the declared form",
             "flag": "yes or no", "text": "a value that is known"}  # fmt: skip


def recognise(_head: Head) -> Guess | None:
    """No file is known by itself: the load takes this kind where a mapping is given."""
    return None


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring the rows of a roster as its mapping says."""
    if loading.mapping is None:
        raise UsageError("a roster of this kind needs --mapping FILE.toml")
    mapping = read_mapping(loading.mapping)
    load = PeopleLoad(loading, path.name, import_id)
    links: list[Link] = []
    read = text.pieces(path, loading.log, delimiter=mapping.delimiter, encoding=mapping.encoding)
    for rows in read:
        kept = _kept(mapping, rows, loading.log, path.name)
        for target in mapping.targets:
            _bring_target(load, target, kept, links)
    if links:
        load.count("ssid_replacement", bring_links(loading, path.name, import_id, links))
    return load.finish()


def _kept(mapping: Mapped, rows: pl.DataFrame, log: FindingLog, shown: str) -> pl.DataFrame:
    """The rows that aren't to be passed over. A column that isn't there refuses the file."""
    for column in mapping.columns:
        if column not in rows.columns:
            log.add("people_column_missing", file=shown, field=column)
            raise InputRefusedError("a column that the mapping names is missing")
    for column, values in mapping.skip.items():
        rows = rows.filter(~pl.col(column).is_in(list(values)))
    return with_good_ids(log, shown, rows, _identifiers(mapping))


def _identifiers(mapping: Mapped) -> dict[str, str]:
    """The roster's columns that are identifiers as they stand, and whose."""
    return {
        cell.column: _IDS[name]
        for target in mapping.targets
        for name, cell in target.cells.items()
        if name in _IDS and cell.column and cell.values is None
    }


def _bring_target(load: PeopleLoad, target: Target, rows: pl.DataFrame, links: list[Link]) -> None:
    log, shown = load.loading.log, load.shown
    texts = rows.select(ROW, *(_text_of(cell).alias(name) for name, cell in target.cells.items()))
    _tell_unknown(log, shown, rows, texts, target)
    typed = _typed(log, shown, target, texts)
    if target.table == "score":
        load.count("score", attach(load, typed))
    elif target.table == "ssid_replacement":
        days = typed if "replaced_on" in typed.columns else typed.with_columns(
            replaced_on=pl.lit(None, pl.Date)
        )  # fmt: skip
        picked = days.select("old_id", "student_id", "replaced_on", ROW)
        links += [Link(*row) for row in picked.iter_rows()]
    else:
        load.bring({target.table: _complete(load, target.table, typed)},
                   snapshot=_is_snapshot(target))  # fmt: skip


def _is_snapshot(target: Target) -> bool:
    """Enrollments, programs and language status without a beginning hold as of a day."""
    begin = _BEGINS.get(target.table)
    return begin is not None and begin not in target.cells


def _complete(load: PeopleLoad, table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """Add what the load states: since when rows hold, when a student was known so."""
    stated = pl.lit(load.effective, pl.Date)
    begin = _BEGINS.get(table)
    if begin and begin not in rows.columns:
        rows = rows.with_columns(stated.alias(begin))
    if table == "entity" and "valid_from" not in rows.columns:
        rows = rows.with_columns(stated.alias("valid_from"))
    if table == "student":
        at = [pl.col("info_at")] if "info_at" in rows.columns else []
        rows = rows.with_columns(
            pl.coalesce(*at, stated.cast(pl.Datetime("us"))).alias("info_at"),
            pl.lit("roster").alias("info_from"),
        )
    return rows


def _text_of(cell: Cell) -> pl.Expr:
    if not cell.column:
        return pl.lit(cell.constant)
    if cell.values is None:
        return pl.col(cell.column)
    read = pl.col(cell.column).replace_strict(
        dict(cell.values), default=None, return_dtype=pl.String
    )
    if cell.other is None:
        return read
    return (
        pl.when(pl.col(cell.column).is_in(list(cell.values)))
        .then(read)
        .otherwise(pl.lit(cell.other))
    )


def _tell_unknown(
    log: FindingLog, shown: str, rows: pl.DataFrame, texts: pl.DataFrame, target: Target
) -> None:
    """Say of values that the mapping doesn't list that they were taken as blank."""
    for name, cell in target.cells.items():
        if cell.values is not None and cell.other is None:
            read = texts[name]
            text.tell_cells(
                log, shown, rows, cell.column, pl.lit(read), "a value that the mapping lists"
            )


def _typed(log: FindingLog, shown: str, target: Target, rows: pl.DataFrame) -> pl.DataFrame:
    """Texts as the types of their fields; what can't be read is told, and blank."""
    types = field_types(target.table)
    keys = TABLES[target.table].keys
    typed = []
    for name, cell in target.cells.items():
        kind = types[name]
        read = _read(target.table, name, cell, kind)
        if kind != "text" or (target.table, name) in _CODED:
            known = rows.with_columns(pl.col(name).fill_null(""))
            expected = _EXPECTED.get(kind, "a number")
            text.tell_cells(log, shown, known, name, read, expected, cell.column or name)
        is_text_key = kind == "text" and name in keys
        typed.append((read.fill_null("") if is_text_key else read).alias(name))
    return _told(target, rows.select(ROW, *typed))


def _told(target: Target, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that say something for a table: a roster's blank cells say nothing."""
    for name in NEEDED[target.table]:
        is_text = rows.schema[name] == pl.String
        rows = rows.filter(pl.col(name) != "" if is_text else pl.col(name).is_not_null())
    return rows


def _read(table: str, name: str, cell: Cell, kind: str) -> pl.Expr:
    column = filled(pl.col(name))
    if (table, name) in _CODED:
        return text.known(column, _CODED[table, name])
    if table == "score" and name == "scale_score":
        return column
    match kind:
        case "flag":
            return text.flag(column)
        case "day":
            return text.day(column, (cell.format,) if cell.format else text.DAY_FORMATS)
        case "instant" if cell.format:
            return column.str.to_datetime(cell.format, time_unit="us", strict=False)
        case "instant":
            return instant(column)
    return text.grade(column) if name == "grade_enrolled" else column


KINDS = (Kind("mapped", "a roster through a declared mapping", 35, recognise, bring),)
