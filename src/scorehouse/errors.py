"""What Scorehouse raises when a caller, not a record, is at fault.

A bad *record* never raises: it becomes a finding and the rest goes on. These exceptions
mean that the work can't start or can't go on, and their text says what to do next.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class ScorehouseError(Exception):
    """Any error a person can act on; the command line prints its text and exits with 2.

    `findings` say one by one what is wrong, where that is more than one sentence.
    """

    findings: Sequence[Any] = ()


class UsageError(ScorehouseError):
    """The request itself makes no sense: an unknown policy, a file that isn't there."""


class InputRefusedError(ScorehouseError):
    """A whole input can't be read at all: not the kind of file it is said to be."""


class RulebookError(ScorehouseError):
    """Rulebook data is malformed; the text names the file and the line."""


class RuleNotInForceError(ScorehouseError):
    """A rule was asked for a year that it doesn't cover (absent, or expected but not here)."""


class DegenerateItemError(ScorehouseError):
    """An item's parameters can't enter a likelihood: a is not a positive finite number."""
