"""Small invented files for the tests of the intake: no real student stands in them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from scorehouse.intake.canonical import CHUNK_OPPORTUNITIES, CHUNK_RESPONSES, ResponseChunk
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.responses import read_responses
from scorehouse.shapes import OPPORTUNITIES, RESPONSES

STUDENT = '<ExamineeAttribute context="FINAL" name="StudentIdentifier" value="9000000001"/>'
RESPONSES_HEADER = ",".join(RESPONSES.names)
OPPORTUNITIES_HEADER = ",".join(OPPORTUNITIES.names)


def trt_item(key: int = 1, score: str = "1", inside: str = "", **attributes: str) -> str:
    given = {
        "bankKey": "200",
        "key": str(key),
        "position": str(key),
        "segmentId": "S1",
        "format": "MC",
        "operational": "1",
        "isSelected": "1",
        "dropped": "0",
        "score": score,
        "scoreStatus": "SCORED",
        **attributes,
    }
    return f"<Item {_attributes(given)}>{inside}</Item>"


def trt(
    key: str = "op-1",
    items: str | None = None,
    *,
    test: Mapping[str, str] | None = None,
    examinee: str = STUDENT,
    is_demo: str = "0",
    before_items: str = '<Segment id="S1" position="1" algorithm="fixedform"/>',
    **opportunity: str,
) -> bytes:
    about = {
        "testId": "SBAC-ICA-G3M",
        "name": "(SBAC)SBAC-ICA-G3M-2018-2019",
        "subject": "MATH",
        "grade": "03",
        "mode": "online",
        "academicYear": "2019",
        "assessmentType": "Interim",
        **(test or {}),
    }
    sitting = {"key": key, "status": "scored", "completeness": "Complete", **opportunity}
    items = trt_item(1) + trt_item(2, "0") if items is None else items
    return (
        f"<TDSReport><Test {_attributes(about)}/>"
        f'<Examinee isDemo="{is_demo}">{examinee}</Examinee>'
        f"<Opportunity {_attributes(sitting)}>{before_items}{items}</Opportunity></TDSReport>"
    ).encode()


def _attributes(values: Mapping[str, str]) -> str:
    return " ".join(f'{name}="{value}"' for name, value in values.items())


def score_info(dimension: str, points: str, code: str = "", inside: str = "") -> str:
    coded = f' conditionCode="{code}"' if code else ""
    nested = f"<SubScoreList>{inside}</SubScoreList>" if inside else ""
    return (
        f'<ScoreInfo scorePoint="{points}" maxScore="0" scoreDimension="{dimension}" '
        f'scoreStatus="Scored"{coded}>{nested}</ScoreInfo>'
    )


def zipped(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def response_row(opportunity: str, item: int = 1, score: str = "1", **cells: str) -> str:
    values = {
        "opportunity_id": opportunity,
        "student_id": "9000000001",
        "assessment_id": "A",
        "school_year": "2018-19",
        "part": "CAT",
        "item_id": f"200-{item}",
        "dimension": "",
        "position": str(item),
        "answered": "true",
        "score": score,
        "condition_code": "",
        **cells,
    }
    return ",".join(values[name] for name in RESPONSES.names)


def opportunity_row(opportunity: str, **cells: str) -> str:
    values = {**dict.fromkeys(OPPORTUNITIES.names, ""), "opportunity_id": opportunity, **cells}
    return ",".join(values[name] for name in OPPORTUNITIES.names)


def csv_of(header: str, *rows: str) -> bytes:
    return ("\n".join([header, *rows]) + "\n").encode()


class Reading:
    """All that reading an input gave, checked against the shape every chunk must have."""

    def __init__(self, path: Path, **options: object) -> None:
        self.log = FindingLog()
        self.chunks = list(read_responses(path, self.log, **options))  # type: ignore[arg-type]
        for chunk in self.chunks:
            check_shape(chunk)

    @property
    def tests(self) -> dict[str, list[dict[str, object]]]:
        """The rows of each test by opportunity."""
        found = {}
        for chunk in self.chunks:
            rows = chunk.responses.to_pylist()
            for place, key in enumerate(chunk.opportunities["opportunity_id"].to_pylist()):
                found[key] = rows[chunk.offsets[place] : chunk.offsets[place + 1]]
        return found

    @property
    def opportunities(self) -> list[dict[str, object]]:
        return [row for chunk in self.chunks for row in chunk.opportunities.to_pylist()]

    @property
    def counts(self) -> dict[str, int]:
        return self.log.counts()


def check_shape(chunk: ResponseChunk) -> None:
    assert chunk.responses.schema == CHUNK_RESPONSES
    assert chunk.opportunities.schema == CHUNK_OPPORTUNITIES
    assert {column.num_chunks for column in chunk.responses.columns} == {1}
    assert len(chunk.offsets) == chunk.opportunities.num_rows + 1
    assert chunk.offsets[0] == 0
    assert chunk.offsets[-1] == chunk.responses.num_rows
    assert (chunk.offsets[1:] >= chunk.offsets[:-1]).all()
    keys = chunk.responses["opportunity_id"].to_pylist()
    for place, key in enumerate(chunk.opportunities["opportunity_id"].to_pylist()):
        assert set(keys[chunk.offsets[place] : chunk.offsets[place + 1]]) <= {key}
    for column, field in zip(chunk.opportunities.columns, CHUNK_OPPORTUNITIES, strict=True):
        assert column.null_count == 0 or not pa.types.is_string(field.type)
