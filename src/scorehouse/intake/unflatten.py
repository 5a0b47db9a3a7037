"""From the two tables back to the elements of the transmission format.

The inverse of `flatten` for every column that has a place in the format. What the format
demands and the tables don't say is filled with the least misleading value, and counted.

Source: facts on the format, mapping CSV to TRT (2.1 to 2.3) and the resolutions of its
conflicts (6).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl
import pyarrow as pa

from scorehouse.intake.unflatten_items import item_elements
from scorehouse.intake.unflatten_notes import Features, Notes, note_where
from scorehouse.intake.unflatten_scores import accommodation_elements, score_elements
from scorehouse.result_shapes import ELEMENTS, RESULT

_INVENTED = "value_invented"
_ATTRIBUTES = {
    "StudentIdentifier": "StudentIdentifier",
    "ExternalSSID": "AlternateSSID",
    "FirstName": "FirstName",
    "MiddleName": "MiddleName",
    "LastOrSurname": "LastOrSurname",
    "AliasName": "AliasName",
    "Birthdate": "Birthdate",
    **{
        name: name
        for name in (
            "GradeLevelWhenAssessed", "Sex", "HispanicOrLatinoEthnicity",
            "AmericanIndianOrAlaskaNative", "Asian", "BlackOrAfricanAmerican", "White",
            "NativeHawaiianOrOtherPacificIslander",
        )
    },
    "TwoOrMoreRaces": "DemographicRaceTwoOrMoreRaces",
    **{
        name: name
        for name in (
            "Filipino", "IDEAIndicator", "LEPStatus", "Section504Status",
            "EconomicDisadvantageStatus", "LanguageCode", "EnglishLanguageProficiencyLevel",
            "MigrantStatus", "FirstEntryDateIntoUSSchool",
            "LimitedEnglishProficiencyEntryDate", "LEPExitDate",
            "EnglishLanguageAcquisitionStatus", "EnglishLanguageAcquisitionStatusStartDate",
            "TitleIIILanguageInstructionProgramType", "PrimaryDisabilityType",
            "MilitaryStatus",
        )
    },
}  # fmt: skip
_RELATIONSHIPS = (
    "StateAbbreviation", "StateName", "DistrictId", "DistrictName", "SchoolId", "SchoolName",
)  # fmt: skip
_TEST = {
    "name": "AssessmentName",
    "subject": "Subject",
    "testId": "AssessmentId",
    "grade": "TestGrade",
    "assessmentType": "AssessmentType",
    "academicYear": "SchoolYear",
}
_OPTIONAL_TEST = {"contract": "Contract", "assessmentVersion": "AssessmentVersion"}
_OPPORTUNITY = {
    "key": "TestOpportunityId",
    "startDate": "StartDateTime",
    "dateCompleted": "SubmitDateTime",
    "windowId": "TestWindowId",
    "assessmentParticipantSessionPlatformUserAgent": "UserAgent",
}
_OPTIONAL_OPPORTUNITY = {
    "server": "TestDeliveryServer",
    "database": "TestDeliveryDatabase",
    "oppId": "TestOpportunityAltId",
    "taId": "TestAdministratorId",
    "taName": "TestAdministratorName",
    "sessionId": "TestSessionId",
    "windowOpportunity": "WindowOpportunityCount",
    "effectiveDate": "AssessmentAdministrationStartDate",
    "testReason": "TestReason",
}
_DEFAULTS = {
    "opportunity": ("OpportunityCount", "1"),
    "pauseCount": ("PauseCount", "0"),
    "abnormalStarts": ("AbnormalStarts", "0"),
    "gracePeriodRestarts": ("GracePeriodRestarts", "0"),
    "status": ("Status", "scored"),
}
CONDITIONS = {
    "valid": "Valid",
    "invalid": "IN",
    "in": "IN",
    "standardized": "SD",
    "sd": "SD",
    "nonstandardized": "NS",
    "ns": "NS",
}
"""Words of the test table, folded, and the codes of the format."""


class Unflattened(NamedTuple):
    """Elements, and what was invented or could not be carried over, counted."""

    elements: Mapping[str, pa.Table]
    notes: Notes


def unflatten(tests: pa.Table, items: pa.Table, features: Features) -> Unflattened:
    """Make the elements that the rows of the two tables describe.

    Values are carried over as they stand; spelling and types are for `conform`. Item rows
    without a test (result -1) have no place in the format and are not carried.
    """
    notes: Notes = Notes()
    test_rows, item_rows = _frame(tests), _frame(items).filter(pl.col(RESULT) >= 0)
    parts = item_elements(item_rows, test_rows, notes)
    parts["result"] = _results(test_rows, parts["item"], item_rows, notes)
    parts["examinee_attribute"] = _attributes(test_rows, notes)
    parts["examinee_relationship"] = _relationships(test_rows)
    accommodations, uses = accommodation_elements(test_rows, features, notes)
    parts["accommodation"] = accommodations
    parts["score"] = pl.concat([score_elements(test_rows), uses]).sort(RESULT, maintain_order=True)
    return Unflattened({name: shaped(parts.get(name), name) for name in ELEMENTS}, notes)


def shaped(frame: pl.DataFrame | None, name: str) -> pa.Table:
    """Bring an element table into its published shape; columns that aren't there are null."""
    schema = ELEMENTS[name]
    if frame is None:
        return schema.empty_table()
    missing = [pl.lit(None).alias(column) for column in schema.names if column not in frame]
    return frame.with_columns(missing).select(schema.names).to_arrow().cast(schema)


