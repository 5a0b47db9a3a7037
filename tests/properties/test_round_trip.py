"""CSV to TRT to CSV is the same bytes; TRT to CSV to TRT is the same elements with a sidecar."""

from __future__ import annotations

import tempfile
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lxml import etree

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.results import read_results
from scorehouse.result_shapes import ELEMENTS, REQUIRED_ITEM_COLUMNS, REQUIRED_TEST_COLUMNS
from scorehouse.verbs.convert import ConvertRequest, ConvertSummary, convert_file
from unit.two_table_files import Row, write_tables

SLOW = settings(
    max_examples=6,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],  # making an example smaller takes minutes
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
_ANY = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
_CELL = st.text(_ANY, min_size=1, max_size=8).map(str.strip)
_RESPONSE = st.text(
    st.characters(
        exclude_categories=["Cs"],
        exclude_characters="\ufffe\uffff"
        + "".join(map(chr, range(32))).replace("\t", "").replace("\n", "").replace("\r", ""),
    ),
    max_size=20,
)
_YES_NO = st.sampled_from(["Yes", "No", ""])
_NUMBER = st.sampled_from(["0.5", "-1.25", "2480", "3", "2595.97876140521", "1e-3"])
_COUNT = st.integers(0, 4_294_967_295).map(str)
_ZONE = st.sampled_from(["", "Z", "-05:00", ".123456+01:00"])
_MOMENT = st.builds(
    "{}-{:02d}-{:02d}T{:02d}:{:02d}:59{}".format,
    st.integers(2014, 2025), st.integers(1, 12), st.integers(1, 28),
    st.integers(0, 23), st.integers(0, 59), _ZONE,
)  # fmt: skip
_FLAGS = (
    "HispanicOrLatinoEthnicity", "AmericanIndianOrAlaskaNative", "Asian", "TwoOrMoreRaces",
    "BlackOrAfricanAmerican", "White", "NativeHawaiianOrOtherPacificIslander",
    "IDEAIndicator", "LEPStatus", "Section504Status", "EconomicDisadvantageStatus",
)  # fmt: skip
_CODE = st.from_regex(r"TDS_[A-Za-z0-9]{1,6}", fullmatch=True) | st.sampled_from(
    ["ENU", "ESN", "TDS_PS_L1", "NEDS_Other(a; b:c)", "TDS_TTS_Stim&TDS_TTS_Item"]
)


@st.composite
def scores(draw: st.DrawFn, subject: str) -> Row:
    """Scores as a member may have them: an error only beside its score."""
    row: dict[str, str] = {}
    claims = {"ELA": 4, "Math": 3}.get(subject, 0)
    for prefix, theta in [
        ("ScaleScore", "OverallTheta"),
        *((f"Claim{n}Score", f"Claim{n}Theta") for n in range(1, claims + 1)),
    ]:
        for name in (prefix, theta):
            if draw(st.booleans()):
                row[name] = draw(_NUMBER)
                row[f"{name}StandardError"] = draw(_NUMBER | st.just(""))
        row[f"{prefix}AchievementLevel"] = draw(st.sampled_from(["", "1", "2", "4"]))
    return row


