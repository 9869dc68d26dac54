"""Convolutions. Transposed ones stay with torch."""

from __future__ import annotations

from collections.abc import Sequence

from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import TensorType
from operators.authors.expert.ir.terms import Term

Sizes = Sequence[int] | int


@lowers("convolution.default", wide=False)
def convolution(
    call: Call,
    x: Term,
    weight: Term,
    bias: Term | None,
    stride: Sizes,
    padding: Sizes,
    dilation: Sizes,
    transposed: bool,
    output_padding: Sizes,
    groups: int,
) -> Term:
    need(not transposed)
    return _conv(call, x, weight, bias, stride, padding, dilation, groups)


@lowers(
    "conv1d.default",
    "conv2d.default",
    "conv3d.default",
    "conv1d.padding",
    "conv2d.padding",
    "conv3d.padding",
    wide=False,
)
def conv(
    call: Call,
    x: Term,
    weight: Term,
    bias: Term | None = None,
    stride: Sizes = 1,
    padding: Sizes | str = 0,
    dilation: Sizes = 1,
    groups: int = 1,
) -> Term:
    return _conv(call, x, weight, bias, stride, padding, dilation, groups)


def _conv(call: Call, x: Term, weight: Term, bias: Term | None, stride, padding, dilation, groups: int) -> Term:
    spatial = weight.rank - 2
    stride, dilation = _each(stride, spatial), _each(dilation, spatial)
    if x.rank == weight.rank - 1:  # no batch
        x = x.unsqueeze(0)
    if isinstance(padding, str):
        padding = _named_padding(padding, weight, dilation)
        if any(total % 2 for total in padding):
            x = x.pad([0, 0, *(t // 2 for t in padding)], [0, 0, *(t - t // 2 for t in padding)], 0.0)
            padding = [0] * spatial
        padding = [t // 2 for t in padding]
    padding = _each(padding, spatial)
    sizes = zip(x.shape[2:], weight.shape[2:], stride, padding, dilation, strict=True)
    out = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in sizes]
    type = TensorType(x.dtype, (x.shape[0], weight.shape[0], *out))
    attrs = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    result = call.terms.add("conv", [x, weight], type, **attrs)
    if bias is not None:
        result = result + bias.reshape([-1] + [1] * spatial)
    return result.reshape(call.type.shape)


def _each(value: Sizes, count: int) -> tuple[int, ...]:
    values = (value,) if isinstance(value, int) else tuple(value)
    return values * count if len(values) == 1 else values


def _named_padding(name: str, weight: Term, dilation: Sequence[int]) -> list[int]:
    """Both sides together per axis."""
    need(name in ("valid", "same"))
    return [d * (k - 1) if name == "same" else 0 for k, d in zip(weight.shape[2:], dilation, strict=True)]
