"""A simulated district in every form that responses come in, made once."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow.csv
import pyarrow.parquet as pq
import pytest

from e2e.invented import scorehouse


@pytest.fixture(scope="session")
def district(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `parquet`, `csv` and `trt.zip` of the same tests, and `package`."""
    folder = tmp_path_factory.mktemp("district")
    whole = folder / "parquet"
    done = scorehouse(
        *("simulate", "-o", whole, "--year", "2018-19", "--students", 90, "--seed", 5),
        *("--interim", "--trt", "--grade", "5"),
    )
    assert done.code == 0, done.err
    (folder / "csv").mkdir()
    for name in ("responses", "opportunities"):
        pyarrow.csv.write_csv(
            pq.read_table(whole / f"{name}.parquet"), folder / "csv" / f"{name}.csv"
        )
    (folder / "package").mkdir()
    for name in ("items.csv", "assessments.csv"):
        shutil.move(whole / name, folder / "package" / name)
    shutil.move(whole / "trt.zip", folder / "trt.zip")
    return folder
