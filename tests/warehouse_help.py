"""Small invented deliveries for the tests of the warehouse."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pyarrow as pa

from scorehouse.warehouse import Warehouse
from scorehouse.warehouse.load import LoadRequest, LoadSummary, load
from scorehouse.warehouse.merge import merge
from scorehouse.warehouse.transaction import Transaction

SCHOOL, OTHER_SCHOOL, TEST = "99900010000001", "99900010000002", "INV-SUM-ELA-5"

TRT = """<?xml version="1.0" encoding="UTF-8"?>
<TDSReport>
  <Test name="{test}" subject="ELA" testId="{test}" bankKey="200" contract="INV" mode="online"
    grade="05" assessmentType="summative" academicYear="2019" assessmentVersion="1"/>
  <Examinee key="1" isDemo="0">
    <ExamineeAttribute context="FINAL" name="LastOrSurname" value="{last}"/>
    <ExamineeAttribute context="FINAL" name="FirstName" value="Ada"/>
    <ExamineeAttribute context="FINAL" name="StudentIdentifier" value="{student}"/>
    <ExamineeAttribute context="FINAL" name="Birthdate" value="2008-03-04"/>
    <ExamineeAttribute context="FINAL" name="GradeLevelWhenAssessed" value="05"/>
    <ExamineeAttribute context="FINAL" name="Sex" value="Female"/>
    <ExamineeAttribute context="FINAL" name="EconomicDisadvantageStatus" value="No"/>
    <ExamineeAttribute context="FINAL" name="IDEAIndicator" value="No"/>
    <ExamineeAttribute context="FINAL" name="White" value="Yes"/>
    <ExamineeRelationship context="FINAL" name="SchoolId" value="{school}"/>
    <ExamineeRelationship context="FINAL" name="DistrictId" value="99900010000000"/>
  </Examinee>
  <Opportunity server="s" database="d" clientName="INV" key="{key}" oppId="{number}"
    startDate="2019-05-01T09:00:00.000" status="{status}" opportunity="1"
    statusDate="{at}" dateCompleted="{done}" pauseCount="0" itemCount="2" ftCount="0"
    abnormalStarts="0" gracePeriodRestarts="0" taId="" taName="" sessionId="s-1" windowId="w"
    windowOpportunity="1" dateForceCompleted="" qaLevel="" effectiveDate="2019-05-01"
    administrationCondition="Valid" completeness="Complete">
    <Segment id="s" position="1" formId="" formKey="" algorithm="adaptive" algorithmVersion="0"/>
    <Score measureOf="Overall" measureLabel="ScaleScore" value="{score}" standardError="20"/>
    <Score measureOf="Overall" measureLabel="PerformanceLevel" value="3" standardError=""/>
    <Score measureOf="SOCK_R" measureLabel="ScaleScore" value="2490" standardError="40"/>
    <Score measureOf="SOCK_R" measureLabel="PerformanceLevel" value="2" standardError=""/>
    <Item position="1" segmentId="s" bankKey="200" key="1" operational="1" isSelected="1"
      format="MC" score="1" scoreStatus="SCORED" adminDate="2019-05-01T09:01:00.000"
      numberVisits="1" mimeType="text/plain" clientId="" strand="" contentLevel=""
      pageNumber="1" pageVisits="1" pageTime="1000" dropped="0">
      <Response date="2019-05-01T09:02:00.000" type="value">{answer}</Response>
    </Item>
    <Item position="2" segmentId="s" bankKey="200" key="2" operational="1" isSelected="1"
      format="MC" score="0" scoreStatus="SCORED" adminDate="2019-05-01T09:03:00.000"
      numberVisits="1" mimeType="text/plain" clientId="" strand="" contentLevel=""
      pageNumber="2" pageVisits="1" pageTime="1000" dropped="0">
      <Response date="2019-05-01T09:04:00.000" type="value">A</Response>
    </Item>
  </Opportunity>
</TDSReport>
"""

USUAL: Mapping[str, object] = {
    "test": TEST, "student": "9000000001", "last": "Quill", "school": SCHOOL, "key": "k-1",
    "number": "101", "status": "scored", "at": "2019-05-02T10:00:00.000",
    "done": "2019-05-01T10:00:00.000", "score": 2510, "answer": "B",
}  # fmt: skip


def trt(folder: Path, name: str, **changed: object) -> Path:
    """Write one result; what isn't said is as usual."""
    path = folder / name
    path.write_text(TRT.format(**{**USUAL, **changed}), encoding="utf-8")
    return path


def define(transaction: Transaction, import_id: int, *, schools: bool = True) -> None:
    """Make the usual test and schools known."""
    tests = {
        "assessment_id": [TEST], "subject": ["ELA"], "test_grade": ["05"],
        "assessment_type": ["summative"], "school_year": ["2018-19"],
    }  # fmt: skip
    merge(transaction, "assessment", pa.table(tests), import_id)
    if schools:
        entities = {"entity_id": [SCHOOL, OTHER_SCHOOL], "entity_type": ["school", "school"]}
        merge(transaction, "entity", pa.table(entities), import_id)


def made(folder: Path, *, schools: bool = True) -> Warehouse:
    """A warehouse that knows the usual test, and the schools if asked: a copy of one made once."""
    shutil.copytree(_made_once(schools), folder, dirs_exist_ok=True)
    return Warehouse.open(folder)


@cache
def _made_once(schools: bool) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="scorehouse-made-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    warehouse = Warehouse.create(folder)
    with warehouse.transaction("definitions") as transaction:
        number = transaction.begin_import("entities", "", "definitions")
        define(transaction, number, schools=schools)
        transaction.end_import(number, "PROCESSED", "", {})
        transaction.commit("definitions")
    warehouse.close()
    return folder


def loaded(warehouse: Warehouse, *paths: Path) -> LoadSummary:
    """Load files as a user would."""
    return load(warehouse, LoadRequest(tuple(paths)))


def fates(summary: LoadSummary) -> dict[str, int]:
    """What became of the results of a load, over all its files."""
    total: dict[str, int] = {}
    for told in (*summary.files, *summary.replayed):
        for fate, count in told.ending.counts.items():
            total[fate] = total.get(fate, 0) + count
    return total


def held(warehouse: Warehouse, query: str, as_of: str = "") -> list[dict[str, object]]:
    """The rows of a query, as of a moment."""
    with warehouse.snapshot(as_of) as snapshot:
        rows: list[dict[str, object]] = snapshot.sql(query).to_pylist()
    return rows
