"""Elementwise ops as CUDA C++ expressions. Functions named `k_*` are in `preludes/kernels.h`."""

from __future__ import annotations

from operators.authors.expert.cuda.dtypes import COMPUTE, converted
from operators.authors.expert.ir.graph import DType, Graph, Node
from operators.authors.expert.kernels.nest.arithmetic import quick_function

_OPERATORS = {
    "add": "+", "sub": "-", "mul": "*", "div": "/",
    "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=",
    "logical_and": "&&", "logical_or": "||", "logical_xor": "!=",
    "bitwise_and": "&", "bitwise_or": "|", "bitwise_xor": "^",
}  # fmt: skip
# Functions of CUDA itself, accurate to a few ulp; that of float ends in f.
_FUNCTIONS = {
    name: name
    for name in "exp exp2 expm1 log log2 log1p sqrt rsqrt sin cos tan tanh erf erfc asin acos atan sinh cosh asinh "
    "acosh atanh floor ceil trunc pow fmod atan2".split()
} | {"round": "rint", "abs": "fabs"}
_WHOLE = dict.fromkeys(("floor", "ceil", "round", "trunc"), "{0}") | {
    "fmod": "{0} % {1}",
    "isnan": "false",
    "isinf": "false",
    "pow": "k_pow_int({0}, {1})",
    "mod": "k_mod_int({0}, {1})",
    "floor_div": "k_floor_div_int({0}, {1})",
}
_FORMS = {
    "where": "({0} ? {1} : {2})",
    "neg": "-{0}",
    "logical_not": "!{0}",
    "isnan": "{0} != {0}",
    "reciprocal": "1 / {0}",
}
_SMALL = frozenset([DType.I16, DType.I8, DType.U8, DType.BOOL])
# x to a constant power, where a short product is as exact as pow.
_POWERS = {
    0.5: "sqrt",
    -0.5: "rsqrt",
    1.0: "{0}",
    -1.0: "1 / {0}",
    2.0: "{0} * {0}",
    -2.0: "1 / ({0} * {0})",
    3.0: "{0} * {0} * {0}",
    4.0: "({0} * {0}) * ({0} * {0})",
}


def map_text(graph: Graph, node: Node, operands: list[str], quick: bool = False) -> str:
    """The C++ expression of one map over operands already converted to `operand_types`; `quick` as the kernel's macros
    say."""
    if node.op == "cast":
        return converted(operands[0], graph[node.inputs[0]].dtype, node.dtype)
    if quick:
        name, exactness = quick_function(graph, node)
        operands = ["1.0f", *operands] if node.op == "reciprocal" else operands
        return f"{name}<{exactness}>({', '.join(operands)})"
    text = _form(graph, node).format(*operands)
    return f"({COMPUTE[node.dtype]})({text})" if node.dtype in _SMALL else text


def _form(graph: Graph, node: Node) -> str:
    dtype = graph[node.inputs[0]].dtype if node.dtype is DType.BOOL else node.dtype
    if node.op in _OPERATORS:
        return f"{{0}} {_OPERATORS[node.op]} {{1}}"
    if node.op == "bitwise_not":
        return "!{0}" if node.dtype is DType.BOOL else "~{0}"
    op = node.op
    if op == "pow" and dtype.is_float and graph[node.inputs[1]].op == "const":
        op = _POWERS.get(float(graph[node.inputs[1]].attrs["value"]), op)
        if "{" in op:
            return op
    if not dtype.is_float and op in _WHOLE:
        return _WHOLE[op]
    if dtype.is_float and op in _FUNCTIONS:
        arguments = ", ".join(f"{{{i}}}" for i in range(1 if op in ("sqrt", "rsqrt") else len(node.inputs)))
        return f"{_FUNCTIONS[op]}{'' if dtype is DType.F64 else 'f'}({arguments})"
    arguments = ", ".join(f"{{{i}}}" for i in range(len(node.inputs)))
    return _FORMS.get(op) or f"k_{op}({arguments})"
