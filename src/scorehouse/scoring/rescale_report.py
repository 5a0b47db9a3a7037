"""Who changes, and by how much, when scores are put under one LOSS/HOSS option."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import polars as pl
import pyarrow as pa

KEY = ("school_year", "subject", "test_grade", "measure")
LEVELS = ("level_before", "level_after")
ENDS = ("at_lowest_before", "at_highest_before", "at_lowest_after", "at_highest_after")

CHANGES = pa.schema(
    [
        ("opportunity_id", pa.string()),
        *((name, pa.string()) for name in KEY),
        ("scale_score_before", pa.int32()),
        ("scale_score_after", pa.int32()),  # null: the option gives none
        ("difference", pa.int32()),
        ("level_before", pa.int8()),  # of claims and interim blocks: the rating
        ("level_after", pa.int8()),  # null: it can't be known without the responses
    ]
)
"""One row a score whose number or level is another now."""

_COMPARED: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("opportunity_id", *KEY), pl.String),
    **dict.fromkeys(("scale_score_before", "scale_score_after"), pl.Int32),
    **dict.fromkeys(LEVELS, pl.Int8),
    **dict.fromkeys(ENDS, pl.Boolean),
    "is_left": pl.Boolean,
}
COMPARED = pl.Schema(_COMPARED)
"""Scores before and after, one row a score; `is_left` ones couldn't be rescaled."""

REPORT = pa.schema(
    [
        *((name, pa.string()) for name in KEY),
        ("n_scores", pa.int64()),
        ("n_changed", pa.int64()),
        ("n_up", pa.int64()),
        ("n_down", pa.int64()),
        ("n_without_score", pa.int64()),  # had a score, and the option gives none
        ("n_left", pa.int64()),  # couldn't be rescaled; they count in no other column but the first
        ("mean_change", pa.float64()),  # points, over the scores that changed
        ("largest_rise", pa.int32()),
        ("largest_fall", pa.int32()),
        ("n_level_changed", pa.int64()),
        ("n_level_unknown", pa.int64()),  # had a level or rating that needs the responses now
        *(
            (f"{what}_at_{end}_{when}", pa.int64() if what == "n" else pa.float64())
            for end in ("lowest", "highest")
            for when in ("before", "after")
            for what in ("n", "share")
        ),
    ]
)
"""One row a school year, subject, grade and measure."""

LEVEL_CHANGES = pa.schema(
    [*((name, pa.string()) for name in KEY), *((name, pa.int8()) for name in LEVELS),
     ("n_scores", pa.int64())]
)  # fmt: skip
"""The matrix of levels (ratings of claims and blocks), one row a cell that isn't empty."""

_MOST_PARTS = 100  # sums kept apart before they are added up
_difference = pl.col("scale_score_after") - pl.col("scale_score_before")
_SUMS = {
    "n_scores": pl.len(),
    "n_changed": pl.col("scale_score_before").ne_missing(pl.col("scale_score_after")).sum(),
    "n_up": (_difference > 0).sum(),
    "n_down": (_difference < 0).sum(),
    "n_without_score": (
        pl.col("scale_score_before").is_not_null() & pl.col("scale_score_after").is_null()
    ).sum(),
    "n_left": pl.col("is_left").sum(),
    "points": _difference.cast(pl.Int64).sum(),
    "n_level_changed": (pl.col("level_before") != pl.col("level_after")).sum(),
    "n_level_unknown": (
        pl.col("level_before").is_not_null() & pl.col("level_after").is_null()
    ).sum(),
    **{f"n_{end}": pl.col(end).sum() for end in ENDS},
}
_EXTREMES = {
    "largest_rise": _difference.filter(_difference > 0).max(),
    "largest_fall": _difference.filter(_difference < 0).min(),
}


class EndShare(NamedTuple):
    """How many of a year's overall scores stand at an end of the scale after all."""

    school_year: str
    subject: str
    test_grade: str
    end: str  # lowest or highest
    share: float


