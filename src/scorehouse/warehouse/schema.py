"""Every table of the warehouse, described once.

The descriptions stand beside this module (`data/tables.csv`, `data/fields.csv`); the data
files, the data dictionary, the headers of downloads and the pages come from them. Every table
has two columns before its own: `row_id`, unique in the warehouse, and `import_id`, the import
that brought the row. Rows are never changed: what replaced one stands in `supersession`.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

import pyarrow as pa

ROW_ID, IMPORT_ID = "row_id", "import_id"
ROW_BITS = 36
"""Row ids are `import_id << ROW_BITS` and upward: an import may bring 68 billion rows."""

FORMAT = 1
"""Version of the folder's layout; a warehouse of another version is migrated or refused."""

TYPES: Mapping[str, pa.DataType] = MappingProxyType(
    {
        "text": pa.string(),
        "int8": pa.int8(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "real": pa.float64(),
        "flag": pa.bool_(),
        "day": pa.date32(),
        "instant": pa.timestamp("us"),  # UTC where a zone was given, else as written
    }
)


@dataclass(frozen=True)
class Field:
    """One column: what it holds, in which unit, and how private it is.

    `privacy` is public, internal, staff, demographic, score, dates, identifier, student_id,
    name, birth_date or response. `ceds` is the name in the Common Education Data Standards,
    `origin` the name in the files it comes from; both may be empty.
    """

    name: str
    type: str
    is_key: bool
    privacy: str
    unit: str
    ceds: str
    origin: str
    meaning: str

    @property
    def arrow(self) -> pa.DataType:
        """The type in memory and on disk."""
        return TYPES[self.type]


@dataclass(frozen=True)
class Table:
    """One table: a row of it is told apart by its `keys`.

    `slice` is the column whose values have files of their own; `order` the columns by which
    rows stand in a file (none: as they came).
    """

    name: str
    group: str
    slice: str
    order: tuple[str, ...]
    meaning: str
    fields: tuple[Field, ...]

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell rows apart; none for tables that are only added to."""
        return tuple(field.name for field in self.fields if field.is_key)

    @property
    def owner(self) -> str:
        """The column that names the row a part belongs to; empty: rows stand alone."""
        return next((name for name in ("owner_row", "result_row") if name in self.keys), "")

    @property
    def names(self) -> tuple[str, ...]:
        """Its own columns, without `row_id` and `import_id`."""
        return tuple(field.name for field in self.fields)

    @property
    def own_schema(self) -> pa.Schema:
        """Its own columns as an Arrow schema."""
        return pa.schema([(field.name, field.arrow) for field in self.fields])

    @property
    def schema(self) -> pa.Schema:
        """All columns as an Arrow schema."""
        return pa.schema([(ROW_ID, pa.int64()), (IMPORT_ID, pa.int64()), *self.own_schema])

    def of_privacy(self, *classes: str) -> tuple[str, ...]:
        """The columns of some privacy classes."""
        return tuple(field.name for field in self.fields if field.privacy in classes)


def _rows(name: str) -> Iterator[dict[str, str]]:
    text = resources.files(__package__).joinpath("data", name).read_text(encoding="utf-8")
    return csv.DictReader(text.splitlines(), delimiter="|")


def _fields() -> dict[str, tuple[Field, ...]]:
    found: dict[str, tuple[Field, ...]] = {}
    for row in _rows("fields.csv"):
        table = row.pop("table")
        is_key = row.pop("key") == "yes"
        name, kind = row.pop("field"), row.pop("type")
        found[table] = (*found.get(table, ()), Field(name, kind, is_key, **row))
    return found


def _tables() -> Mapping[str, Table]:
    fields = _fields()
    return MappingProxyType(
        {
            row["table"]: Table(
                row["table"],
                row["group"],
                row["slice"],
                tuple(filter(None, row["order"].split(","))),
                row["meaning"],
                fields[row["table"]],
            )
            for row in _rows("tables.csv")
        }
    )


TABLES: Mapping[str, Table] = _tables()
"""Every table by its name, in the order of the data dictionary."""

OWNERS = ("result", "scoring")
"""The tables whose rows own parts (`Table.owner`)."""

OWNER_COLUMNS = ("opportunity_id", "opportunity_alt_id", "assessment_id", "student_id", "status_at")
"""What an exported part says of the row that owns it, in columns of results."""


def owner_fields(table: Table) -> tuple[Field, ...]:
    """The columns that tell, in an exported table of parts, which row owns each; else none."""
    fields = {field.name: field for field in TABLES["result"].fields}
    return tuple(fields[name] for name in OWNER_COLUMNS) if table.owner else ()
