"""Saved queries: what is written is read again, and a slip is refused in words."""

from __future__ import annotations

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehouse.errors import UsageError
from scorehouse.reports.query import (
    COUNTED_AT,
    DEMOGRAPHICS,
    FOLLOW,
    SCORES,
    ReportQuery,
    as_dict,
    query_json,
    query_toml,
    read_query,
)
from scorehouse.rulebook.counting import dimensions, groups

YEARS = st.integers(2014, 2025).map(lambda year: f"{year}-{(year + 1) % 100:02d}")
WORDS = st.text(max_size=30)
LISTS = st.lists(WORDS, max_size=3).map(tuple)
STEPS = st.lists(
    st.tuples(YEARS, st.sampled_from(["03", "04", "11"])).map(":".join),
    min_size=2, max_size=4, unique=True,
).map(tuple)  # fmt: skip
QUERIES = st.builds(
    ReportQuery,
    report=st.sampled_from(["aggregate", "claims", "targets", "longitudinal", "items"]),
    name=WORDS,
    entities=LISTS,
    compare=st.lists(st.sampled_from(["district", "state"])).map(tuple),
    children=st.sampled_from(["", "schools", "districts"]),
    school_years=st.lists(YEARS, max_size=3).map(tuple),
    subjects=LISTS,
    assessments=LISTS,
    student_groups=st.lists(st.sampled_from(list(groups())), max_size=3).map(tuple),
    by=st.lists(st.sampled_from(list(dimensions())), max_size=2).map(tuple),
    filters=st.fixed_dictionaries(
        {},
        optional={
            "sex": st.lists(st.sampled_from(["F", "M"]), min_size=1).map(tuple),
            "completeness": st.lists(WORDS, min_size=1).map(tuple),
        },
    ),
    steps=STEPS,
    follow=st.sampled_from(FOLLOW),
    counted_at=st.sampled_from(COUNTED_AT),
    demographics=st.sampled_from(DEMOGRAPHICS),
    scores=st.sampled_from(SCORES),
    percentiles=st.booleans(),
    pooled=st.booleans(),
    as_of=WORDS,
)


@given(QUERIES)
def test_a_query_is_read_as_it_was_written(query: ReportQuery) -> None:
    assert read_query(query_toml(query)) == query
    assert read_query(query_json(query), is_json=True) == query


@given(QUERIES)
def test_both_forms_hold_the_same(query: ReportQuery) -> None:
    toml, of_json = tomllib.loads(query_toml(query)), json.loads(query_json(query))
    assert toml == of_json
    assert toml["version"] == 1


def test_what_is_as_usual_is_not_written() -> None:
    assert as_dict(ReportQuery("claims")) == {"version": 1, "report": "claims"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("report = 'aggregate'", "begins with version = 1"),
        ("version = 2\nreport = 'aggregate'", "begins with version = 1"),
        ("version = 1", "names its report"),
        ("version = 1\nreport = 'agregate'", "unknown report 'agregate'"),
        ("version = 1\nreport = 'aggregate'\nentity = ['9']", "unknown key 'entity'"),
        ("version = 1\nreport = 'aggregate'\nentities = '9'", "entities is a list of texts"),
        ("version = 1\nreport = 'aggregate'\npercentiles = 'yes'", "percentiles is a yes or no"),
        ("version = 1\nreport = 'aggregate'\nschool_years = ['2019']", "'2019' is not a school"),
        ("version = 1\nreport = 'aggregate'\ngrades = ['third']", "unknown grade"),
        ("version = 1\nreport = 'aggregate'\nstudent_groups = ['ELL']", "unknown student group"),
        ("version = 1\nreport = 'aggregate'\nstudent_groups = ['F&M']", "nobody is in two groups"),
        ("version = 1\nreport = 'aggregate'\nby = ['gender']", "unknown dimension 'gender'"),
        ("version = 1\nreport = 'aggregate'\nfilters = {sex = ['girl']}", "unknown sex group"),
        ("version = 1\nreport = 'aggregate'\nfilters = {hair = ['red']}", "can't filter by 'hair'"),
        ("version = 1\nreport = 'aggregate'\nfilters = ['sex']", "filters is a table of lists"),
        ("version = 1\nreport = 'longitudinal'\nsteps = ['2017-18:03']", "two steps or more"),
        ("version = 1\nreport = 'longitudinal'\nsteps = ['03']", "'03' is not a step"),
        ("version = 1\nreport = ", "not valid TOML"),
    ],
)
def test_a_slip_is_refused(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_query(text)


def test_json_that_is_no_table_is_refused() -> None:
    with pytest.raises(UsageError, match="one table of keys"):
        read_query("[1]", is_json=True)
    with pytest.raises(UsageError, match="not valid JSON"):
        read_query("{", is_json=True)
