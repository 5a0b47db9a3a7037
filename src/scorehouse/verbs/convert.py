"""Convert results files: TRT to the two tables, the two tables to TRT, either to itself."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.errors import InputRefusedError, UsageError
from scorehouse.intake.findings import Consequence, FindingLog
from scorehouse.intake.flatten import flatten
from scorehouse.intake.readers.results import read_results
from scorehouse.intake.results import ResultChunk
from scorehouse.intake.unflatten import unflatten
from scorehouse.intake.unflatten_conform import element_of
from scorehouse.intake.unflatten_notes import Note, Notes, tell_notes
from scorehouse.intake.unflatten_rest import difference, restore
from scorehouse.intake.unflatten_upgrade import upgrade_tests
from scorehouse.intake.whole import remove_abandoned_within
from scorehouse.intake.writers.features import features
from scorehouse.intake.writers.sidecar import SidecarReader, SidecarWriter, check_sidecar
from scorehouse.intake.writers.trt import TrtWriter, elements_to_write
from scorehouse.intake.writers.two_tables import SplitBy, TableWriter, columns_written
from scorehouse.result_shapes import (
    ITEM_COLUMNS,
    REQUIRED_ITEM_COLUMNS,
    REQUIRED_TEST_COLUMNS,
    RESULT,
    TEST_COLUMNS,
)

Progress = Callable[[int, int | None], None]
TRT, CSV = "trt", "csv"
_CHUNK_RESULTS = 500  # a few elements wide, so that memory stays small


@dataclass(frozen=True)
class ConvertRequest:
    """A conversion. `to` blank: the other of the two forms."""

    input: Path
    output: Path
    to: str = ""
    optional_columns: bool = False
    split_by: str = ""
    sidecar: Path | None = None
    spreadsheet_safe: bool = False
    score_codes: bool = False
    overwrite: bool = False
    show_private: bool = False


@dataclass
class ConvertSummary:
    """What a conversion did, counted."""

    to: str = ""
    results: int = 0
    item_rows: int = 0
    files: tuple[str, ...] = ()
    sidecar_rows: int = 0
    findings: dict[str, int] = field(default_factory=dict)
    left_out: int = 0


def convert_file(
    request: ConvertRequest, findings: Path, progress: Progress | None = None
) -> ConvertSummary:
    """Convert a file, folder or zip; what was wrong with it goes to `findings`.

    Memory stays bounded at any size. Raises UsageError before anything is read, and
    InputRefusedError, after the findings are written, when nothing could be read.
    """
    _check(request, findings)
    log = FindingLog(show_private=request.show_private)
    summary = ConvertSummary()
    with log.written_to(findings), closing(_read(request, log, progress)) as chunks:
        _run(request, chunks, summary, log, findings)
    summary.findings, summary.left_out = log.counts(), log.left_out
    return summary


def _read(
    request: ConvertRequest, log: FindingLog, progress: Progress | None
) -> Generator[ResultChunk, None, None]:
    yield from read_results(request.input, log, chunk_results=_CHUNK_RESULTS, progress=progress)


def _run(
    request: ConvertRequest,
    chunks: Iterator[ResultChunk],
    summary: ConvertSummary,
    log: FindingLog,
    findings: Path,
) -> None:
    first = next(chunks, None)
    if first is None:
        raise InputRefusedError(_nothing_read(log, findings))
    summary.to = request.to or (CSV if first.is_xml else TRT)
    write = _to_csv if summary.to == CSV else _to_trt
    write(request, chain([first], chunks), summary, log)


def _check(request: ConvertRequest, findings: Path) -> None:
    if request.to not in ("", TRT, CSV):
        raise UsageError(f"--to is {TRT} or {CSV}, not {request.to!r}")
    if not request.input.exists():
        raise UsageError(f"there is no file or folder {request.input}")
    for path in (request.output, findings):
        if not path.parent.is_dir():
            raise UsageError(f"the folder {path.parent} does not exist")
    if request.output.resolve() == request.input.resolve():
        raise UsageError("the output is the input; name another")
    _split_by(request.split_by)
    if request.sidecar is not None:
        check_sidecar(request.sidecar)
    is_folder = request.output.suffix.lower() != ".zip"
    if is_folder and request.output.exists() and not request.output.is_dir():
        raise UsageError(f"{request.output} is a file; the output is a folder or a .zip")
    if is_folder:
        remove_abandoned_within(request.output)
    is_there = request.output.exists() and (not is_folder or any(request.output.iterdir()))
    if is_there and not request.overwrite:
        raise UsageError(f"{request.output} is there already; say --overwrite to replace it")


def _split_by(text: str) -> SplitBy | None:
    try:
        return SplitBy(text.lower()) if text else None
    except ValueError:
        raise UsageError(f"--split-by is subject or grade, not {text!r}") from None


def _nothing_read(log: FindingLog, findings: Path) -> str:
    refusals = [f for f in log if Consequence(f.consequence).leaves_out]
    refusals.sort(key=lambda f: f.consequence not in ("file_refused", "stop"))
    first = next(iter(refusals), None)
    why = f"{first.message} {first.remedy}" if first else "It holds no result."
    return f"Nothing could be read from the input. {why} See {findings.name}."


def _to_csv(
    request: ConvertRequest,
    chunks: Iterator[ResultChunk],
    summary: ConvertSummary,
    log: FindingLog,
) -> None:
    """Write the two tables, and what they can't hold beside them."""
    if request.output.suffix.lower() == ".zip":
        raise UsageError("the two tables are written into a folder; name one with -o")
    notes = Notes()
    with ExitStack() as stack:
        sidecar = stack.enter_context(SidecarWriter(request.sidecar)) if request.sidecar else None
        writer = stack.enter_context(
            TableWriter(
                request.output,
                optional_columns=request.optional_columns,
                split_by=_split_by(request.split_by),
                spreadsheet_safe=request.spreadsheet_safe,
                log=log,
            )
        )
        for chunk in chunks:
            tests, upgraded = upgrade_tests(chunk.tests, features())
            notes.update(upgraded)
            chunk = chunk._replace(tests=tests)
            if chunk.is_xml:
                rest = _rest(chunk, request.optional_columns, notes, is_kept=sidecar is not None)
                if sidecar is not None:
                    sidecar.write(rest)
            writer.write(chunk)
        summary.sidecar_rows = sidecar.rows if sidecar else 0
    tell_notes(notes, log)
    written = writer.written
    summary.results, summary.item_rows, summary.files = written.tests, written.items, written.files


