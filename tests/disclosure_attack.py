"""An attacker: solves for hidden counts from what was released, and knows the rules.

Written without the package's own solver: it reads released tables alone, writes down every
linear relation it can think of, and looks with another solver's front for the lowest and
highest whole value of each hidden count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise, product
from random import Random

import numpy as np
import pyarrow as pa
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from scorehouse.disclosure import Relation, RowKey, ScoreRange

KEYS = RowKey._fields
INTERVAL = 3
NEAR = 8
Cell = tuple[object, RowKey, str]


@dataclass(frozen=True)
class Published:
    """A released table, with what anybody knows about it.

    A universe is a condition on grades: it says nothing of the rows of single grades.
    """

    figures: pa.Table
    relations: tuple[Relation, ...]
    moment: int = 1
    universe: str = ""

    def at(self, key: RowKey) -> tuple[str, int]:
        """Which students a row's key is about, beside the key, and when."""
        return "" if key.test_grade else self.universe, self.moment


@dataclass
class Attack:
    """Unknown counts, bounds and equations from any number of published tables."""

    ranges: Mapping[tuple[str, str], ScoreRange] = field(default_factory=dict)
    smallest: int = 11
    is_growing: bool = True
    others_are_large: bool = True
    about_nobody: frozenset[RowKey] = frozenset()
    patience: float = 60  # seconds for the first way to fill in the table
    index: dict[Cell, int] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)  # levels of a measure, 3 at least
    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    whole: list[int] = field(default_factory=list)
    hidden: set[Cell] = field(default_factory=set)
    shown: set[Cell] = field(default_factory=set)
    rows: list[tuple[list[int], list[float], float, float]] = field(default_factory=list)

    def cell(self, cell: Cell, low: float = 0, high: float = np.inf, whole: int = 1) -> int:
        if cell not in self.index:
            self.index[cell] = len(self.low)
            self.low.append(low)
            self.high.append(high)
            self.whole.append(whole)
        number = self.index[cell]
        self.low[number] = max(self.low[number], low)
        self.high[number] = min(self.high[number], high)
        return number

    def equation(
        self, cells: Sequence[int], factors: Sequence[float], low: float = 0, high: float = 0
    ) -> None:
        self.rows.append((list(cells), list(factors), low, high))

    def read(self, published: Published) -> None:
        """Take in a table."""
        levels: dict[RowKey, int] = {}
        rows = published.figures.to_pylist()
        for row in rows:
            most = max(self.most.get(row["measure"], 3), len(row["level_counts"] or ()))
            self.most[row["measure"]] = most
        for row in rows:
            key = RowKey(*(row[name] for name in KEYS))
            levels[key] = self._row(published.at(key), key, row)
        for relation in published.relations:
            self._relation(published, relation, levels)

    def _row(self, when: object, key: RowKey, row: Mapping[str, object]) -> int:
        whys = {each["column"]: each["why"] for each in row["hidden"]}  # type: ignore[attr-defined]
        sizes = [
            self._count(when, key, name, row[name], whys.get(name, ""))
            for name in ("n_enrolled", "n_tested", "n_scored")
        ]
        for more, fewer in pairwise(sizes):
            self.equation([more, fewer], [1, -1], 0, np.inf)
        is_overall = key.measure == "overall"
        counts = row["level_counts"] or [None] * (4 if is_overall else self.most[key.measure])
        cells = [
            self._count(when, key, f"level{k}", value, "levels" if value is None else "")
            for k, value in enumerate(counts)  # type: ignore[arg-type]
        ]
        self.equation([sizes[2], *cells], [1, *[-1] * len(cells)])
        if is_overall:
            self._met(row, cells)
        self._distance(when, key, row, sizes[2])
        return len(cells)

    def _count(self, when: object, key: RowKey, name: str, value: object, why: str) -> int:
        cell = (when, key, name)
        if value is not None:
            self.shown.add(cell)
            return self.cell(cell, float(value), float(value))  # type: ignore[arg-type]
        self.hidden.add(cell)
        number = self.cell(cell)
        if why == f"n<{self.smallest}" and name == "n_scored":
            self.cell(cell, 0, self.smallest - 1)
        elif why in ("complement", "total") and self.others_are_large and name.startswith("n_"):
            self.cell(cell, self.smallest)
        return number

    def _met(self, row: Mapping[str, object], cells: Sequence[int]) -> None:
        n, met, coded = row["n_scored"], row["percent_met"], row["percent_met_coded"]
        if n is not None and met is not None:
            count = round(float(met) * int(n) / 100)  # type: ignore[arg-type, call-overload]
            self.equation(cells[2:], [1, 1], count, count)
        elif n is not None and coded:
            percent = int(str(coded)[1:])
            low, high = (0, percent) if str(coded)[0] == "≤" else (percent, 100)
            self.equation(cells[2:], [1, 1], low * n / 100, high * n / 100)  # type: ignore[operator]

    def _distance(self, when: object, key: RowKey, row: Mapping[str, object], size: int) -> None:
        """Sums of distances: from a mean and a count, else between the ends of the scale."""
        if key.measure != "overall" or not self.ranges:
            return
        grades = [key.test_grade] if key.test_grade else [g for _, g in self.ranges]
        found = [self.ranges["ELA", grade] for grade in grades]
        low = min(r.lowest - r.standard_met for r in found)
        high = max(r.highest - r.standard_met for r in found)
        mean, n = row["distance_from_standard"], row["n_scored"]
        if mean is not None and n is not None:
            known = float(mean) * int(n)  # type: ignore[arg-type, call-overload]
            self.cell((when, key, "distance"), known - 1e-6, known + 1e-6, 0)
            return
        number = self.cell((when, key, "distance"), -np.inf, np.inf, 0)
        self.equation([number, size], [1, -low], 0, np.inf)
        self.equation([number, size], [1, -high], -np.inf, 0)

    def _relation(
        self, published: Published, relation: Relation, levels: Mapping[RowKey, int]
    ) -> None:
        names = ["n_enrolled", "n_tested", "n_scored", "distance"]
        names += [f"level{k}" for k in range(levels.get(relation.total, 0))]
        for name in names:
            keys = (relation.total, *relation.parts)
            cells = [(published.at(key), key, name) for key in keys]
            cells[1:] = [cell for cell in cells[1:] if cell[1] not in self.about_nobody]
            if len(cells) > 1 and all(cell in self.index for cell in cells):
                slack = 1e-4 if name == "distance" else 0.0
                numbers = [self.index[cell] for cell in cells]
                self.equation(numbers, [1.0, *[-1.0] * (len(cells) - 1)], -slack, slack)

    def link(self) -> None:
        """Between moments results are only added; under a condition there are no more."""
        for when, key, name in list(self.index):
            universe, moment = when  # type: ignore[misc]
            is_linked = name in ("n_scored", "n_tested") or name.startswith("level")
            later = ((universe, moment + 1), key, name)
            wider = (("", moment), key, name)
            more = [later] * self.is_growing + [wider] * (universe != "")
            for cell in more if is_linked else ():
                if cell in self.index:
                    pair = [self.index[cell], self.index[when, key, name]]
                    self.equation(pair, [1, -1], 0, np.inf)

    def pinned(self, interval: int = INTERVAL, *, seed: int = 0) -> list[tuple[Cell, int, int]]:
        """Hidden counts whose lowest and highest values are nearer than the interval.

        Any two ways to fill in the table show that a count is wide enough: first many counts at a
        time, then one that is far enough, near the first way found, then the farthest there is.
        """
        start = self._solver()(np.zeros(len(self.low)), seconds=self.patience)
        assert start is not None, "what was released contradicts itself"
        low, high = start.copy(), start.copy()
        targets = sorted(self.index[cell] for cell in self.hidden - self.shown)

        def open_cells() -> list[int]:
            return [t for t in targets if high[t] - low[t] < interval]

        def note(found: np.ndarray | None) -> None:
            if found is not None:
                np.minimum(low, found, out=low)
                np.maximum(high, found, out=high)

        random = Random(seed)
        for reach in (1000, 200, 40, 1000, 200, 40, 1000, 200):
            solve = self._solver(start, reach)
            cost = np.zeros(len(self.low))
            for target in open_cells():
                cost[target] = random.choice((-1, 1))
            note(solve(cost, 0.5))
        for target, step in product(targets, (interval, -interval)):
            if high[target] - low[target] < interval:
                wanted = (low if step > 0 else high)[target] + step
                note(self._solver(start, NEAR, {target: (wanted, step)})(np.zeros(len(self.low))))
        for solve in (self._solver(start, 40), self._solver()):
            for target, direction in product(targets, (1, -1)):
                if high[target] - low[target] < interval:
                    cost = np.zeros(len(self.low))
                    cost[target] = direction
                    note(solve(cost))
        names = {number: cell for cell, number in self.index.items()}
        return [(names[t], int(low[t]), int(high[t])) for t in open_cells()]

    def _solver(  # type: ignore[no-untyped-def]
        self,
        start: np.ndarray | None = None,
        reach: float = 1e6,
        wanted: Mapping[int, tuple[float, int]] | None = None,
    ):
        cells = [c for row in self.rows for c in row[0]]
        factors = [f for row in self.rows for f in row[1]]
        starts = np.cumsum([0, *(len(row[0]) for row in self.rows)])
        shape = (len(self.rows), len(self.low))
        matrix = csr_matrix((factors, cells, starts), shape=shape)
        limits = LinearConstraint(matrix, [r[2] for r in self.rows], [r[3] for r in self.rows])
        whole = np.array(self.whole)
        low, high = np.array(self.low), np.minimum(self.high, 1e6)
        if start is not None:
            low = np.where(whole == 1, np.maximum(low, start - reach), low)
            high = np.where(whole == 1, np.minimum(high, start + reach), high)
        for number, (value, step) in (wanted or {}).items():
            (low if step > 0 else high)[number] = value
        is_possible = bool((low <= high).all())
        bounds = Bounds(low, high)

        def solve(cost: np.ndarray, gap: float = 0.0, seconds: float = 60) -> np.ndarray | None:
            if not is_possible:
                return None
            options = {"mip_rel_gap": gap, "time_limit": seconds}
            done = milp(cost, constraints=limits, bounds=bounds, integrality=whole, options=options)
            if done.x is None:
                return None
            return np.where(whole == 1, np.rint(done.x), done.x)

        return solve


def attack(
    published: Iterable[Published],
    ranges: Mapping[tuple[str, str], ScoreRange] | None = None,
    **about: object,
) -> list[tuple[Cell, int, int]]:
    """Every hidden count that somebody with all of these tables can narrow down."""
    found = Attack(ranges or {}, **about)  # type: ignore[arg-type]
    for each in published:
        found.read(each)
    found.link()
    return found.pinned()
