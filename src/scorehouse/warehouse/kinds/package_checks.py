"""What a test package has to hold, and what is checked against the subject's definition.

A test without subject, grade, type or year that can be read is left out. Everything else is
told, and the test is kept: cuts that don't rise, levels, claims, targets, standards and depths
that the definition lacks. The incumbent asks for the same, and refuses the file.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from scorehouse.intake.readers.tables import TextRow
from scorehouse.terms import AssessmentType, SchoolYear, Subject, parse_grade
from scorehouse.warehouse.loading import Loading
from scorehouse.warehouse.transaction import Transaction

Row = Mapping[str, object]
Cut = tuple[str, int]
"""A measure and a level."""

_CHOICES = ("MC", "MS")
_WHOLE = ("ItemPosition", "NumberOfAnswerOptions", "DOK")
_REAL = ("MaxPoints", "avg_b")
_TEST_COLUMNS = (
    "AssessmentName", "AssessmentLabel", "AssessmentSubject", "AssessmentGrade", "AssessmentType",
    "AssessmentSubtype", "AcademicYear",
)  # fmt: skip
"""What is said of the test in every row. Its version isn't: packages give rows versions apart."""

_NAMES = ("AssessmentName", "AssessmentLabel")
_LONGEST_SUBJECT = 10


class Definitions(NamedTuple):
    """What the definitions held say: (subject, type) -> number of levels and range, and codes."""

    levels: Mapping[tuple[str, str], int]
    ranges: Mapping[tuple[str, str], tuple[float | None, float | None]]
    parts: frozenset[tuple[str, str, str, str]]
    kinds: frozenset[tuple[str, str]]


def definitions(transaction: Transaction) -> Definitions:
    """Read the definitions of subjects that the warehouse holds."""
    levels = transaction.sql(
        "SELECT subject, assessment_type, count(*) AS n FROM subject_level "
        "WHERE score_kind = 'overall' GROUP BY subject, assessment_type"
    ).to_pylist()
    scales = transaction.sql(
        "SELECT subject, assessment_type, lowest_scale_score AS low, highest_scale_score AS high "
        "FROM subject_scale WHERE score_kind = 'overall'"
    ).to_pylist()
    parts = transaction.sql("SELECT subject, part_kind, code, parent_code FROM subject_part")
    codes = frozenset(tuple(row.values()) for row in parts.to_pylist())
    return Definitions(
        {(row["subject"], row["assessment_type"]): row["n"] for row in levels},
        {(row["subject"], row["assessment_type"]): (row["low"], row["high"]) for row in scales},
        codes,
        frozenset((code[0], code[1]) for code in codes),
    )


# --- tests ---


def unsound(test: Row) -> tuple[str, str] | None:
    """The field that keeps a test from being used, and why; None: it can be used."""
    checks: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("subject", _subject), ("test_grade", parse_grade),
        ("assessment_type", AssessmentType.parse), ("school_year", SchoolYear.parse_file_year),
    )  # fmt: skip
    for field, parse in checks:
        try:
            parse(str(test.get(field) or ""))
        except ValueError as error:
            return field, str(error)
    return None


def _subject(text: str) -> str:
    """Any subject's code: other subjects than those scored here are reported too."""
    try:
        return Subject.parse(text).value
    except ValueError:
        if not 0 < len(text) <= _LONGEST_SUBJECT:
            raise ValueError(f"a subject's code has 1 to {_LONGEST_SUBJECT} characters") from None
        return text


def check_test(
    loading: Loading, shown: str, test: Row, cuts: Mapping[Cut, tuple[float | None, float | None]],
    known: Definitions,
) -> None:  # fmt: skip
    """Tell what is odd about the levels and cuts of a test."""
    name = str(test["assessment_id"])
    key = str(test["subject"]), str(test["assessment_type"])
    for field, value in _odd_cuts(cuts, known.ranges.get(key, (None, None))):
        loading.log.add("package_cuts", file=shown, record=name, field=field, value=value)
    levels = sorted(level for measure, level in cuts if measure == "overall")
    expected = known.levels.get(key)
    is_block = key[1] == AssessmentType.IAB.value
    if expected and not is_block and len(levels) != expected:
        loading.log.add(
            "package_levels", file=shown, record=name, value=len(levels), expected=expected
        )
    if not expected and any(subject == key[0] for subject, _ in known.levels):
        loading.log.add("package_type_undefined", file=shown, record=name, value=" ".join(key))


def _odd_cuts(
    cuts: Mapping[Cut, tuple[float | None, float | None]],
    limits: tuple[float | None, float | None],
) -> Iterator[tuple[str, str]]:
    if cuts.get(("overall", 1), (None, None))[0] is None:
        yield "overall", "the lowest level has no lowest score"
    for measure in dict.fromkeys(measure for measure, _ in cuts):
        own = [(level, *ends) for (told, level), ends in sorted(cuts.items()) if told == measure]
        if [level for level, _, _ in own] != list(range(1, len(own) + 1)):
            yield measure, "the levels don't count from 1 without a gap"
        lows = [low for _, low, _ in own if low is not None]
        if any(later <= earlier for earlier, later in pairwise(lows)):
            yield measure, "the lowest scores don't rise from level to level"
        if any(low is not None and high is not None and high < low for _, low, high in own):
            yield measure, "a level ends below where it begins"
        if measure == "overall" and _is_outside(own, *limits):
            yield measure, "a score is outside of the range that the subject's definition gives"


