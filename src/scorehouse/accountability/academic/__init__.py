"""The Academic Indicator: distance from standard, Status, Change, color, and why."""
