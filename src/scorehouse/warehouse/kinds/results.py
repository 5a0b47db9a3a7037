"""Results files (TRT, the two tables) into the warehouse: read, checked, settled, kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scorehouse.intake.checks import Setting, profile_named
from scorehouse.intake.checks.run import Checker
from scorehouse.intake.readers.results import CHECKED_BYTES, Reading, read_files, sorted_files
from scorehouse.rulebook import load as load_rulebook
from scorehouse.terms import SchoolYear
from scorehouse.warehouse.kinds.result_people import bring_people
from scorehouse.warehouse.kinds.result_rows import Piece, Staged, piece, staged
from scorehouse.warehouse.kinds.result_settle import FATES, TAKEN, settle
from scorehouse.warehouse.kinds.result_tables import table_of, tables_of
from scorehouse.warehouse.kinds.result_values import NUMBER, frame
from scorehouse.warehouse.loading import (
    BAD_DATA,
    BAD_FORMAT,
    NO_UPDATE,
    PROCESSED,
    Ending,
    Guess,
    Head,
    Kind,
    Loading,
)

PROFILE = "reporting-load"
_PART_RESULTS, _PART_BYTES = 50_000, 600_000_000
_XML_ROOTS = ("TDSReport", "TDSReports")
WAITING = {"school": "UNKNOWN_SCHOOL", "assessment": "UNKNOWN_ASMT"}
_SAID = {
    "updated": "corrected what was held",
    "removed": "reset: the sitting no longer holds",
    "unchanged": "Duplicate -- no changes triggered an update",
    "older": "Prior date -- Earlier status date than the result held",
    "poorer": "Tables that tell less than the result held, and aren't newer",
    "superseded_within": "Superseded by another result of the same delivery",
    "left_out": "left out by the checks; see the findings",
}


def recognise(head: Head) -> Guess | None:
    """Tell TRT and the two tables by what they hold."""
    if head.root in _XML_ROOTS:
        return Guess(1.0, f"its root element is {head.root}")
    if table_of(head.columns):
        return Guess(0.95, "it has the columns of a results table")
    if head.members and _holds_results(head):
        return Guess(0.9, "it holds results files")
    if head.members and tables_of(head.path):
        return Guess(0.9, "it holds tables of results")
    return None


def _holds_results(head: Head) -> bool:
    """A zip or folder of XML is taken for results when its first member begins like TRT."""
    return b"<TDSReport" in head.start


def bring(loading: Loading, path: Path, import_id: int) -> Ending:
    """Bring every result of a file, folder or zip."""
    return bring_numbers(loading, path, import_id, None)


def bring_numbers(
    loading: Loading, path: Path, import_id: int, numbers: frozenset[int] | None
) -> Ending:
    """Bring the results of these numbers (counted from 0 in the payload), or all of them."""
    fates: Counter[str] = Counter()
    waits: Counter[str] = Counter()
    for part, left_out in _parts(loading, path, numbers):
        told = frame(settle(loading.transaction, part, import_id))
        bring_people(loading.transaction, part.results, told, import_id)
        _submit(loading, told, left_out, import_id)
        _tell(loading, told)
        fates.update(told["fate"].to_list())
        fates["left_out"] += left_out.height
        waits.update(told.filter(pl.col("fate") == "waits")["waits_for"].to_list())
    return _ending(fates, waits)


def _ending(fates: Counter[str], waits: Counter[str]) -> Ending:
    counts = {fate: fates[fate] for fate in FATES if fates[fate]}
    counts |= {f"waits_for_{what}": number for what, number in sorted(waits.items())}
    said = ", ".join(f"{number:,} {fate}" for fate, number in counts.items())
    if not fates:
        return Ending(BAD_FORMAT, "no result could be read; see the findings", counts)
    if any(fates[fate] for fate in TAKEN):
        return Ending(PROCESSED, said, counts)
    if waits:
        return Ending(WAITING[waits.most_common(1)[0][0]], said, counts)
    is_held = any(fates[fate] for fate in ("unchanged", "older", "poorer"))
    return Ending(NO_UPDATE if is_held else BAD_DATA, said, counts)


# --- reading, piece by piece ---


def _parts(
    loading: Loading, path: Path, numbers: frozenset[int] | None
) -> Iterator[tuple[Staged, pl.DataFrame]]:
    """Checked results in parts of bounded size, with those that the checks left out."""
    held: list[Piece] = []
    dropped: list[pl.DataFrame] = []
    for one, left_out in _checked(loading, path, numbers):
        held.append(one)
        dropped.append(left_out)
        if _is_full(held):
            yield staged(held), pl.concat(dropped)
            held, dropped = [], []
    if held:
        yield staged(held), pl.concat(dropped)


def _is_full(held: list[Piece]) -> bool:
    count = sum(one.tests.num_rows for one in held)
    return count >= _PART_RESULTS or sum(one.nbytes for one in held) >= _PART_BYTES


def _checked(
    loading: Loading, path: Path, numbers: frozenset[int] | None
) -> Iterator[tuple[Piece, pl.DataFrame]]:
    checker = _checker(loading)
    reading = Reading(chunk_bytes=CHECKED_BYTES, threads=loading.threads, progress=loading.progress)
    for chunk in read_files(sorted_files(path, loading.log), loading.log, reading):
        wanted = chunk.tests["result"].to_numpy()
        if numbers is not None:
            wanted = wanted[np.isin(wanted, [*numbers])]
            if not wanted.size:
                continue
        checked = checker.check(chunk)
        loading.log.add_table(checked.findings)
        is_bad = np.isin(wanted, checked.left_out)
        yield piece(chunk, pa.array(wanted[~is_bad])), _dropped(chunk.tests, wanted[is_bad])
    loading.log.add_table(checker.finish())


def _checker(loading: Loading) -> Checker:
    book = load_rulebook()
    year = SchoolYear.parse(loading.school_year) if loading.school_year else None
    setting = Setting(
        profile=profile_named(PROFILE), year=year, today=date.today(), required=frozenset()
    )
    return Checker(
        setting, lambda asked: book.at(asked, "consortium"), show_private=loading.show_private
    )


def _dropped(tests: pa.Table, bad: NDArray[np.int32]) -> pl.DataFrame:
    is_bad = pc.is_in(tests["result"], pa.array(bad))
    return frame(tests.select(_NAMED).filter(is_bad)).select(
        pl.col("result").cast(pl.Int64).alias(NUMBER),
        pl.col("TestOpportunityId").alias("opportunity_id"),
        pl.col("AssessmentName").alias("assessment_id"),
        pl.col("StudentIdentifier").alias("student_id"),
    )


_NAMED = ("result", "TestOpportunityId", "AssessmentName", "StudentIdentifier")


# --- what is said afterwards ---


def _submit(loading: Loading, told: pl.DataFrame, left_out: pl.DataFrame, import_id: int) -> None:
    """Write down the fate of every result."""
    rows = pl.concat(
        [told, left_out.with_columns(fate=pl.lit("left_out"))], how="diagonal"
    ).with_columns(message=pl.col("fate").replace_strict(_SAID, default=""))
    names = (
        NUMBER, "student_id", "assessment_id", "opportunity_id", "school_year", "fate",
        "message", "waits_for", "waits_value", "result_row",
    )  # fmt: skip
    loading.transaction.add("submission", rows.select(names).to_arrow(), import_id)


def _tell(loading: Loading, told: pl.DataFrame) -> None:
    """Findings about results that wait, come too late, or moved to another student."""
    rules = (
        (
            "result_waits_for_school",
            (pl.col("fate") == "waits") & (pl.col("waits_for") == "school"),
        ),
        (
            "result_waits_for_assessment",
            (pl.col("fate") == "waits") & (pl.col("waits_for") == "assessment"),
        ),
        ("result_older", pl.col("fate") == "older"),
        ("result_poorer", pl.col("fate") == "poorer"),
        ("result_lost_measures", pl.col("tells_less") & (pl.col("fate") == "updated")),
        ("result_moved", pl.col("is_moved") & pl.col("fate").is_in(TAKEN)),
    )
    for rule, condition in rules:
        for row in _rows(told.filter(condition)):
            loading.log.add(rule, record=str(row["opportunity_id"]), value=row["waits_value"])


def _rows(table: pl.DataFrame) -> Iterable[dict[str, object]]:
    return table.iter_rows(named=True)


KINDS = (Kind("results", "results (TRT or the two tables)", 50, recognise, bring, tables_of),)
