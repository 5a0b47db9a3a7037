"""Dated rules with a source on every value, and the strict loader that guards them."""
