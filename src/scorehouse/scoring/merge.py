"""Paper and online: one student's sittings of one summative test, scored as one test.

Of a part taken more than once one sitting counts: the complete one; of several complete
ones the online one, then the most recent; if none is complete the most complete, then the
online one, then the most recent. Items of two sittings of a part are never pooled. Source:
Scoring Specification 2014-15, section 3.1.3; what decides between complete sittings of
both modes is our reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from scorehouse.terms import Part

ONLINE, PAPER = "online", "paper"

_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class TakenPart:
    """One opportunity's share of one part of a test.

    `is_complete`: the least number of items of a CAT, every item of a PT or a fixed form.
    `answered` counts items; `place` is the opportunity's place in a batch, if it has one.
    """

    opportunity: str
    part: Part
    mode: str
    is_complete: bool
    answered: int
    submitted_at: str = ""
    place: int = -1

    @property
    def submitted(self) -> datetime:
        """When it was submitted; a time without a zone is taken as UTC, none as long ago."""
        try:
            moment = datetime.fromisoformat(self.submitted_at)
        except ValueError:
            return _NEVER
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


_Rank = Callable[[TakenPart], bool | int | datetime]
_RANKS: tuple[tuple[str, _Rank], ...] = (
    ("complete", lambda one: one.is_complete),
    ("the most complete", lambda one: 0 if one.is_complete else one.answered),
    ("online", lambda one: one.mode == ONLINE),
    ("the most recent", lambda one: one.submitted),
)


@dataclass(frozen=True)
class Choice:
    """The sitting of a part that counts, and what it was chosen for."""

    taken: TakenPart
    reason: str


def choose(candidates: Sequence[TakenPart]) -> Choice:
    """Choose, of the sittings of one part, the one that counts; between equals, the first given.

    >>> early = TakenPart("a", Part.PT, "online", True, 6, "2019-04-01T10:00:00")
    >>> late = TakenPart("b", Part.PT, "online", True, 6, "2019-05-01T10:00:00")
    >>> broken_off = TakenPart("c", Part.PT, "paper", False, 2, "2019-06-01T10:00:00")
    >>> chosen = choose([early, late, broken_off])
    >>> chosen.taken.opportunity, chosen.reason
    ('b', 'complete, the most recent')
    """
    left = list(candidates)
    decided = []
    for words, rank in _RANKS:
        best = max(rank(one) for one in left)
        kept = [one for one in left if rank(one) == best]
        if len(kept) < len(left):
            decided.append(words)
        left = kept
    if len(candidates) == 1:
        return Choice(left[0], "the only one")
    return Choice(left[0], ", ".join(decided) or "the first of equals")


@dataclass(frozen=True)
class Merge:
    """Which opportunity gives the CAT or fixed form (`main`) and which the PT."""

    main: Choice | None
    pt: Choice | None

    @property
    def choices(self) -> tuple[Choice, ...]:
        """What was chosen, the main part first."""
        return tuple(choice for choice in (self.main, self.pt) if choice is not None)

    @property
    def is_complete(self) -> bool:
        """Whether both parts are there and complete."""
        both = self.main is not None and self.pt is not None
        return both and all(choice.taken.is_complete for choice in self.choices)

    @property
    def reason(self) -> str:
        """The choice in words.

        >>> cat = TakenPart("a", Part.CAT, "online", True, 40)
        >>> merge([cat, TakenPart("b", Part.PT, "paper", True, 6)]).reason
        'CAT: online, the only one; PT: paper, the only one'
        """
        return "; ".join(
            f"{choice.taken.part}: {choice.taken.mode or 'mode not known'}, {choice.reason}"
            for choice in self.choices
        )


def merge(taken: Iterable[TakenPart]) -> Merge:
    """Choose the main part and the PT among all that a student took of one test.

    A paper form stands where the CAT would.
    """
    pt: list[TakenPart] = []
    main: list[TakenPart] = []
    for one in taken:
        (pt if one.part is Part.PT else main).append(one)
    return Merge(choose(main) if main else None, choose(pt) if pt else None)
