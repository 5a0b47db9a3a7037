"""Merging keyed rows equals a dictionary, and every past moment stays what it was."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.tidy import tidy

KEYS = st.sampled_from(["a", "b", "c", "d"])
VALUES = st.sampled_from([None, "x", "y"])
DELIVERY = st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(DELIVERY, st.booleans()), min_size=1, max_size=5))
def test_merges_are_a_dictionary_with_a_past(deliveries: list[tuple[list, bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        house = Warehouse.create(Path(folder, "w"))
        known: dict[str, str | None] = {}
        past: list[dict[str, str | None]] = []
        for rows, is_complete in deliveries:
            with house.transaction("test") as transaction:
                number = transaction.begin_import("test", "", "test")
                table = pa.table(
                    {
                        "school_id": pa.array(["s"] * len(rows)),
                        "roster_name": pa.array([key for key, _ in rows]),
                        "school_year": pa.array(["2018-19"] * len(rows)),
                        "subject": pa.array([value for _, value in rows], pa.string()),
                    }
                )
                within = ("school_id",) if is_complete else ()
                merge(transaction, "roster", table, number, within=within)
                tidy(transaction, many=3)
                transaction.commit("test")
            known = (known if not is_complete else {}) | dict(rows)
            past.append(dict(known))
        for number, expected in enumerate(past, 1):
            with house.snapshot(str(number)) as snapshot:
                found = snapshot.sql("SELECT roster_name, subject FROM roster").to_pylist()
            assert {row["roster_name"]: row["subject"] for row in found} == expected
            assert len(found) == len(expected)
        house.close()
