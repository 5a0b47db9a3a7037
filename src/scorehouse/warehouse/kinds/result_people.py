"""Who results are about: students and lists of students as results name them."""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from scorehouse.warehouse.kinds.result_settle import TAKEN
from scorehouse.warehouse.kinds.result_values import NUMBER, frame
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.transaction import Transaction

_STUDENT = (
    "last_or_surname", "first_name", "middle_name", "alias_name", "birth_date", "sex",
    "hispanic_or_latino", "american_indian_or_alaska_native", "asian",
    "black_or_african_american", "white", "native_hawaiian_or_other_pacific_islander",
    "filipino", "two_or_more_races", "language_code", "military_connected", "first_entry_on",
    "primary_disability",
)  # fmt: skip


def bring_people(
    transaction: Transaction, results: pa.Table, told: pl.DataFrame, import_id: int
) -> None:
    """Bring the students of the results that were taken, and the lists they name.

    What is newer stays: a result tells of a student as of its end. A result that was not
    taken, or resets another, changes no student.
    """
    taken = told.filter(pl.col("fate").is_in(TAKEN)).select(
        NUMBER, pl.col("student_id").alias("student_in_force"), "school_year"
    )
    rows = frame(results).drop("school_year").join(taken, on=NUMBER)
    rows = rows.with_columns(
        student_id=pl.col("student_in_force"),
        info_at=pl.coalesce("completed_at", "status_at", "started_at"),
        info_from=pl.lit("result"),
    ).filter(pl.col("student_id") != "")
    newest = rows.sort("info_at", nulls_last=False, maintain_order=True).unique(
        "student_id", keep="last", maintain_order=True
    )
    students = newest.select("student_id", *_STUDENT, "info_at", "info_from")
    merge(
        transaction, "student", students.to_arrow(), import_id,
        newest="info_at", keep_known=True, confirms=True, why="result",
    )  # fmt: skip
    _bring_rosters(transaction, rows, import_id)


def _bring_rosters(transaction: Transaction, rows: pl.DataFrame, import_id: int) -> None:
    named = (
        rows.filter(pl.col("roster_names").fill_null("").str.strip_chars() != "")
        .filter(pl.col("school_id").is_not_null())
        .select(
            "school_id",
            pl.col("roster_names").str.split(";").alias("roster_name"),
            "school_year",
            "student_id",
        )
        .explode("roster_name")
        .with_columns(pl.col("roster_name").str.strip_chars())
        .filter(pl.col("roster_name") != "")
        .unique(maintain_order=True)
    )
    keys = ["school_id", "roster_name", "school_year"]
    rosters = named.select(keys).unique(maintain_order=True)
    merge(transaction, "roster", rosters.to_arrow(), import_id)
    merge(transaction, "roster_student", named.to_arrow(), import_id)
