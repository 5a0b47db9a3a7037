"""Which fields may leave, which become pseudonyms, which are removed.

Student attributes and relationships are treated alike, since senders put either in the
other's place, and in every context: an INITIAL copy is as telling as the FINAL one. A name
that isn't listed here is removed. Sources: Test Results Data Reporting Requirements
2015-16; De-identification memo (30 September 2015); data dictionary, "never in
de-identified data".
"""

from __future__ import annotations

KEPT_NAMES = (
    "GradeLevelWhenAssessed", "Grade", "Sex", "Gender", "HispanicOrLatinoEthnicity",
    "AmericanIndianOrAlaskaNative", "Asian", "BlackOrAfricanAmerican", "White",
    "NativeHawaiianOrOtherPacificIslander", "DemographicRaceTwoOrMoreRaces", "TwoOrMoreRaces",
    "Filipino", "Ethnicity", "IDEAIndicator", "LEPStatus", "Section504Status",
    "EconomicDisadvantageStatus", "LanguageCode", "EnglishLanguageProficiencyLevel",
    "EnglishLanguageProficiencLevel", "TitleIIIAccountabilityProgressStatus", "MigrantStatus",
    "FirstEntryDateIntoUSSchool", "FirstEntryIntoUSSchool",
    "LimitedEnglishProficiencyEntryDate", "EnglishLearnerIdentificationDate", "LEPExitDate",
    "ReclassifiedFluentEnglishProficientDate", "TitleIIILanguageInstructionProgramType",
    "PrimaryDisabilityType", "EnglishLanguageAcquisitionStatus", "ELAS",
    "EnglishLanguageAcquisitionStatusStartDate", "MilitaryStatus",
    "MilitaryConnectedStudentIndicator", "StateAbbreviation", "StateCode", "StateName",
)  # fmt: skip

HASHED_NAMES = (
    "StudentIdentifier", "SSID", "AlternateSSID", "ExternalSSID", "AlternateStateStudentID",
)  # fmt: skip

OWN_ID_NAMES = ("StudentIdentifier", "SSID")
"""Names of the student's own id: an alternate id alone would give another pseudonym."""

SCHOOL_NAMES = (
    "DistrictId", "ResponsibleDistrictIdentifier", "DistrictName", "OrganizationName",
    "SchoolId", "ResponsibleInstitutionIdentifier", "ResponsibleSchoolIdentifier",
    "SchoolName", "NameOfInstitution",
)  # fmt: skip

GROUP_NAMES = ("StudentGroupName",)

PERSON_NAMES = ("FirstName", "MiddleName", "LastOrSurname", "LastName", "AliasName")

BIRTH_NAMES = ("Birthdate", "BirthDate", "DOB", "DateOfBirth")

COMPONENT_CONTEXT = r"^COMPONENT_\d+$"
"""GenericVariable contexts that may stay: the parts of a combined test."""

RESULT_REMOVED = (
    "examinee_key", "opportunity_taId", "opportunity_taName", "opportunity_sessionId",
    "opportunity_server", "opportunity_database",
)  # fmt: skip

TEST_HASHED = ("StudentIdentifier", "ExternalSSID")
TEST_REMOVED = (
    "FirstName", "MiddleName", "LastOrSurname", "Birthdate", "AliasName", "TestSessionId",
    "TestAdministratorId", "TestAdministratorName", "TestDeliveryServer",
    "TestDeliveryDatabase",
)  # fmt: skip
TEST_SCHOOLS = ("DistrictId", "DistrictName", "SchoolId", "SchoolName")
TEST_GROUPS = ("StudentGroupNames",)
ITEM_HASHED = ("Rater1UserId", "Rater2UserId", "Rater3UserId")
ITEM_REMOVED = ("ScoreRationale",)

RULE_MADE_RATER = "SBACItemResolutionRule"
"""Begins the name of a scorer that is a rule, not a person; such a name stays."""

MESSAGE_KEPT = ("conditionCode",)
MESSAGE_HASHED = ("scorerID",)
"""Entries of a scoring message; all others are removed."""
