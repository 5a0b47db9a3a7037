"""Finding without the index: every student of a snapshot is looked at. Slow, and never behind.

For questions as of an earlier day, and for folders in which no index can be written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scorehouse.warehouse.find_rank import Filters
from scorehouse.warehouse.found import Found, FoundStudent
from scorehouse.warehouse.index_settle import Facts, facts_of
from scorehouse.warehouse.index_source import (
    BAR,
    ENROLLMENT,
    RESULT,
    SOURCES,
    NarrowSnapshot,
    local_ids,
    people,
    replacements,
    stands,
    years_of,
)
from scorehouse.warehouse.names import fit, folded, full_order, words_of
from scorehouse.warehouse.snapshot import Snapshot
from scorehouse.warehouse.store import Warehouse

_PREFERENCE = {ENROLLMENT: "2", RESULT: "1"}


def scan(warehouse: Warehouse, text: str, filters: Filters, limit: int, as_of: str) -> Found:
    """Find as `find` does, by looking at everyone."""
    with NarrowSnapshot(warehouse, SOURCES, as_of=as_of) as snapshot:
        search = _Scan(snapshot, filters)
        how, ranked = search.run(text)
    ranked.sort(key=lambda pair: (pair[0], _place(pair[1])))
    return Found(how, tuple(student for _, student in ranked[:limit]), len(ranked) > limit)


def _place(student: FoundStudent) -> Any:
    return full_order(student.last_name, student.first_name, student.student_id)


_Rank = tuple[int, int]
_Ranked = list[tuple[_Rank, FoundStudent]]


@dataclass
class _Scan:
    snapshot: Snapshot
    filters: Filters
    in_force: Mapping[str, str] = field(init=False)
    kin: dict[str, list[str]] = field(init=False)
    newest: Mapping[str, tuple[str | None, int]] = field(init=False)
    fits: dict[tuple[str, str], int | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.in_force = replacements(self.snapshot)
        self.kin = {}
        for old in sorted(self.in_force):
            self.kin.setdefault(self.in_force[old], []).append(old)
        self.newest = self._newest()

    def _newest(self) -> dict[str, tuple[str | None, int]]:
        """The newest stand of everybody, and how many they have."""
        found: dict[str, tuple[str | None, int]] = {}
        for source, year in years_of(self.snapshot):
            for student, school, latest in stands(self.snapshot, source, year):
                owner = self.in_force.get(student, student)
                before, count = found.get(owner, (None, 0))
                parts = (year, _PREFERENCE.get(source, "0"), latest or "", school)
                now = None if latest is None else BAR.join(parts)
                newer = max(filter(None, (before, now)), default=None)
                found[owner] = newer, count + 1
        return found

    def run(self, text: str) -> tuple[str, _Ranked]:
        """Find by identifier if the text is one, else by name."""
        if not text:
            return "list", [((0, 0), student) for student, _ in self._everyone()]
        for how, ids in self._by_id(text):
            everyone = {student.student_id for student, _ in self._all()}
            if hit := ids & everyone:
                return how, [((0, 0), one) for one, _ in self._everyone() if one.student_id in hit]
        asked = list(dict.fromkeys(folded(text)))
        ranked = ((self._rank(asked, words), one) for one, words in self._everyone())
        return "name", [(rank, one) for rank, one in ranked if rank is not None]

    def _by_id(self, text: str) -> Iterator[tuple[str, set[str]]]:
        if text in self.in_force:
            yield "replaced_id", {self.in_force[text]}
        else:
            yield "student_id", {text}
        rows = (row for row in local_ids(self.snapshot) if row["local_id"] == text)
        owners = {self.in_force.get(row["student_id"], row["student_id"]) for row in rows}
        yield "local_id", owners

    def _rank(self, asked: Sequence[str], words: Sequence[str]) -> _Rank | None:
        best = [self._best(one, words) for one in asked]
        known = [one for one in best if one is not None]
        return (max(known), sum(known)) if len(known) == len(best) else None

    def _best(self, asked: str, words: Sequence[str]) -> int | None:
        fits = (self._fit(asked, word) for word in words)
        return min((one for one in fits if one is not None), default=None)

    def _fit(self, asked: str, word: str) -> int | None:
        if (asked, word) not in self.fits:
            self.fits[asked, word] = fit(asked, word)
        return self.fits[asked, word]

    def _everyone(self) -> Iterator[tuple[FoundStudent, list[str]]]:
        """Those who pass the filters, with the words they are found by."""
        for student, words in self._all():
            if self._passes(student):
                yield student, words

    def _all(self) -> Iterator[tuple[FoundStudent, list[str]]]:
        kept: dict[str, Mapping[str, Any]] = {}
        for rows in people(self.snapshot):
            for row in rows:
                student = row["student_id"]
                if student in self.in_force or student in self.kin:
                    kept[student] = row
                else:
                    yield from self._shown(student, row)
        for head, olds in self.kin.items():
            rows_of = [kept[one] for one in (head, *olds) if one in kept]
            known = [row for row in rows_of if row["is_known"]]
            yield from self._shown(head, (known or rows_of)[0])

    def _shown(
        self, student: str, row: Mapping[str, Any]
    ) -> Iterator[tuple[FoundStudent, list[str]]]:
        facts = facts_of(*self.newest[student]) if student in self.newest else Facts()
        if not (row["is_known"] or facts.is_anywhere):
            return
        names = [row[n] for n in ("last_name", "first_name", "middle_name")]
        cells = (*names, row["birth_date"], row["sex"], *facts[:3])
        shown = FoundStudent(student, *("" if cell is None else cell for cell in cells))
        yield shown, words_of([*names, row["alias_name"]])

    def _passes(self, student: FoundStudent) -> bool:
        wanted = self.filters
        if wanted.roster is not None:
            on_it = {self.in_force.get(one, one) for one in wanted.roster}
            if student.student_id not in on_it:
                return False
        return (not wanted.school or student.school_id == wanted.school) and (
            not wanted.grade or student.grade == wanted.grade
        )
