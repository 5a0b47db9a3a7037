"""Put a scores table of any years under one LOSS/HOSS option, and compare.

Most scores lie inside the bounds of every option: they only get the policy's name. The rest,
with their whole tests, go through `reapply`. What that can't know without the responses is
left as it was, under its own policy.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from scorehouse.scoring.attemptedness import LOWEST_SCORE
from scorehouse.scoring.blocks import DIGEST_LENGTH
from scorehouse.scoring.reapply import (
    NEEDS_RESPONSES,
    RESIDUAL_NEEDS_RESPONSES,
    SE_NEEDS_RESPONSES,
    reapply,
)
from scorehouse.scoring.rescale import (
    NO_POLICY,
    NO_YEAR,
    OTHER_RESPONSES,
    Flags,
    Floats,
    Places,
    ScaleRules,
    are_comparable,
    is_inside,
    scale_rules,
)
from scorehouse.scoring.rescale_report import COMPARED, KEY
from scorehouse.shapes import SCORES
from scorehouse.terms import MeasurementRules, Policy

Mark = tuple[str, str, str, str]
"""School year, subject, grade and the policy that scores were made under."""

_MARK = ("school_year", "subject", "test_grade", "policy")
_NO_LOWEST_SCORE = "no_lowest_score"
_RESTORED = {NEEDS_RESPONSES: "theta", RESIDUAL_NEEDS_RESPONSES: "target_residual_to_student"}


class RescaledScores(NamedTuple):
    """A table under another option; `compared` the scores it bears on, `unchanged` counts.

    `left` and `no_theta` have the places of scores that couldn't be rescaled for want of
    responses or of a theta; `obstacles` counts those that couldn't for another reason.
    """

    scores: pa.Table
    compared: pl.DataFrame
    unchanged: pl.DataFrame
    left: Places
    obstacles: Counter[tuple[Mark, str]]
    no_theta: Places
    errors_lost: int


@dataclass(frozen=True)
class ScoresRescaler:
    """Puts tables of whole tests under one option, each row by the rules of its own year."""

    rules: Mapping[str, MeasurementRules]  # by school year
    policy_id: str
    _pairs: dict[Mark, tuple[ScaleRules, ScaleRules]] = field(default_factory=dict)

    def rescale(self, scores: pa.Table) -> RescaledScores:
        """Rescale a table of `shapes.SCORES` that holds every row of each of its tests."""
        rows = _Rows.of(scores.combine_chunks(), self)
        concerned = rows.whole_tests(rows.is_concerned)
        after, left = self._applied(rows, concerned)
        compared = _compared(rows, after, concerned, left)
        return RescaledScores(
            after,
            compared,
            rows.counts(~concerned),
            np.flatnonzero(left),
            rows.obstacles(),
            np.flatnonzero(rows.lacks_theta & rows.is_possible),
            _newly(scores, after, SE_NEEDS_RESPONSES, concerned),
        )

    def kinds(self, mark: Mark) -> tuple[ScaleRules, ScaleRules]:
        """What the policy before and the policy after make of a kind of test."""
        if mark not in self._pairs:
            self._pairs[mark] = self._kinds(*mark)
        return self._pairs[mark]

    def after(self, rules: MeasurementRules) -> Policy:
        """The policy of the option."""
        return rules.policies[self.policy_id]

    def _kinds(
        self, year: str, subject: str, grade: str, policy: str
    ) -> tuple[ScaleRules, ScaleRules]:
        rules = self.rules.get(year)
        if rules is None or self.policy_id not in rules.policies:
            return (ScaleRules(NO_YEAR),) * 2
        if policy not in rules.policies:
            return (ScaleRules(NO_POLICY),) * 2
        before, after = rules.policies[policy], self.after(rules)
        if not are_comparable(before, after):
            return (ScaleRules(OTHER_RESPONSES),) * 2
        was, now = (scale_rules(rules, one, subject, grade) for one in (before, after))
        return (was, now) if not was.obstacle else (was, was)

    def _applied(self, rows: _Rows, concerned: Flags) -> tuple[pa.Table, Flags]:
        """The table after, and which rows stay because only the responses would tell."""
        columns = {name: rows.scores[name] for name in SCORES.names}
        columns |= rows.renamed(self)
        left = np.zeros(len(rows), bool)
        for year in {rows.marks[m][0] for m in np.unique(rows.mark[concerned])}:
            place = np.flatnonzero(concerned & rows.is_of(year))
            before = rows.scores.take(pa.array(place))
            after = reapply(before, self.rules[year], self.after(self.rules[year]))
            after, kept = _restored(before, after)
            left[place[kept]] = True
            columns = _with_rows(columns, place, before, after)
        return pa.table(columns, SCORES), left


@dataclass(frozen=True)
class _Rows:
    """A table with what decides about each row: its mark (year, subject, grade, policy)."""

    scores: pa.Table
    marks: list[Mark]
    mark: Places
    kinds: list[tuple[ScaleRules, ScaleRules]]

    @classmethod
    def of(cls, scores: pa.Table, rescaler: ScoresRescaler) -> _Rows:
        texts, mark = _codes(scores, _MARK)
        marks = [(year, subject, grade, policy) for year, subject, grade, policy in texts]
        return cls(scores, marks, mark, [rescaler.kinds(one) for one in marks])

    def __len__(self) -> int:
        return int(self.scores.num_rows)

    def number(self, name: str) -> Floats:
        """A number column; NaN where it is null."""
        found: Floats = self.scores[name].cast(pa.float64()).to_numpy()
        return found

    def is_of(self, year: str) -> Flags:
        """Which rows are of a school year."""
        found: Flags = np.array([mark[0] == year for mark in self.marks], bool)[self.mark]
        return found

    @property
    def is_possible(self) -> Flags:
        """Which rows can be rescaled at all."""
        found: Flags = np.array([not now.obstacle for _, now in self.kinds], bool)[self.mark]
        return found

    @property
    def is_lowest(self) -> Flags:
        """LOSS assigned without an estimate, or not assigned for want of one."""
        status = pc.equal(self.scores["score_status"], LOWEST_SCORE)
        had_none = pc.equal(self.scores["reason"], _NO_LOWEST_SCORE)
        return _flags(pc.or_(status, had_none))

    @property
    def has_score(self) -> Flags:
        """Which rows have a scale score."""
        return _flags(self.scores["scale_score"].is_valid())

    @property
    def lacks_theta(self) -> Flags:
        """Scores without the theta that they were made from."""
        lacking: Flags = self.has_score & np.isnan(self.number("theta")) & ~self.is_lowest
        return lacking

    @property
    def is_concerned(self) -> Flags:
        """Which rows the option may bear on: all but the thetas well inside its bounds."""
        theta, raw = self.number("theta"), self.number("raw_score")
        inside = np.ones(len(self), bool)
        for side in (0, 1):
            inside &= is_inside(theta, [pair[side] for pair in self.kinds], self.mark)
        is_extreme = (raw == 0.0) | (raw == self.number("raw_score_max"))
        is_settled = np.isnan(theta) | (inside & ~is_extreme)
        concerned: Flags = self.is_possible & (~is_settled | self.is_lowest)
        return concerned

    def whole_tests(self, rows: Flags) -> Flags:
        """The rows of every test that has one of these rows, as far as they are possible."""
        if not rows.any():
            return rows
        names, test = _codes(self.scores, ("opportunity_id",))
        concerned = np.zeros(len(names), bool)
        concerned[test[rows]] = True
        whole: Flags = concerned[test] & self.is_possible
        return whole

    def renamed(self, rescaler: ScoresRescaler) -> dict[str, pa.ChunkedArray]:
        """The policy and the digest of each row after."""
        names, digests = [], []
        for (year, _, _, policy), (_, now) in zip(self.marks, self.kinds, strict=True):
            names.append(policy if now.obstacle else rescaler.policy_id)
            rules = rescaler.rules.get(year)
            digests.append(None if now.obstacle or not rules else rules.digest[:DIGEST_LENGTH])
        place = pa.array(self.mark)
        digest = pa.array(digests, pa.string()).take(place)
        return {
            "policy": pa.array(names, pa.string()).take(place),
            "rulebook_digest": pc.coalesce(digest, self.scores["rulebook_digest"]),
        }

    def counts(self, rows: Flags) -> pl.DataFrame:
        """How many scores there are of each kind, measure and level, for the report."""
        place = np.flatnonzero(rows & self.has_score)
        marks = self.mark[place]
        measures, measure = _codes(self.scores.take(pa.array(place)), ("measure",))
        level = np.nan_to_num(_level(self)[place], nan=-1.0).astype(np.int64)
        is_left = ~self.is_possible[place] | self.lacks_theta[place]
        found = pl.DataFrame({"mark": marks, "m": measure, "level": level, "is_left": is_left})
        grouped = found.group_by("mark", "m", "level", "is_left").agg(n=pl.len())
        named = {
            name: pl.Series([mark[place] for mark in self.marks], dtype=pl.String)
            for place, name in enumerate(KEY[:3])
        }
        return grouped.with_columns(
            *(column.gather(grouped["mark"]).alias(name) for name, column in named.items()),
            pl.Series([m for (m,) in measures], dtype=pl.String)
            .gather(grouped["m"])
            .alias("measure"),
            pl.when(pl.col("level") >= 0).then(pl.col("level")).alias("level"),
        )

    def obstacles(self) -> Counter[tuple[Mark, str]]:
        """The scores that can't be rescaled, by their mark and why."""
        counts = np.bincount(self.mark[self.has_score], minlength=len(self.marks))
        found = zip(self.marks, self.kinds, counts.tolist(), strict=True)
        return Counter({(m, now.obstacle): n for m, (_, now), n in found if now.obstacle and n})


