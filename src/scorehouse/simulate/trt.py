"""Result files: one TRT document an opportunity, streamed into zips.

The order of the elements is the one the published schema enforces. Files hold responses,
not scores: nothing of what a scoring engine computes is written. What doesn't change from
student to student (an item's attributes with each of its scores) is made into text once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from xml.sax.saxutils import quoteattr
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from scorehouse.simulate import register, tables
from scorehouse.simulate.config import SimulationConfig, world
from scorehouse.simulate.entities import Entity, Hierarchy
from scorehouse.simulate.items import ItemRow
from scorehouse.simulate.plan import Assessment
from scorehouse.simulate.seeds import Stream, generator
from scorehouse.simulate.sitting import PARTS, UNANSWERED, Sittings, condition_codes
from scorehouse.terms import AssessmentType, Subject

_AT_ONCE = 1000  # documents whose moments are made into text together
_FILE_DATE = (1980, 1, 1, 0, 0, 0)  # the same for all, so that a seed gives the same bytes
_TRAITS = (("Organization/Purpose", 4), ("Evidence/Elaboration", 4), ("Conventions", 2))
_RACES = {
    "HispanicOrLatinoEthnicity": "hispanic",
    "AmericanIndianOrAlaskaNative": "american_indian",
    "Asian": "asian",
    "BlackOrAfricanAmerican": "black",
    "White": "white",
    "NativeHawaiianOrOtherPacificIslander": "pacific_islander",
    "DemographicRaceTwoOrMoreRaces": "two_or_more",
    "Filipino": "filipino",
}
_SUBJECTS = {Subject.ELA: "ELA", Subject.MATH: "MATH"}


class Archive:
    """The zips of result files; writes nothing unless the configuration asks for them.

    All files go into `trt.zip`; more than fit one zip go into `trt-0001.zip` and so on.
    Members are named by the ordinal of the opportunity, never by a student.
    """

    def __init__(
        self, config: SimulationConfig, hierarchy: Hierarchy, folder: Path, test_count: int
    ) -> None:
        self._config = config
        self._hierarchy = hierarchy
        self._folder = folder
        self._is_one = test_count <= config.members_per_zip
        self._written = 0
        self._zip: ZipFile | None = None

    def write(self, tests: Sittings) -> None:
        """Add the files of one block."""
        if not self._config.trt:
            return
        for document in documents(tests, self._hierarchy, verbose=self._config.verbose_trt):
            archive = self._archive()
            self._written += 1
            member = ZipInfo(f"{self._written:09d}.xml", _FILE_DATE)
            member.compress_type = ZIP_DEFLATED
            archive.writestr(member, document, compresslevel=1)

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._config.trt and self._zip is None:
            self._zip = self._archive()
        if self._zip is not None:
            self._zip.close()

    def _archive(self) -> ZipFile:
        number, place = divmod(self._written, self._config.members_per_zip)
        if self._zip is None or place == 0:
            if self._zip is not None:
                self._zip.close()
            name = "trt.zip" if self._is_one else f"trt-{number + 1:04d}.zip"
            self._zip = ZipFile(self._folder / name, "w", compression=ZIP_DEFLATED)
        return self._zip


def documents(tests: Sittings, hierarchy: Hierarchy, *, verbose: bool = False) -> Iterator[bytes]:
    """Yield the result file of each test, in their order.

    A summative file has about 20 kB. A verbose one has half as much again: names, initial
    attributes, accommodations, longer answers, claims and targets, and the raters' reads.
    """
    writer = _Writer(tests, hierarchy, verbose=verbose)
    for start in range(0, len(tests), _AT_ONCE):
        yield from writer.documents(start, min(start + _AT_ONCE, len(tests)))


@dataclass(frozen=True)
class _Moments:
    """The rows of some tests with the times they were seen, as plain lists."""

    bounds: list[int]  # where the rows of each test begin, and the end
    item: list[int]
    position: list[int]
    score: list[int]
    dimension: list[int]
    condition: list[int]
    seconds: list[int]
    seen_at: list[str]
    left_at: list[str]
    answer: list[int]


class _Writer:
    """Writes the documents of one block."""

    def __init__(self, tests: Sittings, hierarchy: Hierarchy, *, verbose: bool) -> None:
        self._tests = tests
        self._verbose = verbose
        self._items = _ItemText(tests.assessment, verbose=verbose)
        self._examinees = _ExamineeText(tests, hierarchy, verbose=verbose)
        self._opportunities = _OpportunityText(tests, verbose=verbose)
        self._rng = generator(
            tests.block.seed, Stream.TRT, tests.assessment.ordinal, tests.block.number
        )
        self._ends = np.searchsorted(tests.rows.test, np.arange(len(tests) + 1))

    def documents(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the documents of some of the tests."""
        rows = self._moments(start, end)
        head = _test_element(self._tests.assessment)
        for place in range(end - start):
            index, first, last = start + place, rows.bounds[place], rows.bounds[place + 1]
            parts = [
                head,
                self._examinees.text(index),
                self._opportunities.text(index, rows, first, last),
                *self._items.texts(rows, first, last),
                "</Opportunity></TDSReport>\n",
            ]
            yield "".join(parts).encode()

    def _moments(self, start: int, end: int) -> _Moments:
        tests, rows = self._tests, self._tests.rows
        bounds = self._ends[start : end + 1]
        chosen = slice(int(bounds[0]), int(bounds[-1]))
        seconds, before = self._durations(chosen, start, end)
        seen = tests.started[rows.test[chosen]] + before.astype("timedelta64[s]")
        left = seen + seconds.astype("timedelta64[s]")
        return _Moments(
            bounds=(bounds - bounds[0]).tolist(),
            item=rows.item[chosen].tolist(),
            position=rows.position[chosen].tolist(),
            score=rows.score[chosen].tolist(),
            dimension=rows.dimension[chosen].tolist(),
            condition=rows.condition[chosen].tolist(),
            seconds=seconds.tolist(),
            seen_at=np.datetime_as_string(seen, unit="s").tolist(),
            left_at=np.datetime_as_string(left, unit="s").tolist(),
            answer=self._rng.integers(0, 64, len(seconds)).tolist(),
        )

    def _durations(
        self, chosen: slice, start: int, end: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return each row's seconds, and the seconds from the test's start until it.

        The main part begins at the start; the performance task ends at the submission.
        """
        rows, settings = self._tests.rows, world()["trt"]
        test = rows.test[chosen] - start
        drawn = settings["seconds_center"] * np.exp(
            self._rng.normal(0, settings["seconds_spread"], len(test))
        )
        drawn[rows.dimension[chosen] == 1] = settings["writing_seconds"]
        drawn[rows.dimension[chosen] > 1] = 0.0
        whole = np.bincount(test, weights=drawn, minlength=end - start)
        allotted = self._tests.seconds[start:end]
        scaled = np.floor(drawn * np.minimum(1.0, (allotted % 86_400) / whole)[test])
        before = np.cumsum(scaled) - scaled
        before -= before[np.searchsorted(test, test)]
        whole = np.bincount(test, weights=scaled, minlength=end - start)
        is_task = rows.part[chosen] == PARTS.index("PT")
        before += np.where(is_task, (allotted - whole)[test], 0)
        return scaled.astype(np.int64), before.astype(np.int64)


class _ItemText:
    """Text of items: what depends on the item and its score alone is made once."""

    def __init__(self, assessment: Assessment, *, verbose: bool) -> None:
        self._rows = assessment.pool.rows
        self._verbose = verbose
        self._heads = [_item_head(assessment, row, verbose=verbose) for row in self._rows]
        self._blank = condition_codes().index("B")
        self._tails: dict[tuple[int, ...], str] = {}

    def texts(self, rows: _Moments, first: int, last: int) -> Iterator[str]:
        """Yield the Item elements of one test; a writing item's three rows make one."""
        index = first
        while index < last:
            item, score = rows.item[index], rows.score[index]
            is_writing = rows.dimension[index] == 1
            end = index + 3 if is_writing else index + 1
            key = (item, *rows.score[index:end], *rows.condition[index:end])
            tail = self._tails.get(key) or self._make_tail(key, is_writing)
            position, seconds = rows.position[index], rows.seconds[index]
            response = ""
            if score != UNANSWERED:
                is_blank = rows.condition[index] == self._blank
                text = "" if is_blank else _answer(rows.answer[index], is_writing, self._verbose)
                response = f'<Response date="{rows.left_at[index]}" type="value">{text}</Response>'
            yield (
                f'<Item position="{position}" pageNumber="{position}" '
                f'adminDate="{rows.seen_at[index]}" responseDuration="{seconds}" '
                f'pageTime="{seconds * 1000}"{self._heads[item]}{tail[: _cut(tail)]}'
                f"{response}{tail[_cut(tail) :]}\n"
            )
            index = end

    def _make_tail(self, key: tuple[int, ...], is_writing: bool) -> str:
        made = self._writing_tail(key) if is_writing else self._plain_tail(key)
        self._tails[key] = made
        return made

    def _plain_tail(self, key: tuple[int, ...]) -> str:
        row, score = self._rows[key[0]], key[1]
        if score == UNANSWERED or not self._verbose:
            return _attributes_of_score(score) + "</Item>"
        node = _score_node("overall", score, len(row.steps), "", "")
        return f"{_attributes_of_score(score)}{node}</Item>"

    def _writing_tail(self, key: tuple[int, ...]) -> str:
        scores, conditions = key[1:4], key[4:7]
        codes = [condition_codes()[condition] for condition in conditions]
        is_answered = scores[0] != UNANSWERED
        whole = -(-(scores[0] + scores[1]) // 2) + scores[2] if is_answered else UNANSWERED
        traits = "".join(
            _score_node(name, score, most, code, self._reads(score, most))
            for (name, most), score, code in zip(_TRAITS, scores, codes, strict=True)
        )
        shared = codes[0] if len(set(codes)) == 1 else ""
        node = _score_node("overall", whole, 6, shared, traits)
        return f"{_attributes_of_score(whole)}{node}</Item>"

    def _reads(self, score: int, most: int) -> str:
        if not self._verbose or score == UNANSWERED:
            return ""
        return "".join(
            f'<ScoreInfo scorePoint="{score}" maxScore="{most}" scoreDimension="{name}" '
            f'scoreStatus="Scored"><ScoreRationale><Message>{{"scorerID":"{rater}"}}</Message>'
            f"</ScoreRationale></ScoreInfo>"
            for name, rater in (("Initial", 1001), ("Reliability", 1002))
        )


def _cut(tail: str) -> int:
    """Return where an item's attributes end and its children begin."""
    return tail.index(">") + 1


def _item_head(assessment: Assessment, row: ItemRow, *, verbose: bool) -> str:
    bank, key = row.item_id.split("-")
    segment = _segment_id(assessment, is_task=row.part == "PT")
    mime = "text/html" if row.item_type == "WER" else "text/plain"
    content = f" strand={quoteattr(row.strand)} contentLevel={quoteattr(row.target)}"
    return (
        f' segmentId="{segment}" bankKey="{bank}" key="{key}" '
        f'operational="{int(row.operational)}" format="{row.item_type}" numberVisits="1" '
        f'mimeType="{mime}" pageVisits="1" dropped="0"{content if verbose else ""}'
    )


def _attributes_of_score(score: int) -> str:
    if score == UNANSWERED:
        return f' isSelected="0" score="{score}" scoreStatus="NOTSCORED">'
    return f' isSelected="1" score="{score}" scoreStatus="SCORED">'


def _score_node(name: str, score: int, most: int, code: str, children: str) -> str:
    status = "NotScored" if score == UNANSWERED else "Scored"
    coded = f' conditionCode="{code}"' if code else ""
    listed = f"<SubScoreList>{children}</SubScoreList>" if children else ""
    return (
        f'<ScoreInfo scorePoint="{score}" maxScore="{most}" scoreDimension="{name}" '
        f'scoreStatus="{status}"{coded}>{listed}</ScoreInfo>'
    )


@cache
def _answer(number: int, is_writing: bool, verbose: bool) -> str:
    """Return one of 64 invented answers; essays when asked for."""
    if not (is_writing or verbose):
        return "ABCD"[number % 4]
    words = world()["trt"]["words"]
    length = (180 if verbose else 12) if is_writing else 3 + number % 6
    text = " ".join(
        words[(number + place * (1 + number % 5)) % len(words)] for place in range(length)
    )
    return f"&lt;p&gt;{text}.&lt;/p&gt;" if is_writing else text


def _segment_id(assessment: Assessment, *, is_task: bool) -> str:
    main = "CAT" if assessment.is_adaptive else "FORM"
    return f"{assessment.assessment_id}-{'PT' if is_task else main}-1"


def _test_element(assessment: Assessment) -> str:
    summative = assessment.assessment_type is AssessmentType.SUMMATIVE
    subject = _SUBJECTS[assessment.subject]
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<TDSReport>\n'
        f'<Test name={quoteattr(assessment.name)} subject="{subject}" '
        f"testId={quoteattr(assessment.assessment_id)} "
        f'bankKey="{world()["general"]["bank"]}" contract="INV" mode="online" '
        f'grade="{assessment.grade}" assessmentType="{"Summative" if summative else "Interim"}" '
        f'academicYear="{assessment.year.ends}" assessmentVersion="1"/>\n'
    )


class _OpportunityText:
    """Text of the Opportunity's own attributes, segments and settings."""

    def __init__(self, tests: Sittings, *, verbose: bool) -> None:
        self._tests = tests
        self._columns = tables.opportunities(tests).to_pydict()
        self._platform = quoteattr(world()["trt"]["platform"])
        self._client = quoteattr(world()["trt"]["client"])
        chosen = world()["trt"]["accommodations"]
        self._accommodations = "".join(
            f"<Accommodation type={quoteattr(kind)} value={quoteattr(value)} "
            f'code="{code}" segment="0"/>\n'
            for kind, value, code in (chosen if verbose else chosen[:1])
        )
        numbers = np.arange(len(tests)) + 1
        start = tests.assessment.ordinal * 10**9 + tests.block.number * 10**7
        self._numbers = (numbers + start).tolist()
        pool_rows = tests.assessment.pool.rows
        self._field_test = {index for index, row in enumerate(pool_rows) if not row.operational}

    def text(self, index: int, rows: _Moments, first: int, last: int) -> str:
        """Return the Opportunity's start tag and all that stands before its items."""
        column = self._columns
        submitted = column["submitted_at"][index]
        forced = submitted if column["force_completed"][index] else ""
        field_test = sum(rows.item[place] in self._field_test for place in range(first, last))
        return (
            f'<Opportunity clientName={self._client} key="{column["opportunity_id"][index]}" '
            f'oppId="{self._numbers[index]}" startDate="{column["started_at"][index]}" '
            f'status="{column["status"][index]}" validity="valid" '
            f'completeness="{column["completeness"][index]}" opportunity="1" '
            f'statusDate="{submitted}" dateCompleted="{submitted}" '
            f'dateForceCompleted="{forced}" pauseCount="0" '
            f'itemCount="{rows.position[last - 1]}" ftCount="{field_test}" abnormalStarts="0" '
            f'gracePeriodRestarts="0" windowId="INV-{self._tests.assessment.year.ends}" '
            f'administrationCondition="Valid" '
            f"assessmentParticipantSessionPlatformUserAgent={self._platform}>\n"
            f"{self._parts(index)}"
        )

    def _parts(self, index: int) -> str:
        """Return segments, accommodations, and the components that were logged on to."""
        assessment, column = self._tests.assessment, self._columns
        parts = [is_task for is_task in (False, True) if self._logged_on(index, is_task)]
        segments = "".join(
            f'<Segment id="{_segment_id(assessment, is_task=is_task)}" position="{place}" '
            f'algorithm="{"adaptive2" if assessment.is_adaptive and not is_task else "fixedform"}" '
            f'algorithmVersion="0"/>\n'
            for place, is_task in enumerate(parts, start=1)
        )
        if not assessment.pool.tasks:
            return segments + self._accommodations
        components = "".join(
            f'<GenericVariable context="COMPONENT_{place}" name="{name}" value="{value}"/>\n'
            for place, is_task in enumerate(parts, start=1)
            for name, value in (
                ("OPPID", f"{self._numbers[index]}{place}"),
                ("STATUS", column["status"][index]),
                ("TESTID", _segment_id(assessment, is_task=is_task)),
            )
        )
        return segments + self._accommodations + components

    def _logged_on(self, index: int, is_task: bool) -> bool:
        return bool(self._columns["logged_on_pt" if is_task else "logged_on_cat"][index])


class _ExamineeText:
    """Text of the Examinee: the student's attributes and places."""

    def __init__(self, tests: Sittings, hierarchy: Hierarchy, *, verbose: bool) -> None:
        self._attributes = _attributes(tests, verbose=verbose)
        self._contexts = ("INITIAL", "FINAL") if verbose else ("FINAL",)
        ends = tests.started + tests.seconds.astype("timedelta64[s]")
        self._dates = {
            "INITIAL": tables.instants(tests.started).to_pylist(),
            "FINAL": tables.instants(ends).to_pylist(),
        }
        self._schools = tables.schools(tests, hierarchy).cast(pa.string()).to_pylist()
        self._places = {
            school: _places(hierarchy, school) for school in dict.fromkeys(self._schools)
        }

    def text(self, index: int) -> str:
        """Return the Examinee element of one test."""
        parts = ["<Examinee>\n"]
        for context in self._contexts:
            end = f'" contextDate="{self._dates[context][index]}"/>\n'
            start = f'<ExamineeAttribute context="{context}" name="'
            for name, values in self._attributes.items():
                parts.append(f'{start}{name}" value="{values[index]}{end}')
            start = f'<ExamineeRelationship context="{context}" name="'
            for name, value in self._places[self._schools[index]]:
                parts.append(f'{start}{name}" value="{value}{end}')
        parts.append("</Examinee>\n")
        return "".join(parts)


def _places(hierarchy: Hierarchy, school_id: str) -> list[tuple[str, str]]:
    school: Entity = hierarchy.by_id[school_id]
    district = hierarchy.by_id[school.parent_id or ""]
    general = world()["general"]
    return [
        ("StateAbbreviation", general["state_abbreviation"]),
        ("StateName", general["state_name"]),
        ("DistrictId", district.entity_id),
        ("DistrictName", district.name),
        ("SchoolId", school.entity_id),
        ("SchoolName", school.name),
    ]


def _attributes(tests: Sittings, *, verbose: bool) -> dict[str, list[str]]:
    """Return the attributes by name, one value a test."""
    block, grade = tests.block, tests.assessment.grade
    people = register.students(block).take(pa.array(tests.student))
    races = people["race_ethnicity"].to_pylist()
    statuses = register.el_statuses(block, grade)[tests.student].tolist()
    names = {
        "FirstName": people["first_name"].to_pylist(),
        "LastOrSurname": people["last_or_surname"].to_pylist(),
        "Birthdate": people["birth_date"].to_pylist(),
    }
    return {
        "StudentIdentifier": people["student_id"].to_pylist(),
        "GradeLevelWhenAssessed": [grade] * len(tests),
        **(names if verbose else {}),
        "Sex": people["sex"].to_pylist(),
        **{name: [_yes(race == code) for race in races] for name, code in _RACES.items()},
        "IDEAIndicator": _yes_or_no(block.student_with_disabilities, tests),
        "LEPStatus": [_yes(register.EL_STATUSES[status] == "EL") for status in statuses],
        "Section504Status": _yes_or_no(block.section_504, tests),
        "EconomicDisadvantageStatus": _yes_or_no(block.economically_disadvantaged, tests),
        "MigrantStatus": _yes_or_no(block.migrant, tests),
        "LanguageCode": people["language_code"].to_pylist(),
        "EnglishLanguageAcquisitionStatus": [register.EL_STATUSES[status] for status in statuses],
    }


def _yes(flag: bool) -> str:
    return "Yes" if flag else "No"


def _yes_or_no(flags: NDArray[np.bool_], tests: Sittings) -> list[str]:
    return [_yes(flag) for flag in flags[tests.student].tolist()]
