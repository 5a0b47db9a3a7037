"""Whatever happens to a file, nothing is raised and no good record is lost."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from scorehouse.intake.canonical import as_text, coded, typed
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.item_rows import calibration, number
from scorehouse.intake.readers.packages import read_package
from unit.intake_files import OPPORTUNITIES_HEADER as SITTINGS_HEADER
from unit.intake_files import RESPONSES_HEADER as HEADER
from unit.intake_files import (
    Reading,
    csv_of,
    opportunity_row,
    response_row,
    score_info,
    trt,
    trt_item,
    zipped,
)

GOOD = trt("good")
RICH = trt(
    "rich",
    trt_item(1) + trt_item(2, "5", score_info("Overall", "5", "B"), format="WER"),
    before_items='<GenericVariable context="COMPONENT_1" name="OPPID" value="1"/>',
)
Damage = Callable[[bytes], bytes]


@st.composite
def damage(draw: st.DrawFn) -> Damage:
    """Cut, overwrite, insert, repeat or drop some bytes."""
    where, size = draw(st.floats(0, 1)), draw(st.integers(1, 40))
    noise = draw(
        st.binary(min_size=1, max_size=12) | st.sampled_from([b"<", b'"', b"&", b",", b"\n"])
    )
    how = draw(st.sampled_from(["cut", "overwrite", "insert", "repeat", "drop"]))

    def apply(content: bytes) -> bytes:
        at = int(where * len(content))
        before, piece, after = content[:at], content[at : at + size], content[at + size :]
        return {
            "cut": before,
            "overwrite": before + noise + content[at + len(noise) :],
            "insert": before + noise + piece + after,
            "repeat": before + piece * 2 + after,
            "drop": before + after,
        }[how]

    return apply


def read(content: bytes, name: str, beside: bytes | None = None) -> Reading:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        if beside is not None:
            (Path(folder) / "opportunities.csv").write_bytes(beside)
        return Reading(path)


@settings(max_examples=150, deadline=None)
@given(st.lists(damage(), min_size=1, max_size=3))
def test_damaged_xml_never_raises_and_never_costs_its_neighbor(damages: list[Damage]) -> None:
    content = RICH
    for apply in damages:
        content = apply(content)
    reading = read(zipped({"1.xml": content, "2.xml": GOOD}), "results.zip")
    assert "good" in reading.tests
    assert len(reading.tests) == 2 or len(reading.log) > 0


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_cut_zip_gives_a_prefix_of_its_members(at: int, is_stored: bool) -> None:
    keys = [f"op-{test}" for test in range(6)]
    whole = zipped({f"{key}.xml": trt(key) for key in keys}, 0 if is_stored else 8)
    cut = whole[: max(1, at % len(whole))]
    reading = read(cut, "results.zip")
    found = list(reading.tests)
    assert found == keys[: len(found)]
    assert len(reading.log) > 0
    members_inside = sum(cut.count(key.encode() + b".xml") for key in keys)
    assert len(found) >= min(members_inside, len(keys)) - 1


@settings(max_examples=80, deadline=None)
@given(damage())
def test_a_damaged_zip_never_raises(apply: Damage) -> None:
    read(apply(zipped({"1.xml": GOOD, "2.xml": RICH})), "results.zip")


ROWS = [response_row(f"op-{test}", item) for test in range(6) for item in range(1, 4)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, len(ROWS) - 1), damage(), st.booleans())
def test_a_damaged_row_costs_no_test_but_its_own(
    place: int, apply: Damage, has_sittings: bool
) -> None:
    damaged = apply(ROWS[place].encode()).decode("utf-8", "replace").replace("\n", " ")
    rows = [*ROWS[:place], damaged.replace("\r", " "), *ROWS[place + 1 :]]
    sittings = csv_of(SITTINGS_HEADER, *(opportunity_row(f"op-{test}") for test in range(6)))
    reading = read(csv_of(HEADER, *rows), "responses.csv", sittings if has_sittings else None)
    own = f"op-{place // 3}"
    for test in {f"op-{test}" for test in range(6)} - {own}:
        kept = reading.tests.get(test, [])
        others = [row for row in kept if row["item_id"] in ("200-1", "200-2", "200-3")]
        assert len(others) >= 3 or _named_another(damaged, test)


def item_ids(rows: list[dict[str, object]]) -> list[str]:
    return sorted(str(row["item_id"]) for row in rows)


def _named_another(damaged: str, test: str) -> bool:
    """The damage may have turned a row's identifier into another test's."""
    return damaged.replace('"', "").strip().startswith(test)


@settings(max_examples=60, deadline=None)
@given(st.lists(damage(), min_size=1, max_size=4))
def test_damaged_tables_never_raise(damages: list[Damage]) -> None:
    content = csv_of(HEADER, *ROWS)
    for apply in damages:
        content = apply(content)
    reading = read(content, "responses.csv")
    assert reading.tests or len(reading.log) > 0


@settings(max_examples=20, deadline=None)
@given(st.permutations(ROWS), st.permutations(range(6)))
def test_order_of_rows_changes_nothing(rows: list[str], order: list[int]) -> None:
    sittings = csv_of(SITTINGS_HEADER, *(opportunity_row(f"op-{test}") for test in order))
    reading = read(csv_of(HEADER, *rows), "responses.csv", sittings)
    assert reading.counts == {}
    found = {
        key: sorted(str(row["item_id"]) for row in kept) for key, kept in reading.tests.items()
    }
    assert found == {f"op-{test}": ["200-1", "200-2", "200-3"] for test in range(6)}


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_parameters_are_read_exactly(value: float) -> None:
    read_back = number(repr(value))
    assert read_back == value or (read_back is None and not abs(value) < float("inf"))


@given(st.text(max_size=12), st.text(max_size=12), st.lists(st.text(max_size=12), max_size=6))
def test_an_item_is_scorable_or_says_why(model: str, a: str, steps: list[str]) -> None:
    read_item = calibration(model, a, steps)
    if read_item.fault is None:
        assert read_item.discrimination is not None
        assert read_item.discrimination > 0
        assert len(read_item.steps) == len([text for text in steps if text.strip()])


@settings(max_examples=60, deadline=None)
@given(damage())
def test_a_damaged_package_never_raises(apply: Damage) -> None:
    header = b"assessment_id,item_id,model,a,b1\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.csv"
        path.write_bytes(apply(header + b"A,200-1,2PL,1,0\nA,200-2,GPCM,1,0\n"))
        (Path(folder) / "assessments.csv").write_bytes(
            b"assessment_id,subject,test_grade,assessment_type\nA,Math,03,summative\n"
        )
        log = FindingLog()
        package = read_package(path, log)
        assert package.items.num_rows or len(log) > 0


@given(st.lists(st.none() | st.text(max_size=5)), st.sampled_from(["string", "large_string"]))
def test_coding_text_keeps_it_but_for_outer_blanks(texts: list[str | None], kind: str) -> None:
    column = pa.chunked_array([texts], pa.type_for_alias(kind))
    expected = [(text or "").strip(" \t\n\v\f\r") for text in texts]
    assert coded(column).to_pylist() == as_text(column).to_pylist() == expected
    encoded = pa.chunked_array([column.combine_chunks().dictionary_encode()])
    assert coded(encoded).to_pylist() == expected


@given(st.lists(st.none() | st.sampled_from(["1", " 2.5 ", "", "x", "NaN", "-1", "1e3", "0x1"])))
def test_typing_numbers_keeps_good_cells_and_names_bad_ones(texts: list[str | None]) -> None:
    column, faults = typed(pa.chunked_array([texts], pa.string()), "score", pa.float64())
    bad = {place for place, text in enumerate(texts) if text in ("x", "NaN", "0x1")}
    assert {fault.place for fault in faults} == bad
    for place, text in enumerate(texts):
        good = place not in bad and text and text.strip()
        assert column[place].as_py() == (float(text) if good and text else None)
