"""The published shapes of results files: the transmission format's elements, the two tables.

`ELEMENTS` mirrors the Test Results Transmission Format element by element: one table for
each kind of element, one column for each attribute, every value as the text that was
delivered (null: the attribute wasn't there). `TEST_COLUMNS` and `ITEM_COLUMNS` are the two
tables of the annual submission, again all text (blank: nothing there).

Sources: Test Results Transmission Format, schema of revision 1.11 and version 3 (2021);
Test Results Data Reporting Requirements 2015-16; Test Results Logical Data Model 2019-09.
"""

from __future__ import annotations

import pyarrow as pa

_TEXT = pa.string()
RESULT = "result"
"""Number of the result (TDSReport) in its stream, from 0: the key that joins all tables."""

TEST = (
    "name", "subject", "testId", "bankKey", "contract", "mode", "grade", "handScoreProject",
    "assessmentType", "academicYear", "assessmentVersion",
)  # fmt: skip
EXAMINEE = ("key", "isDemo")
EXAMINEE_ATTRIBUTE = ("context", "name", "value", "contextDate")
EXAMINEE_RELATIONSHIP = ("context", "name", "entityKey", "value", "contextDate")
OPPORTUNITY = (
    "server", "database", "clientName", "key", "oppId", "startDate", "status", "opportunity",
    "statusDate", "dateCompleted", "pauseCount", "itemCount", "ftCount", "abnormalStarts",
    "gracePeriodRestarts", "taId", "taName", "sessionId", "windowId", "windowOpportunity",
    "dateForceCompleted", "qaLevel", "assessmentParticipantSessionPlatformUserAgent",
    "effectiveDate", "reportingVersion", "completeStatus", "administrationCondition",
    "testReason", "validity", "completeness",
)  # fmt: skip
SEGMENT = ("id", "position", "formId", "formKey", "algorithm", "algorithmVersion")
ACCOMMODATION = ("type", "value", "code", "segment")
SCORE = ("measureOf", "measureLabel", "value", "standardError", "conditionCode")
GENERIC_VARIABLE = ("context", "name", "value")
ITEM = (
    "position", "segmentId", "bankKey", "key", "operational", "isSelected", "format", "score",
    "scoreStatus", "adminDate", "numberVisits", "mimeType", "clientId", "strand",
    "contentLevel", "pageNumber", "pageVisits", "pageTime", "dropped", "responseDuration",
)  # fmt: skip
RESPONSE = ("date", "type", "key")
SCORE_INFO = (
    "scorePoint", "maxScore", "scoreDimension", "scoreStatus", "confLevel", "conditionCode",
    "sequence",
)  # fmt: skip
COMMENT = ("context", "itemPosition", "date")
TOOL_USAGE = ("type", "code")
TOOL_PAGE = ("page", "groupId", "count")


def _table(*parts: tuple[str, pa.DataType] | str) -> pa.Schema:
    return pa.schema([part if isinstance(part, tuple) else (part, _TEXT) for part in parts])


