"""Checking a delivery: every rule of a profile over each chunk, and once at the end."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from scorehouse.errors import RuleNotInForceError
from scorehouse.intake.catalogue import Finding
from scorehouse.intake.checks import (
    across,
    elements,
    formats,
    items,
    lists,
    presence,
    records,
    scores,
)
from scorehouse.intake.checks.constants import COLUMNS, constants
from scorehouse.intake.checks.coverage import Coverage, FieldCoverage
from scorehouse.intake.checks.delivery import Delivery
from scorehouse.intake.checks.evaluate import Broken, Told, findings_of
from scorehouse.intake.checks.frames import Frames, Setting
from scorehouse.intake.checks.registry import PREDICATES, Remark, is_fixed
from scorehouse.intake.checks.rule_data import (
    ResultsRule,
    fields_of_items,
    fields_of_tests,
    results_rules,
)
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.results import ResultChunk
from scorehouse.shapes import FINDINGS
from scorehouse.terms import MeasurementRules, SchoolYear

MODULES = (across, elements, formats, items, lists, presence, records, scores)
"""The modules of predicates; importing them fills the register."""

RulesOfYear = Callable[[SchoolYear], MeasurementRules]
_YEARS = range(1900, 10_000)


@dataclass
class CheckTotals:
    """What a check saw. `left_out` counts results, `orphans` item rows without a test."""

    results: int = 0
    item_rows: int = 0
    left_out: int = 0
    with_warnings: int = 0
    orphans: int = 0
    tests: list[FieldCoverage] = field(default_factory=list)
    items: list[FieldCoverage] = field(default_factory=list)
    years_without_rules: list[str] = field(default_factory=list)


class Tally(NamedTuple):
    """What a checker counted, to be put with what another one counted of the same delivery."""

    totals: CheckTotals
    counts: Counter[str]
    tests: Coverage
    items: Coverage


class Checked(NamedTuple):
    """A chunk, its findings, and the numbers of the results to leave out."""

    chunk: ResultChunk
    findings: pa.Table
    left_out: NDArray[np.int64]


class Checker:
    """Checks the chunks of one delivery in turn; remembers what must be unique in it.

    `rules_of` gives the measurement rules of a school year (`Rulebook.at`); years that it
    refuses are listed in the totals, and nothing of theirs is compared with the scale.
    `policy` blank: no LOSS/HOSS option is stated, so a score may be clipped or not.
    `delivery` is given where the delivery is remembered elsewhere.
    """

    def __init__(
        self,
        setting: Setting,
        rules_of: RulesOfYear,
        *,
        policy: str = "",
        show_private: bool = False,
        delivery: Delivery | None = None,
    ) -> None:
        self.totals = CheckTotals()
        self.delivery = delivery or Delivery()
        self.setting = setting
        self._rules_of = rules_of
        self._policy = policy
        self._show_private = show_private
        self._scales: dict[int, pl.DataFrame] = {}
        self._rules = [rule for rule in results_rules().values() if self._is_run(rule)]
        self._fixed: Kept = {} if setting.items_of else _kept(_key(setting))
        self._tests = Coverage(tuple(fields_of_tests()))
        self._items = Coverage(tuple(fields_of_items()))

    def _is_run(self, rule: ResultsRule) -> bool:
        return rule.is_run(self.setting.profile.name)

    def check(self, chunk: ResultChunk) -> Checked:
        """Check one chunk."""
        frames = Frames(chunk, self.setting, self._scale(chunk), self.delivery)
        broken = [one for rule in self._rules for one in self._broken(rule, frames)]
        told = findings_of(frames, broken, show_private=self._show_private)
        self._count(frames, told)
        return Checked(chunk, told.findings, told.left_out)

    def tally(self) -> Tally:
        """What was counted so far."""
        return Tally(self.totals, self.delivery.counts, self._tests, self._items)

    def absorb(self, tally: Tally) -> None:
        """Count what another checker counted in a part of the delivery."""
        own, other = self.totals, tally.totals
        own.results += other.results
        own.item_rows += other.item_rows
        own.left_out += other.left_out
        own.with_warnings += other.with_warnings
        own.orphans += other.orphans
        own.years_without_rules += other.years_without_rules
        self.delivery.counts.update(tally.counts)
        self._tests.merge(tally.tests)
        self._items.merge(tally.items)

    def finish(self) -> pa.Table:
        """What is said once about the whole delivery, as findings."""
        self.totals.tests = self._tests.fields()
        self.totals.items = self._items.fields()
        self.totals.years_without_rules = sorted({*self.totals.years_without_rules})
        profile = self.setting.profile.name
        told = [
            _about_delivery(rule, profile, remark)
            for rule in self._rules
            for remark in across.remarks(rule, self.delivery)
        ]
        columns = zip(*(finding.columns() for finding in told), strict=True)
        arrays = [pa.array(c, f.type) for c, f in zip(columns, FINDINGS, strict=False)]
        return pa.table(arrays, schema=FINDINGS) if told else FINDINGS.empty_table()

    def _broken(self, rule: ResultsRule, frames: Frames) -> list[Broken]:
        """The hits of a rule that holds for such a chunk; those of all its kind are kept."""
        if not self._applies(rule, frames):
            return []
        key = rule.rule, frames.is_xml
        if key in self._fixed:
            return self._fixed[key]
        predicate = PREDICATES[rule.rule]
        is_kept = is_fixed(predicate)
        broken = [Broken(rule, hit, is_kept=is_kept) for hit in predicate(frames, rule)]
        if is_kept:
            self._fixed[key] = broken
        return broken

    def _applies(self, rule: ResultsRule, frames: Frames) -> bool:
        source = {"xml"} if frames.is_xml else {"test", "item"}
        return bool(rule.tables & source)

    def _scale(self, chunk: ResultChunk) -> pl.DataFrame:
        """The scale's numbers of the years that a chunk names."""
        texts = pc.unique(chunk.tests["SchoolYear"]).to_pylist()
        years = sorted({int(t) for t in texts if t and t.strip().isdecimal() and len(t) < 6})
        scales = [self._scale_of(year) for year in years if year in _YEARS]
        return pl.concat([pl.DataFrame(schema=COLUMNS), *scales])

    def _scale_of(self, year: int) -> pl.DataFrame:
        if year not in self._scales:
            try:
                rules = [self._rules_of(SchoolYear(year))]
            except RuleNotInForceError:
                rules = []
                self.totals.years_without_rules.append(str(SchoolYear(year)))
            self._scales[year] = constants(rules, self._policy)
        return self._scales[year]

    def _count(self, frames: Frames, told: Told) -> None:
        totals = self.totals
        totals.results += frames.tests.height
        totals.item_rows += frames.items.height
        totals.left_out += len(told.left_out)
        totals.orphans += int((frames.items["result"] < 0).sum())
        totals.with_warnings += told.with_warnings
        self._tests.add(frames.tests)
        self._items.add(frames.items)


