"""Who is on a list, and who may see it: brought part by part, withdrawn at the end."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa

from scorehouse.warehouse.kinds.oneroster_rows import is_gone
from scorehouse.warehouse.kinds.people_load import PeopleLoad
from scorehouse.warehouse.schema import IMPORT_ID, ROW_ID

LIST = ["school_id", "roster_name", "school_year"]
MEMBERS = {"roster_student": "student_id", "roster_viewer": "login"}
"""Tables of people on lists -> the column that says who."""


class Members:
    """The members of one table that a delivery tells; all of them stand on disk meanwhile."""

    def __init__(self, load: PeopleLoad, name: str, folder: Path) -> None:
        self._load = load
        self._name = name
        self._keys = [*LIST, MEMBERS[name]]
        self._folder = folder
        self._paths: list[str] = []

    def bring(self, rows: pl.DataFrame) -> None:
        """Bring the members of a part; `status` says who is to be deleted."""
        told = rows.select(*self._keys, is_gone().alias("is_gone"))
        path = self._folder / f"{self._name}-{len(self._paths)}.parquet"
        told.write_parquet(path, compression="lz4")
        self._paths.append(str(path))
        self._load.bring({self._name: rows.filter(~is_gone()).drop("status")})

    def withdraw(self, complete: pl.DataFrame | None) -> None:
        """Withdraw who was held and isn't told any more.

        `complete`: the lists that the delivery tells whole; None: it tells changes only, and
        those go whom it wants deleted.
        """
        engine = self._load.loading.transaction.engine
        keys = pa.schema([(key, pa.string()) for key in self._keys])
        engine.files("told_members", self._paths, keys.append(pa.field("is_gone", pa.bool_())))
        if complete is not None:
            engine.register("whole_lists", complete.select(LIST).to_arrow())
        gone = (
            f"EXISTS (SELECT 1 FROM whole_lists AS w WHERE {_same('w', LIST)})"
            if complete is not None
            else f"EXISTS (SELECT 1 FROM told_members AS t WHERE t.is_gone AND {self._told()})"
        )
        found = engine.sql(
            f"SELECT h.{ROW_ID} FROM {self._name} AS h "
            f"WHERE h.{IMPORT_ID} <> {self._load.import_id} AND {gone} AND NOT EXISTS "
            f"(SELECT 1 FROM told_members AS t WHERE NOT t.is_gone AND {self._told()}) "
            f"ORDER BY h.{ROW_ID}"
        )
        engine.drop("told_members")
        if complete is not None:
            engine.drop("whole_lists")
        self._load.withdraw(self._name, pl.Series(found[ROW_ID].to_pylist(), dtype=pl.Int64))

    def _told(self) -> str:
        return _same("t", self._keys)


def _same(name: str, columns: list[str]) -> str:
    return " AND ".join(f"{name}.{column} = h.{column}" for column in columns)
