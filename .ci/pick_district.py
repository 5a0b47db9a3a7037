"""Print the id of the first district in a file of entities."""

from __future__ import annotations

import sys

import pyarrow.compute as pc
import pyarrow.parquet as pq

if __name__ == "__main__":
    entities = pq.read_table(sys.argv[1])
    districts = entities.filter(pc.equal(entities["reporting_level"], "district"))
    sys.stdout.write(districts["entity_id"][0].as_py() + "\n")
