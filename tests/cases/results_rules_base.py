"""One invented result in both forms, and the small changes that break one rule at a time.

The XML and the two tables say the same. A change is `target=value` on either form:

- XML: `Element[n]@attribute=value` sets (`~` takes away), `-Element[n]` removes, `+Parent:<xml/>`
  adds; `Element[name]` picks by its name, code, measureOf-measureLabel or scoreDimension.
- tables: `test.Field=value`, `item[n].Field=value` (n from 1), `-item[n]`, `+item[n]` (again),
  `+test` (the same test row again).
"""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from lxml import etree

from scorehouse.result_shapes import ITEM_COLUMNS, TEST_COLUMNS

Tables = tuple[list[dict[str, str]], list[dict[str, str]]]

KEY = "3f0c7a52-6a1e-4c38-9b6f-1d2a5b7c9e04"
STUDENT = "77D015E4EA3CC9DB4EBAE093954CBC805D55013C"
YES_NO = {
    "HispanicOrLatinoEthnicity": "No",
    "AmericanIndianOrAlaskaNative": "No",
    "Asian": "No",
    "BlackOrAfricanAmerican": "No",
    "White": "Yes",
    "NativeHawaiianOrOtherPacificIslander": "No",
    "TwoOrMoreRaces": "No",
    "IDEAIndicator": "No",
    "LEPStatus": "No",
    "Section504Status": "No",
    "EconomicDisadvantageStatus": "Yes",
}
MEASURES = {
    "Overall": ("ScaleScore", "2560", "21.45", "3", "0.6", "0.25"),
    "SOCK_R": ("Claim1Score", "2555", "36.04", "2", "0.55", "0.42"),
    "2-W": ("Claim2Score", "2585", "38.61", "2", "0.9", "0.45"),
    "SOCK_LS": ("Claim3Score", "2457", "42.9", "1", "-0.6", "0.5"),
    "4-CR": ("Claim4Score", "2534", "41.18", "2", "0.3", "0.48"),
}
ATTRIBUTE_NAMES = {"TwoOrMoreRaces": "DemographicRaceTwoOrMoreRaces"}
AT = "2019-04-14T"


def test_row() -> dict[str, str]:
    """The result as a row of the test table."""
    row = dict.fromkeys(TEST_COLUMNS, "")
    row |= {
        "AssessmentId": "EXAMPLE-ELA-7",
        "AssessmentName": "(XX)EXAMPLE-ELA-7-Spring-2018-2019",
        "Subject": "ELA",
        "DeliveryMode": "Online",
        "TestGrade": "07",
        "AssessmentType": "Summative",
        "SchoolYear": "2019",
        "StudentIdentifier": STUDENT,
        "GradeLevelWhenAssessed": "07",
        "Sex": "Female",
        **YES_NO,
        "StateAbbreviation": "TS",
        "TestOpportunityId": KEY,
        "AssessmentAdministrationStartDate": "2019-03-01",
        "StartDateTime": f"{AT}09:02:11",
        "SubmitDateTime": f"{AT}10:20:45",
        "AdministrationCondition": "Valid",
        "Completeness": "Complete",
        "AccessibilityCodes": "ENU:UYU;TDS_PS_L0:UYU",
        "NumberOfResponses": "3",
        "TestWindowId": "Spring-2019",
        "UserAgent": "Mozilla/5.0 (Example) Gecko/20100101",
        "TestOpportunityAltId": "1001",
        "Status": "scored",
        "StatusDateTime": "2019-05-02T08:00:00",
        "Validity": "valid",
        "FieldTestCount": "0",
    }
    for score, value, error, level, theta, theta_error in MEASURES.values():
        row[score], row[f"{score}StandardError"] = value, error
        row[f"{score}AchievementLevel"] = level
        of_theta = "OverallTheta" if score == "ScaleScore" else score.replace("Score", "Theta")
        row[of_theta], row[f"{of_theta}StandardError"] = theta, theta_error
    return row


def _item(position: int, minute: int, seconds: str, score: str, kind: str) -> dict[str, str]:
    row = dict.fromkeys(ITEM_COLUMNS, "")
    return row | {
        "TestOpportunityId": KEY,
        "ItemId": f"200-5000{position}",
        "ItemPosition": str(position),
        "AdminDateTime": f"{AT}09:{minute}:00",
        "ResponseDuration": seconds,
        "ResponseValue": '<p>An answer, "quoted"</p>' if kind != "MC" else "B",
        "ItemScore": score,
        "SegmentId": "SEG1",
        "FieldTest": "No",
        "Dropped": "No",
        "ItemType": kind,
        "Submitted": "Yes",
        "SubmitDateTime": f"{AT}09:{minute}:30",
        "ResponseContentType": "text/html" if kind != "MC" else "text/plain",
        "ItemScoreStatus": "SCORED",
    }


