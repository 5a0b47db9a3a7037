"""Scoring on several machines: each scores pieces of the responses, and one file is made.

The machines see the same folders. A piece's scores are those of a run on one machine, bit for
bit: what is asked of the machines is the very function that runs here.
"""

from __future__ import annotations

import json
import pickle
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from scorehouse.errors import UsageError
from scorehouse.intake.findings import FindingLog
from scorehouse.intake.readers.identify import FileKind, identify
from scorehouse.intake.readers.pieces import Piece, pieces, read_piece
from scorehouse.intake.readers.responses import opportunities_beside
from scorehouse.shapes import FINDINGS, SCORES
from scorehouse.verbs.request import ScoreRequest
from scorehouse.verbs.score import Made, Progress, Scorer, YearCheck, report

MapBatches = Callable[[pa.Table, Callable[[pa.Table], pa.Table], pa.Schema], pa.Table]
"""Gives each row of a table to a function, somewhere; see the warehouse's engines."""

PIECE_TESTS = 50_000
WAVE = 64  # pieces asked for at once; progress is told between
_ASKED = pa.schema([("number", pa.int64()), ("piece", pa.binary())])
_TOLD = pa.schema([("number", pa.int64()), ("findings", pa.binary()), ("counts", pa.string())])


@dataclass(frozen=True)
class PieceScorer:
    """Scores one piece into a file of `folder`; runs wherever it is sent."""

    scorer: Scorer
    folder: Path
    show_private: bool

    def __call__(self, asked: pa.Table) -> pa.Table:
        """Score the piece of one row; return what was found."""
        number = int(asked["number"][0].as_py())
        piece = pickle.loads(asked["piece"][0].as_py())  # noqa: S301 - this run wrote it
        log = FindingLog(show_private=self.show_private)
        years = YearCheck(self.scorer.prepared.rules.year)
        run_wide: Counter[tuple[str, str]] = Counter()
        with pq.ParquetWriter(part_path(self.folder, number), SCORES, compression="lz4") as sink:
            for chunk in read_piece(piece, log):
                result = self.scorer.score(chunk)
                years.see(chunk)
                report(result.problems, chunk, log, run_wide)
                sink.write_table(result.scores)
        counts = {"years": years.others, "run": [[*key, n] for key, n in run_wide.items()]}
        told = [[number], [_packed(log.table())], [json.dumps(counts)]]
        return pa.table([pa.array(c, f.type) for c, f in zip(told, _TOLD, strict=True)], _TOLD)


@dataclass(frozen=True)
class Spread:
    """Scores a table piece by piece through `map_batches`; stands for `scored_chunks`."""

    map_batches: MapBatches
    folder: Path  # the machines see it; what is put there goes at the end
    piece_tests: int = PIECE_TESTS

    def __call__(
        self,
        request: ScoreRequest,
        scorer: Scorer,
        log: FindingLog,
        progress: Progress | None = None,
    ) -> Iterator[Made]:
        """Yield the scores of piece after piece; what is wrong goes to the log.

        Raises UsageError for what only one machine does.
        """
        _check(request)
        with _scratch(self.folder) as scratch:
            beside = request.opportunities or opportunities_beside(request.input)
            found = pieces(request.input.resolve(), _real(beside), log, scratch, self.piece_tests)
            function = PieceScorer(scorer, scratch, request.show_private)
            yield from self._in_waves(found, function, log, progress)

    def _in_waves(
        self,
        found: list[Piece],
        function: PieceScorer,
        log: FindingLog,
        progress: Progress | None,
    ) -> Iterator[Made]:
        years = YearCheck(function.scorer.prepared.rules.year)
        run_wide: Counter[tuple[str, str]] = Counter()
        expected = sum(piece.order.starts.size for piece in found)
        done = 0
        numbered = enumerate(found)
        while wave := list(islice(numbered, WAVE)):
            for told in self.map_batches(_asked(wave), function, _TOLD).to_pylist():
                _hear(told, log, years, run_wide)
                for table in _parts(function.folder, told["number"]):
                    yield Made(table)
            done += sum(piece.order.starts.size for _, piece in wave)
            if progress:
                progress(min(done, expected), expected)
        years.report(log)
        for (rule, value), count in run_wide.items():
            log.add(rule, value=value, count=count)


def _check(request: ScoreRequest) -> None:
    """Refuse what isn't a table, and what needs all tests in one place."""
    if request.merge_parts:
        raise UsageError("--merge-parts needs all tests in one place; leave --engine out")
    if request.item_fit is not None:
        raise UsageError("--item-fit adds up in one place; leave --engine out")
    is_table = request.input.is_file() and identify(request.input) in (
        FileKind.PARQUET,
        FileKind.CSV,
    )
    if not is_table:
        raise UsageError(
            f"{request.input.name} is no long-form table, and a cluster scores nothing else; "
            "`scorehouse convert` makes one, or leave --engine out"
        )


def _real(path: Path | None) -> Path | None:
    return path.resolve() if path else None


@contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    scratch = Path(tempfile.mkdtemp(prefix=".scoring-", dir=folder.resolve()))
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def part_path(folder: Path, number: int) -> Path:
    """Where the scores of a piece are put."""
    return folder / f"part-{number:08d}.parquet"


def _parts(folder: Path, number: int) -> Iterator[pa.Table]:
    path = part_path(folder, number)
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            yield file.read_row_group(group)
    path.unlink()


def _asked(wave: list[tuple[int, Piece]]) -> pa.Table:
    numbers, packed = zip(*((number, pickle.dumps(piece)) for number, piece in wave), strict=True)
    return pa.table({"number": numbers, "piece": packed}, schema=_ASKED)


def _hear(
    told: dict[str, object], log: FindingLog, years: YearCheck, run_wide: Counter[tuple[str, str]]
) -> None:
    log.add_table(pa.ipc.open_stream(told["findings"]).read_all())
    counts = json.loads(str(told["counts"]))
    years.others.update(counts["years"])
    for rule, value, count in counts["run"]:
        run_wide[rule, value] += count


def _packed(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, FINDINGS) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())
