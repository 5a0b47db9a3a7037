"""Linear and integer programs over a system's cells, solved by HiGHS."""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np

from scorehouse.disclosure.system import INFINITE, Flags, Floats, Ints, System

_TOLERANCE = 1e-6
_GAP = 0.3  # good enough: a witness needn't be the farthest
_NODES, _SOLUTIONS = 10, 5  # and the search for one ends, the same way every time
_UNUSABLE = (
    highspy.HighsModelStatus.kInfeasible,
    highspy.HighsModelStatus.kUnbounded,
    highspy.HighsModelStatus.kUnboundedOrInfeasible,
)
_Highs = highspy.Highs.__mro__[1]  # the solver itself; the class around it prints a banner


@dataclass(frozen=True)
class Block:
    """Cells that may move and the sums among them, the others folded into the limits."""

    cells: Ints
    starts: Ints
    indexes: Ints
    factors: Floats
    sum_low: Floats
    sum_high: Floats


def block_of(system: System, moves: Flags) -> Block:
    """The part of a system in which the marked cells move and the others stay."""
    entry_sum = system.sum_of_entry()
    is_moving = moves[system.cells]
    stays = np.where(is_moving, 0.0, np.nan_to_num(system.value[system.cells]) * system.factors)
    constant = np.bincount(entry_sum, weights=stays, minlength=system.sums)
    counts = np.bincount(entry_sum[is_moving], minlength=system.sums)
    kept = counts > 0
    cells = np.flatnonzero(moves)
    number = np.full(system.size, -1, dtype=np.int64)
    number[cells] = np.arange(len(cells))
    return Block(
        cells=cells,
        starts=np.concatenate([[0], np.cumsum(counts[kept])]).astype(np.int64),
        indexes=number[system.cells[is_moving]],
        factors=system.factors[is_moving],
        sum_low=(system.sum_low - constant)[kept],
        sum_high=(system.sum_high - constant)[kept],
    )


def standing_of(system: System, block: Block) -> Floats:
    """What each sum of the block is at the values that are."""
    entry_sum = np.repeat(np.arange(len(block.sum_low)), np.diff(block.starts))
    values = block.factors * system.value[block.cells[block.indexes]]
    return np.bincount(entry_sum, weights=values, minlength=len(block.sum_low)).astype(np.float64)


class Program:
    """A block as a program: solve it for one objective after the other.

    `is_local`: each answer moves few cells, so that making the program smaller first takes
    longer than the answer.
    """

    def __init__(
        self,
        block: Block,
        low: Floats,
        high: Floats,
        is_whole: Flags | None = None,
        *,
        is_local: bool = False,
    ) -> None:
        self._highs = _Highs()
        for option, setting in (("output_flag", False), ("threads", 1), ("random_seed", 0)):
            self._highs.setOptionValue(option, setting)
        if is_local:
            self._highs.setOptionValue("presolve", "off")
        if is_whole is not None:
            self._highs.setOptionValue("mip_rel_gap", _GAP)
            self._highs.setOptionValue("mip_max_nodes", _NODES)
            self._highs.setOptionValue("mip_max_improving_sols", _SOLUTIONS)
            self._highs.setOptionValue("mip_detect_symmetry", False)
            self._highs.setOptionValue("mip_heuristic_run_rins", False)
            self._highs.setOptionValue("mip_heuristic_run_rens", False)
        self._size = len(block.cells)
        self._highs.passModel(_model(block, low, high, is_whole))

    def limit(self, cells: Ints, low: Floats, high: Floats) -> None:
        """Set the bounds of some of the block's cells, by their place in it."""
        self._highs.changeColsBounds(
            len(cells), cells.astype(np.int32), _finite(low), _finite(high)
        )

    def least(self, cost: Floats) -> Floats | None:
        """Values that keep every sum and cost least; None: there are none, or none is least."""
        places = np.arange(self._size, dtype=np.int32)
        self._highs.changeColsCost(self._size, places, cost.astype(np.float64))
        self._highs.clearSolver()  # quicker than from where the last one ended
        self._highs.run()
        status = self._highs.getModelStatus()
        if status in _UNUSABLE or not self._is_feasible():
            return None
        return np.array(self._highs.getSolution().col_value, dtype=np.float64)

    def binding(self) -> Flags:
        """Which cells' own bounds kept the last answer from costing less."""
        found: Flags = np.abs(np.array(self._highs.getSolution().col_dual)) > _TOLERANCE
        return found

    def _is_feasible(self) -> bool:
        status = self._highs.getInfo().primal_solution_status
        return bool(status == highspy.SolutionStatus.kSolutionStatusFeasible)


def _model(block: Block, low: Floats, high: Floats, is_whole: Flags | None) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = len(block.cells)
    model.num_row_ = len(block.sum_low)
    model.col_cost_ = np.zeros(len(block.cells))
    model.col_lower_ = _finite(low)
    model.col_upper_ = _finite(high)
    model.row_lower_ = _finite(block.sum_low)
    model.row_upper_ = _finite(block.sum_high)
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = block.starts.astype(np.int32)
    model.a_matrix_.index_ = block.indexes.astype(np.int32)
    model.a_matrix_.value_ = block.factors
    if is_whole is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in is_whole]
    return model


def _finite(values: Floats) -> Floats:
    return np.clip(values, -highspy.kHighsInf, highspy.kHighsInf)


def is_whole(values: Floats) -> Flags:
    """Which values are whole numbers, but for the solver's tolerance."""
    found: Flags = np.abs(values - np.rint(values)) < _TOLERANCE
    return found


def components(block: Block) -> Ints:
    """A number for each cell of a block: the same for cells that sums tie together."""
    label = np.arange(len(block.cells), dtype=np.int64)
    if not len(block.indexes):
        return label
    entry_sum = np.repeat(np.arange(len(block.sum_low)), np.diff(block.starts))
    while True:
        lowest = np.full(len(block.sum_low), len(label), dtype=np.int64)
        np.minimum.at(lowest, entry_sum, label[block.indexes])
        new = label.copy()
        np.minimum.at(new, block.indexes, lowest[entry_sum])
        new = new[new]
        if np.array_equal(new, label):
            return label
        label = new


def tied_to(system: System, cells: Ints, free: Flags) -> Flags:
    """The free cells that sums tie to some of them, directly or through others."""
    block = block_of(system, free)
    labels = components(block)
    found = np.zeros(system.size, dtype=bool)
    found[block.cells] = np.isin(labels, labels[np.isin(block.cells, cells)])
    return found


__all__ = [
    "INFINITE",
    "Block",
    "Program",
    "block_of",
    "components",
    "is_whole",
    "standing_of",
    "tied_to",
]
