"""Invented districts and states: the demo's input and every test's and benchmark's generator."""

from scorehouse.simulate.config import PoolSizes, Rates, SimulationConfig
from scorehouse.simulate.items import item_pool
from scorehouse.simulate.plan import Package
from scorehouse.simulate.run import SimulatedTests, SimulationSummary, simulate, tests

__all__ = [
    "Package",
    "PoolSizes",
    "Rates",
    "SimulatedTests",
    "SimulationConfig",
    "SimulationSummary",
    "item_pool",
    "simulate",
    "tests",
]
