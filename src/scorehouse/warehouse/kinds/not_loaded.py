"""Files that Scorehouse wrote for people, and that no warehouse takes back: known, and told."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from scorehouse.shapes import FINDINGS
from scorehouse.warehouse.loading import NOT_LOADED, Ending, Guess, Head, Kind, Loading

_REPORT = frozenset({"report", "population", "student_group", "n_tested", "percent_met"})
_HISTORY = frozenset({"student_id", "measure", "origin", "words", "ended", "ended_in"})
_FINDINGS = frozenset(FINDINGS.names)
_TRUTH = frozenset({"opportunity_id", "true_theta", "provisional_theta"})


def recognise(head: Head, marks: frozenset[str], what: str) -> Guess | None:
    """Tell a table by columns that only it has together; findings have no others."""
    columns = frozenset(head.columns)
    is_own = columns == marks if marks is _FINDINGS else columns >= marks
    return Guess(1.0, what) if is_own else None


def bring(_loading: Loading, _path: Path, _import_id: int) -> Ending:
    """Bring nothing: such a file is told and passed by."""
    return Ending(NOT_LOADED, "it holds nothing that a warehouse keeps", {})


def _kind(name: str, label: str, marks: frozenset[str], rule: str = "load_own_output") -> Kind:
    told = partial(recognise, marks=marks, what=f"it is {label}")
    return Kind(name, label, 90, told, bring, unloaded=rule)


KINDS = (
    _kind("written_report", "a report that Scorehouse wrote", _REPORT),
    _kind("written_history", "a student's history that Scorehouse wrote", _HISTORY),
    _kind("written_findings", "a table of findings that Scorehouse wrote", _FINDINGS),
    _kind("simulated_truth", "the true thetas of a simulation", _TRUTH, "load_simulated_truth"),
)
