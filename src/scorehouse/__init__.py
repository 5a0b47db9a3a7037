"""Scorehouse: from item responses to reported results, each number with its reason."""

__version__ = "0.1.0"
