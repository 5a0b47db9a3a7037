"""Accountability: the indicators of a state's dashboard, each figure with its reason. Pure."""

from __future__ import annotations

__all__: list[str] = []
