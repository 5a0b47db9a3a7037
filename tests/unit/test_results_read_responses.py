"""Responses taken in bulk equal those the readable reader takes, on every kind of result."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.archive import Walk
from scorehouse.intake.readers.trt_documents import Batch, Document, documents
from scorehouse.intake.readers.trt_responses import responses_of
from scorehouse.intake.readers.trt_result import Result, UnusableError, read_result
from scorehouse.intake.readers.trt_xml import reports
from unit.intake_files import score_info, trt, trt_item

SAMPLES = (
    "trt-generated/trt_small.zip",
    "trt-generated/trt_custom_subjects.zip",
    "trt-scored/trt_scored.zip",
    "trt-example/example_summative.xml",
    "trt-engine/SBAC-ICA-FIXED-G6E-COMBINED-2017.xml",
    "trt-engine/SBAC-IAB-FIXED-G4M-G-MATH-4.xml",
)


def one_by_one(found: list[Document], log: FindingLog) -> list[Result]:
    results = []
    for name, content, _ in found:
        for _, report in reports(content, name, log):
            try:
                results.append(read_result(report, name, report.sourceline, log))
            except UnusableError:
                continue
    return results


def check_same(found: list[Document]) -> None:
    bulk_log, log = FindingLog(), FindingLog()
    bulk = responses_of(Batch(0, found), bulk_log)
    results = one_by_one(found, log)
    assert bulk.opportunities.to_pylist() == [result.opportunity for result in results]
    starts = np.concatenate(([0], np.cumsum(bulk.counts)))
    rows = bulk.responses.to_pylist()
    for place, result in enumerate(results):
        taken = rows[starts[place] : starts[place + 1]]
        wanted = [item._asdict() for item in result.items]
        assert [{name: row[name] for name in wanted[0]} for row in taken] == wanted
        assert {row["student_id"] for row in taken} <= {result.opportunity["student_id"]}
    assert sorted(bulk_log, key=str) == sorted(log, key=str)


@pytest.mark.parametrize("name", SAMPLES)
def test_public_samples(shared: Path, name: str) -> None:
    log = FindingLog()
    path = shared / "samples" / name
    check_same(list(documents([(path, name)], Walk(log), log)))


def essay(*nodes: str, **attributes: str) -> str:
    inside = score_info("Overall", "3", inside="".join(nodes))
    return trt_item(7, "3", inside, format="WER", **attributes)


ITEMS = [
    trt_item(1) + trt_item(2, "-1", isSelected="0") + trt_item(3, "0", isSelected="0"),
    trt_item(1, "0", scoreStatus="NOTSCORED", isSelected="0")
    + trt_item(2, scoreStatus="NOTSCORED"),
    trt_item(1, "1", scoreStatus="SCORINGERROR") + trt_item(2, "", scoreStatus="SCORED"),
    trt_item(1, "nan") + trt_item(2),
    trt_item(1, "1e1") + trt_item(2, "1.50"),
    trt_item(1, position="x") + trt_item(2, position=""),
    trt_item(1, inside="<Response> x </Response>", isSelected="0") + trt_item(2, dropped="1"),
    trt_item(1, operational="0", format="eq") + trt_item(2, segmentId="other"),
    trt_item(1, bankKey=""),
    trt_item(1, inside=score_info("overall", "1", "B")) + trt_item(2, inside="<!-- c -->"),
    essay(score_info("Conventions", "2"), score_info("Evidence/Elaboration", "1", "T")),
    essay(score_info("Conventions", "2"), score_info("conventions", "1")) + trt_item(8),
    essay(score_info("D", "2"), score_info("C", "1")) + trt_item(8),
    essay(score_info("Initial", "2", "B")) + trt_item(8),
    essay(score_info("Style", "2"), score_info("Purpose", "1")) + trt_item(8),
    essay(score_info("Conventions", "-1"), isSelected="0", scoreStatus="NOTSCORED"),
    essay(score_info("Conventions", "0", inside=score_info("Initial", "0", "I"))),
    trt_item(1, format="MC", inside=score_info("overall", "1", inside=score_info("Style", "1"))),
    "",
]


@pytest.mark.parametrize("items", ITEMS)
def test_invented_items(items: str) -> None:
    others = [Document("a", trt("a")), Document("c", trt("c", items=trt_item(4)))]
    check_same([others[0], Document("b", trt("b", items=items)), others[1]])


@pytest.mark.parametrize(
    "content",
    [
        trt("b", is_demo="true"),
        trt(""),
        trt("", oppId="77"),
        trt("b", examinee=""),
        trt("b", test={"academicYear": "0"}),
        trt("b", test={"testId": "", "name": ""}),
        trt("b", test={"testId": ""}),
        trt("b", test={"mode": "Scanned"}, completeness="", completeStatus="PARTIAL"),
        trt("b", before_items='<GenericVariable context="COMPONENT_1" name="OPPID" value="1"/>'),
        trt("b", before_items='<Segment id="S1" algorithm="adaptive2"/>'),
        b"<TDSReport><Test testId='A'/></TDSReport>",
        b"<TDSReport>",
        b"<Other/>",
    ],
)
def test_invented_results(content: bytes) -> None:
    check_same([Document("a", trt("a")), Document("b", content), Document("c", trt("c"))])
