"""Bringing people: students, enrollments, programs, language status, local identifiers.

Every kind of file about people ends here, so that they share what is meant: the newest
information wins, a blank cell erases nothing, the last of two rows of one student wins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl
import pyarrow as pa

from scorehouse.warehouse.kinds.people_checks import (
    Contradictions,
    folded,
    tell_outside_year,
    with_possible_births,
    with_possible_days,
    year_of,
)
from scorehouse.warehouse.kinds.people_text import ROW
from scorehouse.warehouse.kinds.replacements import in_force
from scorehouse.warehouse.kinds.result_values import frame
from scorehouse.warehouse.kinds.timeline import woven
from scorehouse.warehouse.loading import BAD_DATA, Ending, Loading
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.merge_ending import ending_of
from scorehouse.warehouse.schema import ROW_ID, TABLES
from scorehouse.warehouse.stated import stated_day

ORDER = (
    "entity", "student", "local_id", "enrollment", "program_participation", "el_status",
    "roster", "roster_student", "roster_viewer",
)  # fmt: skip
_PERIODS = {
    "enrollment": ("entered_on", "exited_on"),
    "program_participation": ("began_on", "ended_on"),
    "el_status": ("began_on", "ended_on"),
}
_STATES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "enrollment": (("student_id",), "school_id"),
    "program_participation": (("student_id", "program"), "takes_part"),
    "el_status": (("student_id",), "el_status"),
}
"""Table -> what has one state at a time, and the column of the state."""


class PeopleLoad:
    """One file about people under way: give it the rows piece by piece, then `finish`."""

    def __init__(self, loading: Loading, shown: str, import_id: int) -> None:
        self.loading = loading
        self.shown = shown
        self.import_id = import_id
        self.effective = effective_day(loading)
        self._contradictions = Contradictions()
        self._merged: dict[str, Merged] = {}
        self._schools: set[str] = set()

    def bring(self, tables: Mapping[str, pl.DataFrame], *, snapshot: bool = False) -> None:
        """Bring rows with the columns of their tables, and `ROW`.

        `snapshot`: enrollments, programs and language status are so on a day (their beginning),
        and have no beginnings of their own.
        """
        for name in (name for name in ORDER if name in tables and tables[name].height):
            rows = self._checked(name, tables[name])
            if snapshot and name in _STATES:
                self._weave(name, rows)
            else:
                self._merge(name, rows)

    def _checked(self, name: str, rows: pl.DataFrame) -> pl.DataFrame:
        if "student_id" in rows.columns:
            rows = in_force(self.loading.transaction, rows)
        if name in _PERIODS:
            rows = with_possible_days(self.loading.log, self.shown, rows, *_PERIODS[name])
        if name == "student":
            at = self.effective or date.today()
            rows = with_possible_births(self.loading.log, self.shown, rows, at)
            self._contradictions.note(rows)
        if name == "enrollment":
            rows = self._with_years(rows)
            self._schools |= {*rows["school_id"].unique().to_list()}
        return rows

    def _with_years(self, rows: pl.DataFrame) -> pl.DataFrame:
        stated = pl.lit(self.loading.school_year or None, pl.String)
        given = [pl.col("school_year")] if "school_year" in rows.columns else []
        rows = rows.with_columns(
            school_year=pl.coalesce(*given, year_of(pl.col("entered_on")), stated)
        )
        tell_outside_year(self.loading.log, self.shown, rows)
        return rows

    def _merge(self, name: str, rows: pl.DataFrame) -> None:
        table = TABLES[name]
        is_student = name == "student"
        keys = [key for key in table.keys if key in rows.columns]
        one_each = folded(rows, keys, "info_at" if is_student else "").select(
            [column for column in table.names if column in rows.columns]
        )
        merged = merge(
            self.loading.transaction, name, _arrow(name, one_each), self.import_id,
            newest="info_at" if is_student and "info_at" in rows.columns else "",
            keep_known=True,
            confirms=is_student and "info_at" in rows.columns,
        )  # fmt: skip
        self.count(name, merged._replace(doubled=rows.height - one_each.height))

    def _weave(self, name: str, rows: pl.DataFrame) -> None:
        (keys, state), (begin, end) = _STATES[name], _PERIODS[name]
        held = self.held_rows(name, rows, [*keys, state, begin, end])
        coming = folded(rows, [*keys, begin]).drop(ROW)
        found = woven(held, coming, keys, state, begin, end)
        self._merge(name, found.rows.with_columns(pl.lit(0).alias(ROW)))
        self.withdraw(name, found.gone)

    def held_rows(self, name: str, rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of the rows held about the students of some rows, and their `row_id`."""
        listed = ", ".join(f"h.{column}" for column in columns)
        query = (
            f"SELECT h.{ROW_ID}, {listed} FROM {name} AS h "
            "JOIN asked ON asked.student_id = h.student_id"
        )
        return self.about_students(rows, query)

    def all_held(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        """Columns of every row held, and their `row_id`."""
        listed = ", ".join(columns)
        found = self.loading.transaction.sql(f"SELECT {ROW_ID}, {listed} FROM {name}")
        return frame(found)

    def about_students(self, rows: pl.DataFrame, query: str) -> pl.DataFrame:
        """Ask the warehouse with the students of some rows as the table `asked`."""
        engine = self.loading.transaction.engine
        engine.register("asked", rows.select("student_id").unique().to_arrow())
        try:
            return frame(engine.sql(query))
        finally:
            engine.drop("asked")

    def withdraw(self, name: str, gone: pl.Series) -> None:
        """Say that rows held, named by their `row_id`, no longer hold."""
        rows = pa.table({"old_row": gone.to_arrow().cast(pa.int64())})
        count = self.loading.transaction.supersede(name, rows, self.import_id, "withdrawn")
        self.count(name, Merged(gone=count))

    def count(self, name: str, merged: Merged) -> None:
        """Add to what is said at the end."""
        before = self._merged.get(name, Merged())
        self._merged[name] = Merged(*(a + b for a, b in zip(before, merged, strict=True)))

    # --- the end ---

    def finish(self) -> Ending:
        """Say what only the whole file can tell, and how it ended."""
        self._contradictions.tell(self.loading.log, self.shown)
        self._tell_schools()
        if "enrollment" in self._merged:
            self._tell_overlaps()
        if not self._merged:
            return Ending(BAD_DATA, "no row could be taken; see the findings", {})
        names = tuple(self._merged)
        return ending_of(*(self._merged[name] for name in names), prefixes=names)

    def _tell_schools(self) -> None:
        known = self.loading.transaction.sql("SELECT DISTINCT entity_id FROM entity")
        for school in sorted(self._schools - {*known["entity_id"].to_pylist(), None, ""}):
            self.loading.log.add("enrollment_school_unknown", file=self.shown, value=school)

    def _tell_overlaps(self) -> None:
        """Say where an enrollment of this file overlaps another of its student."""
        overlaps = self.loading.transaction.sql(
            "SELECT a.school_id, count(*) AS n FROM enrollment AS a "
            "JOIN enrollment AS b ON b.student_id = a.student_id "
            f"WHERE (a.import_id = {self.import_id} OR b.import_id = {self.import_id}) "
            "AND (b.entered_on < a.entered_on "
            "OR (b.entered_on = a.entered_on AND b.row_id < a.row_id)) "
            "AND (b.exited_on IS NULL OR b.exited_on >= a.entered_on) "
            "AND b.school_year = a.school_year GROUP BY a.school_id ORDER BY a.school_id"
        )
        for row in overlaps.to_pylist():
            self.loading.log.add(
                "enrollments_overlap", file=self.shown, value=row["school_id"], count=row["n"]
            )


def _arrow(name: str, rows: pl.DataFrame) -> pa.Table:
    own = TABLES[name].own_schema
    schema = pa.schema([own.field(column) for column in rows.columns])
    return rows.to_arrow().cast(schema)


def effective_day(loading: Loading) -> date | None:
    """The day since which undated rows hold, as stated; raises UsageError for no day."""
    return stated_day(loading.effective)
