"""The worked examples of scoring, read once: the shared file where it is, and our own."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Case = dict[str, Any]


@cache
def shared_cases() -> Case:
    """The shared file, or an empty one where it isn't on this machine."""
    root = HERE.parent.parent.parent
    path = Path(os.environ.get("SCOREHOUSE_SHARED", root / "shared")) / "cases" / "scoring.json"
    if not path.is_file():
        return {"cases": [], "rule_cases": []}
    found: Case = json.loads(path.read_text(encoding="utf-8"))
    return found


def shared(kind: str) -> list[Case]:
    """Shared cases, or one nameless stand-in whose test skips, saying why."""
    return shared_cases()[kind] or [{"id": "absent"}]


def shared_rules(*kinds: str) -> list[Case]:
    """Shared rule cases of some kinds."""
    return [case for case in shared_cases()["rule_cases"] if case["kind"] in kinds] or [
        {"id": "absent"}
    ]


@cache
def own_cases() -> Case:
    """The invented cases of this repository."""
    found: Case = json.loads((HERE / "scoring_own.json").read_text(encoding="utf-8"))
    return found


def name(case: object) -> str:
    """A case's name in a test's id."""
    return str(case["id"]) if isinstance(case, dict) else str(case)
