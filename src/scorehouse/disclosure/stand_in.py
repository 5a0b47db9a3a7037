"""Values for counts of earlier releases that not even the house keeps: any that fit."""

from __future__ import annotations

import numpy as np

from scorehouse.disclosure.solver import Program, block_of
from scorehouse.disclosure.system import INFINITE, Flags, Floats, System


def fill_unknown(system: System, between: list[int]) -> None:
    """Put a fitting value in every cell without one.

    When none fits, what was thought of the time between two releases is wrong: results were
    taken back too. When still none fits, sums with such cells say nothing.
    """
    unknown = np.isnan(system.value)
    if not unknown.any():
        return
    found = _fitting(system, unknown)
    if found is None:
        system.low[between] = -INFINITE
        found = _fitting(system, unknown)
    if found is None:
        _silence(system, unknown)
        found = _fitting(system, unknown)
    system.value[unknown] = 0.0 if found is None else found


def _fitting(system: System, unknown: Flags) -> Floats | None:
    block = block_of(system, unknown)
    cells = block.cells
    program = Program(block, system.low[cells], system.high[cells], system.is_count[cells])
    found = program.least(np.zeros(len(cells)))
    return None if found is None else np.where(system.is_count[cells], np.rint(found), found)


def _silence(system: System, unknown: Flags) -> None:
    touched = np.unique(system.sum_of_entry()[unknown[system.cells]])
    system.sum_low[touched], system.sum_high[touched] = -INFINITE, INFINITE
