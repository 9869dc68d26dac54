"""Losses. `reduction` is torch's number: 0 none, 1 mean, 2 sum."""

from __future__ import annotations

from operators.authors.expert.capture.reductions import log_softmax_of
from operators.authors.expert.capture.registry import Call, lowers, need
from operators.authors.expert.ir.graph import DType
from operators.authors.expert.ir.terms import Number, Term

MEAN, SUM = 1, 2


def reduced(x: Term, reduction: int) -> Term:
    return x.mean() if reduction == MEAN else x.reduce("sum") if reduction == SUM else x


@lowers("mse_loss.default")
def mse(call: Call, x: Term, y: Term, reduction: int = MEAN) -> Term:
    return reduced((x - y) * (x - y), reduction)


@lowers("l1_loss.default")
def l1(call: Call, x: Term, y: Term, reduction: int = MEAN) -> Term:
    return reduced((x - y).map("abs"), reduction)


@lowers("smooth_l1_loss.default")
def smooth_l1(call: Call, x: Term, y: Term, reduction: int = MEAN, beta: float = 1.0) -> Term:
    size = (x - y).map("abs")
    if beta == 0:
        return reduced(size, reduction)
    return reduced(call.terms.where(size.map("lt", beta), size * size * (0.5 / beta), size - 0.5 * beta), reduction)


@lowers("huber_loss.default")
def huber(call: Call, x: Term, y: Term, reduction: int = MEAN, delta: float = 1.0) -> Term:
    size = (x - y).map("abs")
    return reduced(call.terms.where(size.map("le", delta), size * size * 0.5, (size - 0.5 * delta) * delta), reduction)


@lowers("soft_margin_loss.default")
def soft_margin(call: Call, x: Term, y: Term, reduction: int = MEAN) -> Term:
    return reduced((-y * x).map("exp").map("log1p"), reduction)


@lowers("hinge_embedding_loss.default")
def hinge_embedding(call: Call, x: Term, y: Term, margin: float = 1.0, reduction: int = MEAN) -> Term:
    positive = call.terms.where(y.map("ne", 1), 0.0, x)
    negative = call.terms.where(y.map("ne", -1), 0.0, (margin - x).max(0))
    return reduced(positive + negative, reduction)


@lowers("margin_ranking_loss.default")
def margin_ranking(call: Call, a: Term, b: Term, y: Term, margin: float = 0.0, reduction: int = MEAN) -> Term:
    return reduced((-y * (a - b) + margin).max(0), reduction)


@lowers("kl_div.default")
def kl_div(call: Call, x: Term, y: Term, reduction: int = MEAN, *, log_target: bool = False) -> Term:
    if log_target:
        return reduced(y.map("exp") * (y - x), reduction)
    return reduced(call.terms.where(y.map("eq", 0), 0.0, y * y.map("log")) - y * x, reduction)


@lowers("poisson_nll_loss.default")
def poisson_nll(call: Call, x: Term, y: Term, log_input: bool, full: bool, eps: float, reduction: int) -> Term:
    need(not full)
    return reduced(x.map("exp") - y * x if log_input else x - y * (x + eps).map("log"), reduction)


@lowers("binary_cross_entropy.default")
def bce(call: Call, x: Term, y: Term, weight: Term | None = None, reduction: int = MEAN) -> Term:
    """torch bounds both logarithms at -100."""
    loss = -(y * x.map("log").max(-100) + (1 - y) * (-x).map("log1p").max(-100))
    return reduced(loss if weight is None else loss * weight, reduction)


@lowers("binary_cross_entropy_with_logits.default")
def bce_logits(
    call: Call, x: Term, y: Term, weight: Term | None = None, pos_weight: Term | None = None, reduction: int = MEAN
) -> Term:
    scale = 1.0 if pos_weight is None else (pos_weight - 1) * y + 1
    loss = (1 - y) * x + (-x).map("softplus") * scale
    return reduced(loss if weight is None else loss * weight, reduction)