def _prefixed(prefix: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{prefix}_{name}" for name in names)


_KEY = (RESULT, pa.int32())

ELEMENTS: dict[str, pa.Schema] = {
    # one row a result: its place, and the attributes of Test, Examinee and Opportunity,
    # prefixed (test_name, examinee_key, opportunity_key, …); is_there says which exist
    "result": _table(
        _KEY,
        "file",
        *_prefixed("test", TEST),
        *_prefixed("examinee", EXAMINEE),
        *_prefixed("opportunity", OPPORTUNITY),
        ("has_examinee", pa.bool_()),
        ("has_opportunity", pa.bool_()),
    ),
    # all others: one row an element, in document order within its result
    "examinee_attribute": _table(_KEY, *EXAMINEE_ATTRIBUTE),
    "examinee_relationship": _table(_KEY, *EXAMINEE_RELATIONSHIP),
    "segment": _table(_KEY, *SEGMENT),
    "accommodation": _table(_KEY, *ACCOMMODATION),
    "score": _table(_KEY, *SCORE),
    "generic_variable": _table(_KEY, *GENERIC_VARIABLE),
    # `item` counts from 0 within its result; a Response that isn't there has no text (null)
    "item": _table(
        _KEY, ("item", pa.int32()), *ITEM, *_prefixed("response", RESPONSE), "response_text"
    ),
    # `node` counts from 0 within its item in document order; `parent` is a node, or -1
    "score_info": _table(
        _KEY,
        ("item", pa.int32()),
        ("node", pa.int32()),
        ("parent", pa.int32()),
        *SCORE_INFO,
        "rationale",  # text of ScoreRationale itself
        "message",  # text of its Message
    ),
    "comment": _table(_KEY, *COMMENT, "text"),
    # one row a ToolPage; `usage` counts the ToolUsage elements of a result from 0
    "tool_page": _table(_KEY, ("usage", pa.int32()), *TOOL_USAGE, *TOOL_PAGE),
}
"""Table name -> schema. All attribute columns are text as delivered."""

_CLAIM_PARTS = (
    "Score",
    "ScoreStandardError",
    "ScoreAchievementLevel",
    "Theta",
    "ThetaStandardError",
)


def _claim(number: int) -> tuple[str, ...]:
    return tuple(f"Claim{number}{part}" for part in _CLAIM_PARTS)


REQUIRED_TEST_COLUMNS = (
    "AssessmentId", "AssessmentName", "Subject", "DeliveryMode", "TestGrade", "AssessmentType",
    "SchoolYear", "StudentIdentifier", "GradeLevelWhenAssessed", "Sex",
    "HispanicOrLatinoEthnicity", "AmericanIndianOrAlaskaNative", "Asian",
    "BlackOrAfricanAmerican", "White", "NativeHawaiianOrOtherPacificIslander",
    "TwoOrMoreRaces", "IDEAIndicator", "LEPStatus", "Section504Status",
    "EconomicDisadvantageStatus", "StateAbbreviation", "TestOpportunityId",
    "AssessmentAdministrationStartDate", "StartDateTime", "SubmitDateTime",
    "AdministrationCondition", "Completeness", "AccessibilityCodes", "NumberOfResponses",
    "TestWindowId", "UserAgent", "ScaleScore", "ScaleScoreStandardError",
    "ScaleScoreAchievementLevel", "OverallTheta", "OverallThetaStandardError",
    *_claim(1), *_claim(2), *_claim(3), *_claim(4),
)  # fmt: skip
"""The 57 columns of the test table, in the order of the reporting requirements."""

OPTIONAL_TEST_COLUMNS = (
    "AssessmentVersion", "ExternalSSID", "FirstName", "MiddleName", "LastOrSurname",
    "Birthdate", "Filipino", "LanguageCode", "EnglishLanguageProficiencyLevel",
    "MigrantStatus", "FirstEntryDateIntoUSSchool", "LimitedEnglishProficiencyEntryDate",
    "LEPExitDate", "EnglishLanguageAcquisitionStatus",
    "TitleIIILanguageInstructionProgramType", "PrimaryDisabilityType", "MilitaryStatus",
    "EnglishLanguageAcquisitionStatusStartDate", "AliasName", "DistrictId", "DistrictName",
    "SchoolId", "SchoolName", "StateName", "StudentGroupNames", "TestOpportunityAltId",
    "ForceSubmitted", "Status", "StatusDateTime", "Validity", "FieldTestCount", "PauseCount",
    "GracePeriodRestarts", "AbnormalStarts", "OpportunityCount", "TestSessionId",
    "TestAdministratorId", "TestAdministratorName", "OrganizationName", "TestDeliveryServer",
    "TestDeliveryDatabase", "WindowOpportunityCount", "Contract", "TestReason",
)  # fmt: skip
"""Columns of the data model beyond the required ones; written after them when asked for."""

REQUIRED_ITEM_COLUMNS = (
    "TestOpportunityId", "ItemId", "ItemPosition", "AdminDateTime", "ResponseDuration",
    "ResponseValue", "ItemScore", "ScoreDimension", "Rater1Score", "Rater1UserId",
    "Rater2Score", "Rater2UserId", "Rater3Score", "Rater3UserId",
)  # fmt: skip
"""The 14 columns of the item table, in the order of the reporting requirements."""

OPTIONAL_ITEM_COLUMNS = (
    "SegmentId", "SegmentPosition", "SelectionAlgorithm", "SelectionAlgorithmVersion",
    "FieldTest", "Dropped", "ItemType", "Strand", "ContentLevel", "Submitted",
    "SubmitDateTime", "NumberOfVisits", "ResponseContentType", "ItemScoreStatus",
    "MaxScore", "ConditionCode", "ScoreRationale",
)  # fmt: skip
"""Item columns of the data model beyond the required ones."""

TEST_COLUMNS = REQUIRED_TEST_COLUMNS + OPTIONAL_TEST_COLUMNS
ITEM_COLUMNS = REQUIRED_ITEM_COLUMNS + OPTIONAL_ITEM_COLUMNS

TEST_TABLE = _table(_KEY, "file", ("row", pa.int64()), *TEST_COLUMNS)
"""The test table in memory: `result`, the file and its row (from 1), then the columns."""

ITEM_TABLE = _table(_KEY, "file", ("row", pa.int64()), ("item", pa.int32()), *ITEM_COLUMNS)
"""The item table in memory; several rows share an `item` when it has several dimensions.

`result` is -1 where no test row has the row's TestOpportunityId.
"""