def _rest(chunk: ResultChunk, optional_columns: bool, notes: Notes, *, is_kept: bool) -> pa.Table:
    """What the tables as they are written wouldn't give back of a chunk's elements."""
    found = difference(chunk.elements, _given_back(chunk, optional_columns))
    if not is_kept:
        notes.update(found.notes)
    return found.rest


def _given_back(chunk: ResultChunk, optional_columns: bool) -> Mapping[str, pa.Table]:
    """The elements that the written columns alone describe."""
    test_columns, item_columns = columns_written(optional_columns)
    tests = _only(chunk.tests, TEST_COLUMNS, test_columns)
    items = _only(chunk.items, ITEM_COLUMNS, item_columns)
    return unflatten(tests, items, features()).elements


def _only(table: pa.Table, all_columns: tuple[str, ...], kept: list[str]) -> pa.Table:
    """The table with the columns that aren't written blank."""
    for name in all_columns:
        if name not in kept:
            place = table.schema.get_field_index(name)
            blank = pa.array([""]).take(pa.array([0] * table.num_rows, pa.int8()))
            table = table.set_column(place, table.schema.field(place), blank)
    return table


def _to_trt(
    request: ConvertRequest,
    chunks: Iterator[ResultChunk],
    summary: ConvertSummary,
    log: FindingLog,
) -> None:
    """Write TRT documents; put back what a sidecar holds."""
    if request.split_by:
        raise UsageError("only the two tables are split; TRT has one file a result")
    sidecar = SidecarReader(request.sidecar) if request.sidecar else None
    with TrtWriter(
        request.output, score_codes=request.score_codes, overwrite=request.overwrite, log=log
    ) as writer:
        for chunk in chunks:
            if sidecar is None or chunk.is_xml:
                elements = elements_to_write(chunk, writer.notes)
            else:
                elements = _restored(chunk, sidecar, writer.notes, log)
            written = writer.write(elements)
            if not chunk.is_xml:
                _note_changes(chunk, written.elements, writer.notes)
            summary.item_rows += chunk.items.num_rows
    if sidecar is not None and (unused := sidecar.unused()):
        log.add(
            "sidecar_unused", file=request.sidecar.name if request.sidecar else "", count=unused
        )
    summary.results, summary.files = writer.written.documents, (request.output.name,)


