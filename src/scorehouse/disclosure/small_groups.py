"""Primary suppression: what is hidden of a row for its own sake, whatever else is released."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from scorehouse.disclosure import columns as names
from scorehouse.disclosure.decision import EXTREME, Decision, too_small
from scorehouse.rulebook.small_groups import SmallGroupRules


def primary(row: Mapping[str, Any], rules: SmallGroupRules) -> Decision:
    """Decide on one row by its own counts: the group's size, then extreme percentages."""
    students = group_size(row, rules)
    if students < rules.smallest_group:
        shown = tuple(name for name in rules.shown_when_small)
        return Decision(row=too_small(rules.smallest_group), shown_counts=shown)
    wanted = rules.smallest_for(str(row["measure"]))
    if students < wanted:
        return Decision(results=too_small(wanted))
    return extremes(row, rules)


def group_size(row: Mapping[str, Any], rules: SmallGroupRules) -> int:
    """The smallest of the counts that decide; an unknown group counts as empty."""
    known = [row[name] for name in rules.counted if row.get(name) is not None]
    return min(known, default=0)


def met_level(row: Mapping[str, Any], rules: SmallGroupRules) -> int:
    """The level at which the standard is met, from 1; 0 where a measure knows none."""
    levels = row.get(names.LEVELS) or ()
    has_standard = str(row["measure"]) == "overall" and len(levels) > rules.met_standard_level - 1
    return rules.met_standard_level if has_standard else 0


def extremes(row: Mapping[str, Any], rules: SmallGroupRules) -> Decision:
    """Hide the levels of a row in which nearly all, or nearly none, stand on one side."""
    levels: Sequence[int] = row.get(names.LEVELS) or ()
    total = sum(levels)
    percent = rules.extreme_percent(total)
    if not total:
        return Decision()
    hidden = dict.fromkeys(range(len(levels)), EXTREME)
    met = met_level(row, rules)
    if not met:
        is_one_sided = percent > 0 and 100 * (total - max(levels)) <= percent * total
        return Decision(levels=hidden if is_one_sided else _few(levels, rules))
    above = 100 * sum(levels[met - 1 :])
    if percent and above <= percent * total:
        return Decision(levels=hidden, met=EXTREME, coded=f"≤{percent}")
    if percent and above >= (100 - percent) * total:
        return Decision(levels=hidden, met=EXTREME, coded=f"≥{100 - percent}")
    return Decision(levels=_few_on_a_side(levels, met, rules))


def _few_on_a_side(levels: Sequence[int], met: int, rules: SmallGroupRules) -> dict[int, str]:
    """The levels of a side of the standard on which one has too few students."""
    sides = (range(met - 1), range(met - 1, len(levels)))
    return {
        level: EXTREME
        for side in sides
        if len(side) > 1 and any(levels[level] < rules.smallest_level_count for level in side)
        for level in side
    }


def _few(levels: Sequence[int], rules: SmallGroupRules) -> dict[int, str]:
    """Levels with too few students, and the next smallest until they can't be told apart."""
    order = sorted(range(len(levels)), key=lambda level: (levels[level], level))
    small = sum(count < rules.smallest_level_count for count in levels)
    if not small:
        return {}
    enough = rules.smallest_level_count
    sizes = range(max(small, 2), len(order))
    taken = next((n for n in sizes if sum(levels[i] for i in order[:n]) > enough), len(order))
    return dict.fromkeys(sorted(order[:taken]), EXTREME)
