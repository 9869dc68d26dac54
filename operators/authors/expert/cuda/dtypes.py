"""CUDA C++ types, literals and conversions of the IR's element types."""

from __future__ import annotations

from math import copysign, isinf, isnan

from operators.authors.expert.ir.graph import DType

# The type in memory, and the type that arithmetic uses: half types compute in float, as torch does.
STORAGE = {
    DType.F64: "double",
    DType.F32: "float",
    DType.F16: "k_half",
    DType.BF16: "k_bfloat",
    DType.I64: "long",
    DType.I32: "int",
    DType.I16: "short",
    DType.I8: "signed char",
    DType.U8: "unsigned char",
    DType.BOOL: "bool",
}
COMPUTE = {**STORAGE, DType.F16: "float", DType.BF16: "float"}
_HALF = (DType.F16, DType.BF16)
_LARGEST = 3.4028235677973366e38


def literal(value: float | int | bool, dtype: DType) -> str:
    """A literal of the compute type of `dtype`."""
    if dtype is DType.BOOL:
        return "true" if value else "false"
    if not dtype.is_float:
        value = int(value)
        if value in (-(2**63), -(2**31)):
            return f"({COMPUTE[dtype]})({value + 1}L - 1)"
        return f"{value}L" if dtype is DType.I64 else f"({COMPUTE[dtype]}){value}"
    value = float(value)
    double = dtype is DType.F64
    if isnan(value):
        return "k_nan" if not double else "(double)k_nan"
    if isinf(value) or (not double and abs(value) > _LARGEST):
        sign = "-" if copysign(1, value) < 0 else ""
        return f"{sign}k_infinity" if not double else f"{sign}(double)k_infinity"
    return f"{value!r}{'' if double else 'f'}"


def converted(text: str, source: DType, target: DType) -> str:
    """`text` of type `source` as the compute type of `target`, rounded as a cast in torch rounds."""
    if source is target:
        return text
    if target is DType.BOOL:
        return f"({text} != 0)"
    if target in _HALF:
        return f"k_float({stored(text, target)})"
    return text if COMPUTE[source] == COMPUTE[target] else f"({COMPUTE[target]})({text})"


def stored(text: str, dtype: DType) -> str:
    """A value of the compute type as the storage type."""
    return f"{STORAGE[dtype]}((float)({text}))" if dtype in _HALF else text


def loaded(text: str, dtype: DType) -> str:
    """A value of the storage type as the compute type."""
    return f"k_float({text})" if dtype in _HALF else text


def identity(op: str, dtype: DType) -> str:
    """What a reduction by `op` starts from."""
    if op in ("sum", "any"):
        return literal(0, dtype)
    if op in ("prod", "all"):
        return literal(1, dtype)
    if dtype.is_float:
        return literal(float("-inf") if op == "max" else float("inf"), dtype)
    if dtype is DType.BOOL:
        return literal(op == "min", dtype)
    bits, signed = dtype.bytes * 8, dtype is not DType.U8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return literal(low if op == "max" else high, dtype)