def _frame(table: pa.Table) -> pl.DataFrame:
    frame = pl.from_arrow(table)
    assert isinstance(frame, pl.DataFrame)
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    return frame.with_columns(pl.col(texts).fill_null(""))


def given(column: str) -> pl.Expr:
    """Give a column's values, null where it is blank."""
    return pl.when(pl.col(column) != "").then(pl.col(column))


def moment() -> pl.Expr:
    """Give the moment that stands for others: submission, else last status, else start."""
    return pl.coalesce(given("SubmitDateTime"), given("StatusDateTime"), given("StartDateTime"))


def _results(
    tests: pl.DataFrame, item_elements_made: pl.DataFrame, items: pl.DataFrame, notes: Notes
) -> pl.DataFrame:
    counts = item_elements_made.group_by(RESULT).agg(
        scorehouse_items=pl.len(),
        scorehouse_fields=(pl.col("operational") == "0").sum(),
        scorehouse_bank=pl.when(pl.col("bankKey").n_unique() == 1).then(pl.col("bankKey").first()),
    )
    joined = tests.join(counts, on=RESULT, how="left", maintain_order="left").with_columns(
        pl.col("scorehouse_items", "scorehouse_fields").fill_null(0).cast(pl.String)
    )
    _note_results(joined, notes)
    columns = {
        **{f"test_{name}": pl.col(column) for name, column in _TEST.items()},
        **{f"test_{name}": given(column) for name, column in _OPTIONAL_TEST.items()},
        "test_mode": _mode(),
        "test_bankKey": pl.col("scorehouse_bank"),
        **{f"opportunity_{name}": pl.col(column) for name, column in _OPPORTUNITY.items()},
        **{f"opportunity_{name}": given(column) for name, column in _OPTIONAL_OPPORTUNITY.items()},
        **{
            f"opportunity_{name}": pl.coalesce(given(column), pl.lit(default))
            for name, (column, default) in _DEFAULTS.items()
        },
        **_worked_out(),
    }
    return joined.select(
        RESULT, "file", **columns, has_examinee=pl.lit(True), has_opportunity=pl.lit(True)
    )


def _mode() -> pl.Expr:
    """The format writes in lower case what the table capitalizes."""
    return pl.col("DeliveryMode").replace({"Online": "online", "Paper": "paper"})


