"""Print the opportunity of one score worth explaining: Standard Met, in the middle of the file."""

from __future__ import annotations

import sys

import pyarrow.compute as pc
import pyarrow.parquet as pq


def pick(path: str) -> str:
    """Return the id of a scored test at Level 3, the same one for the same file."""
    columns = ["opportunity_id", "measure", "score_status", "achievement_level"]
    rows = pq.read_table(path, columns=columns)
    is_overall = pc.equal(rows["measure"], "overall")
    is_met = pc.and_(
        pc.equal(rows["achievement_level"], 3), pc.equal(rows["score_status"], "scored")
    )
    found = rows.filter(pc.and_(is_overall, is_met))["opportunity_id"]
    return str(found[len(found) // 2])


if __name__ == "__main__":
    sys.stdout.write(pick(sys.argv[1]) + "\n")
