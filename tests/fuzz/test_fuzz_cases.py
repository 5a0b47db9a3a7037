"""What the fuzzer found once stays mended; what it starts from is read as well."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.seeds import seeds
from fuzz.targets import TARGETS

CASES = sorted(path for path in Path(__file__).parent.glob("cases/*/*") if path.is_file())


@pytest.mark.parametrize("case", CASES, ids=[f"{path.parent.name}-{path.stem}" for path in CASES])
def test_a_find_stays_mended(case: Path) -> None:
    TARGETS[case.parent.name](case.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_takes_what_it_starts_from(target: str) -> None:
    for seed in (b"", *seeds(target)):
        TARGETS[target](seed)
