"""How moments are read, whatever way they are written in."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import pytest

from scorehouse.warehouse.kinds.result_values import instant

TEN = datetime(2019, 4, 2, 10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2019-04-02T10:00:00", TEN),
        (" 2019-04-02 10:00:00 ", TEN),
        ("2019-04-02T10:00", TEN),
        ("2019-04-02T10:00:00Z", TEN),
        ("2019-04-02T12:00:00+02:00", TEN),
        ("2019-04-02T03:00:00.000000-0700", TEN),
        ("2019-04-02T10:00:00.1234567", TEN.replace(microsecond=123456)),
        ("2019-04-02T12:00:00.1234567+02:00", TEN.replace(microsecond=123456)),
        ("2019-04-02", TEN.replace(hour=0)),
        ("2019-13-02T10:00:00", None),
        ("soon", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("beside", ["2018-01-31T08:30:00.5", "31 January", None])
def test_a_moment(text: str | None, expected: datetime | None, beside: str | None) -> None:
    """Alone, and in a column with others."""
    for column in ([text], [beside, text, beside]):
        read = pl.DataFrame({"t": column}, {"t": pl.String}).select(instant(pl.col("t")))
        assert read["t"][len(column) // 2] == expected