def _codes(table: pa.Table, names: tuple[str, ...]) -> tuple[list[tuple[str, ...]], Places]:
    """The distinct texts of some columns taken together, and which each row has."""
    code = np.zeros(table.num_rows, np.int64)
    texts: list[list[str]] = []
    for name in names:
        coded = table[name].fill_null("").combine_chunks().dictionary_encode()
        coded = coded.chunk(0) if isinstance(coded, pa.ChunkedArray) else coded
        texts.append(coded.dictionary.to_pylist())
        code = code * max(1, len(texts[-1])) + coded.indices.to_numpy(zero_copy_only=False)
    found, place = np.unique(code, return_inverse=True)
    return [_split(int(one), texts) for one in found], place.astype(np.int64)


def _split(code: int, texts: list[list[str]]) -> tuple[str, ...]:
    parts = []
    for known in reversed(texts):
        code, part = divmod(code, len(known))
        parts.append(known[part])
    return tuple(reversed(parts))


def _flags(mask: pa.Array) -> Flags:
    found: Flags = mask.fill_null(False).to_numpy(zero_copy_only=False).astype(bool)
    return found


def _level(rows: _Rows) -> Floats:
    """The achievement level, or the rating of claims and blocks."""
    level = rows.number("achievement_level")
    return np.where(np.isnan(level), rows.number("claim_rating"), level)


