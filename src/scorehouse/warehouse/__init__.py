"""The warehouse: what a district or a state holds, with its history."""

from scorehouse.warehouse.schema import TABLES, Field, Table
from scorehouse.warehouse.store import Warehouse

__all__ = ["TABLES", "Field", "Table", "Warehouse"]
