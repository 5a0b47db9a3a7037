"""What a report says: figures from counts and sums, and how sure they are. Pure."""

from __future__ import annotations

__all__: list[str] = []
