"""What a scoring run is asked to do, and the record of it that stands beside its output."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scorehouse import __version__
from scorehouse.errors import RulebookError, UsageError
from scorehouse.intake.findings import replacing
from scorehouse.rulebook import Rulebook, load
from scorehouse.terms import MeasurementRules, Policy, SchoolYear

RECORD_SUFFIX = ".run.json"


@dataclass(frozen=True)
class ScoreRequest:
    """A scoring run. `policy` blank: the program's own for the year."""

    input: Path
    packages: tuple[Path, ...]
    year: str
    program: str = "consortium"
    policy: str = ""
    leave_out: frozenset[str] = field(default_factory=frozenset)
    opportunities: Path | None = None
    rulebook: Path | None = None
    with_targets: bool = True
    merge_parts: bool = False  # score a student's sittings of one test as one
    item_fit: Path | None = None
    threads: int = 1
    show_private: bool = False

    def rules(self) -> tuple[MeasurementRules, Policy]:
        """Load the rules and pick the policy; raises what the rulebook raises."""
        rules = load_rulebook(self.rulebook).at(self.year, self.program)
        return rules, pick_policy(rules, self.policy)


def load_rulebook(path: Path | None) -> Rulebook:
    """The packaged rulebook, or the folder given; RulebookError names the folder."""
    try:
        return load(path)
    except RulebookError as error:
        where = f"the rulebook {path.name}: " if path else ""
        raise RulebookError(f"{where}{error}") from None


def pick_policy(rules: MeasurementRules, policy: str) -> Policy:
    """The policy asked for, or the program's own for the year."""
    chosen = policy or rules.default_policy
    if chosen not in rules.policies:
        known = ", ".join(sorted(rules.policies))
        raise UsageError(f"unknown policy {chosen!r}; known are {known}")
    return rules.policies[chosen]


def parse_year(text: str) -> SchoolYear:
    """Read `--year`; raises UsageError."""
    try:
        return SchoolYear.parse(text)
    except ValueError as error:
        raise UsageError(str(error)) from None


def record_path(out: Path) -> Path:
    """Where the record of a run stands: `scores.parquet.run.json`."""
    return out.with_name(out.name + RECORD_SUFFIX)


def write_record(request: ScoreRequest, out: Path, digest: str, policy: str) -> None:
    """Write what was asked beside the output, so that a score can be explained later."""
    record: dict[str, Any] = {
        "scorehouse": __version__,
        "input": str(request.input.resolve()),
        "packages": [str(package.resolve()) for package in request.packages],
        "opportunities": str(request.opportunities.resolve()) if request.opportunities else None,
        "rulebook": str(request.rulebook.resolve()) if request.rulebook else None,
        "year": request.year,
        "program": request.program,
        "policy": policy,
        "leave_out": sorted(request.leave_out),
        "merge_parts": request.merge_parts,
        "rulebook_digest": digest,
    }
    with replacing(record_path(out)) as stream:
        stream.write(json.dumps(record, indent=2, ensure_ascii=False).encode() + b"\n")


def read_record(out: Path) -> tuple[ScoreRequest, str]:
    """The request that made an output, and the rulebook digest it was made with."""
    path = record_path(out)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        request = ScoreRequest(
            input=Path(record["input"]),
            packages=tuple(Path(package) for package in record["packages"]),
            year=record["year"],
            program=record["program"],
            policy=record["policy"],
            leave_out=frozenset(record["leave_out"]),
            opportunities=_path(record["opportunities"]),
            rulebook=_path(record["rulebook"]),
            merge_parts=bool(record.get("merge_parts", False)),
        )
    except FileNotFoundError:
        raise UsageError(
            f"{path.name} is not beside the scores; explain needs the record of the run"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"{path.name} is not a record of a scoring run") from None
    return request, str(record["rulebook_digest"])


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def moved(
    request: ScoreRequest, new_input: Path | None, new_packages: tuple[Path, ...]
) -> ScoreRequest:
    """The request with files that have been moved since."""
    return replace(
        request, input=new_input or request.input, packages=new_packages or request.packages
    )
