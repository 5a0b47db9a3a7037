"""Which sitting of a part counts: the published order of preference, case by case."""

from __future__ import annotations

from itertools import permutations

import pytest

from scorehouse.scoring.merge import ONLINE, PAPER, TakenPart, choose, merge
from scorehouse.terms import Part

MAY, JUNE = "2019-05-02T10:00:00", "2019-06-03T10:00:00"


def taken(
    name: str, mode: str, answered: int, *, complete: bool = False, at: str = MAY
) -> TakenPart:
    return TakenPart(name, Part.CAT, mode, complete, answered, at)


CASES = {
    "the complete one, though the other is later and online": (
        taken("whole", PAPER, 36, complete=True, at=MAY),
        taken("other", ONLINE, 35, at=JUNE),
    ),
    "several complete in one mode: the most recent": (
        taken("whole", PAPER, 36, complete=True, at=JUNE),
        taken("other", PAPER, 40, complete=True, at=MAY),
    ),
    "complete in both modes: online, though paper is later and longer": (
        taken("whole", ONLINE, 36, complete=True, at=MAY),
        taken("other", PAPER, 40, complete=True, at=JUNE),
    ),
    "none complete: the most complete, though on paper and earlier": (
        taken("whole", PAPER, 20, at=MAY),
        taken("other", ONLINE, 19, at=JUNE),
    ),
    "none complete, equally much: online": (
        taken("whole", ONLINE, 19, at=MAY),
        taken("other", PAPER, 19, at=JUNE),
    ),
    "none complete, equal in all but time: the most recent": (
        taken("whole", ONLINE, 19, at=JUNE),
        taken("other", ONLINE, 19, at=MAY),
    ),
    "a sitting with a time goes before one without": (
        taken("whole", ONLINE, 19, at=MAY),
        taken("other", ONLINE, 19, at=""),
    ),
    "times in several zones are compared as moments": (
        taken("whole", ONLINE, 19, at="2019-05-02T10:00:00-07:00"),
        taken("other", ONLINE, 19, at="2019-05-02T16:59:00+00:00"),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_the_order_of_preference_whatever_order_they_come_in(case: str) -> None:
    for candidates in permutations(CASES[case]):
        assert choose(candidates).taken.opportunity == "whole"


def test_three_sittings_are_narrowed_rule_by_rule() -> None:
    candidates = [
        taken("early", ONLINE, 36, complete=True, at=MAY),
        taken("late", ONLINE, 36, complete=True, at=JUNE),
        taken("paper", PAPER, 36, complete=True, at="2019-07-01"),
        taken("started", ONLINE, 3, at="2019-08-01"),
    ]
    for order in permutations(candidates):
        chosen = choose(order)
        assert chosen.taken.opportunity == "late"
        assert chosen.reason == "complete, online, the most recent"


def test_one_rule_that_decides_is_the_only_reason_told() -> None:
    assert choose(CASES["none complete, equally much: online"]).reason == "online"
    assert choose([taken("a", ONLINE, 3)]).reason == "the only one"
    assert choose([taken("a", ONLINE, 3), taken("b", ONLINE, 3)]).reason == "the first of equals"


def test_main_part_and_pt_are_chosen_each_for_itself() -> None:
    online = [taken("online", ONLINE, 36, complete=True), _pt("online", ONLINE, complete=False)]
    paper = [_form("paper", answered=30), _pt("paper", PAPER, complete=True)]
    merged = merge([*paper, *online])
    assert [choice.taken.opportunity for choice in merged.choices] == ["online", "paper"]
    assert merged.is_complete
    assert merged.reason == "CAT: online, complete; PT: paper, complete"


def test_without_one_of_the_parts_a_test_is_not_complete() -> None:
    assert merge([]).choices == ()
    assert not merge([taken("a", ONLINE, 36, complete=True)]).is_complete
    assert not merge([_pt("a", ONLINE, complete=True)]).is_complete


def _pt(name: str, mode: str, *, complete: bool) -> TakenPart:
    return TakenPart(name, Part.PT, mode, complete, 4, MAY)


def _form(name: str, answered: int) -> TakenPart:
    return TakenPart(name, Part.FIXED, PAPER, False, answered, MAY)
