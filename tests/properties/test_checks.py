"""What the checks rely on, by generated examples."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehouse.intake.checks.coverage import KEPT, Coverage
from scorehouse.intake.checks.delivery import Delivery, Remembered
from scorehouse.intake.checks.moments import moments

few_hashes = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3)), max_size=60)
texts = st.one_of(
    st.datetimes().map(lambda at: at.isoformat(timespec="seconds")),
    st.datetimes().map(lambda at: at.isoformat(timespec="microseconds")),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat(timespec="seconds")),
    st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}", fullmatch=True),
    st.text(max_size=25),
    st.none(),
)


@settings(deadline=None)
@given(st.lists(few_hashes, max_size=8))
def test_what_came_before_is_remembered_with_its_first_value(
    chunks: list[list[tuple[int, int]]],
) -> None:
    remembered, known = Remembered(), dict[int, int]()
    for chunk in chunks:
        expected = []
        for key, value in chunk:
            expected.append(key in known)
            known.setdefault(key, value)
        keys = np.array([key for key, _ in chunk], np.uint64)
        values = np.array([value for _, value in chunk], np.uint64)
        met, first = remembered.exchange(keys, values)
        assert met.tolist() == expected
        assert [int(v) for v in first] == [known[key] for key, _ in chunk]
    assert len(remembered) == len(known)


def _read(text: str | None) -> datetime | None:
    """What Python reads, where the form is the published one."""
    import re

    if text is None or not re.fullmatch(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?",
        text,
    ):
        return None
    try:
        found = datetime.fromisoformat(re.sub(r"\.[0-9]+", "", text))
    except ValueError:
        return None
    return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found


@settings(max_examples=200, deadline=None)
@given(st.lists(texts, min_size=1, max_size=20))
def test_moments_are_what_python_reads(column: list[str | None]) -> None:
    series = pl.Series("at", column, pl.String)
    found = moments(series)
    assert found.at.to_list() == [_read(text) for text in column]
    assert found.is_right.to_list() == [_read(text) is not None for text in column]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from("abcdefg"), max_size=50), st.integers(1, 20))
def test_again_is_independent_of_the_chunks(keys: list[str], size: int) -> None:
    delivery, found = Delivery(), list[bool]()
    for start in range(0, len(keys), size):
        frame = pl.DataFrame({"key": keys[start : start + size]}, schema={"key": pl.String})
        found += delivery.again("kind", frame, pl.col("key")).to_list()
    assert found == [key in keys[:place] for place, key in enumerate(keys)]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, KEPT - 1), st.integers(50, 400))
def test_few_distinct_values_are_counted_exactly(number: int, size: int) -> None:
    coverage = Coverage(("text",))
    values = [str(n) for n in range(number)] * 2
    for start in range(0, len(values), size):
        coverage.add(pl.DataFrame({"text": values[start : start + size]}))
    (field,) = coverage.fields()
    assert (field.distinct, field.filled, field.is_estimate) == (number, 2 * number, False)


def test_many_distinct_values_are_estimated_within_a_tenth() -> None:
    coverage = Coverage(("text",))
    for start in range(0, 200_000, 10_000):
        numbers = pl.Series("text", range(start, start + 10_000)).cast(pl.String)
        coverage.add(numbers.to_frame())
    (field,) = coverage.fields()
    assert field.is_estimate
    assert 180_000 <= field.distinct <= 220_000


@pytest.mark.parametrize("number", [10, 5_000])
def test_coverage_in_parts_is_that_of_the_whole(number: int) -> None:
    whole, parts = Coverage(("text",)), [Coverage(("text",)) for _ in range(3)]
    for place in range(12):
        values = pl.DataFrame({"text": [str(n * 7 % number) for n in range(place, number)]})
        for coverage in (whole, parts[place % 3]):
            coverage.add(values)
    parts[0].merge(parts[1])
    parts[0].merge(parts[2])
    assert parts[0].fields() == whole.fields()