def _has_reason(table: pa.Table, reason: str) -> Flags:
    return _flags(pc.match_substring_regex(table["reason"], f"(^|; ){reason}($|;)"))


def _restored(before: pa.Table, after: pa.Table) -> tuple[pa.Table, Flags]:
    """Give back what only the responses would tell: scores, and residuals to lost overalls."""
    lost = _has_reason(after, NEEDS_RESPONSES) & ~_has_reason(before, NEEDS_RESPONSES)
    if not lost.any():
        return after, lost
    tests = after["opportunity_id"].filter(pa.array(lost))
    of_lost = _flags(pc.is_in(after["opportunity_id"], value_set=tests.combine_chunks()))
    kept = lost | (of_lost & _has_reason(after, RESIDUAL_NEEDS_RESPONSES))
    mask = pa.array(kept)
    columns = [pc.if_else(mask, before[name], after[name]) for name in SCORES.names]
    return pa.table(columns, SCORES), lost


def _with_rows(
    columns: dict[str, pa.ChunkedArray], place: Places, before: pa.Table, after: pa.Table
) -> dict[str, pa.ChunkedArray]:
    """Columns with other values in some rows, where they differ."""
    mask = np.zeros(len(columns["measure"]), bool)
    mask[place] = True
    is_row = pa.array(mask)
    found = dict(columns)
    for name in SCORES.names:
        if name in ("policy", "rulebook_digest") or not after[name].equals(before[name]):
            whole, new = columns[name], after[name].combine_chunks()
            whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
            found[name] = pc.replace_with_mask(whole, is_row, new)
    return found


def _newly(before: pa.Table, after: pa.Table, reason: str, rows: Flags) -> int:
    """How many rows have a reason that they hadn't."""
    place = pa.array(np.flatnonzero(rows))
    was, now = (table.select(["reason"]).take(place) for table in (before, after))
    return int((_has_reason(now, reason) & ~_has_reason(was, reason)).sum())


def _compared(rows: _Rows, after: pa.Table, concerned: Flags, left: Flags) -> pl.DataFrame:
    """The scores of concerned tests before and after, as `COMPARED`."""
    place = np.flatnonzero(concerned)
    was = _half(rows.scores.take(pa.array(place)), "before")
    now = _half(after.take(pa.array(place)), "after")
    sides = [[pair[side].ends for pair in rows.kinds] for side in (0, 1)]
    known = {
        f"at_{end}_{when}": np.array(sides[side], np.float64).reshape(-1, 6)[:, column][
            rows.mark[place]
        ]
        for side, when in enumerate(("before", "after"))
        for column, end in ((4, "lowest"), (5, "highest"))
    }
    ends = {
        name: (pl.col(f"scale_score_{name.rpartition('_')[2]}") == pl.Series(values)).fill_null(
            False
        )
        for name, values in known.items()
    }
    frame = pl.concat([was, now.select(pl.col(r"^.*_after$"))], how="horizontal")
    frame = frame.with_columns(is_left=pl.Series(left[place] | rows.lacks_theta[place]), **ends)
    has_score = pl.any_horizontal(pl.col(r"^scale_score_.*$").is_not_null())
    return frame.filter(has_score).select(COMPARED.names())


def _half(scores: pa.Table, when: str) -> pl.DataFrame:
    """Keys, scale score and level of rows, the latter named by `when`."""
    names = ["opportunity_id", *KEY, "scale_score", "achievement_level", "claim_rating"]
    frame = pl.from_arrow(scores.select(names))
    assert isinstance(frame, pl.DataFrame)
    return frame.select(
        "opportunity_id",
        *KEY,
        pl.col("scale_score").alias(f"scale_score_{when}"),
        pl.coalesce("achievement_level", "claim_rating").alias(f"level_{when}"),
    )
