"""Normalisation layers: statistics over some axes, then scale and shift."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from operators.authors.expert.capture.reductions import variance
from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.terms import Term


def _standardised(x: Term, axes: Sequence[int], eps: float) -> tuple[Term, Term, Term]:
    """(x normalised, mean, reciprocal deviation), statistics with kept axes."""
    spread, average = variance(x, axes, 0, True)
    scale = (spread + eps).map("rsqrt")
    return (x - average) * scale, average, scale


def _per_channel(parameter: Term, rank: int) -> Term:
    return parameter.reshape([-1 if axis == 1 else 1 for axis in range(rank)])


def _affine(x: Term, weight: Term | None, bias: Term | None) -> Term:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _affine_channels(x: Term, weight: Term | None, bias: Term | None) -> Term:
    return _affine(x, *(None if p is None else _per_channel(p, x.rank) for p in (weight, bias)))


@lowers("layer_norm.default")
def layer_norm(call: Call, x: Term, shape: Sequence[int], weight=None, bias=None, eps: float = 1e-5, cudnn=True):
    axes = range(x.rank - len(shape), x.rank)
    return _affine(_standardised(x, list(axes), eps)[0], weight, bias)


@lowers("native_layer_norm.default")
def native_layer_norm(call: Call, x: Term, shape: Sequence[int], weight, bias, eps: float):
    result, average, scale = _standardised(x, list(range(x.rank - len(shape), x.rank)), eps)
    return _affine(result, weight, bias), average, scale


@lowers("rms_norm.default")
def rms_norm(call: Call, x: Term, shape: Sequence[int], weight: Term | None = None, eps: float | None = None) -> Term:
    eps = 1.1920928955078125e-07 if eps is None else eps  # float32's epsilon
    scale = ((x * x).mean(list(range(x.rank - len(shape), x.rank)), True) + eps).map("rsqrt")
    return _affine(x * scale, weight, None)


@lowers("group_norm.default")
def group_norm(call: Call, x: Term, groups: int, weight=None, bias=None, eps: float = 1e-5, cudnn=True) -> Term:
    grouped = x.reshape([x.shape[0], groups, x.shape[1] // groups, prod(x.shape[2:])])
    result = _standardised(grouped, [2, 3], eps)[0].reshape(x.shape)
    return _affine_channels(result, weight, bias)


@lowers("native_group_norm.default")
def native_group_norm(call: Call, x: Term, weight, bias, n: int, c: int, inner: int, groups: int, eps: float):
    grouped = x.reshape([n, groups, c // groups, inner])
    result, average, scale = _standardised(grouped, [2, 3], eps)
    result = _affine_channels(result.reshape(x.shape), weight, bias)
    return result, average.reshape([n, groups]), scale.reshape([n, groups])


@lowers("instance_norm.default")
def instance_norm(
    call: Call, x: Term, weight, bias, mean, var, use_input_stats: bool, momentum: float, eps: float, cudnn: bool
) -> Term:
    need(use_input_stats and mean is None)
    return _affine_channels(_standardised(x, list(range(2, x.rank)), eps)[0], weight, bias)


def _batch_axes(x: Term) -> list[int]:
    return [axis for axis in range(x.rank) if axis != 1]


def _with_statistics(x: Term, weight, bias, mean: Term, var: Term, eps: float) -> Term:
    mean, var = _per_channel(mean, x.rank), _per_channel(var, x.rank)
    return _affine_channels((x - mean) * (var + eps).map("rsqrt"), weight, bias)


@lowers("_native_batch_norm_legit_no_training.default")
def batch_norm_eval(call: Call, x: Term, weight, bias, mean: Term, var: Term, momentum: float, eps: float):
    return _with_statistics(x, weight, bias, mean, var, eps), None, None


@lowers("batch_norm.default")
def batch_norm(
    call: Call, x: Term, weight, bias, mean, var, training: bool, momentum: float, eps: float, cudnn: bool
) -> Term:
    if not training:
        return _with_statistics(x, weight, bias, mean, var, eps)
    need(mean is None)  # else running statistics would change unseen
    return _affine_channels(_standardised(x, _batch_axes(x), eps)[0], weight, bias)


@lowers("native_batch_norm.default")
def native_batch_norm(call: Call, x: Term, weight, bias, mean, var, training: bool, momentum: float, eps: float):
    need(not training)
    return _with_statistics(x, weight, bias, mean, var, eps), None, None


@lowers("_native_batch_norm_legit.no_stats")
def batch_norm_no_stats(call: Call, x: Term, weight, bias, training: bool, momentum: float, eps: float):
    result, average, scale = _standardised(x, _batch_axes(x), eps)
    return _affine_channels(result, weight, bias), average.squeeze(_batch_axes(x)), scale.squeeze(_batch_axes(x))


@lowers("_native_batch_norm_legit_functional.default")
def batch_norm_functional(
    call: Call, x: Term, weight, bias, mean: Term, var: Term, training: bool, momentum: float, eps: float
):
    """The last two results are the new running statistics, the variance's without bias."""
    if not training:
        return _with_statistics(x, weight, bias, mean, var, eps), None, None, mean, var
    axes, count = _batch_axes(x), x.size(_batch_axes(x))
    spread, average = variance(x, axes, 0, True)
    scale = (spread + eps).map("rsqrt")
    result = _affine_channels((x - average) * scale, weight, bias)
    average, spread = average.squeeze(axes), spread.squeeze(axes)
    unbiased = spread * (count / max(count - 1, 1))
    new_mean = mean * (1 - momentum) + average * momentum
    new_var = var * (1 - momentum) + unbiased * momentum
    return result, average, scale.squeeze(axes), new_mean, new_var
