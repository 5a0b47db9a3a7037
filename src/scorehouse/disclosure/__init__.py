"""What may leave the house: small groups protected, for a named audience, by dated rules."""

from __future__ import annotations

from scorehouse.disclosure.exit import Released, release, released_again
from scorehouse.disclosure.shapes import (
    Asked,
    Earlier,
    Ledger,
    Query,
    Relation,
    RowKey,
    ScoreRange,
)

__all__ = [
    "Asked",
    "Earlier",
    "Ledger",
    "Query",
    "Relation",
    "Released",
    "RowKey",
    "ScoreRange",
    "release",
    "released_again",
]
