"""Scorehouse: from item responses to reported results, each number with its reason.

The same verbs as the command line, for use from Python:

- `score(responses, packages, year, ...)` scores responses and gives Arrow tables;
- `check(results, profile, ...)` checks them against every published rule;
- `convert(results, output, ...)`, `deidentify`, `package` and `rescale` write results anew;
- `report_aggregate(warehouse, ...)`, `report_claims`, `report_targets`, `report_longitudinal`
  and `report_items` give results of groups, with small groups protected;
- `indicator(dashboard, ...)` computes the Academic Indicator, `indicator_audit(file)` checks the
  state's own file;
- `load_rulebook(path=None)` gives the dated rules;
- `scorehouse.simulate.simulate(config, folder)` makes an invented district or state.
"""

from __future__ import annotations

import importlib as _importlib
import typing as _typing

__version__ = "0.1.0"
__all__ = [
    "check",
    "convert",
    "deidentify",
    "indicator",
    "indicator_audit",
    "load_rulebook",
    "package",
    "report_aggregate",
    "report_claims",
    "report_items",
    "report_longitudinal",
    "report_targets",
    "rescale",
    "score",
]

if _typing.TYPE_CHECKING:
    from scorehouse.rulebook import load as load_rulebook
    from scorehouse.verbs.indicator_library import indicator, indicator_audit
    from scorehouse.verbs.library import check, convert, deidentify, package, rescale, score
    from scorehouse.warehouse.report import aggregate as report_aggregate
    from scorehouse.warehouse.report import claims as report_claims
    from scorehouse.warehouse.report import items as report_items
    from scorehouse.warehouse.report import longitudinal as report_longitudinal
    from scorehouse.warehouse.report import targets as report_targets

_LIBRARY, _REPORT = "scorehouse.verbs.library", "scorehouse.warehouse.report"
_PLACES = {
    "check": (_LIBRARY, "check"),
    "convert": (_LIBRARY, "convert"),
    "deidentify": (_LIBRARY, "deidentify"),
    "indicator": ("scorehouse.verbs.indicator_library", "indicator"),
    "indicator_audit": ("scorehouse.verbs.indicator_library", "indicator_audit"),
    "load_rulebook": ("scorehouse.rulebook", "load"),
    "package": (_LIBRARY, "package"),
    "report_aggregate": (_REPORT, "aggregate"),
    "report_claims": (_REPORT, "claims"),
    "report_items": (_REPORT, "items"),
    "report_longitudinal": (_REPORT, "longitudinal"),
    "report_targets": (_REPORT, "targets"),
    "rescale": (_LIBRARY, "rescale"),
    "score": (_LIBRARY, "score"),
}


def __getattr__(name: str) -> _typing.Any:
    """Import a verb when it is first used, so that `import scorehouse` stays quick."""
    if name not in _PLACES:
        raise AttributeError(f"module 'scorehouse' has no attribute {name!r}")
    module, attribute = _PLACES[name]
    return getattr(_importlib.import_module(module), attribute)
