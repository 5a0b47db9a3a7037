"""From the elements of TRT to the two tables of the annual submission.

One row a test and one row a response score; every value as text. The mapping is the
published one; where sources disagree the rule taken stands at its function. Values get
their canonical spelling (`flatten_values`); dates stay as they were written, with or without
a zone; what isn't there is blank.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake import flatten_values as values
from scorehouse.intake.flatten_columns import blanks, first_filled, mapped, taken, trimmed
from scorehouse.intake.flatten_items import item_columns
from scorehouse.intake.flatten_scores import accessibility_codes, score_columns
from scorehouse.intake.flatten_students import student_columns
from scorehouse.result_shapes import ITEM_TABLE, TEST_TABLE

_COPIED = {
    "AssessmentId": "test_testId",
    "AssessmentName": "test_name",
    "SchoolYear": "test_academicYear",
    "AssessmentVersion": "test_assessmentVersion",
    "Contract": "test_contract",
    "StartDateTime": "opportunity_startDate",
    "SubmitDateTime": "opportunity_dateCompleted",
    "NumberOfResponses": "opportunity_itemCount",
    "TestWindowId": "opportunity_windowId",
    "UserAgent": "opportunity_assessmentParticipantSessionPlatformUserAgent",
    "TestOpportunityAltId": "opportunity_oppId",
    "Status": "opportunity_status",
    "StatusDateTime": "opportunity_statusDate",
    "Validity": "opportunity_validity",
    "FieldTestCount": "opportunity_ftCount",
    "PauseCount": "opportunity_pauseCount",
    "GracePeriodRestarts": "opportunity_gracePeriodRestarts",
    "AbnormalStarts": "opportunity_abnormalStarts",
    "OpportunityCount": "opportunity_opportunity",
    "TestSessionId": "opportunity_sessionId",
    "TestAdministratorId": "opportunity_taId",
    "TestAdministratorName": "opportunity_taName",
    "OrganizationName": "opportunity_clientName",
    "TestDeliveryServer": "opportunity_server",
    "TestDeliveryDatabase": "opportunity_database",
    "WindowOpportunityCount": "opportunity_windowOpportunity",
    "TestReason": "opportunity_testReason",
}
_CHANGED = {
    "Subject": ("test_subject", values.subject),
    "DeliveryMode": ("test_mode", values.delivery_mode),
    "TestGrade": ("test_grade", values.grade),
    "AssessmentType": ("test_assessmentType", values.assessment_type),
    "AssessmentAdministrationStartDate": ("opportunity_effectiveDate", values.date_part),
}

_OBSOLETE_STATUS = {"completed": "Complete", "expired": "Partial"}


def flatten(elements: Mapping[str, pa.Table]) -> tuple[pa.Table, pa.Table]:
    """Return the test table and the item table of results read from TRT.

    The tables are `result_shapes.TEST_TABLE` and `ITEM_TABLE`; `row` is null in both, since
    a result has a file of its own. Rows stand in the order of results and of their items.
    """
    tests = _tests(elements)
    return tests, _items(elements, tests)


def _tests(elements: Mapping[str, pa.Table]) -> pa.Table:
    table = elements["result"]
    columns: dict[str, pa.Array] = {
        "result": table["result"].combine_chunks(),
        "file": table["file"].combine_chunks(),
        "row": pa.nulls(table.num_rows, pa.int64()),
        **{column: trimmed(table, name) for column, name in _COPIED.items()},
        **{
            column: mapped(trimmed(table, name), change)
            for column, (name, change) in _CHANGED.items()
        },
    }
    key = trimmed(table, "opportunity_key")
    columns["TestOpportunityId"] = first_filled([key, columns["TestOpportunityAltId"]])
    columns |= student_columns(elements)
    columns |= score_columns(elements, columns["Subject"])
    columns["AccessibilityCodes"] = accessibility_codes(elements)
    columns |= _conditions(table, columns)
    return pa.table([columns[name] for name in TEST_TABLE.names], schema=TEST_TABLE)


def _conditions(table: pa.Table, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the circumstances of the sitting that several attributes tell.

    Administration condition: its own attribute, else the validity, else an obsolete status,
    else what is usual for the type. Completeness: its own, then the older attribute, then
    the obsolete status.
    """
    status = pc.utf8_lower(columns["Status"])
    usual = pc.if_else(pc.equal(columns["AssessmentType"], "Interim"), "Standardized", "Valid")
    condition = first_filled(
        [
            trimmed(table, "opportunity_administrationCondition"),
            columns["Validity"],
            pc.if_else(pc.equal(status, "invalidated"), "Invalid", usual),
        ]
    )
    of_status = mapped(status, lambda text: _OBSOLETE_STATUS.get(text, ""))
    completeness = first_filled(
        [
            mapped(trimmed(table, "opportunity_completeness"), values.completeness),
            mapped(trimmed(table, "opportunity_completeStatus"), values.completeness),
            of_status,
        ]
    )
    is_forced = pc.not_equal(trimmed(table, "opportunity_dateForceCompleted"), "")
    return {
        "AdministrationCondition": mapped(condition, values.administration_condition),
        "Completeness": completeness,
        "ForceSubmitted": pc.if_else(is_forced, "Yes", ""),
    }


def _items(elements: Mapping[str, pa.Table], tests: pa.Table) -> pa.Table:
    table = elements["item"]
    places, columns = item_columns(elements)
    result = table["result"].to_numpy()[places]
    columns["result"] = pa.array(result, pa.int32())
    columns["item"] = pa.array(table["item"].to_numpy()[places], pa.int32())
    columns["row"] = pa.nulls(len(places), pa.int64())
    of_test = np.searchsorted(tests["result"].to_numpy(), result)
    for name in ("file", "TestOpportunityId"):
        columns[name] = taken(tests[name].combine_chunks(), of_test)
    missing = [name for name in ITEM_TABLE.names if name not in columns]
    columns |= {name: blanks(len(places)) for name in missing}
    return pa.table([columns[name] for name in ITEM_TABLE.names], schema=ITEM_TABLE)