@dataclass
class ChangeReport:
    """Scores before and after, summed as they come; memory doesn't grow with their number."""

    _sums: list[pl.DataFrame] = field(default_factory=list)
    _levels: list[pl.DataFrame] = field(default_factory=list)

    def add(self, compared: pl.DataFrame) -> None:
        """Count scores of `COMPARED`."""
        if compared.is_empty():
            return
        groups = compared.group_by(KEY)
        self._sums.append(
            groups.agg(**{k: e.cast(pl.Int64) for k, e in _SUMS.items()}, **_EXTREMES)
        )
        self._levels.append(compared.group_by(*KEY, *LEVELS).agg(n_scores=pl.len().cast(pl.Int64)))
        if len(self._sums) > _MOST_PARTS:
            self._sums, self._levels = [self._summed()], [self._level_sums()]

    def add_unchanged(self, counts: pl.DataFrame) -> None:
        """Count scores that stay: `KEY`, `level`, `is_left` and how many they are, `n`."""
        if counts.is_empty():
            return
        none = {name: pl.lit(0, pl.Int64) for name in _SUMS}
        number = pl.col("n").cast(pl.Int64)
        left = pl.when(pl.col("is_left")).then(number).otherwise(0)
        extremes = {name: pl.lit(None, pl.Int32) for name in _EXTREMES}
        self._sums.append(
            counts.select(*KEY, **none | {"n_scores": number, "n_left": left}, **extremes)
        )
        level = pl.col("level").cast(pl.Int8)
        self._levels.append(
            counts.select(*KEY, level_before=level, level_after=level, n_scores=number)
        )

    def table(self) -> pa.Table:
        """The report, as `REPORT`."""
        shares = {
            name.replace("n_", "share_", 1): pl.col(name) / pl.col("n_scores")
            for name in (f"n_{end}" for end in ENDS)
        }
        moved = pl.col("n_up") + pl.col("n_down")
        mean = pl.when(moved > 0).then(pl.col("points") / moved)
        found = self._summed().with_columns(mean_change=mean, **shares)
        return found.select(REPORT.names).sort(KEY).to_arrow().cast(REPORT)

    def levels(self) -> pa.Table:
        """The matrix of levels, as `LEVEL_CHANGES`."""
        found = self._level_sums().filter(
            ~pl.all_horizontal(pl.col(name).is_null() for name in LEVELS)
        )
        return found.select(LEVEL_CHANGES.names).sort(*KEY, *LEVELS).to_arrow().cast(LEVEL_CHANGES)

    def end_shares(self) -> Iterator[EndShare]:
        """The share of overall scores at each end, after."""
        table = self.table().to_pylist()
        for row in (row for row in table if row["measure"] == "overall" and row["n_scores"]):
            for end in ("lowest", "highest"):
                share = row[f"share_at_{end}_after"]
                yield EndShare(row["school_year"], row["subject"], row["test_grade"], end, share)

    def _summed(self) -> pl.DataFrame:
        extremes = {"largest_rise": pl.col("largest_rise").max()}
        extremes["largest_fall"] = pl.col("largest_fall").min()
        sums = {name: pl.col(name).sum() for name in _SUMS}
        kinds = {**dict.fromkeys(_SUMS, pl.Int64), **dict.fromkeys(_EXTREMES, pl.Int32)}
        parts = self._sums or [_nothing(kinds)]
        return pl.concat(parts).group_by(KEY).agg(**sums, **extremes)

    def _level_sums(self) -> pl.DataFrame:
        kinds = {**dict.fromkeys(LEVELS, pl.Int8), "n_scores": pl.Int64}
        parts = self._levels or [_nothing(kinds)]
        return pl.concat(parts).group_by(*KEY, *LEVELS).agg(pl.col("n_scores").sum())


def _nothing(columns: Mapping[str, type[pl.DataType]]) -> pl.DataFrame:
    return pl.DataFrame(schema={**dict.fromkeys(KEY, pl.String), **columns})


def changes_of(compared: pl.DataFrame) -> pa.Table:
    """The rows of `COMPARED` that changed, as `CHANGES`."""
    is_other = pl.any_horizontal(
        pl.col(f"{name}_before").ne_missing(pl.col(f"{name}_after"))
        for name in ("scale_score", "level")
    )
    changed = compared.filter(is_other).with_columns(difference=_difference)
    return changed.select(CHANGES.names).to_arrow().cast(CHANGES)
