"""Elementwise ops as Triton expressions. Functions named `k_*` are in `preludes/math.py.txt`."""

from __future__ import annotations

from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.expr import Unsupported
from operators.authors.expert.kernels.nest.arithmetic import quick_function
from operators.authors.expert.triton.dtypes import COMPUTE, converted

_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "logical_and": "&", "logical_or": "|", "logical_xor": "!=",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip
_FORMS = {
    "neg": "-{0}",
    "abs": "tl.abs({0})",
    "where": "tl.where({0}, {1}, {2})",
    "logical_not": "{0} == 0",
    "isnan": "{0} != {0}",
}
_REAL = {
    "div": "tl.div_rn({0}, {1})",
    "sqrt": "tl.sqrt_rn({0})",
    "rsqrt": "tl.div_rn(1.0, tl.sqrt_rn({0}))",
    "reciprocal": "tl.div_rn(1.0, {0})",
    "isinf": 'tl.abs({0}) == float("inf")',
    **{op: f"tl.{op}({{0}})" for op in ("exp2", "log", "log2", "sin", "cos", "erf", "floor", "ceil")},
    **{
        op: f"k_{op}({{0}})"
        for op in "exp expm1 log1p tan tanh sigmoid softplus mish_gate erf_plus_one erfc sinh cosh asinh acosh "
        "atanh round trunc sign".split()
    },
    **{op: f"k_{op}({{0}}, {{1}})" for op in ("max", "min", "pow", "mod", "fmod", "floor_div")},
}
# In double the functions of Triton itself are exact enough; what is missing here stays with torch.
_DOUBLE = {
    **{op: _REAL[op] for op in "isinf max min round trunc sign mod fmod floor_div".split()},
    "div": "{0} / {1}",
    "sqrt": "tl.sqrt({0})",
    "rsqrt": "1.0 / tl.sqrt({0})",
    "reciprocal": "1.0 / {0}",
    "sigmoid": "1.0 / (1.0 + tl.exp(-{0}))",
    "erf_plus_one": "1.0 + tl.erf({0})",
    **{op: f"tl.{op}({{0}})" for op in ("exp", "exp2", "log", "log2", "sin", "cos", "erf", "floor", "ceil")},
}
_WHOLE = {
    "isinf": "{0} != {0}",
    "fmod": "{0} % {1}",
    "max": "tl.maximum({0}, {1})",
    "min": "tl.minimum({0}, {1})",
    "sign": "({0} > 0).to(tl.int32) - ({0} < 0).to(tl.int32)",
    "mod": "k_mod_int({0}, {1})",
    "floor_div": "k_floor_div_int({0}, {1})",
    **dict.fromkeys(("floor", "ceil", "round", "trunc"), "{0}"),
}
_SMALL = (DType.I16, DType.I8, DType.U8)
# x to a constant power, where a short product is as exact as pow.
_POWERS = {
    0.5: "sqrt",
    -0.5: "rsqrt",
    1.0: "{0}",
    -1.0: "reciprocal",
    2.0: "{0} * {0}",
    3.0: "{0} * {0} * {0}",
    4.0: "({0} * {0}) * ({0} * {0})",
}


def map_text(graph: Graph, node: Node, operands: list[str], quick: bool = False) -> str:
    """One map over operands already converted to `operand_types`; `quick` as the kernel's constants say. Raises
    Unsupported for what Triton cannot do."""
    if node.op == "cast":
        return converted(operands[0], graph[node.inputs[0]].dtype, node.dtype)
    if quick:
        name, exactness = quick_function(graph, node)
        operands = ["1.0", *operands] if node.op == "reciprocal" else operands
        return f"{name}({', '.join([*operands, exactness])})"
    text = _form(graph, node).format(*operands)
    return f"({text}).to({COMPUTE[node.dtype]})" if node.dtype in _SMALL else text


def _form(graph: Graph, node: Node) -> str:
    dtype = graph[node.inputs[0]].dtype if node.dtype is DType.BOOL else node.dtype
    table = _DOUBLE if dtype is DType.F64 else _REAL if dtype.is_float else _WHOLE
    if node.op in _OPERATORS:
        return f"{{0}} {_OPERATORS[node.op]} {{1}}"
    if node.op == "bitwise_not":
        return "{0} == 0" if node.dtype is DType.BOOL else "~{0}"
    if node.op == "pow" and dtype.is_float and graph[node.inputs[1]].op == "const":
        power = _POWERS.get(float(graph[node.inputs[1]].attrs["value"]))
        if power:
            return table.get(power, power)
    form = _FORMS.get(node.op) or table.get(node.op)
    if form is None:
        raise Unsupported(f"{node.op} of {dtype} in Triton")
    return form