@st.composite
def one_test(draw: st.DrawFn, key: str) -> Row:
    subject = draw(st.sampled_from(["ELA", "Math", "ELPAC"]))
    codes = draw(st.lists(_CODE, unique=True, max_size=3))
    letters = st.text("UYN", min_size=3, max_size=3)
    return {
        "AssessmentId": draw(_CELL), "AssessmentName": draw(_CELL), "Subject": subject,
        "DeliveryMode": draw(st.sampled_from(["Online", "Paper"])),
        "TestGrade": draw(st.sampled_from(["03", "11", "3-12", "IT"])),
        "AssessmentType": draw(st.sampled_from(["Summative", "Interim"])),
        "SchoolYear": draw(st.integers(2014, 2025).map(str)),
        "StudentIdentifier": draw(_CELL), "GradeLevelWhenAssessed": draw(st.just("08")),
        "Sex": draw(st.sampled_from(["Male", "Female", "Nonbinary", ""])),
        **{name: draw(_YES_NO) for name in _FLAGS},
        "StateAbbreviation": draw(st.sampled_from(["TS", "CA", ""])),
        "TestOpportunityId": key,
        "AssessmentAdministrationStartDate": draw(st.sampled_from(["2016-03-01", ""])),
        "StartDateTime": draw(_MOMENT | st.just("")), "SubmitDateTime": draw(_MOMENT),
        "AdministrationCondition": draw(
            st.sampled_from(["Valid", "Invalid", "Standardized", "Nonstandardized"])
        ),
        "Completeness": draw(st.sampled_from(["Partial", "Complete", ""])),
        "AccessibilityCodes": ";".join(f"{code}:{draw(letters)}" for code in codes),
        "NumberOfResponses": draw(_COUNT), "TestWindowId": draw(_CELL | st.just("")),
        "UserAgent": draw(_CELL | st.just("")), **draw(scores(subject)),
    }  # fmt: skip


@st.composite
def item_rows(draw: st.DrawFn, key: str, position: int) -> list[Row]:
    """One item: machine scored, read by people, or a full write."""
    kind = draw(st.sampled_from(["machine", "read", "write"]))
    item = {
        "TestOpportunityId": key, "ItemId": f"{draw(_COUNT)}-{draw(_COUNT)}",
        "ItemPosition": str(position), "AdminDateTime": draw(_MOMENT),
        "ResponseDuration": draw(st.sampled_from(["0", "25.5", "1500.0", "3e2"])),
        "ResponseValue": draw(_RESPONSE),
    }  # fmt: skip
    whole = {**item, "ItemScore": draw(st.sampled_from(["-1", "0", "1", "2.5"]))}
    if kind == "machine":
        return [whole]
    if kind == "read":
        return [{**whole, **draw(reads())}]
    names = draw(
        st.lists(
            st.sampled_from(["Organization/Purpose", "Evidence/Elaboration", "Conventions"]),
            unique=True,
            min_size=1,
        )
    )
    traits = [
        {**item, "ItemScore": draw(st.sampled_from("01234")), "ScoreDimension": name,
         **draw(reads())}
        for name in names
    ]  # fmt: skip
    return [{**whole, "ScoreDimension": "Overall"}, *traits]


@st.composite
def reads(draw: st.DrawFn) -> Row:
    count = draw(st.integers(1, 3))
    return {
        name: draw(st.sampled_from(["0", "1", "4"]) if name.endswith("Score") else _CELL)
        for n in range(1, count + 1)
        for name in (f"Rater{n}Score", f"Rater{n}UserId")
    }


@st.composite
def results(draw: st.DrawFn) -> tuple[list[Row], list[Row]]:
    """Some results, well formed; their item rows in the order of the tests."""
    keys = draw(st.lists(_CELL.filter(bool), unique_by=str.casefold, min_size=1, max_size=4))
    tests = [draw(one_test(key)) for key in keys]
    items = [
        row
        for key in keys
        for position in range(1, draw(st.integers(0, 3)) + 1)
        for row in draw(item_rows(key, position))
    ]
    return tests, items


def convert(source: Path, target: Path, **options: object) -> ConvertSummary:
    return convert_file(
        ConvertRequest(source, target, **options),  # type: ignore[arg-type]
        target.with_name(target.name + ".findings.csv"),
    )


