"""Choosing among a student's attributes: which name, which context, which element.

Rule (the reporting warehouse's): in document order the first FINAL; if there is none, the
last INITIAL. A blank FINAL beats an INITIAL that isn't. Only another *name* stands in for a
blank: the older spellings, then the same name as the other kind of element.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import chain

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.intake import flatten_values as values
from scorehouse.intake.flatten_columns import (
    blanks,
    first_filled,
    mapped,
    numbered,
    numbers_of,
    raw,
    taken,
    trimmed,
)

_ATTRIBUTE, _RELATIONSHIP = "examinee_attribute", "examinee_relationship"
_GROUP = "StudentGroupName"

_ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "StudentIdentifier": ("StudentIdentifier", "SSID", "AlternateSSID"),
    "GradeLevelWhenAssessed": ("GradeLevelWhenAssessed", "Grade"),
    "Sex": ("Sex", "Gender"),
    **{
        name: (name,)
        for name in (
            "HispanicOrLatinoEthnicity", "AmericanIndianOrAlaskaNative", "Asian",
            "BlackOrAfricanAmerican", "White", "NativeHawaiianOrOtherPacificIslander",
        )
    },
    "TwoOrMoreRaces": ("DemographicRaceTwoOrMoreRaces", "TwoOrMoreRaces"),
    **{
        name: (name,)
        for name in (
            "IDEAIndicator", "LEPStatus", "Section504Status", "EconomicDisadvantageStatus",
            "FirstName", "MiddleName", "AliasName", "Filipino", "LanguageCode", "MigrantStatus",
            "TitleIIILanguageInstructionProgramType", "PrimaryDisabilityType",
            "EnglishLanguageAcquisitionStatusStartDate",
        )
    },
    "ExternalSSID": ("AlternateSSID", "ExternalSSID", "AlternateStateStudentID"),
    "LastOrSurname": ("LastOrSurname", "LastName"),
    "Birthdate": ("Birthdate", "DOB"),
    "EnglishLanguageProficiencyLevel": (
        "EnglishLanguageProficiencyLevel",
        "EnglishLanguageProficiencLevel",
        "TitleIIIAccountabilityProgressStatus",
    ),
    "FirstEntryDateIntoUSSchool": ("FirstEntryDateIntoUSSchool", "FirstEntryIntoUSSchool"),
    "LimitedEnglishProficiencyEntryDate": (
        "LimitedEnglishProficiencyEntryDate",
        "EnglishLearnerIdentificationDate",
    ),
    "LEPExitDate": ("LEPExitDate", "ReclassifiedFluentEnglishProficientDate"),
    "EnglishLanguageAcquisitionStatus": ("EnglishLanguageAcquisitionStatus", "ELAS"),
    "MilitaryStatus": ("MilitaryStatus", "MilitaryConnectedStudentIndicator"),
}  # fmt: skip
_RELATIONSHIPS: dict[str, tuple[str, ...]] = {
    "StateAbbreviation": ("StateAbbreviation", "StateCode"),
    "StateName": ("StateName",),
    "DistrictId": ("DistrictId", "DistrictID", "ResponsibleDistrictIdentifier"),
    "DistrictName": ("DistrictName", "OrganizationName"),
    "SchoolId": (
        "SchoolId",
        "SchoolID",
        "ResponsibleInstitutionIdentifier",
        "ResponsibleSchoolIdentifier",
    ),
    "SchoolName": ("SchoolName", "NameOfInstitution"),
}
_FLAGS = (
    "HispanicOrLatinoEthnicity", "AmericanIndianOrAlaskaNative", "Asian", "White",
    "BlackOrAfricanAmerican", "NativeHawaiianOrOtherPacificIslander", "TwoOrMoreRaces",
    "IDEAIndicator", "LEPStatus", "EconomicDisadvantageStatus", "Filipino", "MigrantStatus",
)  # fmt: skip
_CHANGES: dict[str, Callable[[str], str]] = {
    **dict.fromkeys(_FLAGS, values.yes_or_no),
    "Section504Status": values.section_504,
    "GradeLevelWhenAssessed": values.grade,
    "Sex": values.sex,
    "StateAbbreviation": str.upper,
    "TitleIIILanguageInstructionProgramType": values.instruction_program,
}
_NAMES = {
    name: place
    for place, name in enumerate(
        dict.fromkeys(chain(*_ATTRIBUTES.values(), *_RELATIONSHIPS.values()))
    )
}


class _Chosen:
    """The best element of each name, for one of the two kinds."""

    def __init__(self, table: pa.Table, results: int) -> None:
        self._values = trimmed(table, "value")
        source = numbered(trimmed(table, "name"), lambda name: _NAMES.get(name, -1))
        is_final = numbered(trimmed(table, "context"), lambda c: c.upper() == "FINAL") != 0
        key = numbers_of(table, "result") * len(_NAMES) + source
        best = np.full(results * len(_NAMES), -1, np.int64)
        initial = np.flatnonzero((source >= 0) & ~is_final)
        best[key[initial]] = initial
        final = np.flatnonzero((source >= 0) & is_final)[::-1]
        best[key[final]] = final
        self._best = best.reshape(results, len(_NAMES))
        self._is_met = np.any(self._best >= 0, axis=0).reshape(-1)

    def column(self, name: str) -> pa.Array | None:
        """Return the values of one name; None when no result has it."""
        place = _NAMES[name]
        return taken(self._values, self._best[:, place]) if self._is_met[place] else None


def student_columns(elements: Mapping[str, pa.Table]) -> dict[str, pa.Array]:
    """Return the test table's columns that come from the examinee."""
    results = elements["result"].num_rows
    attributes = _Chosen(elements[_ATTRIBUTE], results)
    relationships = _Chosen(elements[_RELATIONSHIP], results)
    columns = {}
    for names, first, second in (
        (_ATTRIBUTES, attributes, relationships),
        (_RELATIONSHIPS, relationships, attributes),
    ):
        for column, forms in names.items():
            wanted = [side.column(name) for side in (first, second) for name in forms]
            found = [candidate for candidate in wanted if candidate is not None]
            value = first_filled(found) if found else blanks(results)
            change = _CHANGES.get(column) if found else None
            columns[column] = mapped(value, change) if change else value
    return columns | {"StudentGroupNames": _groups(elements, results)}


def _groups(elements: Mapping[str, pa.Table], results: int) -> pa.Array:
    """Join a student's group names: all FINAL ones, or if there is none all INITIAL ones."""
    final: dict[int, list[str]] = {}
    initial: dict[int, list[str]] = {}
    for kind in (_RELATIONSHIP, _ATTRIBUTE):
        table = elements[kind]
        found = table.filter(pc.equal(pc.ascii_trim_whitespace(table["name"]), _GROUP))
        context, value = raw(found, "context").to_pylist(), trimmed(found, "value").to_pylist()
        for result, when, name in zip(found["result"].to_pylist(), context, value, strict=True):
            side = final if when.strip().upper() == "FINAL" else initial
            if name and name not in side.setdefault(result, []):
                side[result].append(name)
    if not (final or initial):
        return blanks(results)
    joined = {**initial, **final}
    return pa.array([";".join(joined.get(k, ())) for k in range(results)], pa.string())
