"""Dated rules with a source on every value, and the strict loader that guards them."""

from scorehouse.rulebook.book import Rulebook
from scorehouse.rulebook.load import PACKAGED, load
from scorehouse.rulebook.model import RuleEntry

__all__ = ["PACKAGED", "RuleEntry", "Rulebook", "load"]
