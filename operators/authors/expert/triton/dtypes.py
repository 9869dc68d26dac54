"""Triton types, literals and conversions of the IR's element types."""

from __future__ import annotations

from math import isinf, isnan

from operators.authors.expert.ir.graph import DType

# The type in memory, and the type that arithmetic uses: half types compute in float32, as torch does.
STORAGE = {
    DType.F64: "tl.float64",
    DType.F32: "tl.float32",
    DType.F16: "tl.float16",
    DType.BF16: "tl.bfloat16",
    DType.I64: "tl.int64",
    DType.I32: "tl.int32",
    DType.I16: "tl.int16",
    DType.I8: "tl.int8",
    DType.U8: "tl.uint8",
    DType.BOOL: "tl.int1",
}
COMPUTE = {**STORAGE, DType.F16: "tl.float32", DType.BF16: "tl.float32"}
_HALF = (DType.F16, DType.BF16)


def literal(value: float | int | bool, dtype: DType) -> str:
    """A constant of the compute type of `dtype`: a Python number where Triton gives it the type of its partner."""
    if dtype is DType.BOOL:
        return str(bool(value))
    if not dtype.is_float:
        return str(int(value))
    value = float(value)
    if isnan(value):
        text = 'float("nan")'
    elif isinf(value) or (dtype is not DType.F64 and abs(value) > 3.4028235677973366e38):
        text = f'float("{"-" if value < 0 else ""}inf")'
    else:
        text = repr(value)
    # A Python number is a float32 to some functions of Triton.
    return f"tl.full((), {text}, tl.float64)" if dtype is DType.F64 else text


def converted(text: str, source: DType, target: DType) -> str:
    """`text` of type `source` as the compute type of `target`, rounded as a cast in torch rounds."""
    if source is target:
        return text
    if target is DType.BOOL:
        return f"({text} != 0)"
    if not text.isidentifier():
        text = f"tl.full((), {text}, {COMPUTE[source]})"
    if target in _HALF:
        return f"{text}.to({STORAGE[target]}).to(tl.float32)"
    return text if COMPUTE[source] == COMPUTE[target] else f"{text}.to({COMPUTE[target]})"


def loaded(text: str, dtype: DType) -> str:
    """A load as a value of the compute type."""
    return f"{text}.to(tl.float32)" if dtype in _HALF else text


def stored(text: str, dtype: DType) -> str:
    """A value of the compute type as the storage type: `tl.store` converts what is not said here."""
    return f"{text}.to({STORAGE[dtype]})" if dtype in _HALF and text.isidentifier() else text


def lowest(dtype: DType) -> str:
    """What any value of the type is at least; `highest` is its counterpart."""
    return _bound(dtype, -1)


def highest(dtype: DType) -> str:
    return _bound(dtype, 1)


def _bound(dtype: DType, sign: int) -> str:
    if dtype.is_float:
        return literal(sign * float("inf"), dtype)
    if dtype is DType.BOOL:
        return str(sign > 0)
    bits, signed = dtype.bytes * 8, dtype is not DType.U8
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return str(high if sign > 0 else low)
