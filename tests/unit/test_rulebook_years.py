"""In force, expected and absent; the digest; a folder of one's own."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scorehouse.errors import RuleNotInForceError, UsageError
from scorehouse.rulebook import Rulebook, load
from scorehouse.rulebook.load import PACKAGED
from scorehouse.terms import AssessmentType, SchoolYear, Subject


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGED, tmp_path / "rules"))


@pytest.fixture(scope="module")
def book() -> Rulebook:
    return load()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_the_year_to_come_is_expected_and_says_what_to_do(book: Rulebook) -> None:
    with pytest.raises(RuleNotInForceError) as caught:
        book.at("2026-27")
    said = str(caught.value)
    assert "2026-27 is expected, not in force" in said
    assert "reviewed through 2025-26" in said
    assert "docs/how-to/bring-in-a-new-year.md" in said


def test_the_how_to_that_errors_name_is_there() -> None:
    assert (Path(__file__).parents[2] / "docs/how-to/bring-in-a-new-year.md").is_file()


@pytest.mark.parametrize("program", ["consortium", "california"])
def test_a_year_before_the_first_is_absent(book: Rulebook, program: str) -> None:
    with pytest.raises(RuleNotInForceError, match=f"2013-14 is absent.*{program}.*2014-15"):
        book.at("2013-14", program)


def test_a_year_may_be_given_as_text_or_as_a_school_year(book: Rulebook) -> None:
    assert book.at(SchoolYear(2019)) == book.at("2018-19")


@pytest.mark.parametrize("year", ["2019", "2018-20", "this year"])
def test_what_is_no_school_year_is_a_usage_error(book: Rulebook, year: str) -> None:
    with pytest.raises(UsageError, match="not a school year"):
        book.at(year)


def test_an_unknown_program_is_a_usage_error(book: Rulebook) -> None:
    for ask in (lambda: book.at("2018-19", "nevada"), lambda: book.years("nevada")):
        with pytest.raises(UsageError, match="'nevada'; this rulebook has consortium, california"):
            ask()


@pytest.mark.parametrize("program", ["consortium", "california"])
def test_years_are_those_that_can_be_asked_for(book: Rulebook, program: str) -> None:
    years = [str(year) for year in book.years(program)]
    assert (years[0], years[-1], len(years)) == ("2014-15", "2025-26", 12)


def test_one_expected_rule_makes_its_year_unusable(folder: Path) -> None:
    path = folder / "smarter/cuts.csv"
    header, *rows = path.read_text(encoding="utf-8").splitlines()
    due = "2025-26,ELA,05,,,,,,,sb-spec-2023,,,,,expected"
    lines = [f"{header},state", *(f"{row}," for row in rows), due]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    draft = load(folder)
    with pytest.raises(RuleNotInForceError, match=r"cuts/ELA/05 is expected.*cuts\.csv, line 58"):
        draft.at("2025-26")
    assert str(draft.years()[-1]) == "2024-25"
    (answer,) = draft.show("cuts", subject="ELA", grade="05", year="2025-26")
    assert (answer.state, answer.value) == ("expected", "")


def test_an_absent_rule_makes_its_year_unusable(folder: Path) -> None:
    edit(
        folder / "smarter/measurement.toml",
        '[[se_ceiling.value]]\nsince = "2014-15"',
        '[[se_ceiling.value]]\nsince = "2015-16"',
    )
    draft = load(folder)
    with pytest.raises(RuleNotInForceError, match=r"se_ceiling is absent in 2014-15.*2015-16"):
        draft.at("2014-15")
    assert str(draft.years()[0]) == "2015-16"


def test_the_digest_is_stable_and_recorded(book: Rulebook, folder: Path) -> None:
    assert len(book.digest) == 64
    assert load(folder).digest == book.digest == book.at("2018-19").digest


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("smarter/reporting.toml", "value = 1.5", "value = 1.6"),
        ("smarter/reporting.toml", "value = 1.5", "value = 1.50"),
        ("smarter/cuts.csv", "-0.410", "-0.41"),
        ("smarter/parts.csv", "Reading and Listening", "Reading & Listening"),
        ("smarter/policies.toml", "Option 3:", "Option III:"),
        ("california/reporting.toml", "groups only", "groups"),
        ("sources.toml", 'date = "2023-11-09"', 'date = "2023-11-10"'),
        ("programs.toml", "are not in yet", "are due"),
    ],
)
def test_the_digest_changes_with_any_value(
    book: Rulebook, folder: Path, file: str, old: str, new: str
) -> None:
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    assert load(folder).digest != book.digest


def test_the_digest_ignores_layout_and_order(book: Rulebook, folder: Path) -> None:
    for path in sorted(folder.rglob("*.toml")):
        text = path.read_text(encoding="utf-8").replace("\n[", "\n\n# a remark\n[")
        path.write_bytes(text.replace("\n", "\r\n").encode())
    for path in sorted(folder.rglob("*.csv")):
        header, *rows = path.read_text(encoding="utf-8").splitlines()
        path.write_text("\ufeff" + "\r\n".join([header, *rows]) + "\r\n", encoding="utf-8")
    parts = folder / "smarter/parts.csv"
    header, *rows = parts.read_text(encoding="utf-8-sig").splitlines()
    parts.write_text("\n".join([header, *reversed(rows)]) + "\n", encoding="utf-8")
    reordered = load(folder)
    assert reordered.digest == book.digest
    assert reordered.at("2023-24") == book.at("2023-24")


def test_another_state_is_another_folder(folder: Path) -> None:
    (folder / "nevada").mkdir()
    (folder / "nevada/attemptedness.toml").write_text(
        """