def _worked_out() -> dict[str, pl.Expr]:
    """Attributes that follow from several columns."""
    condition = pl.col("AdministrationCondition").str.strip_chars().str.to_lowercase()
    code = condition.replace_strict(CONDITIONS, default=pl.col("AdministrationCondition"))
    validity = pl.when(code == "IN").then(pl.lit("invalid")).when(code != "").then(pl.lit("valid"))
    forced = pl.col("ForceSubmitted").str.to_lowercase().is_in(["yes", "y", "true", "1"])
    return {
        "opportunity_clientName": pl.coalesce(
            given("OrganizationName"), pl.col("StateAbbreviation")
        ),
        "opportunity_statusDate": pl.coalesce(given("StatusDateTime"), moment()),
        "opportunity_itemCount": pl.coalesce(given("NumberOfResponses"), "scorehouse_items"),
        "opportunity_ftCount": pl.coalesce(given("FieldTestCount"), "scorehouse_fields"),
        "opportunity_administrationCondition": pl.when(code != "").then(code),
        "opportunity_validity": pl.coalesce(given("Validity"), validity),
        "opportunity_completeness": given("Completeness"),
        "opportunity_dateForceCompleted": pl.when(forced).then(moment()),
    }


def _note_results(tests: pl.DataFrame, notes: Notes) -> None:
    """Count the values that the tables don't say."""
    for name, (column, default) in _DEFAULTS.items():
        where = pl.col(column) == ""
        note_where(notes, _INVENTED, f"Opportunity/@{name}", tests, where, default)
    others = {
        "Opportunity/@clientName": ("OrganizationName", "StateAbbreviation"),
        "Opportunity/@statusDate": ("StatusDateTime", "SubmitDateTime"),
        "Opportunity/@itemCount": ("NumberOfResponses", "the number of items"),
        "Opportunity/@ftCount": ("FieldTestCount", "the number of field-test items"),
    }
    for field, (column, origin) in others.items():
        note_where(notes, _INVENTED, field, tests, pl.col(column) == "", origin)
    is_forced = pl.col("ForceSubmitted").str.to_lowercase() == "yes"
    field = "Opportunity/@dateForceCompleted"
    note_where(notes, _INVENTED, field, tests, is_forced, "SubmitDateTime")
    has_bank = pl.col("scorehouse_bank").is_not_null()
    note_where(notes, _INVENTED, "Test/@bankKey", tests, has_bank, "the items' bank")
    is_derived = (pl.col("Validity") == "") & (pl.col("AdministrationCondition") != "")
    field = "Opportunity/@validity"
    note_where(notes, _INVENTED, field, tests, is_derived, "AdministrationCondition")


def _long(tests: pl.DataFrame, names: Mapping[str, str]) -> pl.DataFrame:
    """One row for each filled column, in the order of the tests, then of `names`."""
    order = {name: place for place, name in enumerate(names)}
    long = tests.select(RESULT, moment().fill_null("").alias("contextDate"), *names).unpivot(
        index=[RESULT, "contextDate"], variable_name="column"
    )
    return (
        long.filter(pl.col("value") != "")
        .with_columns(
            order=pl.col("column").replace_strict(order, return_dtype=pl.Int32),
            name=pl.col("column").replace_strict(dict(names)),
            context=pl.lit("FINAL"),
        )
        .sort(RESULT, "order")
    )


def _attributes(tests: pl.DataFrame, notes: Notes) -> pl.DataFrame:
    note_where(
        notes,
        _INVENTED,
        "ExamineeAttribute/@contextDate",
        tests,
        pl.lit(True),
        "SubmitDateTime",
    )
    return _long(tests, _ATTRIBUTES)


def _relationships(tests: pl.DataFrame) -> pl.DataFrame:
    single = _long(tests, {name: name for name in _RELATIONSHIPS})
    groups = _long(tests, {"StudentGroupNames": "StudentGroupName"}).with_columns(
        pl.col("value").str.split(";"), order=pl.lit(len(_RELATIONSHIPS), pl.Int32)
    )
    exploded = groups.explode("value").filter(pl.col("value") != "")
    return pl.concat([single, exploded]).sort(RESULT, "order", maintain_order=True)