@SLOW
@given(results())
def test_csv_to_trt_to_csv_is_the_same_bytes(given_rows: tuple[list[Row], list[Row]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_tables(place / "in", *given_rows)
        there = convert(place / "in", place / "trt.zip")
        assert there.left_out == 0
        assert "value_changed_on_return" not in there.findings
        convert(place / "trt.zip", place / "out")
        for name in ("tests.csv", "items.csv"):
            assert (place / "out" / name).read_bytes() == (place / "in" / name).read_bytes()


@SLOW
@given(results(), st.data())
def test_what_changes_on_return_is_told(
    given_rows: tuple[list[Row], list[Row]], data: st.DataObject
) -> None:
    """Any text in any cell: kept, told to change, or its result told to be left out."""
    tests, items = given_rows
    tables = [(tests, REQUIRED_TEST_COLUMNS), (items, REQUIRED_ITEM_COLUMNS)]
    for rows, columns in tables:
        if rows:
            place = data.draw(st.integers(0, len(rows) - 1))
            name = data.draw(st.sampled_from([c for c in columns if c != "TestOpportunityId"]))
            rows[place] = {**rows[place], name: data.draw(_CELL | st.just(""))}
    with tempfile.TemporaryDirectory() as folder:
        place_ = Path(folder)
        write_tables(place_ / "in", tests, items)
        there = convert(place_ / "in", place_ / "trt.zip")
        is_told = there.left_out or {"value_changed_on_return", "value_upgraded"} & set(
            there.findings
        )
        if there.results:
            convert(place_ / "trt.zip", place_ / "out")
            is_same = all(
                (place_ / "out" / n).read_bytes() == (place_ / "in" / n).read_bytes()
                for n in ("tests.csv", "items.csv")
            )
            assert is_same or is_told
        else:
            assert is_told


def elements(path: Path) -> dict[str, list[object]]:
    """All elements of a source, without the names of files."""
    found: dict[str, list[object]] = {name: [] for name in ELEMENTS}
    for chunk in read_results(path, FindingLog()):
        for name, table in chunk.elements.items():
            columns = [c for c in table.column_names if c != "file"]
            found[name] += table.select(columns).to_pylist()
    return found


@pytest.mark.parametrize(
    "sample", ["trt-example/example_summative.xml", "trt-generated/trt_small.zip", "trt-engine"]
)
@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_a_sidecar_brings_everything_back(
    shared: Path, tmp_path: Path, sample: str, suffix: str
) -> None:
    if suffix == ".jsonl" and "small" in sample:
        return
    source = shared / "samples" / sample
    sidecar = tmp_path / f"rest{suffix}"
    convert(source, tmp_path / "csv", sidecar=sidecar)
    back = convert(tmp_path / "csv", tmp_path / "back.zip", sidecar=sidecar)
    assert back.left_out == 0
    assert elements(tmp_path / "back.zip") == elements(source)


@pytest.mark.parametrize("sample", ["trt-generated/trt_custom_subjects.zip", "trt-engine"])
def test_the_tables_of_trt_come_back(shared: Path, tmp_path: Path, sample: str) -> None:
    convert(shared / "samples" / sample, tmp_path / "csv")
    convert(tmp_path / "csv", tmp_path / "back.zip")
    convert(tmp_path / "back.zip", tmp_path / "again")
    for name in ("tests.csv", "items.csv"):
        there, back = (tmp_path / folder / name for folder in ("csv", "again"))
        assert there.read_bytes() == back.read_bytes()
    rdw = shared / "samples" / "rdw"
    for place in ("trt/TestResultsTransmissionFormat_Schema.xsd",
                  "TestResultsTransmissionFormat.xsd"):  # fmt: skip
        schema = etree.XMLSchema(etree.parse(str(rdw / place)))
        with zipfile.ZipFile(tmp_path / "back.zip") as archive:
            for member in archive.namelist()[:50]:
                schema.assertValid(etree.fromstring(archive.read(member)))


def test_the_public_example_becomes_its_tables(shared: Path, tmp_path: Path) -> None:
    folder = shared / "samples" / "trt-example"
    convert(folder / "example_summative.xml", tmp_path / "csv")
    for name, theirs in (("tests.csv", "example_test.csv"), ("items.csv", "example_item.csv")):
        ours = (tmp_path / "csv" / name).read_text().replace("\r\n", "\n")
        assert ours == (folder / theirs).read_text().replace("\r\n", "\n")
