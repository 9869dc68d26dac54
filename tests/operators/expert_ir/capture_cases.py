"""Small functions over tensors, by family: each is captured, interpreted and compared with torch."""

import torch
import torch.nn.functional as F
from torch import nn


def r(*shape, dtype=torch.float32):
    return torch.randn(*shape).to(dtype)


POINTWISE = {
    name: (lambda x, name=name: getattr(torch, name)(x))
    for name in (
        "neg abs sign exp exp2 expm1 sin cos tan tanh sigmoid erf erfc atan sinh cosh asinh floor ceil round trunc "
        "isnan isinf isfinite square frac"
    ).split()
}
POSITIVE = {
    name: (lambda x, name=name: getattr(torch, name)(x.abs() + 0.1))
    for name in "log log2 log1p sqrt rsqrt reciprocal acosh".split()
    if name != "acosh"
}
ACTIVATIONS = {
    "relu": F.relu,
    "relu_": lambda x: F.relu_(x.clone()),
    "relu6": F.relu6,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "softplus_beta": lambda x: F.softplus(x * 20, beta=2.0, threshold=10),
    "hardswish": F.hardswish,
    "hardsigmoid": F.hardsigmoid,
    "hardtanh": lambda x: F.hardtanh(x, -0.5, 0.7),
    "elu": lambda x: F.elu(x, 0.7),
    "selu": F.selu,
    "celu": lambda x: F.celu(x, 1.3),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.2),
    "prelu": lambda x: F.prelu(x, torch.full((3,), 0.3)),
    "softsign": F.softsign,
    "logsigmoid": F.logsigmoid,
    "tanhshrink": F.tanhshrink,
    "hardshrink": F.hardshrink,
    "softshrink": F.softshrink,
    "threshold": lambda x: F.threshold(x, 0.1, 20.0),
    "glu": lambda x: F.glu(x, 3),
    "rrelu_eval": lambda x: F.rrelu(x, training=False),
    "logit": lambda x: torch.logit(x.sigmoid(), 1e-3),
}
ARITHMETIC = {
    "promote_int": lambda x: x + torch.arange(5) // 2,
    "scalar_left": lambda x: 2 / (1 - x),
    "true_div_int": lambda x: torch.arange(5) / 3 + x,
    "div_floor": lambda x: torch.div(x, 0.3, rounding_mode="floor"),
    "div_trunc": lambda x: torch.div(x, 0.3, rounding_mode="trunc"),
    "remainder": lambda x: x % 0.7,
    "fmod": lambda x: torch.fmod(x, 0.7),
    "pow_int": lambda x: x**2 + x**3,
    "pow_half": lambda x: x.abs() ** 0.5 + (x.abs() + 1) ** -0.5,
    "pow_any": lambda x: x.abs() ** 2.7,
    "pow_tensor": lambda x: x.abs().pow(x),
    "pow_scalar": lambda x: 2**x,
    "add_alpha": lambda x: torch.add(x, x * 2, alpha=0.5) - torch.sub(x, 1, alpha=3),
    "clamp": lambda x: x.clamp(-0.3, 0.4) + x.clamp(min=0.1) + x.clamp(max=0.2),
    "clamp_tensor": lambda x: torch.clamp(x, min=-x.abs(), max=torch.tensor(0.3)),
    "maximum": lambda x: torch.maximum(x, -x) + torch.minimum(x, x * 2) + torch.max(x, x * x),
    "fmax": lambda x: torch.fmax(x, -x),
    "where": lambda x: torch.where(x > 0, x, 0.5) + torch.where(x > 0, 1.0, x),
    "masked_fill": lambda x: x.masked_fill(x > 0.5, float("-inf")).exp(),
    "lerp": lambda x: torch.lerp(x, x * 2, 0.3) + torch.lerp(x, x * 3, x.sigmoid()),
    "addcmul": lambda x: torch.addcmul(x, x, x + 1, value=0.3) + torch.addcdiv(x, x, x.abs() + 1, value=0.7),
    "comparisons": lambda x: ((x > 0) & (x < 1)) | ~(x >= 0.2) ^ (x != 0),
    "logical": lambda x: torch.logical_and(x > 0, x).logical_or(x < -1),
    "atan2": lambda x: torch.atan2(x, x + 1),
    "logaddexp": lambda x: torch.logaddexp(x, x * 2),
    "xlogy": lambda x: torch.xlogy(x.abs(), x.abs() + 1),
    "inplace": lambda x: x.clone().mul_(2).add_(1).clamp_(min=0),
    "index_assign": lambda x: (y := x.clone(), y[:, 1].fill_(3.0), y[..., 1:3].mul_(2), y)[-1],
    "casts": lambda x: (x * 100).to(torch.int32).to(torch.float64) + x.double(),
    "half": lambda x: (x.half() * 2 + F.gelu(x.half())).float(),
    "bfloat": lambda x: F.softmax(x.bfloat16(), -1),
    "int8": lambda x: (x * 50).to(torch.int8).float() * 0.02,
    "float64": lambda x: torch.sigmoid(x.double()) * 3,
    "bool_sum": lambda x: (x > 0).sum() + (x > 0).float().mean(),
    "literal": lambda x: x * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])[:5].sum() + torch.tensor(2.0),
    "literal_vector": lambda x: x[..., :3] * torch.tensor([1.0, float("inf"), -2.5]),
    "unused_rand_free": lambda x: F.dropout(x, 0.5, training=False) + F.dropout(x, 0.0, training=True),
}
REDUCTIONS = {
    "sum": lambda x: (x.sum(), x.sum(1), x.sum((0, 2), keepdim=True), x.sum(-1, dtype=torch.float64)),
    "mean": lambda x: (x.mean(), x.mean(1), x.mean((1, 3), keepdim=True)),
    "prod": lambda x: (x.prod(), x.prod(2, keepdim=True)),
    "amax": lambda x: (x.amax((1, 2)), x.amin(0), x.max(), x.min()),
    "max_dim": lambda x: (*x.max(1), *x.min(2, keepdim=True)),
    "argmax": lambda x: (x.argmax(), x.argmax(1), x.argmin(-1, keepdim=True)),
    "var": lambda x: (x.var(), x.var(1), x.var((1, 2), unbiased=False), torch.var(x, 1, correction=2, keepdim=True)),
    "std": lambda x: (x.std(), x.std(1, keepdim=True), torch.std_mean(x, 2)[1]),
    "var_mean": lambda x: torch.var_mean(x, (1, 2)),
    "norms": lambda x: (x.norm(), x.norm(p=1, dim=1), x.norm(p=3, dim=1), x.norm(float("inf"), -1)),
    "fro": lambda x: (torch.norm(x, p="fro"), torch.linalg.norm(x, dim=1), F.normalize(x, dim=1)),
    "logsumexp": lambda x: (torch.logsumexp(x, 1), torch.logsumexp(x, (1, 2), keepdim=True)),
    "any": lambda x: ((x > 2).any(), (x > 1).any(1), (x > -9).all(), (x > 0).all(2), x.any()),
    "softmax": lambda x: (F.softmax(x, 1), F.log_softmax(x, -1), F.softmin(x, 2)),
    "count_nonzero": lambda x: torch.count_nonzero(x > 0, dim=1),
    "mean_var_chain": lambda x: (x - x.mean(1, keepdim=True)) / (x.std(1, keepdim=True) + 1e-5),
    "cumsum": lambda x: (x.cumsum(1), x.flip(1).cumsum(1).flip(1), torch.cumprod(x, -1), (x > 0).cumsum(0)),
    "running extremes": lambda x: (
        torch.cummax(x, 1).values,
        torch.cummin(x, -1).values,
        x.flip(0).cummax(0)[0].flip(0),
    ),
    "cummax": lambda x: torch.cummax(x, 1).values,
    "cumsum_exclusive": lambda x: torch.cat([torch.zeros_like(x[:, :1]), x.cumsum(1)[:, :-1]], 1),
}
VIEWS = {
    "view": lambda x: x.view(2, -1).reshape(3, 4, 10).flatten(1) + 1,
    "permute": lambda x: x.permute(0, 2, 3, 1).transpose(1, 2).contiguous() * 2,
    "t": lambda x: x[0, 0].t() @ x[0, 1],
    "mT": lambda x: x.mT @ x,
    "squeeze": lambda x: x.unsqueeze(0).unsqueeze(-1).squeeze(0).squeeze() + 1,
    "expand": lambda x: x[:, :1].expand(2, 3, 4, 5) * x + x[:1, :1, :1].expand_as(x),
    "slices": lambda x: (x[:, 1:, ::2, -2:], x[..., 1, None, -1:]),
    "split": lambda x: (torch.split(x, 2, -1)[2], x.chunk(2, 2)[1], *x.split([1, 2], 1), x.unbind(1)[2]),
    "cat": lambda x: (torch.cat([x, x * 2], 1), torch.stack([x, -x], -1)),
    "cat_mixed": lambda x: torch.cat([x, torch.ones(2, 3, 4, 2, dtype=torch.int64)], -1),
    "pad": lambda x: (F.pad(x, (1, 2)), F.pad(x, (0, 1, 2, 0), value=3.0), F.pad(x, (-1, 1))),
    "pad_reflect": lambda x: F.pad(x, (1, 1, 2, 2), mode="reflect"),
    "pad_replicate": lambda x: F.pad(x, (0, 4, 3, 0), mode="replicate"),
    "pad_circular": lambda x: F.pad(x, (2, 1, 0, 2), mode="circular"),
    "roll": lambda x: (x.roll(1, 1), x.roll((1, -2), (2, 3)), x.roll(3)),
    "repeat": lambda x: (x.repeat(1, 2, 1, 3), x.repeat(2, 1, 1, 1, 1), x.repeat_interleave(3, 1), x.tile(2)),
    "tri": lambda x: (x.tril(), x.triu(1), torch.tril(x, -1)),
    "diag": lambda x: (torch.diag(x[0, 0, 0]), torch.diagonal(x, 0, 2, 3), torch.diag_embed(x[0]), x[0, 0].diag(1)),
    "diagonal_negative": lambda x: torch.diagonal(x, -1, 3, 1),
    "flip": lambda x: x.flip(1, 3),
    "narrow": lambda x: x.narrow(2, 1, 2) + 1,
    "movedim": lambda x: x.movedim(1, -1) + 1,
    "unfold": lambda x: x.unfold(3, 3, 2).sum(-1),
    "constants": lambda x: x * torch.ones(5) + torch.zeros(4, 1) + torch.full((5,), 2.5) + torch.eye(4, 5),
    "arange": lambda x: x * torch.arange(5) + torch.arange(1, 11, 2) + torch.arange(0, 1, 0.2),
    "linspace": lambda x: x + torch.linspace(0, 1, 5),
    "like": lambda x: torch.zeros_like(x) + torch.ones_like(x) * torch.full_like(x, 3),
    "meshgrid": lambda x: x + torch.meshgrid(torch.arange(4), torch.arange(5), indexing="ij")[0],
    "einops_like": lambda x: x.reshape(2, 3, 2, 2, 5).permute(0, 2, 1, 3, 4).reshape(2, 2, 6, 5),
}
GATHERS = {
    "index": lambda x: x[:, torch.tensor([2, 0, -1])],
    "index_two": lambda x: x[:, :, torch.tensor([0, 1]), torch.tensor([[3], [-1]])],
    "index_select": lambda x: x.index_select(1, torch.tensor([2, 2, 0, 1])),
    "gather": lambda x: x.gather(3, x.argsort(3)[..., :2]),
    "take_along": lambda x: torch.take_along_dim(x, x.argmax(1, keepdim=True), 1),
    "one_hot": lambda x: F.one_hot(x.argmax(1), 3) * 2,
    "mask_index_sum": lambda x: (x * (x > 0)).sum(),
    "topk": lambda x: torch.topk(x, 2, -1).values * 2,
    "sort": lambda x: torch.sort(x, -1)[0],
    "scatter": lambda x: torch.zeros_like(x).scatter(3, x.argmax(3, keepdim=True), 1.0),
}
MATMULS = {
    "mm": lambda x: x[0, 0] @ x[0, 1].T,
    "bmm": lambda x: torch.bmm(x[0], x[1].transpose(1, 2)),
    "matmul_batch": lambda x: torch.matmul(x, x.transpose(-1, -2)),
    "matmul_vec": lambda x: (x @ x[0, 0, 0], x[0, 0, :, 0] @ x, x[0, 0, 0] @ x[0, 0, 1]),
    "matmul_wide": lambda x: x @ torch.ones(5, 7),
    "addmm": lambda x: torch.addmm(x[0, 0, :, :1], x[0, 0], x[0, 1].T, beta=0.5, alpha=2),
    "baddbmm": lambda x: torch.baddbmm(x[0, :, :, :4], x[0], x[1].mT, beta=0.3),
    "mv": lambda x: torch.mv(x[0, 0], x[0, 0, 0]) + torch.addmv(x[0, 0, :, 0], x[0, 0], x[0, 0, 0]),
    "outer": lambda x: torch.outer(x[0, 0, 0], x[0, 0, :, 0]),
    "einsum": lambda x: (torch.einsum("bchw,dh->bcdw", x, x[0, 0] @ x[0, 1].T), torch.einsum("bchw,bchw->bc", x, x)),
    "diag_matmul": lambda x: torch.diag(x[0, 0, :, 0]) @ x[0, 0],
    "half": lambda x: (x.half() @ x.half().mT).float(),
}
POOLS = {
    "max1d": lambda x: F.max_pool1d(x.flatten(2), 3, 2, 1),
    "max2d": lambda x: F.max_pool2d(x, 2, 1, dilation=2),
    "max2d_ceil": lambda x: F.max_pool2d(x, 2, 2, ceil_mode=True),
    "max3d": lambda x: F.max_pool3d(x.unsqueeze(1), 2, 1, 1),
    "avg1d": lambda x: F.avg_pool1d(x.flatten(2), 3, 2, 1),
    "avg2d": lambda x: F.avg_pool2d(x, 3, 2, 1) + F.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
    "avg2d_ceil": lambda x: F.avg_pool2d(x, 2, 2, ceil_mode=True),
    "avg2d_divisor": lambda x: F.avg_pool2d(x, 2, 2, divisor_override=3),
    "avg3d": lambda x: F.avg_pool3d(x.unsqueeze(1), (1, 2, 2)),
    "adaptive1": lambda x: F.adaptive_avg_pool2d(x, 1) + F.adaptive_max_pool2d(x, 1),
    "adaptive_even": lambda x: F.adaptive_avg_pool2d(x, (2, 5)) + F.adaptive_max_pool2d(x, (2, 5)),
    "adaptive_uneven": lambda x: F.adaptive_avg_pool2d(x, 3),
    "upsample": lambda x: F.interpolate(x, scale_factor=2, mode="nearest"),
    "upsample_unlike": lambda x: F.interpolate(x, scale_factor=1.5, mode="nearest"),
    "downsample": lambda x: F.interpolate(x, size=(x.shape[2] // 2, 3 * x.shape[3]), mode="nearest"),
    "upsample_linear": lambda x: F.interpolate(x, scale_factor=(2.5, 1.0), mode="bilinear"),
    "upsample_hardly": lambda x: F.interpolate(x, scale_factor=1.1, mode="bilinear"),
    "upsample_corners": lambda x: F.interpolate(x, size=(3, 11), mode="bilinear", align_corners=True),
    "lp_pool": lambda x: F.lp_pool2d(x.abs(), 2, 2),
}


def _classes(x):
    return x.flatten(1), torch.tensor([4, 7])


LOSSES = {
    "mse": lambda x: (F.mse_loss(x, x * 2), F.mse_loss(x, x + 1, reduction="none"), F.l1_loss(x, -x)),
    "smooth_l1": lambda x: (F.smooth_l1_loss(x, x * 3), F.smooth_l1_loss(x, x * 3, beta=0.3, reduction="sum")),
    "huber": lambda x: F.huber_loss(x, x * 3, delta=0.7),
    "cross_entropy": lambda x: F.cross_entropy(*_classes(x)),
    "cross_entropy_ignore": lambda x: F.cross_entropy(*_classes(x), ignore_index=4, reduction="sum"),
    "cross_entropy_smooth": lambda x: F.cross_entropy(*_classes(x), label_smoothing=0.1),
    "cross_entropy_weight": lambda x: F.cross_entropy(x, (x[:, 0] > 0).long() + 1, weight=torch.tensor([1.0, 2, 3])),
    "cross_entropy_probabilities": lambda x: F.cross_entropy(x, x.softmax(1)),
    "nll": lambda x: F.nll_loss(F.log_softmax(x.flatten(1), 1), torch.tensor([4, 7])),
    "kl": lambda x: (F.kl_div(x.log_softmax(-1), x.softmax(-1), reduction="batchmean"),),
    "kl_log": lambda x: F.kl_div(x.log_softmax(-1), (2 * x).log_softmax(-1), log_target=True),
    "bce": lambda x: F.binary_cross_entropy(x.sigmoid(), (x > 0).float()),
    "bce_logits": lambda x: F.binary_cross_entropy_with_logits(x, x.sigmoid(), pos_weight=torch.full((5,), 2.0)),
    "hinge": lambda x: torch.clamp(1 - x * torch.sign(x + 0.5), min=0).mean(),
    "hinge_embedding": lambda x: F.hinge_embedding_loss(x, torch.sign(x)),
    "margin_ranking": lambda x: F.margin_ranking_loss(x, x * 2, torch.sign(x), margin=0.3),
    "soft_margin": lambda x: F.soft_margin_loss(x, torch.sign(x)),
    "triplet": lambda x: F.triplet_margin_loss(x, x + 1, x * 2),
    "triplet_swap": lambda x: F.triplet_margin_loss(x, x + 1, x * 2, p=1, swap=True),
    "cosine": lambda x: F.cosine_similarity(x, x + 1, dim=1),
    "cosine_embedding": lambda x: F.cosine_embedding_loss(x[0, 0], x[0, 1], torch.tensor([1, -1, 1, -1])),
    "poisson": lambda x: F.poisson_nll_loss(x, x.abs()),
    "gaussian": lambda x: F.gaussian_nll_loss(x, x * 2, 0.1),
    "multi_margin": lambda x: F.multi_margin_loss(*_classes(x)),
}


def _heads(x):
    return x, x.flip(2) * 0.5, x + 1


ATTENTION = {
    "plain": lambda x: F.scaled_dot_product_attention(*_heads(x)),
    "causal": lambda x: F.scaled_dot_product_attention(*_heads(x), is_causal=True),
    "scale": lambda x: F.scaled_dot_product_attention(*_heads(x), scale=0.3),
    "mask": lambda x: F.scaled_dot_product_attention(*_heads(x), attn_mask=torch.ones(4, 4).tril() * 2),
    "boolean": lambda x: F.scaled_dot_product_attention(*_heads(x), attn_mask=torch.ones(4, 4).triu(1) > 0),
    "grouped": lambda x: F.scaled_dot_product_attention(x, x[:, :1], x[:, 1:2], enable_gqa=True),
    "by_hand": lambda x: ((x @ x.mT / 5**0.5).masked_fill(torch.ones(4, 4).tril() == 0, float("-inf"))).softmax(-1) @ x,
}

FUNCTIONS = {
    f"{family}-{name}": function
    for family, cases in {
        "pointwise": POINTWISE,
        "positive": POSITIVE,
        "activation": ACTIVATIONS,
        "arithmetic": ARITHMETIC,
        "reduction": REDUCTIONS,
        "view": VIEWS,
        "gather": GATHERS,
        "matmul": MATMULS,
        "pool": POOLS,
        "loss": LOSSES,
        "attention": ATTENTION,
    }.items()
    for name, function in cases.items()
}
# What stays with torch, by name: everything else must be lowered completely.
STAYS = {
    "arithmetic-fmax", "arithmetic-literal_vector", "arithmetic-literal", "activation-prelu_", "reduction-cummax",
    "gather-index", "gather-index_two", "gather-index_select", "gather-gather", "gather-topk",
    "gather-sort", "gather-scatter", "pool-adaptive_uneven", "pool-upsample_unlike", "pool-upsample_hardly",
    "loss-cross_entropy",
    "loss-cross_entropy_ignore", "loss-cross_entropy_smooth", "loss-cross_entropy_weight", "loss-nll",
    "loss-cosine_embedding", "loss-multi_margin",
}  # fmt: skip


class Function(nn.Module):
    """A module around one function."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)
