"""Which rows of the item table make one item."""

from __future__ import annotations

import polars as pl

from scorehouse.result_shapes import ITEM_COLUMNS, RESULT

_ITEM = (RESULT, "ItemId", "ItemPosition")


def drop_repeated(items: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Part rows that say in every column what one before them in the result says."""
    is_first = pl.struct(RESULT, *ITEM_COLUMNS).is_first_distinct()
    marked = items.with_columns(first=is_first)
    return marked.filter("first").drop("first"), marked.filter(~pl.col("first")).drop("first")


def numbered_items(items: pl.DataFrame) -> pl.DataFrame:
    """Give each row the number of its item within the result, from 0; an item's rows together.

    Rows of one result with the same item and position are one item's dimensions; a
    dimension met again begins another item. Items stand in the order of their first rows.
    """
    nth = pl.int_range(pl.len()).over(*_ITEM, pl.col("ScoreDimension").str.to_lowercase())
    first = pl.int_range(pl.len()).alias("scorehouse_order")
    rows = items.drop("item", strict=False).with_columns(nth.alias("scorehouse_nth"), first)
    rows = rows.with_columns(
        pl.col("scorehouse_order").min().over(*_ITEM, "scorehouse_nth").alias("scorehouse_first")
    ).sort("scorehouse_first", "scorehouse_order")
    item = (pl.col("scorehouse_first").rank("dense").over(RESULT) - 1).cast(pl.Int32)
    return rows.with_columns(item.alias("item")).drop(
        "scorehouse_nth", "scorehouse_order", "scorehouse_first"
    )
