"""Fuzz one target for some seconds: `python tests/fuzz/run.py TARGET SECONDS`.

What was learned is kept in build/fuzz and used again. A find ends the run and stands in
build/fuzz/TARGET-finds; `--minimize FILE` in the place of seconds makes it small. Mend the
fault, and commit the find to tests/fuzz/cases/TARGET.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib import import_module
from pathlib import Path

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "build" / "fuzz"
MOST_BYTES = 6_000
COMPILED = ("flatten_columns", "readers.trt_batch")  # with what they import

sys.path.insert(0, str(ROOT / "tests"))
if sys.argv[1:2] == ["scanner"]:  # as Python: its steps can be followed, its bounds are checked
    os.environ["NUMBA_DISABLE_JIT"] = "1"
else:  # what is compiled can't be followed
    for name in COMPILED:
        import_module(f"scorehouse.intake.{name}")

import atheris  # noqa: E402 - the environment must be set before

with atheris.instrument_imports(include=["scorehouse.intake", "zipfile"]):
    from fuzz.strict import check_places
    from fuzz.targets import TARGETS

from fuzz.seeds import seeds, words  # noqa: E402


def main(target: str, *options: str) -> None:
    """Run one target until its time is up or something is found."""
    warnings.simplefilter("error")
    corpus, finds = KEPT / target, KEPT / f"{target}-finds"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(target)):
        (corpus / f"seed-{number}").write_bytes(seed)
    dictionary = KEPT / f"{target}-words.txt"
    dictionary.write_text("".join(f'"{_quoted(word)}"\n' for word in words()), encoding="ascii")
    if target == "scanner":
        check_places()
    limits = [f"-max_len={MOST_BYTES}", "-timeout=30", "-rss_limit_mb=2000"]
    if options[0] == "--minimize":
        given = [options[1], "-minimize_crash=1", "-max_total_time=60"]
    else:
        given = [str(corpus), f"-max_total_time={options[0]}", f"-dict={dictionary}"]
    atheris.Setup([sys.argv[0], *given, *limits, f"-artifact_prefix={finds}/"], TARGETS[target])
    atheris.Fuzz()


def _quoted(word: bytes) -> str:
    return "".join(f"\\x{byte:02x}" for byte in word)


if __name__ == "__main__":
    main(*sys.argv[1:])
