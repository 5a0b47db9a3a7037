"""A large OneRoster delivery in parts of some students each, so that a state's fits in memory.

Everything about a student is in one part: users by their statewide identifier, demographics and
enrollments by their user. A small delivery is one part.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import polars as pl

from scorehouse.warehouse.kinds.oneroster_files import FILES, Delivery
from scorehouse.warehouse.kinds.people_text import ROW

PART_BYTES = 48_000_000
"""So much of a delivery's text is in one part."""

_SPLIT = {"users": "sourcedId", "demographics": "sourcedId", "enrollments": "userSourcedId"}
_PART, _USER = "part_", "user_"

Identify = Callable[[pl.DataFrame], pl.Series]
"""Users -> what tells their students apart."""


class Part(NamedTuple):
    """Some users with all that is told of them."""

    users: pl.DataFrame
    demographics: pl.DataFrame
    enrollments: pl.DataFrame


class Parts:
    """The parts of a delivery, to be gone through as often as needed."""

    def __init__(self, whole: Part | None, folder: Path, count: int) -> None:
        self._whole = whole
        self._folder = folder
        self._count = count

    def __iter__(self) -> Iterator[Part]:
        if self._whole is not None:
            yield self._whole
            return
        for number in range(self._count):
            yield Part(*(self._read(name, number) for name in _SPLIT))

    def _read(self, name: str, number: int) -> pl.DataFrame:
        schema = {**dict.fromkeys(FILES[name], pl.String), ROW: pl.Int64}
        files = sorted((self._folder / f"{name}-{number}").glob("*.parquet"))
        return pl.concat([pl.DataFrame(schema=schema), *(pl.read_parquet(one) for one in files)])


@contextmanager
def parts(delivery: Delivery, identify: Identify, scratch: Path) -> Iterator[Parts]:
    """Split a delivery's students; what is on disk for it is gone at the end."""
    count = sum(delivery.size(name) for name in _SPLIT) // PART_BYTES + 1
    with tempfile.TemporaryDirectory(dir=scratch) as name:
        folder = Path(name)
        if count == 1:
            yield Parts(Part(*(delivery.table(name) for name in _SPLIT)), folder, 1)
            return
        _split(delivery, identify, folder, count)
        yield Parts(None, folder, count)


def _split(delivery: Delivery, identify: Identify, folder: Path, count: int) -> None:
    routes = []
    for place, users in enumerate(delivery.pieces("users")):
        routed = users.with_columns((identify(users).hash() % count).alias(_PART))
        routes.append(routed.select(_key("sourcedId"), pl.col(_PART).cast(pl.Int16)))
        _put(routed, "users", place, folder)
    nobody = pl.DataFrame(schema={_USER: pl.UInt64, _PART: pl.Int16})
    route = pl.concat([nobody, *routes]).unique(_USER, keep="last")
    for name in ("demographics", "enrollments"):
        for place, rows in enumerate(delivery.pieces(name)):
            keyed = rows.with_columns(_key(_SPLIT[name]))
            routed = keyed.join(route, on=_USER, how="left", maintain_order="left")
            _put(routed.drop(_USER).with_columns(pl.col(_PART).fill_null(0)), name, place, folder)


def _key(column: str) -> pl.Expr:
    return pl.col(column).hash().alias(_USER)


def _put(routed: pl.DataFrame, name: str, place: int, folder: Path) -> None:
    for (number,), rows in routed.partition_by(_PART, as_dict=True, maintain_order=True).items():
        target = folder / f"{name}-{number}"
        target.mkdir(exist_ok=True)
        rows.drop(_PART).write_parquet(target / f"{place:06}.parquet", compression="lz4")