Kept = dict[tuple[str, bool], list[Broken]]


def _key(setting: Setting) -> tuple[object, ...]:
    return tuple(getattr(setting, each.name) for each in fields(setting) if each.name != "items_of")


@lru_cache(maxsize=4)
def _kept(_setting: tuple[object, ...]) -> Kept:
    """The hits that every delivery with such a setting asks for; the first one fills it."""
    return {}


def _about_delivery(rule: ResultsRule, profile: str, remark: Remark) -> Finding:
    part = rule.parts[""]
    return Finding(
        rule=rule.rule,
        consequence=rule.consequence(profile).value,
        file="",
        record="",
        field=remark.field,
        row=None,
        value=remark.value,
        message=part.message.format(field=remark.field, value=remark.value),
        remedy=part.remedy,
    )


def checked_chunks(
    chunks: Iterable[ResultChunk], checker: Checker, log: FindingLog
) -> Iterator[Checked]:
    """Check each chunk as it comes, its findings into the log; then what concerns them all."""
    for chunk in chunks:
        checked = checker.check(chunk)
        log.add_table(checked.findings)
        yield checked
        del chunk, checked  # or they would stay while the next chunk is read
    log.add_table(checker.finish())


def check_results(
    chunks: Iterable[ResultChunk],
    setting: Setting,
    rules_of: RulesOfYear,
    log: FindingLog,
    *,
    policy: str = "",
) -> CheckTotals:
    """Check a whole delivery into a log, and return what was seen."""
    checker = Checker(setting, rules_of, policy=policy, show_private=log.show_private)
    deque(checked_chunks(chunks, checker, log), maxlen=0)  # keeps none of them
    return checker.totals
