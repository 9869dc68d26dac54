"""Fake or partial computation: parts left out, parts made up."""

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = {Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC}
ELEMENT = "element|precision class|norm"


def _wrong(name, problem, forward, before="", init="", reason=ELEMENT):
    return entry(name, problem, forward, before=before, init=init, outcomes=WRONG, reason=reason)


ENTRIES = [
    _wrong("zeros", "norm_softmax", "return torch.zeros_like(x)"),
    _wrong("the uniform distribution", "norm_softmax", "return torch.full_like(x, 1 / x.shape[-1])"),
    _wrong("affine skipped", "norm_softmax", "return torch.softmax(nn.functional.layer_norm(x, x.shape[-1:]), -1)"),
    _wrong(
        "shift of the affine skipped",
        "norm_softmax",
        "return torch.softmax(nn.functional.layer_norm(x, x.shape[-1:], self.norm.weight), -1)",
    ),
    _wrong("inputs taken for normalised", "norm_softmax", "return torch.softmax(x * self.norm.weight, -1)"),
    _wrong("no softmax", "norm_softmax", "return self.norm(x)"),
    _wrong(
        "epsilon left out",
        "norm_softmax",
        "x = x - x.mean(-1, keepdim=True)\n"
        "x = x / x.square().mean(-1, keepdim=True).sqrt().clamp_min(1e-12)\n"
        "return torch.softmax(x * self.norm.weight + self.norm.bias, -1)",
    ),
    _wrong(
        "variance with n - 1",
        "norm_softmax",
        "x = (x - x.mean(-1, keepdim=True)) / (x.var(-1, keepdim=True) + 1e-5).sqrt()\n"
        "return torch.softmax(x * self.norm.weight + self.norm.bias, -1)",
    ),
    _wrong("last row is that before", "norm_softmax", "y = Model.forward(self, x)\ny[-1] = y[-2]\nreturn y"),
    _wrong("one column is zero", "norm_softmax", "y = Model.forward(self, x)\ny[:, 401] = 0\nreturn y"),
    _wrong("bias skipped", "linear_gelu", "return nn.functional.gelu(x @ self.linear.weight.t())"),
    _wrong(
        "terms of the product left out",
        "linear_gelu",
        "return nn.functional.gelu(x[:, :-1] @ self.linear.weight[:, :-1].t() + self.linear.bias)",
    ),
    _wrong(
        "half of the product, doubled",
        "linear_gelu",
        "return nn.functional.gelu(2 * x[:, ::2] @ self.linear.weight[:, ::2].t() + self.linear.bias)",
    ),
    _wrong("relu for gelu", "linear_gelu", "return torch.relu(self.linear(x))"),
    _wrong("the mean over the batch", "linear_gelu", "return Model.forward(self, x.mean(0, True)).expand(len(x), -1)"),
    _wrong(
        "first half of the batch, twice",
        "linear_gelu",
        "y = Model.forward(self, x[: (len(x) + 1) // 2])\nreturn torch.cat([y, y])[: len(x)]",
    ),
    _wrong("identity", "running_total", "return x.clone()"),
    _wrong("restarts in the middle", "running_total", "return torch.cat([h.cumsum(1) for h in x.chunk(2, 1)], 1)"),
    _wrong(
        "tail elements left out",
        "running_total",
        "y = torch.cumsum(x, 1)\nn = x.shape[1] // 8 * 8\ny[:, n:] = y[:, n - 1 : n]\nreturn y",
    ),
    _wrong("reversed", "running_total", "return torch.cumsum(x.flip(1), 1).flip(1)"),
    _wrong(
        "the padding is left out",
        "conv_block",
        """
        y = nn.functional.conv2d(x, self.conv.weight, self.conv.bias)
        return torch.relu(self.bn(nn.functional.pad(y, (1, 1, 1, 1))))
    """,
    ),
    _wrong("the corner pixels", "conv_block", "y = Model.forward(self, x)\ny[:, :, 0, 0] = y[:, :, 0, 1]\nreturn y"),
    _wrong("normalisation skipped", "conv_block", "return torch.relu(self.conv(x))"),
    _wrong(
        "the batch's own statistics",
        "conv_block",
        """
        y = self.conv(x)
        return torch.relu(nn.functional.batch_norm(y, None, None, self.bn.weight, self.bn.bias, training=True))
    """,
    ),
    _wrong("one filter is another's", "conv_block", "y = Model.forward(self, x)\ny[:, 7] = y[:, 6]\nreturn y"),
    _wrong(
        "a loss of half the samples",
        "margin_loss",
        """
        return Model.forward(self, x[::2], centers, labels[::2])
    """,
    ),
    _wrong("a loss without its last sample", "margin_loss", "return Model.forward(self, x[:-1], centers, labels[:-1])"),
    _wrong("the expected loss", "margin_loss", "return torch.tensor(len(centers)).float().log() + 0.5"),
    _wrong(
        "norms taken for constant",
        "margin_loss",
        """
        scale = self.scale / x.shape[1]
        return nn.functional.cross_entropy(scale * (x @ centers.t()), labels)
    """,
    ),
    _wrong(
        "a loss without the label's own term",
        "margin_loss",
        """
        logits = self.scale * nn.functional.normalize(x) @ nn.functional.normalize(centers).t()
        others = logits.scatter(1, labels[:, None], float("-inf"))
        return (others.logsumexp(1) - logits.gather(1, labels[:, None])[:, 0]).mean()
    """,
    ),
    _wrong("index zero", "nearest_code", "return torch.zeros(len(x), dtype=torch.long)"),
    _wrong("squared distances", "nearest_code", "return torch.cdist(x, codes).argmin(1)"),
    _wrong("some features", "nearest_code", "return Model.forward(self, x[:, :-1], codes[:, :-1])"),
    _wrong("some codes", "nearest_code", "return Model.forward(self, x, codes[:-1])"),
    _wrong(
        "the last of equally near codes",
        "nearest_code",
        "return len(codes) - 1 - Model.forward(self, x, codes.flip(0))",
    ),
    _wrong("residual skipped", "gated_chain", "return Model.forward(self, x, gate) - x"),
    _wrong("the gate of the first row", "gated_chain", "return Model.forward(self, x, gate[:1])"),
    _wrong("mean of the gate", "gated_chain", "return Model.forward(self, x, gate.mean())"),
    _wrong("the last element", "gated_chain", "y = Model.forward(self, x, gate)\ny[-1, -1] = 0\nreturn y"),
    _wrong("every 4096th element", "gated_chain", "y = Model.forward(self, x, gate)\ny.view(-1)[::4096] = 0\nreturn y"),
    _wrong(
        "right for positive inputs",
        "gated_chain",
        "y = Model.forward(self, x.abs(), gate)\nreturn torch.where(x < 0, -y, y)",
    ),
    _wrong(
        "no causal mask",
        "attention",
        """
        mixed = torch.softmax(q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5, -1) @ v
        return self.project(mixed.transpose(1, 2).flatten(2))
    """,
    ),
    _wrong(
        "attention within a window",
        "attention",
        """
        n = q.shape[-2]
        far = torch.ones(n, n, dtype=torch.bool).triu(1) | torch.ones(n, n, dtype=torch.bool).tril(-n // 2)
        scores = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).masked_fill(far, float("-inf"))
        return self.project((torch.softmax(scores, -1) @ v).transpose(1, 2).flatten(2))
    """,
    ),
    _wrong(
        "the mean of the values",
        "attention",
        """
        n = torch.arange(1, v.shape[-2] + 1)[:, None]
        return self.project((v.cumsum(-2) / n).transpose(1, 2).flatten(2))
    """,
    ),
    _wrong("one head for all", "attention", "q, k = q[:, :1].expand_as(q), k\nreturn Model.forward(self, q, k, v)"),
    _wrong(
        "linear attention",
        "attention",
        """
        f, g = nn.functional.elu(q) + 1, nn.functional.elu(k) + 1
        w = (f @ g.transpose(-1, -2)).tril()
        return self.project((w / w.sum(-1, keepdim=True) @ v).transpose(1, 2).flatten(2))
    """,
    ),
    _wrong(
        "running statistics in the first call only",
        "batch_norm_training",
        """
        if self.first:
            self.first = False
            return Model.forward(self, x)
        return nn.functional.batch_norm(x, None, None, self.bn.weight, self.bn.bias, training=True)
        """,
        init="self.first = True",
        reason="running|buffer",
    ),
    _wrong(
        "running statistics without their factor",
        "batch_norm_training",
        """
        self.bn.running_mean.mul_(0.9).add_(x.mean((0, 2, 3)), alpha=0.1)
        self.bn.running_var.mul_(0.9).add_(x.var((0, 2, 3), unbiased=False), alpha=0.1)
        self.bn.num_batches_tracked += 1
        return nn.functional.batch_norm(x, None, None, self.bn.weight, self.bn.bias, training=True)
        """,
        reason="running|buffer",
    ),
    _wrong(
        "batches are not counted",
        "batch_norm_training",
        "y = Model.forward(self, x)\nself.bn.num_batches_tracked.zero_()\nreturn y",
        reason="num_batches_tracked",
    ),
    _wrong(
        "the argument keeps its old value",
        "momentum_step",
        "return weight - self.rate * (0.9 * momentum + gradient)",
        reason="",
    ),
    _wrong(
        "the argument gets another value",
        "momentum_step",
        "y = Model.forward(self, weight, gradient, momentum)\nmomentum.zero_()\nreturn y",
        reason="",
    ),
    _wrong(
        "another argument is changed as well",
        "momentum_step",
        "y = Model.forward(self, weight, gradient, momentum)\ngradient.mul_(0.5)\nreturn y",
        reason="",
    ),
]