@lowers("cross_entropy_loss.default")
def cross_entropy(
    call: Call,
    x: Term,
    y: Term,
    weight: Term | None = None,
    reduction: int = MEAN,
    ignore_index: int = -100,
    label_smoothing: float = 0.0,
) -> Term:
    classes = 1 if x.rank > 1 else 0
    logs = log_softmax_of(x, classes)
    if x.shape == y.shape and y.dtype.is_float:
        need(weight is None)
        y = y * (1 - label_smoothing) + label_smoothing / x.shape[classes] if label_smoothing else y
        loss = -(logs * y).reduce("sum", [classes])
        return loss.reduce("sum") / float(loss.type.numel) if reduction == MEAN else reduced(loss, reduction)
    loss, total = _nll(call, logs, y, weight, reduction, ignore_index)
    if not label_smoothing:
        return loss
    weighted = logs if weight is None else logs * weight.reshape([-1] + [1] * (x.rank - classes - 1))
    spread = call.terms.where(y.map("ne", ignore_index), -weighted.reduce("sum", [classes]), 0.0)
    spread = spread.reduce("sum") / total if reduction == MEAN else reduced(spread, reduction)
    return loss * (1 - label_smoothing) + spread * (label_smoothing / x.shape[classes])


@lowers("nll_loss.default", "nll_loss_nd.default", "nll_loss2d.default")
def nll(call: Call, x: Term, y: Term, weight: Term | None = None, reduction: int = MEAN, ignore_index: int = -100):
    return _nll(call, x, y, weight, reduction, ignore_index)[0]


@lowers("nll_loss_forward.default", "nll_loss2d_forward.default")
def nll_forward(call: Call, x: Term, y: Term, weight: Term | None, reduction: int, ignore_index: int):
    return _nll(call, x, y, weight, reduction, ignore_index)


def _nll(call: Call, x: Term, y: Term, weight: Term | None, reduction: int, ignore: int) -> tuple[Term, Term]:
    """(loss, total weight). Targets equal to `ignore` weigh nothing and are never used as an index."""
    classes = 1 if x.rank > 1 else 0
    counted = y.map("ne", ignore)
    index = call.terms.where(counted, y, 0).cast(DType.I64)
    picked = -x.gather(index.unsqueeze(classes), classes).squeeze([classes])
    ones = counted.cast(x.dtype)
    weights = ones if weight is None else weight.take(index, 0) * ones
    loss = call.terms.where(counted, picked if weight is None else picked * weights, 0.0)
    total = weights.reduce("sum")
    if reduction == MEAN:
        return loss.reduce("sum") / total, total
    return reduced(loss, reduction), total


@lowers("cosine_similarity.default")
def cosine_similarity(call: Call, x: Term, y: Term, dim: int = 1, eps: float = 1e-8) -> Term:
    norms = [(t * t).reduce("sum", [dim], True).map("sqrt").max(eps) for t in (x, y)]
    return (x / norms[0] * (y / norms[1])).reduce("sum", [dim])


def _distance(x: Term, y: Term, p: Number, eps: float, keep: bool = False) -> Term:
    gap = x - y + eps
    if p == 2:
        return (gap * gap).reduce("sum", [-1], keep).map("sqrt")
    if p == 1:
        return gap.map("abs").reduce("sum", [-1], keep)
    return gap.map("abs").map("pow", float(p)).reduce("sum", [-1], keep).map("pow", 1.0 / p)


@lowers("pairwise_distance.default")
def pairwise_distance(call: Call, x: Term, y: Term, p: Number = 2, eps: float = 1e-6, keepdim: bool = False) -> Term:
    return _distance(x, y, p, eps, keepdim)


@lowers("triplet_margin_loss.default")
def triplet_margin(
    call: Call,
    anchor: Term,
    positive: Term,
    negative: Term,
    margin: float = 1.0,
    p: Number = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: int = MEAN,
) -> Term:
    near, far = _distance(anchor, positive, p, eps), _distance(anchor, negative, p, eps)
    if swap:
        far = far.min(_distance(positive, negative, p, eps))
    return reduced((near - far + margin).max(0), reduction)
