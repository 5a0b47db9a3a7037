"""Fail when a test was skipped for a reason that the list of allowed reasons doesn't hold."""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def is_in_effect(condition: str) -> bool:
    """Whether a condition of the list holds on this machine."""
    verb, _, place = condition.partition(" ")
    if verb == "always":
        return True
    if verb == "absent" and place:
        return not (ROOT / place.strip()).exists()
    raise SystemExit(f"unknown condition {condition!r} in the list of allowed skips")


def allowed_reasons(text: str) -> list[re.Pattern[str]]:
    """Read the list: comments and blank lines are ignored, conditions decided here."""
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line.split("|", 1) for line in lines if line and not line.startswith("#")]
    return [re.compile(reason.strip()) for condition, reason in pairs if is_in_effect(condition)]


def skips(report: Path) -> list[tuple[str, str]]:
    """Return the test and the reason of every skip in a JUnit report."""
    found = []
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own pytest wrote it
        for skipped in case.iter("skipped"):
            if skipped.get("type") != "pytest.xfail":
                name = f"{case.get('classname')}::{case.get('name')}"
                found.append((name, (skipped.get("message") or "").removeprefix("Skipped: ")))
    return found


def main(report: str, listed: str) -> int:
    """Print what was skipped without leave; the exit code is 1 when there was any."""
    allowed = allowed_reasons(Path(listed).read_text(encoding="utf-8"))
    refused = [
        (name, reason)
        for name, reason in skips(Path(report))
        if not any(pattern.fullmatch(reason) for pattern in allowed)
    ]
    for name, reason in refused:
        sys.stderr.write(f"skipped without leave: {name}: {reason}\n")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