def _raters(*reads: str) -> dict[str, str]:
    pairs = enumerate(reads, 1)
    return {
        key: value
        for number, read in pairs
        for key, value in (
            (f"Rater{number}Score", read),
            (f"Rater{number}UserId", f"100{number}"),
        )
    }


def item_rows() -> list[dict[str, str]]:
    """The result's items as rows of the item table: one choice, one short answer, one essay."""
    essay = _item(3, 32, "1500.0", "5", "WER")
    return [
        _item(1, 12, "25.5", "1", "MC"),
        _item(2, 22, "180.25", "2", "SA") | _raters("2", "2"),
        essay | {"ScoreDimension": "Overall"},
        essay
        | {"ScoreDimension": "Organization/Purpose", "ItemScore": "3"}
        | _raters("2", "4", "3"),
        essay | {"ScoreDimension": "Evidence/Elaboration", "ItemScore": "3"} | _raters("3", "3"),
        essay | {"ScoreDimension": "Conventions", "ItemScore": "2"} | _raters("2", "2"),
    ]


def document() -> etree._Element:
    """The result as TRT."""
    root = etree.Element("TDSReport")
    etree.SubElement(
        root,
        "Test",
        name="(XX)EXAMPLE-ELA-7-Spring-2018-2019",
        subject="ELA",
        testId="EXAMPLE-ELA-7",
        bankKey="200",
        mode="online",
        grade="07",
        assessmentType="Summative",
        academicYear="2019",
    )
    _examinee(root)
    opportunity = _opportunity(root)
    for kind, code in (("Language", "ENU"), ("Print Size", "TDS_PS_L0")):
        named = {"type": kind, "value": kind, "code": code, "segment": "0"}
        etree.SubElement(opportunity, "Accommodation", named)
    for measure, (_, value, error, level, theta, theta_error) in MEASURES.items():
        for label, of_label, of_error in (
            ("ScaleScore", value, error),
            ("PerformanceLevel", level, ""),
            ("ThetaScore", theta, theta_error),
        ):
            named = {"measureOf": measure, "measureLabel": label, "value": of_label}
            etree.SubElement(opportunity, "Score", named, standardError=of_error)
    _items(opportunity)
    return root


def _examinee(root: etree._Element) -> None:
    examinee = etree.SubElement(root, "Examinee")
    attributes = {"StudentIdentifier": STUDENT, "GradeLevelWhenAssessed": "07", "Sex": "Female"}
    for name, value in (attributes | YES_NO).items():
        named = {"context": "FINAL", "name": ATTRIBUTE_NAMES.get(name, name), "value": value}
        etree.SubElement(examinee, "ExamineeAttribute", named, contextDate="2019-05-01T00:00:00")
    named = {"context": "FINAL", "name": "StateAbbreviation", "value": "TS"}
    etree.SubElement(examinee, "ExamineeRelationship", named, contextDate="2019-05-01T00:00:00")


def _opportunity(root: etree._Element) -> etree._Element:
    opportunity = etree.SubElement(
        root,
        "Opportunity",
        {
            "clientName": "Example State",
            "key": KEY,
            "oppId": "1001",
            "startDate": f"{AT}09:02:11",
            "status": "scored",
            "validity": "valid",
            "completeness": "Complete",
            "opportunity": "1",
            "statusDate": "2019-05-02T08:00:00",
            "dateCompleted": f"{AT}10:20:45",
            "pauseCount": "0",
            "itemCount": "3",
            "ftCount": "0",
            "abnormalStarts": "0",
            "gracePeriodRestarts": "0",
            "windowId": "Spring-2019",
            "administrationCondition": "Valid",
            "assessmentParticipantSessionPlatformUserAgent": "Mozilla/5.0 (Example) Gecko/20100101",
            "effectiveDate": "2019-03-01",
        },
    )
    etree.SubElement(opportunity, "Segment", id="SEG1", position="1", algorithm="fixedform")
    return opportunity


def _items(opportunity: etree._Element) -> None:
    for row in item_rows():
        if row["ScoreDimension"] in ("", "Overall"):
            item = _item_element(opportunity, row)
            overall = _node(item, row["ItemScore"], "overall")
            _reads(overall, row)
        else:
            parent = overall.find("SubScoreList")
            if parent is None:
                parent = etree.SubElement(overall, "SubScoreList")
            _reads(_node(parent, row["ItemScore"], row["ScoreDimension"]), row)


def _item_element(opportunity: etree._Element, row: dict[str, str]) -> etree._Element:
    seconds = float(row["ResponseDuration"])
    item = etree.SubElement(
        opportunity,
        "Item",
        {
            "position": row["ItemPosition"],
            "segmentId": "SEG1",
            "bankKey": "200",
            "key": row["ItemId"].partition("-")[2],
            "operational": "1",
            "isSelected": "1",
            "format": row["ItemType"],
            "score": row["ItemScore"],
            "scoreStatus": "SCORED",
            "adminDate": row["AdminDateTime"],
            "numberVisits": "1",
            "responseDuration": row["ResponseDuration"],
            "mimeType": row["ResponseContentType"],
            "pageNumber": row["ItemPosition"],
            "pageVisits": "1",
            "pageTime": str(round(seconds * 1000)),
            "dropped": "0",
        },
    )
    response = etree.SubElement(item, "Response", date=row["SubmitDateTime"], type="value")
    response.text = row["ResponseValue"]
    return item


