"""How time is taken: several runs, the middle one counts."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True)
class Timing:
    """Things done a second, over several runs; `per_core` by processor time."""

    per_second: float
    per_core: float
    slowest: float
    fastest: float
    runs: int


def measure(task: Callable[[], object], things: int, runs: int = 7) -> Timing:
    """Time a task that does `things` things, after one run that doesn't count."""
    task()
    walls, cores = [], []
    for _ in range(runs):
        wall, core = time.perf_counter(), time.process_time()
        task()
        walls.append(time.perf_counter() - wall)
        cores.append(time.process_time() - core)
    rates = sorted(things / wall for wall in walls)
    return Timing(median(rates), things / median(cores), rates[0], rates[-1], runs)
