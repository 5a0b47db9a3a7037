"""Reading measures (Lexile, Quantile) attached to results that are held.

The result is found by its opportunity, else by student and test; a student with several results
on a test gets nothing by guess. The measure goes with the result it was attached to.
"""

from __future__ import annotations

import polars as pl
import pyarrow as pa

from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.kinds.people_text import ROW
from scorehouse.warehouse.kinds.replacements import in_force
from scorehouse.warehouse.kinds.result_values import frame
from scorehouse.warehouse.merge import Merged, merge
from scorehouse.warehouse.schema import ROW_ID

ORIGIN = "attached"
_NUMBER = r"^(\d+(?:\.\d+)?)\s*[LlQq]?$"
_KEYS = ("opportunity_id", "student_id", "assessment_id")


def attach(load: PeopleLoad, rows: pl.DataFrame) -> Merged:
    """Attach measures; `rows` have measure, scale_score (text) and what names the result.

    A measure that is no number ("BR150L") is kept as delivered, in `words`.
    """
    given = [name for name in _KEYS if name in rows.columns]
    rows = rows.drop_nulls("scale_score")
    if "student_id" in given:
        rows = in_force(load.loading.transaction, rows)
    numbered = rows.with_columns(pl.int_range(pl.len()).alias("number_"))
    found = _found(load, numbered.select("number_", *given), given)
    counted = numbered.join(found, on="number_", how="left").with_columns(
        pl.col(ROW_ID).count().over("number_").alias("count_")
    )
    _tell(load, counted)
    return merge(
        load.loading.transaction, "score", _scores(counted.filter(pl.col("count_") == 1)),
        load.import_id,
    )  # fmt: skip


def _found(load: PeopleLoad, asked: pl.DataFrame, given: list[str]) -> pl.DataFrame:
    engine = load.loading.transaction.engine
    engine.register("asked", asked.to_arrow())
    same = " AND ".join(f"r.{name} = a.{name}" for name in given)
    try:
        return frame(
            engine.sql(
                f"SELECT a.number_, r.{ROW_ID}, r.school_year FROM asked AS a "
                f"JOIN result AS r ON {same}"
            )
        )
    finally:
        engine.drop("asked")


def _tell(load: PeopleLoad, counted: pl.DataFrame) -> None:
    once = counted.unique("number_", keep="first", maintain_order=True)
    for rule, condition in (
        ("score_result_unknown", pl.col("count_") == 0),
        ("score_result_several", pl.col("count_") > 1),
    ):
        for row in once.filter(condition)[ROW].to_list():
            load.loading.log.add(rule, file=load.shown, row=row)


def _scores(rows: pl.DataFrame) -> pa.Table:
    number = pl.col("scale_score").str.extract(_NUMBER, 1).cast(pl.Float64, strict=False)
    told = rows.select(
        pl.col(ROW_ID).alias("owner_row"),
        "measure",
        "school_year",
        number.alias("scale_score"),
        pl.when(number.is_null()).then("scale_score").alias("words"),
        pl.lit(ORIGIN).alias("origin"),
    )
    return told.unique(["owner_row", "measure"], keep="last", maintain_order=True).to_arrow()
