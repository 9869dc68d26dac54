"""What kinds of operators do with the influence that an argument has; see `sure.py`."""

from __future__ import annotations

from typing import Any

from evaluator.roofline.tape import Step

# Every element stays, in its place or another one.
RESHAPES = frozenset(
    "view _unsafe_view reshape _reshape_alias permute transpose t unsqueeze squeeze expand clone alias detach _to_copy "
    "contiguous flip roll numpy_T movedim lift_fresh_copy".split()
)
# Functions of each element that are no constants, whatever the scalars beside it are (so none with bounds).
_UNARY = frozenset(
    "neg exp exp2 expm1 log log1p log2 sqrt rsqrt reciprocal sin cos tanh sinh atan asinh erf sigmoid silu gelu relu "
    "leaky_relu elu selu celu softplus mish hardswish hardsigmoid log_sigmoid_forward abs square pow rsub".split()
)
ZEROES = frozenset("relu hardswish hardsigmoid argmax argmin".split())  # what may leave many zeros
ADDS = frozenset("add sub".split())
MULTIPLIES = frozenset("mul div".split())
NORMALISES = frozenset(
    "_softmax _log_softmax _safe_softmax native_layer_norm native_group_norm native_batch_norm "
    "_native_batch_norm_legit _native_batch_norm_legit_no_training cudnn_batch_norm _fused_rms_norm".split()
)
# Of what may be many elements, where one in the place of another would show. (No product: one zero ends it.)
SUMS = frozenset(
    "sum mean var std amax amin max min argmax argmin logsumexp linalg_vector_norm norm cumsum logcumsumexp "
    "max_pool2d_with_indices max_pool3d_with_indices avg_pool2d avg_pool3d _adaptive_avg_pool2d "
    "_adaptive_avg_pool3d".split()
)
CONTRACTS = {  # the positions of the two factors
    "mm": (0, 1),
    "bmm": (0, 1),
    "mv": (0, 1),
    "dot": (0, 1),
    "addmm": (1, 2),
    "baddbmm": (1, 2),
    "convolution": (0, 1),
}
_WINDOWED = ("max_pool", "avg_pool", "convolution")


def is_unary(name: str, step: Step) -> bool:
    """Whether the first result is an element-wise function of one tensor, and neither a constant nor the tensor."""
    if len(step.operands) != 1:
        return False
    if name == "pow":
        return step.args[0] is step.operands[0] and step.args[1] not in (0, 1)
    if name in MULTIPLIES:
        return step.args[1] not in (0, 1, float("inf"), float("-inf"))
    return name in _UNARY or (name in ADDS and step.args[1] != 0)


def covers(step: Step) -> bool:
    """Whether windows that slide over the first operand leave no element of it out. True where nothing slides."""
    if not step.name.startswith(_WINDOWED):
        return True
    where = _convolution(step) if step.name == "convolution" else _pool(step)
    if where is None:
        return False
    sizes, results, kernel, stride, padding = where
    if step.name == "convolution" and step.args[6]:  # transposed: an element reaches a whole window
        return all(pad < k for pad, k in zip(padding, kernel, strict=True))
    return all(
        s <= k and (out - 1) * s + k - pad >= size
        for size, out, k, s, pad in zip(sizes, results, kernel, stride, padding, strict=True)
    )


Window = tuple[list[int], list[int], list[int], list[int], list[int]]


def _convolution(step: Step) -> Window | None:
    kernel = list(step.args[1].shape[2:])
    stride, padding, dilation = (_each(step.args[position], len(kernel)) for position in (3, 4, 5))
    if any(each != 1 for each in dilation):
        return None
    return _spatial(step, kernel, stride, padding)


def _pool(step: Step) -> Window | None:
    dims = int(step.name[step.name.index("pool") + 4])
    kernel = _each(step.argument("kernel_size"), dims)
    stride = _each(step.argument("stride") or kernel, dims)
    if any(each != 1 for each in _each(step.argument("dilation", 1), dims)):
        return None
    return _spatial(step, kernel, stride, _each(step.argument("padding", 0), dims))


def _spatial(step: Step, kernel: list[int], stride: list[int], padding: list[int]) -> Window:
    dims = len(kernel)
    return list(step.operands[0].shape[-dims:]), list(step.results[0].shape[-dims:]), kernel, stride, padding


def _each(value: Any, dims: int) -> list[int]:
    values = list(value) if isinstance(value, (list, tuple)) else [value]
    return values * dims if len(values) == 1 else values
