"""The fields that the incumbent warehouse parses, in its order, with its limits."""

from __future__ import annotations

from typing import NamedTuple

from scorehouse.errors import UsageError

TEST_PART, STUDENT_PART, ATTRIBUTES_PART = "exam", "student", "studentExamAttributes"
"""The incumbent's names for the parts of a report."""


class Field(NamedTuple):
    """One parsed element: `kind` picks the parser; `longest` in characters, 0 for no limit."""

    name: str
    kind: str
    longest: int = 0
    is_always_required: bool = False


STUDENT = (
    Field("FirstName", "text", 60),
    Field("LastOrSurname", "text", 60),
    Field("MiddleName", "text", 60),
    Field("AliasName", "text", 60),
    Field("StudentIdentifier", "text", 65, is_always_required=True),
    Field("Birthdate", "date"),
    Field("Sex", "gender"),
    Field("FirstEntryDateIntoUSSchool", "date"),
    Field("LimitedEnglishProficiencyEntryDate", "date"),
    Field("LEPExitDate", "date"),
)

ETHNICITIES = (
    "AmericanIndianOrAlaskaNative", "Asian", "BlackOrAfricanAmerican",
    "DemographicRaceTwoOrMoreRaces", "Filipino", "HispanicOrLatinoEthnicity",
    "NativeHawaiianOrOtherPacificIslander", "White",
)  # fmt: skip

ATTRIBUTES = (
    Field("IDEAIndicator", "boolean"),
    Field("Section504Status", "section_504"),
    Field("EconomicDisadvantageStatus", "boolean"),
    Field("MigrantStatus", "boolean"),
    Field("LanguageCode", "language"),
    Field("MilitaryConnectedStudentIndicator", "military connected"),
    Field("LEPStatus", "boolean"),
    Field("EnglishLanguageProficiencyLevel", "text", 20),
    Field("TitleIIILanguageInstructionProgramType", "text", 30),
    Field("PrimaryDisabilityType", "text", 3),
    Field("GradeLevelWhenAssessed", "grade", is_always_required=True),
    Field("EnglishLanguageAcquisitionStatus", "elas"),
    Field("EnglishLanguageAcquisitionStatusStartDate", "date"),
)

CODES = {
    "gender": frozenset({"Male", "Female", "Nonbinary"}),
    "grade": frozenset(
        ["IT", "PR", "PK", "TK", "KG", *(f"{n:02}" for n in range(1, 14)), "PS", "UG"]
    ),
    "elas": frozenset({"EO", "EL", "IFEP", "RFEP", "TBD", "ADEL"}),
    "military connected": frozenset(
        {"NotMilitaryConnected", "ActiveDuty", "NationalGuardOrReserve"}
    ),
    "completeness": frozenset({"Partial", "Complete"}),
    "administration condition": frozenset({"Valid", "IN", "SD", "NS"}),
}  # fmt: skip
"""The incumbent's code tables; its table of languages is taken for any three letters."""

NOT_A_LANGUAGE = frozenset({"ger", "flu"})
"""Seen in files, three letters, and not in the incumbent's table."""

SAME_AS = {
    "SSID": "StudentIdentifier",
    "Grade": "GradeLevelWhenAssessed",
    "EnglishLearnerIdentificationDate": "LimitedEnglishProficiencyEntryDate",
    "ReclassifiedFluentEnglishProficientDate": "LEPExitDate",
    "ResponsibleInstitutionIdentifier": "SchoolId",
}
"""Other names that the incumbent reads."""

DEFAULT_REQUIRED = frozenset(
    {
        "FirstName", "LastOrSurname", "Birthdate", "Sex", "EconomicDisadvantageStatus",
        "IDEAIndicator", "Completeness", "AdministrationCondition",
    }
)  # fmt: skip
ALL_REQUIRED = frozenset(
    {
        *(field.name for field in (*STUDENT, *ATTRIBUTES)),
        *("Ethnicity", "AssessmentVersion", "SessionId", "Completeness"),
        "AdministrationCondition",
    }
)
ALL_OPTIONAL: frozenset[str] = frozenset()

CONFIGURATIONS = {
    "default": DEFAULT_REQUIRED,
    "all-required": ALL_REQUIRED,
    "all-optional": ALL_OPTIONAL,
}


def required_by(name: str) -> frozenset[str]:
    """The elements that a named configuration of the incumbent requires; raises UsageError."""
    try:
        return CONFIGURATIONS[name]
    except KeyError:
        known = ", ".join(CONFIGURATIONS)
        raise UsageError(f"unknown configuration {name!r}; known are {known}") from None