[attemptedness.summative]
label = "Attempted summative test"
[[attemptedness.summative.value]]
since = "2014-15"
minimum_answered = 0
minimum_cat_answered = 5
minimum_pt_answered = 1
needs_both_parts = true
below_threshold = "lowest_score"
nothing_answered = "lowest_score"
force_completed = "as_answered"
source = "our-memo"
""",
        encoding="utf-8",
    )
    with (folder / "sources.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[our-memo]\ntitle = "Memo"\npublisher = "The state"\ndate = "2020"\nwhere = "-"\n'
        )
    with (folder / "programs.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[program.nevada]\nlabel = "Nevada"\nfirst_year = "2015-16"\n'
            'folders = ["smarter", "nevada"]\n'
        )
    state = load(folder)
    rules = state.at("2018-19", "nevada")
    assert rules.attemptedness[AssessmentType.SUMMATIVE].minimum_cat_answered == 5
    assert rules.origin("attemptedness", "summative").source == "our-memo"
    assert rules.cuts == state.at("2018-19").cuts
    assert str(state.years("nevada")[0]) == "2015-16"
    with pytest.raises(RuleNotInForceError, match="absent"):
        state.at("2014-15", "nevada")


def test_a_draft_cut_needs_a_year_and_keeps_the_old_one(folder: Path) -> None:
    path = folder / "smarter/cuts.csv"
    draft = [
        "2024-25,ELA,05,1,,2442,,-0.772,neither,sb-spec-2023,,uncertain,,",
        "2024-25,ELA,05,2,2442,2503,-0.772,-0.061,lower,sb-spec-2023,,uncertain,,",
        "2024-25,ELA,05,3,2503,2582,-0.061,0.860,lower,sb-spec-2023,,uncertain,,",
        "2024-25,ELA,05,4,2582,,0.860,,lower,sb-spec-2023,,uncertain,,",
    ]
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(draft) + "\n")
    book = load(folder)
    assert book.at("2023-24").cuts[Subject.ELA, "05"].standard_met == 2502
    assert book.at("2024-25").cuts[Subject.ELA, "05"].standard_met == 2503
    states = [answer.state for answer in book.show("cuts", subject="ELA", grade="5")]
    assert states == ["replaced", "in_force"]
