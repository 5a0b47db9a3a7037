"""Rows of released figures as pages read them: numbers rounded, hidden ones with their reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa

from scorehouse.documents.labels import is_everybody, why_words
from scorehouse.reports.charts import Amount
from scorehouse.reports.figure_shape import ALL_STUDENTS, KEYS
from scorehouse.reports.statistics import rounded
from scorehouse.reports.uncertainty import Share, spread, wilson

HIDDEN, MARKED, CODED = "hidden", "marked", "percent_met_coded"
PERCENTS, MET, SE_MET = "percent_levels", "percent_met", "se_percent_met"
MEAN, SE_MEAN = "mean_scale_score", "se_mean"
DISTANCE, SE_DISTANCE = "distance_from_standard", "se_distance"
MOST_PERCENT = 100


@dataclass(frozen=True)
class FigureRow:
    """One row of released figures."""

    cells: Mapping[str, Any]

    def __getitem__(self, column: str) -> Any:
        return self.cells.get(column)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells the row from all others."""
        return tuple(str(self.cells[name]) for name in KEYS.names)

    @cached_property
    def hidden(self) -> Mapping[str, str]:
        """Why columns are hidden, by column."""
        return {one["column"]: one["why"] for one in self.cells.get(HIDDEN) or ()}

    @property
    def grade(self) -> str:
        """The grade of the test; blank: all grades pooled."""
        return str(self.cells["test_grade"])

    @property
    def group(self) -> str:
        """The student group's code."""
        return str(self.cells["student_group"])

    @property
    def year(self) -> str:
        """The school year."""
        return str(self.cells["school_year"])

    @property
    def measure(self) -> str:
        """What is measured: overall, or a part of the test."""
        return str(self.cells["measure"])

    @property
    def n(self) -> int | None:
        """Students with a score, as far as they are shown."""
        return self.cells.get("n_scored")

    def amount(self, column: str, se: str = "", decimals: int = 1) -> Amount:
        """A figure with its interval, rounded for display."""
        value = self.cells.get(column)
        mark = bool(self.cells.get(MARKED))
        if value is None:
            return Amount(why=self.why(column), n=self.n, is_marked=False)
        low, high = self._ends(column, se)
        return Amount(
            rounded(value, decimals),
            None if low is None else rounded(low, decimals),
            None if high is None else rounded(high, decimals),
            self.n,
            is_marked=mark,
        )

    def _ends(self, column: str, se: str) -> tuple[float | None, float | None]:
        """The ends of the likely range; of a share by Wilson's method, where students are known."""
        error = self.cells.get(se) if se else None
        if error is None or (column == MET and not self.n):
            return None, None
        value = self.cells[column]
        if column == MET and self.n:
            return wilson(Share(value * self.n / MOST_PERCENT, self.n))
        return value - spread() * error, value + spread() * error

    def met(self) -> Amount:
        """The share that met the standard, or the code that stands for an extreme one."""
        amount = self.amount(MET, SE_MET)
        if amount.value is None and self.cells.get(CODED):
            return Amount(why=amount.why, n=self.n, coded=str(self.cells[CODED]))
        return amount

    def percents(self, levels: int) -> tuple[Amount, ...]:
        """The share of each level, whole percentages."""
        values = self.cells.get(PERCENTS)
        mark = bool(self.cells.get(MARKED))
        if not values:
            return (Amount(why=self.why(PERCENTS)),) * levels
        return tuple(
            Amount(value, is_marked=mark and value is not None)
            if value is not None
            else Amount(why=self.why(f"{PERCENTS}[{level}]"))
            for level, value in enumerate(values, start=1)
        )

    def count(self, column: str) -> Amount:
        """A count of students."""
        value = self.cells.get(column)
        return Amount(why=self.why(column)) if value is None else Amount(value)

    def why(self, column: str) -> str:
        """Why a column isn't shown, in words; blank: it has no value."""
        code = self.hidden.get(column) or self.hidden.get(column.partition("[")[0]) or ""
        return why_words(code) if code else ""


@dataclass(frozen=True)
class Figures:
    """Released rows, and questions to them."""

    rows: Sequence[FigureRow]

    def where(self, **wanted: object) -> Figures:
        """Rows whose columns have these values; a function decides, if it is one."""
        return Figures([row for row in self.rows if _fits(row, wanted)])

    def values(self, column: str) -> list[str]:
        """The values of a column, each once, in order of appearance."""
        return list(dict.fromkeys(str(row[column]) for row in self.rows))

    def one(self, **wanted: object) -> FigureRow | None:
        """The first row that fits."""
        found = self.where(**wanted).rows
        return found[0] if found else None

    def everybody(self) -> Figures:
        """Rows of all students."""
        return self.where(student_group=ALL_STUDENTS)

    def has(self, *columns: str) -> bool:
        """Whether any of the columns has a value in any row, or is hidden in all rows."""
        has_value = any(row[column] is not None for row in self.rows for column in columns)
        is_hidden = [all(row.why(column) for row in self.rows) for column in columns]
        return has_value or (bool(self.rows) and any(is_hidden))

    @property
    def latest(self) -> str:
        """The latest school year."""
        return max(self.values("school_year"), default="")

    def grades(self) -> list[str]:
        """Grades, all together first."""
        return sorted(self.values("test_grade"))

    def groups(self) -> list[str]:
        """Student groups, all students first, others in the order of the table."""
        return sorted(self.values("student_group"), key=lambda code: not is_everybody(code))

    def levels(self) -> int:
        """How many levels the rows have."""
        counts = [len(row[PERCENTS] or row["level_counts"] or ()) for row in self.rows]
        return max(counts, default=0)

    def reasons(self) -> list[str]:
        """Codes of all reasons for which something is hidden, the most frequent first."""
        codes = [code for row in self.rows for code in row.hidden.values()]
        return sorted(dict.fromkeys(codes), key=lambda code: (-codes.count(code), code))


def figures_of(table: pa.Table) -> Figures:
    """The rows of a table."""
    return Figures([FigureRow(row) for row in table.to_pylist()])


def _fits(row: FigureRow, wanted: Mapping[str, object]) -> bool:
    return all(
        value(row[name]) if callable(value) else row[name] == value
        for name, value in wanted.items()
    )
