"""Saved queries: what is written is read again, and a slip is refused in words."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scorehouse.errors import UsageError
from scorehouse.reports.query import (
    AVAILABILITY,
    COUNTED_AT,
    DEMOGRAPHICS,
    FOLLOW,
    PROGRAMS,
    SCORES,
    ReportQuery,
    as_dict,
    query_json,
    query_toml,
    read_query,
)
from scorehouse.reports.refusal import QueryRefusedError
from scorehouse.rulebook import load
from scorehouse.rulebook.counting import dimensions, groups

YEARS = st.integers(2014, 2025).map(lambda year: f"{year}-{(year + 1) % 100:02d}")
WORDS = st.text(max_size=30)
LISTS = st.lists(WORDS, max_size=3).map(tuple)
STEPS = st.lists(
    st.tuples(YEARS, st.sampled_from(["03", "04", "11"])).map(":".join),
    min_size=2, max_size=4, unique=True,
).map(tuple)  # fmt: skip


def _of_its_steps(told: dict[str, Any]) -> ReportQuery:
    """A query that asks nothing that goes against its steps."""
    if told["report"] == "longitudinal":
        pairs = [step.split(":") for step in told["steps"]]
        told |= {"school_years": (pairs[0][0],), "grades": (pairs[1][1],)}
    return ReportQuery(**told)


QUERIES = st.fixed_dictionaries(
    {
        "report": st.sampled_from(["aggregate", "claims", "targets", "longitudinal", "items"]),
        "name": WORDS,
        "entities": LISTS,
        "compare": st.lists(st.sampled_from(["district", "state"])).map(tuple),
        "children": st.sampled_from(["", "schools", "districts"]),
        "school_years": st.lists(YEARS, max_size=3).map(tuple),
        "subjects": LISTS,
        "assessments": LISTS,
        "student_groups": st.lists(
            st.sampled_from([code for code in groups() if code not in ("M", "X", "SEX_UNKNOWN")]),
            max_size=3,
        ).map(tuple),
        "by": st.lists(st.sampled_from(list(dimensions())), max_size=2).map(tuple),
        "filters": st.fixed_dictionaries(
            {},
            optional={
                "sex": st.lists(st.sampled_from(["M"])).map(lambda also: ("F", *also)),
                "completeness": st.lists(WORDS, min_size=1).map(tuple),
            },
        ),
        "steps": STEPS,
        "follow": st.sampled_from(FOLLOW),
        "counted_at": st.sampled_from(COUNTED_AT),
        "demographics": st.sampled_from(DEMOGRAPHICS),
        "scores": st.sampled_from(SCORES),
        "percentiles": st.booleans(),
        "pooled": st.booleans(),
        "program": st.sampled_from(PROGRAMS),
        "availability": st.sampled_from(("", *AVAILABILITY)),
        "as_of": WORDS,
    }
).map(_of_its_steps)


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
        ("version = 1", "names its report: aggregate"),
        ("version = 1\nreport = 'agregate'", "Unknown report 'agregate'"),
        ("version = 1\nreport = 'aggregate'\nentity = ['9']", "Unknown key 'entity'"),
        ("version = 1\nreport = 'aggregate'\nentities = '9'", "entities is a list of texts"),
        ("version = 1\nreport = 'aggregate'\npercentiles = 'yes'", "percentiles is yes or no"),
        ("version = 1\nreport = 'aggregate'\nschool_years = ['2019']", "'2019' is no school year"),
        ("version = 1\nreport = 'aggregate'\ngrades = ['third']", "no grade"),
        ("version = 1\nreport = 'aggregate'\nstudent_groups = ['ELL']", "Unknown student group"),
        ("version = 1\nreport = 'aggregate'\nstudent_groups = ['F&M']", "nobody is in two groups"),
        ("version = 1\nreport = 'aggregate'\nby = ['gender']", "Unknown dimension 'gender'"),
        ("version = 1\nreport = 'aggregate'\nfilters = {sex = ['girl']}", "Unknown sex group"),
        ("version = 1\nreport = 'aggregate'\nfilters = {hair = ['red']}", "Unknown filter 'hair'"),
        ("version = 1\nreport = 'aggregate'\nfilters = ['sex']", "filters is a table of lists"),
        ("version = 1\nreport = 'longitudinal'\nsteps = ['2017-18:03']", "two steps or more"),
        ("version = 1\nreport = 'longitudinal'\nsteps = ['03']", "'03' is no step"),
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


def _findings(text: str) -> list[tuple[str, str]]:
    with pytest.raises(QueryRefusedError) as refused:
        read_query(text, file="asked.toml")
    assert {finding.file for finding in refused.value.findings} == {"asked.toml"}
    assert all(finding.remedy for finding in refused.value.findings)
    return [(finding.rule, finding.field) for finding in refused.value.findings]


def test_all_mistakes_of_a_file_are_told_at_once() -> None:
    text = """
        version = 3
        report = "aggregate"
        entity = ["99900010000001"]
        percentiles = "yes"
        school_years = ["2018-19", "2019", "soon"]
        student_groups = ["ELL", "F"]
        filters = {hair = ["red"], sex = ["girl"]}
    """
    assert _findings(text) == [
        ("query_version", "version"),
        ("query_unknown_value", "entity"),
        ("query_type", "percentiles"),
        ("query_value", "school_years"),
        ("query_value", "school_years"),
        ("query_unknown_value", "student_groups"),
        ("query_unknown_value", "filters"),
        ("query_unknown_value", "filters"),
    ]


@pytest.mark.parametrize(
    ("report", "keys", "field"),
    [
        ("aggregate", "student_groups = ['F']\nfilters = {sex = ['M']}", "filters"),
        ("aggregate", "student_groups = ['EL&F']\nfilters = {sex = ['M', 'X']}", "filters"),
        ("aggregate", "filters = {completeness = []}", "filters.completeness"),
        ("targets", "assessment_types = ['IAB']", "assessment_types"),
        ("longitudinal", "steps = ['2017-18:03', '2018-19:04']\ngrades = ['05']", "grades"),
        ("longitudinal", "steps = ['2017-18:03', '2018-19:04']\nschool_years = ['2016-17']",
         "school_years"),
        ("longitudinal", "steps = ['2017-18:03', '2018-19:04']\nassessment_types = ['ICA']",
         "assessment_types"),
    ],
)  # fmt: skip
def test_what_goes_against_itself_is_refused(report: str, keys: str, field: str) -> None:
    text = f"version = 1\nreport = '{report}'\n{keys}"
    assert _findings(text) == [("query_contradiction", field)]


def test_a_group_of_which_a_filter_lets_some_through_can_be_asked() -> None:
    text = "version = 1\nreport = 'aggregate'\nstudent_groups = ['EVER_EL']\n"
    assert read_query(text + "filters = {language = ['EL']}").filters == {"language": ("EL",)}


def test_the_known_programs_are_those_of_the_rulebook() -> None:
    assert set(PROGRAMS) == set(load().programs)
