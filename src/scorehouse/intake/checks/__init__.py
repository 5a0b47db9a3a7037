"""Checks of results deliveries: numbered rules as data, each with one predicate."""

from scorehouse.intake.checks.frames import Setting
from scorehouse.intake.checks.rule_data import Profile, profile_named, profiles, results_rules
from scorehouse.intake.checks.run import Checker, CheckTotals, check_results, checked_chunks

__all__ = [
    "CheckTotals",
    "Checker",
    "Profile",
    "Setting",
    "check_results",
    "checked_chunks",
    "profile_named",
    "profiles",
    "results_rules",
]