def _node(parent: etree._Element, points: str, dimension: str) -> etree._Element:
    named = {"scorePoint": points, "maxScore": "6", "scoreDimension": dimension}
    return etree.SubElement(parent, "ScoreInfo", named, scoreStatus="Scored")


def _reads(node: etree._Element, row: dict[str, str]) -> None:
    for number, kind in enumerate(("Initial", "Reliability", "Resolution"), 1):
        if row[f"Rater{number}Score"]:
            parent = node.find("SubScoreList")
            if parent is None:
                parent = etree.SubElement(node, "SubScoreList")
            read = _node(parent, row[f"Rater{number}Score"], kind)
            message = etree.SubElement(etree.SubElement(read, "ScoreRationale"), "Message")
            message.text = f'{{"scorerID":"{row[f"Rater{number}UserId"]}"}}'


# --- who it is ----------------------------------------------------------------------


def name_document(root: etree._Element, number: int) -> None:
    """Make the document a result of another student, by a number."""
    _picked(root, "Opportunity").set("key", key_of(number))
    _picked(root, "Opportunity").set("oppId", str(2000 + number))
    _picked(root, "ExamineeAttribute[StudentIdentifier]").set("value", student_of(number))


def name_rows(tables: Tables, number: int) -> None:
    """Make the rows those of another student, by a number."""
    for row in (*tables[0], *tables[1]):
        row["TestOpportunityId"] = key_of(number)
    tables[0][0]["TestOpportunityAltId"] = str(2000 + number)
    tables[0][0]["StudentIdentifier"] = student_of(number)


def key_of(number: int) -> str:
    """The opportunity id of a numbered result."""
    return f"3f0c7a52-6a1e-4c38-9b6f-{number:012x}"


def student_of(number: int) -> str:
    """The pseudonym of a numbered result's student."""
    return f"{number:040X}"


# --- changes ------------------------------------------------------------------------


def _picked(root: etree._Element, text: str) -> etree._Element:
    name, _, which = text.rstrip("]").partition("[")
    found = [element for element in root.iter() if element.tag == name]
    if not which or which.isdecimal():
        return found[int(which or 1) - 1]
    for element in found:
        names = {element.get(a) for a in ("name", "code", "scoreDimension", "context", "measureOf")}
        names.add(f"{element.get('measureOf')}-{element.get('measureLabel')}")
        if which in names:
            return element
    raise KeyError(text)


def change_document(root: etree._Element, change: str) -> None:
    """Apply one change to the document."""
    if change.startswith("-"):
        element = _picked(root, change[1:])
        parent = element.getparent()
        assert parent is not None
        parent.remove(element)
    elif change.startswith("+"):
        where, _, markup = change[1:].partition(":")
        before, _, after = where.partition("/")
        added = etree.fromstring(markup)
        if after:  # +Item/Item[1]: before that sibling
            _picked(root, after).addprevious(added)
        else:
            _picked(root, before).append(added)
    else:
        place, _, value = change.partition("=")
        element, _, attribute = place.rpartition("@")
        target = _picked(root, element)
        if attribute == "text":
            target.text = value
        elif value == "~":
            del target.attrib[attribute]
        else:
            target.set(attribute, value)


def change_tables(tables: Tables, change: str) -> None:
    """Apply one change to the rows of the two tables."""
    tests, items = tables
    if change == "+test":
        tests.append(dict(tests[-1]))
    elif match := re.fullmatch(r"([-+])item\[(\d+)\]", change):
        place = int(match[2]) - 1
        if match[1] == "-":
            del items[place]
        else:
            items.append(dict(items[place]))
    else:
        match = re.fullmatch(r"(test|item)(?:\[(-?\d+)\])?\.(\w+)=(.*)", change, re.DOTALL)
        assert match, change
        rows = tests if match[1] == "test" else items
        number = int(match[2] or 1)
        rows[number - 1 if number > 0 else number][match[3]] = match[4]


def write_tables(folder: Path, tables: Tables) -> Path:
    """Write the two tables into a folder."""
    for name, columns, rows in (
        ("test.csv", TEST_COLUMNS, tables[0]),
        ("item.csv", ITEM_COLUMNS, tables[1]),
    ):
        stream = io.StringIO()
        writer = csv.DictWriter(stream, columns)
        writer.writeheader()
        writer.writerows(rows)
        (folder / name).write_text(stream.getvalue(), encoding="utf-8", newline="")
    return folder


def write_documents(folder: Path, *roots: etree._Element) -> Path:
    """Write documents into a folder."""
    for number, root in enumerate(roots, 1):
        (folder / f"{number:04}.xml").write_bytes(
            etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        )
    return folder