def _restored(
    chunk: ResultChunk, sidecar: SidecarReader, notes: Notes, log: FindingLog
) -> Mapping[str, pa.Table]:
    """A chunk's elements with the rest put back; what was filled in is told where it stays."""
    own: Notes = Notes()
    elements = elements_to_write(chunk, own)
    rest = sidecar.rest_of(elements["result"])
    restored = restore(elements, rest)
    notes.update({note: n for note, n in own.items() if note.rule not in _FILLED})
    _note_filled(chunk, rest, restored.misfits, notes)
    if restored.misfits:
        columns = ("file", "opportunity_key")
        files, keys = (elements["result"][name].to_pylist() for name in columns)
        places = {n: i for i, n in enumerate(elements["result"][RESULT].to_pylist())}
        for result, name in restored.misfits:
            place = places[result]
            log.add("sidecar_misfit", file=files[place], record=keys[place], field=name)
    return restored.elements


_FILLED = ("value_invented", "accessibility_unknown")


def _note_filled(
    chunk: ResultChunk, rest: pa.Table, misfits: Sequence[tuple[int, str]], notes: Notes
) -> None:
    """Count what was filled in for results, or elements of them, that the rest doesn't hold."""
    held = {*rest[RESULT].to_pylist()}
    others = [number for number in chunk.tests[RESULT].to_pylist() if number not in held]
    notes.update(_filled(chunk, others))
    for name in sorted({name for _, name in misfits}):
        found = _filled(chunk, [number for number, other in misfits if other == name])
        notes.update({note: n for note, n in found.items() if element_of(note.field) == name})


def _filled(chunk: ResultChunk, results: Sequence[int]) -> Notes:
    """What is filled in for some results of a chunk."""
    own: Notes = Notes()
    if results:
        chosen = pa.array(results, pa.int32())
        tests, items = (
            table.filter(pc.is_in(table[RESULT], value_set=chosen))
            for table in (chunk.tests, chunk.items)
        )
        elements_to_write(chunk._replace(tests=tests, items=items), own)
    return Notes({note: n for note, n in own.items() if note.rule in _FILLED})


def _note_changes(chunk: ResultChunk, written: Mapping[str, pa.Table], notes: Notes) -> None:
    """Convert what was written back, and count the values that come out otherwise."""
    numbers = dict(zip(written["result"][RESULT].to_pylist(), range(2**31), strict=False))
    tests, items = flatten({name: _renumbered(table, numbers) for name, table in written.items()})
    tests, _ = upgrade_tests(tests, features())
    _note_table(_renumbered(chunk.tests, numbers), tests, _OF_TESTS, notes)
    _note_table(_renumbered(chunk.items, numbers), items, _OF_ITEMS, notes)


def _renumbered(table: pa.Table, numbers: Mapping[int, int]) -> pa.Table:
    """The rows of some results, numbered anew."""
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    known = frame.filter(pl.col(RESULT).is_in(list(numbers)))
    number = pl.col(RESULT).replace_strict(dict(numbers), return_dtype=pl.Int32)
    return known.with_columns(number).to_arrow().cast(table.schema)


class _Columns(NamedTuple):
    """The columns of a table, and what its rows are counted within."""

    all: Sequence[str]
    required: Sequence[str]
    within: str


_OF_TESTS = _Columns(TEST_COLUMNS, REQUIRED_TEST_COLUMNS, RESULT)
_OF_ITEMS = _Columns(ITEM_COLUMNS, REQUIRED_ITEM_COLUMNS, "item")


def _note_table(before: pa.Table, after: pa.Table, columns: _Columns, notes: Notes) -> None:
    """Count what changed; an optional value that was blank is told where it was invented."""
    ours, theirs = _placed(before, columns.within), _placed(after, columns.within)
    keys = list(dict.fromkeys([RESULT, columns.within, "place"]))
    pairs = ours.join(theirs, on=keys, how="inner", suffix="/back")
    counts = pairs.select(
        **{
            name: _is_other(name, is_required=name in columns.required).sum()
            for name in columns.all
        }
    )
    for name, count in counts.row(0, named=True).items():
        if count:
            notes[Note("value_changed_on_return", name)] += count


def _is_other(name: str, *, is_required: bool) -> pl.Expr:
    before, after = pl.col(name).fill_null(""), pl.col(f"{name}/back").fill_null("")
    return (before != after) if is_required else (before != after) & (before != "")


def _placed(table: pa.Table, within: str) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    return frame.with_columns(place=pl.int_range(pl.len()).over(RESULT, within))
