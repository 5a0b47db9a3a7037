"""The results as a page: rates, targets reached or not, the machine."""

from __future__ import annotations

from typing import Any

from students import EXPONENTIALS

Results = dict[str, Any]


def report(results: Results) -> str:
    """Return the page."""
    parts = [
        "# Benchmark results",
        "Made by `make bench`, all in one run; medians of several runs. Tests have 46 items, "
        "2PL and GPCM mixed (some 12 of them GPCM) unless it says 2PL. *Ragged*: every student "
        "has an own item set out of a pool of 1,000. A rate includes theta and its information.",
        _table(["Targets", "asked", "measured", ""], _targets(results)),
        _table(["Tests a second", "median", "per core", "slowest–fastest"], _rates(results)),
        _table(["Floor on one core", "exponentials/s", "students/s at 207 each"], _floors(results)),
        _table(["Largest difference in theta", ""], _agreement(results)),
        _table(
            ["Parquet to Parquet, `scorehouse score`", "tests/s", "seconds", "processor s",
             "peak MiB", "copy alone, s", "times the copy"],
            _pipeline(results),
        ),
        _table(["Machine", ""], [list(pair) for pair in results["machine"].items()]),
    ]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _targets(results: Results) -> list[list[str]]:
    ours, peers = results["ours"], results["peers"]
    ragged, fixed = ours["ragged"]["1"]["per_core"], ours["fixed"]["1"]["per_core"]
    dense = peers["mirt mixed, dense"]["per_core"]
    floor = results["floors"]["numpy"]["per_core"] / EXPONENTIALS
    threads = ours["ragged"]["2"]["per_second"] / ours["ragged"]["1"]["per_second"]
    agreement = results["agreement"]
    nearest = max(agreement["reference, ragged"], agreement["reference, fixed form"])
    return [
        _at_least("ragged ÷ `mirt` dense mixed, per core", 20, ragged / dense),
        _at_least("ragged ÷ what numpy's exp allows, per core", 0.25, ragged / floor),
        _at_least("fixed form ÷ ragged, per core", 5, fixed / ragged),
        _at_least("ragged: 2 threads ÷ 1", 1.8, threads),
        _at_most("theta: difference from `mirt`", 1e-5, agreement["mirt"]),
        _at_most("theta: difference from the reference", 1e-8, nearest),
    ]


def _at_least(name: str, asked: float, found: float) -> list[str]:
    return [name, f"≥ {asked:g}", f"{found:.2f}", "reached" if found >= asked else "**missed**"]


def _at_most(name: str, asked: float, found: float) -> list[str]:
    return [name, f"≤ {asked:g}", f"{found:.1e}", "reached" if found <= asked else "**missed**"]


def _rates(results: Results) -> list[list[str]]:
    names = {
        "ragged": "scorehouse, ragged",
        "fixed": "scorehouse, fixed form",
        "ragged_2pl": "scorehouse 2PL, ragged",
        "fixed_2pl": "scorehouse 2PL, fixed form",
    }
    rows = [
        _rate(f"{names[name]}, {threads} thread{'s' if threads != '1' else ''}", timing)
        for name, timings in results["ours"].items()
        for threads, timing in timings.items()
    ]
    rows.append(_rate("scorehouse, fixed form as a matrix of int8", results["matrix"]))
    return rows + [_rate(name, timing) for name, timing in results["peers"].items()]


def _rate(name: str, timing: dict[str, float]) -> list[str]:
    ends = f"{timing['slowest']:,.0f}–{timing['fastest']:,.0f}"
    return [name, f"{timing['per_second']:,.0f}", f"{timing['per_core']:,.0f}", ends]


def _floors(results: Results) -> list[list[str]]:
    names = {"numpy": "numpy's exp", "polynomial": "the kernel's polynomial"}
    return [
        [names[name], f"{t['per_core']:.2e}", f"{t['per_core'] / EXPONENTIALS:,.0f}"]
        for name, t in results["floors"].items()
    ]


def _agreement(results: Results) -> list[list[str]]:
    return [[f"from {name}", f"{worst:.1e}"] for name, worst in results["agreement"].items()]


def _pipeline(results: Results) -> list[list[str]]:
    rows = []
    for run in results["pipeline"]:
        score, copy = run["score"], run["copy"]
        name = f"{run['tests']:,} tests, {run['responses']:,} responses, {run['threads']} threads"
        rows.append(
            [
                name,
                f"{run['tests'] / score['wall']:,.0f}",
                f"{score['wall']:.1f}",
                f"{score['processor']:.1f}",
                f"{score['peak_mib']:,.0f}",
                f"{copy['wall']:.1f}",
                f"{score['wall'] / copy['wall']:.1f}",
            ]
        )
    return rows
