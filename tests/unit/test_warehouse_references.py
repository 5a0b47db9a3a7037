"""Norms, accessibility resources and days."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from warehouse_help import TEST, held, loaded, made

NORMS = (
    "assessment_id,start_date,end_date,count,mean,standard_deviation,min_score,max_score,"
    "percentile_rank,score\n"
)
DAYS = "2019-01-01,2019-03-31"
SOUND = (
    f"{TEST},{DAYS},100,2400.5,80,2000,3000,,\n{TEST},{DAYS},,,,,,5,2300\n"
    f"{TEST},{DAYS},,,,,,50,2400\n{TEST},{DAYS},,,,,,95,2500\n"
)


@pytest.fixture
def house(tmp_path: Path) -> Warehouse:
    return made(tmp_path / "w")


def norms(house: Warehouse, folder: Path, text: str) -> LoadSummary:
    path = folder / "n.csv"
    path.write_text(NORMS + text)
    return loaded(house, path)


def reasons(summary: LoadSummary) -> list[str]:
    return [
        str(row["message"]).removeprefix("A norm was left out: ")
        for row in summary.log.table().to_pylist()
        if row["rule"] == "norm_unsound"
    ]


def test_a_norm_with_its_ranks(house: Warehouse, tmp_path: Path) -> None:
    assert norms(house, tmp_path, "# a comment, with commas\n" + SOUND + "\n").log.counts() == {}
    assert held(house, "SELECT * EXCLUDE (row_id, import_id) FROM norm") == [
        {
            "assessment_id": TEST,
            "starts_on": date(2019, 1, 1),
            "ends_on": date(2019, 3, 31),
            "n_scored": 100,
            "mean_scale_score": 2400.5,
            "standard_deviation": 80.0,
            "lowest_scale_score": 2000.0,
            "highest_scale_score": 3000.0,
        }
    ]
    ranks = held(house, "SELECT percentile_rank AS r, scale_score AS s FROM norm_rank ORDER BY 1")
    assert [(row["r"], row["s"]) for row in ranks] == [(5, 2300.0), (50, 2400.0), (95, 2500.0)]


def test_lowest_and_highest_may_be_blank(house: Warehouse, tmp_path: Path) -> None:
    assert norms(house, tmp_path, SOUND.replace("2000,3000", ",")).log.counts() == {}
    assert held(house, "SELECT lowest_scale_score AS low FROM norm") == [{"low": None}]


@pytest.mark.parametrize(
    ("before", "after", "reason"),
    [
        ("95,2500", "50,2500", "its ranks don't increase."),
        ("95,2500", "95,2399", "its scores decrease."),
        (f"{TEST},{DAYS},,,,,,95,2500\n", "", "it has fewer than 3 ranks."),
        ("95,2500", "95,many", "score of row 4 is no number."),
        ("95,2500", "95,", "score of row 4 is no number."),
        ("95,2500", ",2500", "percentile_rank of row 4 is no whole number."),
        ("100,2400.5", "100.5,2400.5", "count of row 1 is no whole number."),
        ("100,2400.5,80,2000,3000", ",,,2000,3000", "it has to begin with one row of its own."),
        (",,,,,95", "1,,,,,95", "it has to begin with one row of its own."),
        ("2019-03-31", "2018-03-31", "it ends before it starts."),
        ("2019-03-31", "March", "end_date is no day as in 2019-06-30."),
        (
            "2019-03-31,,,,,,95",
            "2019-04-30,,,,,,95",
            "its rows end on several days.",
        ),
    ],
)
def test_a_norm_that_breaks_a_rule_is_left_out_whole(
    house: Warehouse, tmp_path: Path, before: str, after: str, reason: str
) -> None:
    assert before in SOUND
    summary = norms(house, tmp_path, SOUND.replace(before, after))
    assert reasons(summary) == [reason]
    assert summary.files[0].ending.status == "BAD_DATA"
    assert held(house, "SELECT * FROM norm_rank") == []


def test_a_file_with_a_cell_beyond_all_length_is_refused(house: Warehouse, tmp_path: Path) -> None:
    summary = norms(house, tmp_path, SOUND + f"{TEST},{'9' * 200_000}\n")
    assert summary.files[0].ending.status == "BAD_FORMAT"
    assert "longer" in str(summary.log.table().to_pylist())
    assert held(house, "SELECT * FROM norm") == []


def test_norms_of_one_test_dont_overlap_in_a_file_or_with_what_is_held(
    house: Warehouse, tmp_path: Path
) -> None:
    later = SOUND.replace(DAYS, "2019-03-31,2019-06-30")
    why = "its days overlap those of another norm of the test."
    assert reasons(norms(house, tmp_path, SOUND + later)) == [why, why]
    assert reasons(norms(house, tmp_path, SOUND)) == []
    assert reasons(norms(house, tmp_path, later)) == [why]
    after = SOUND.replace(DAYS, "2019-04-01,2019-06-30")
    assert reasons(norms(house, tmp_path, after)) == []
    assert held(house, "SELECT count(*) AS n FROM norm") == [{"n": 2}]


def test_a_norm_that_comes_again_replaces_its_ranks(house: Warehouse, tmp_path: Path) -> None:
    norms(house, tmp_path, SOUND + f"{TEST},{DAYS},,,,,,99,2600\n")
    told = norms(house, tmp_path, SOUND.replace("50,2400", "50,2410"))
    assert told.files[0].ending.counts == {
        "norms_unchanged": 1, "ranks_changed": 1, "ranks_unchanged": 2, "ranks_gone": 1,
    }  # fmt: skip
    assert held(house, "SELECT count(*) AS n FROM norm_rank") == [{"n": 3}]


def test_a_norm_of_an_unknown_test_is_kept_and_told(house: Warehouse, tmp_path: Path) -> None:
    told = norms(house, tmp_path, SOUND.replace(TEST, "INV-OTHER"))
    assert told.log.counts() == {"norm_assessment_unknown": 1}
    assert held(house, "SELECT assessment_id FROM norm") == [{"assessment_id": "INV-OTHER"}]


RESOURCE = """<Accessibility{year}><MasterResourceFamily><MultiSelectResource>
<Code>Wide</Code><ResourceType>{kind}</ResourceType>
<Text><Language>eng</Language><Label>Wide lines</Label><Description>More room.</Description></Text>
<Text><Language>spa</Language><Label>Renglones</Label></Text>
<Selection><Code>W{long}0</Code><Text><Language>eng</Language><Label>None</Label></Text></Selection>
</MultiSelectResource></MasterResourceFamily></Accessibility>"""


def resources(folder: Path, year: str = ' schoolYear="2019"', long: str = "") -> Path:
    path = folder / "a.xml"
    path.write_text(RESOURCE.format(year=year, kind="Accommodation", long=long))
    return path


def test_accessibility_resources_in_each_language(house: Warehouse, tmp_path: Path) -> None:
    assert loaded(house, resources(tmp_path)).log.counts() == {}
    rows = held(
        house,
        "SELECT school_year, code, language, label, description, resource_type "
        "FROM accommodation ORDER BY code, language",
    )
    assert [tuple(row.values()) for row in rows] == [
        ("2018-19", "W0", "eng", "None", None, "Accommodation"),
        ("2018-19", "Wide", "eng", "Wide lines", "More room.", "Accommodation"),
        ("2018-19", "Wide", "spa", "Renglones", None, "Accommodation"),
    ]


def test_a_code_that_is_too_long_is_left_out(house: Warehouse, tmp_path: Path) -> None:
    assert loaded(house, resources(tmp_path, long="x" * 24)).log.counts() == {"column_value": 1}
    assert held(house, "SELECT DISTINCT code FROM accommodation") == [{"code": "Wide"}]


def test_without_a_year_it_has_to_be_said(house: Warehouse, tmp_path: Path) -> None:
    path = resources(tmp_path, year="")
    assert loaded(house, path).files[0].ending.status == "BAD_FORMAT"
    load(house, LoadRequest((path,), school_year="2017-18"))
    assert held(house, "SELECT DISTINCT school_year FROM accommodation") == [
        {"school_year": "2017-18"}
    ]


def test_a_year_that_is_none_refuses_the_file(house: Warehouse, tmp_path: Path) -> None:
    path = resources(tmp_path, year=' schoolYear="soon"')
    assert loaded(house, path).files[0].ending.status == "BAD_FORMAT"


def test_words_that_stand_twice_are_told(house: Warehouse, tmp_path: Path) -> None:
    path = resources(tmp_path)
    path.write_text(path.read_text().replace(">W0<", ">Wide<"))
    assert loaded(house, path).log.counts() == {"accommodation_twice": 1}
    assert held(house, "SELECT label FROM accommodation WHERE language = 'eng'") == [
        {"label": "Wide lines"}
    ]


def test_windows_and_census_days(house: Warehouse, tmp_path: Path) -> None:
    windows = tmp_path / "windows.csv"
    windows.write_text(
        "lea_id,school_year,assessment_type,subject,starts_on,ends_on\n"
        ",2018-19,summative,,2019-01-08,2019-07-16\n"
        "99900010000000,2018-19,summative,ELA,2019-04-01,2019-05-10\n"
    )
    census = tmp_path / "census.csv"
    census.write_text("school_year,census_on\n2018-19,2018-10-03\n")
    told = loaded(house, windows, census)
    assert {one.content for one in told.files} == {"testing_window", "census_day"}
    assert told.log.counts() == {}
    assert held(house, "SELECT lea_id, subject, starts_on FROM testing_window ORDER BY 1") == [
        {"lea_id": "", "subject": "", "starts_on": date(2019, 1, 8)},
        {"lea_id": "99900010000000", "subject": "ELA", "starts_on": date(2019, 4, 1)},
    ]
    assert held(house, "SELECT census_on FROM census_day") == [{"census_on": date(2018, 10, 3)}]


def test_the_incumbents_norms_and_resources(house: Warehouse, shared: Path) -> None:
    folder = shared / "samples" / "rdw"
    told = loaded(house, folder / "norms" / "percentiles.csv", folder / "AccessibilityConfig.xml")
    assert told.log.counts() == {"norm_assessment_unknown": 3}
    assert held(house, "SELECT count(*) AS n FROM norm_rank") == [{"n": 57}]
    assert held(house, "SELECT label FROM accommodation WHERE code = 'TDS_ASL1'") == [
        {"label": "Show ASL videos"}
    ]
