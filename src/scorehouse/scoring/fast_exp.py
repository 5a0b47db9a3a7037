"""An exponential that the compiler vectorizes: numba's wheels come without one."""

from __future__ import annotations

import math
from typing import Any

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_ROUND = 6755399441055744.0  # 1.5 · 2**52: adding it leaves the nearest integer in the low bits
_P = tuple(1.0 / math.factorial(k) for k in range(13))


@intrinsic  # type: ignore[untyped-decorator]
def _bits(_context: Any, number: Any) -> Any:
    def generate(_ctx: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.IntType(64))

    return types.int64(types.float64), generate


@intrinsic  # type: ignore[untyped-decorator]
def _from_bits(_context: Any, number: Any) -> Any:
    def generate(_ctx: Any, builder: Any, _sig: Any, args: Any) -> Any:
        return builder.bitcast(args[0], ir.DoubleType())

    return types.float64(types.int64), generate


@njit(fastmath={"contract"}, cache=True, error_model="numpy")
def fast_exp(x):  # type: ignore[no-untyped-def]
    """e**x for |x| < 700, within 2.3e-16 relative; the compiler vectorizes loops over it."""
    rounded = x * _LOG2_E + _ROUND
    k = rounded - _ROUND
    r = (x - k * _LN2_HIGH) - k * _LN2_LOW
    high = _P[8] + r * (_P[9] + r * (_P[10] + r * (_P[11] + r * _P[12])))
    series = _P[4] + r * (_P[5] + r * (_P[6] + r * (_P[7] + r * high)))
    series = 1.0 + r * (1.0 + r * (_P[2] + r * (_P[3] + r * series)))
    return _from_bits(_bits(series) + (_bits(rounded) << 52))
