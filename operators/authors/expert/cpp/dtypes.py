"""C++ types, literals and conversions of the IR's element types."""

from __future__ import annotations

from math import copysign, isinf, isnan

from operators.authors.expert.ir.graph import DType

# The type in memory, and the type that arithmetic uses: half types compute in float, as torch does. Loops over bools in
# memory do not vectorise, so they are bytes there and become conditions when loaded.
STORAGE = {
    DType.F64: "double",
    DType.F32: "float",
    DType.F16: "_Float16",
    DType.BF16: "bfloat16",
    DType.I64: "long",
    DType.I32: "int",
    DType.I16: "short",
    DType.I8: "signed char",
    DType.U8: "unsigned char",
    DType.BOOL: "unsigned char",
}
COMPUTE = {**STORAGE, DType.F16: "float", DType.BF16: "float", DType.BOOL: "bool"}


def literal(value: float | int | bool, dtype: DType) -> str:
    """A C++ literal of the compute type of `dtype`."""
    if not dtype.is_float:
        if dtype is DType.BOOL:
            return "true" if value else "false"
        value = int(value)
        if value in (-(2**63), -(2**31)):
            return f"({COMPUTE[dtype]})({value + 1}L - 1)"
        return f"{value}L" if dtype is DType.I64 else f"({COMPUTE[dtype]}){value}"
    suffix = "" if dtype is DType.F64 else "f"
    value = float(value)
    if isnan(value):
        return f'__builtin_nan{suffix}("")'
    if isinf(value) or (suffix and abs(value) > 3.4028235677973366e38):
        return ("-" if copysign(1, value) < 0 else "") + f"__builtin_inf{suffix}()"
    return f"{value!r}{suffix}"


def converted(text: str, source: DType, target: DType) -> str:
    """`text` of type `source` as the compute type of `target`, rounded as a cast in torch rounds."""
    if source is target:
        return text
    if target is DType.BOOL:
        return f"({text} != 0)"
    if target is DType.F16 and source is not DType.BF16:
        return f"(float)(_Float16)({text})"
    if target is DType.BF16:
        return f"load(bfloat16::of({text}))"
    if COMPUTE[source] == COMPUTE[target]:
        return text
    if source is DType.BOOL:
        return f"({text} ? {literal(1, target)} : {literal(0, target)})"
    return f"({COMPUTE[target]})({text})"


def stored(text: str, source: DType, target: DType) -> str:
    """`text` of compute type `source` as the storage type of `target`."""
    if target is DType.F16:
        return f"(_Float16)({text})"
    if target is DType.BF16:
        return f"bfloat16::of({text})"
    return converted(text, source, target)


def loaded(text: str, dtype: DType) -> str:
    """A memory access as a value of the compute type."""
    if dtype is DType.BOOL:
        return f"{text} != 0"
    return f"load({text})" if dtype in (DType.F16, DType.BF16) else text