def _is_outside(
    own: Sequence[tuple[int, float | None, float | None]], low: float | None, high: float | None
) -> bool:
    scores = [score for _, *ends in own for score in ends if score is not None]
    return any(
        (low is not None and score < low) or (high is not None and score > high) for score in scores
    )


def check_rows(loading: Loading, shown: str, rows: Sequence[TextRow]) -> None:
    """Tell cells that can't be read, tests that contradict themselves, rounded cuts."""
    first: dict[str, TextRow] = {}
    for row in rows:
        for column, expected in _unreadable(row):
            loading.log.add(
                "package_cell", file=shown, row=row.number, field=column, value=row.get(column),
                expected=expected,
            )  # fmt: skip
        name = row.get("AssessmentId")
        if first.setdefault(name, row) is row:
            _check_first(loading, shown, row)
            continue
        for column in _own_columns(row):
            if row.get(column) != first[name].get(column):
                loading.log.add(
                    "package_contradicts", file=shown, record=name, field=column, row=row.number,
                    value=row.get(column), held=first[name].get(column),
                )  # fmt: skip


def _check_first(loading: Loading, shown: str, row: TextRow) -> None:
    name = row.get("AssessmentId")
    for column in _NAMES:
        if not row.get(column):
            loading.log.add("package_no_name", file=shown, record=name, field=column)
    rounded = [column for column in row.cells if is_cut(column) and _is_rounded(row.get(column))]
    if rounded:
        loading.log.add(
            "package_cut_rounded", file=shown, record=name, field=rounded[0],
            value=row.get(rounded[0]),
        )  # fmt: skip


def is_cut(column: str) -> bool:
    """Whether a column holds the lowest or highest score of a level."""
    return re.fullmatch(r"(Scaled|Overall|Alt\d+|Claim\d+)(Low|High)\d+", column) is not None


def _is_rounded(text: str) -> bool:
    """Whether a spreadsheet wrote it with an exponent, and kept fewer digits than a score has."""
    match = re.fullmatch(r"(\d)(?:\.(\d*))?[eE]\+?0*(\d+)", text)
    return match is not None and len(match[2] or "") < int(match[3])


def _own_columns(row: TextRow) -> Iterator[str]:
    """The columns that say something of the test and not of the item."""
    for column in row.cells:
        if column in _TEST_COLUMNS or is_cut(column):
            yield column


def _unreadable(row: TextRow) -> Iterator[tuple[str, str]]:
    for column in (*_WHOLE, *_REAL, *(name for name in row.cells if is_cut(name))):
        text = row.get(column)
        if not text:
            continue
        try:
            number = float(text)
        except ValueError:
            yield column, "a number"
            continue
        if column in _WHOLE and not number.is_integer():
            yield column, "a whole number"


# --- items ---


def check_items(
    loading: Loading, shown: str, rows: Sequence[TextRow], subjects: Mapping[str, str],
    known: Definitions,
) -> None:  # fmt: skip
    """Tell, once a code, what items name that the subject's definition lacks."""
    found: Counter[tuple[str, str, str]] = Counter()
    keyless: Counter[str] = Counter()
    for row in rows:
        if not row.get("ItemId"):
            continue
        name = row.get("AssessmentId")
        subject = subjects.get(name, "")
        found.update((subject, *lacking) for lacking in _lacking(row, subject, known))
        if row.get("ItemType").upper() in _CHOICES and not row.get("AnswerKey"):
            keyless[name] += 1
    for (subject, kind, code), count in sorted(found.items()):
        loading.log.add(
            "package_code_unknown", file=shown, field=kind, value=code, count=count,
            subject=subject,
        )  # fmt: skip
    for name, count in sorted(keyless.items()):
        loading.log.add("package_no_answer_key", file=shown, record=name, count=count)


def _lacking(row: TextRow, subject: str, known: Definitions) -> Iterator[tuple[str, str]]:
    if (subject, "target") in known.kinds and not _has_target(row, subject, known):
        yield "claim and target", f"{row.get('Claim')} {row.get('Target')}".strip()
    depth = row.get("DOK")
    has_depths = (subject, "depth") in known.kinds
    if depth and has_depths and (subject, "depth", depth, "") not in known.parts:
        yield "depth of knowledge", depth
    if (subject, "standard") in known.kinds:
        for code in filter(None, (part.strip() for part in row.get("CommonCore").split(";"))):
            if (subject, "standard", code, "") not in known.parts:
                yield "standard", code


def _has_target(row: TextRow, subject: str, known: Definitions) -> bool:
    """Whether the definition has the item's target, as the package writes it in either place.

    Blank claims and targets are of items that aren't of one (and of tests without contents).
    """
    pairs = [(row.get("Claim"), row.get("Target"))]
    claim, _, target = row.get("ClaimContentTarget").partition("|")
    pairs.append((claim.strip(), target.strip()))
    filled = [pair for pair in pairs if all(pair)]
    return not filled or any(
        (subject, "target", target, claim) in known.parts for claim, target in filled
    )
