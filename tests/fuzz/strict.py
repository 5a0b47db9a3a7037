"""The scanner run as Python, on bytes that refuse to be read outside themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from scorehouse.intake.readers import trt_batch, trt_columns


class Places(list[int]):
    """Bytes by place; a negative place is a fault, where compiled code would read on."""

    def __getitem__(self, place: Any) -> Any:
        if place < 0:
            raise IndexError(place)
        return super().__getitem__(place)


def check_places() -> None:
    """Make the scanner and the copying of cells use such bytes; needs uncompiled functions."""
    scan, copy = trt_batch.scan, trt_columns._copy

    def strict_scan(data: np.ndarray[Any, Any], *others: Any) -> Any:
        return scan(Places(data.tolist()), *others)

    def strict_copy(data: np.ndarray[Any, Any], *others: Any) -> None:
        copy(Places(data.tolist()), *others)

    trt_batch.scan = strict_scan
    trt_columns._copy = strict_copy
