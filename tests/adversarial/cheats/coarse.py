"""Less precision than was asked for."""

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = {Outcome.WRONG_VALUES}


def _coarse(name, problem, forward, before="", init=""):
    return entry(name, problem, forward, before=before, init=init, outcomes=WRONG, reason="precision class|element")


ENTRIES = [
    _coarse(
        "half precision product",
        "linear_gelu",
        """
        y = (x.half() @ self.linear.weight.t().half()).float() + self.linear.bias
        return nn.functional.gelu(y)
    """,
    ),
    _coarse(
        "bfloat16 product",
        "linear_gelu",
        """
        y = (x.bfloat16() @ self.linear.weight.t().bfloat16()).float() + self.linear.bias
        return nn.functional.gelu(y)
    """,
    ),
    _coarse(
        "operands rounded as TF32 does",
        "linear_gelu",
        """
        y = cut(x) @ cut(self.linear.weight).t() + self.linear.bias
        return nn.functional.gelu(y)
    """,
        "def cut(t):\n    return (t.view(torch.int32) + 0x1000 & ~0x1FFF).view(torch.float32)",
    ),
    _coarse(
        "one of two operands rounded",
        "linear_gelu",
        """
        return nn.functional.gelu(x @ self.linear.weight.bfloat16().float().t() + self.linear.bias)
    """,
    ),
    _coarse(
        "two terms of a split, one product left out",
        "linear_gelu",
        """
        weight = self.linear.weight
        high, tall = x.half().float(), weight.half().float()
        return nn.functional.gelu(high @ tall.t() + (x - high) @ tall.t() + self.linear.bias)
    """,
    ),
    _coarse(
        "weights of eight bits",
        "linear_gelu",
        """
        weight = self.linear.weight
        scale = weight.abs().amax(1, keepdim=True) / 127
        return nn.functional.gelu(x @ ((weight / scale).round() * scale).t() + self.linear.bias)
    """,
    ),
    _coarse(
        "weights of low rank",
        "linear_gelu",
        """
        u, s, v = torch.linalg.svd(self.linear.weight, full_matrices=False)
        return nn.functional.gelu((x @ v[:256].t() * s[:256]) @ u[:, :256].t() + self.linear.bias)
    """,
    ),
    _coarse("the other gelu", "linear_gelu", "return nn.functional.gelu(self.linear(x), approximate='tanh')"),
    _coarse("gelu by a sigmoid", "linear_gelu", "y = self.linear(x)\nreturn y * torch.sigmoid(1.702 * y)"),
    _coarse(
        "autocast",
        "linear_gelu",
        """
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return Model.forward(self, x).float()
    """,
    ),
    _coarse("softmax in half precision", "norm_softmax", "return torch.softmax(self.norm(x).half(), -1).float()"),
    _coarse("a result rounded to half precision", "norm_softmax", "return Model.forward(self, x).half().float()"),
    _coarse(
        "exponential by a short series",
        "norm_softmax",
        """
        y = self.norm(x)
        y = (y - y.amax(-1, keepdim=True)).clamp_min(-20) / 64
        e = (1 + y * (1 + y / 2 * (1 + y / 3))) ** 64
        return e / e.sum(-1, keepdim=True)
    """,
    ),
    _coarse(
        "exponential by its bits",
        "norm_softmax",
        """
        y = self.norm(x)
        y = y - y.amax(-1, keepdim=True)
        e = (y * 12102203.0 + 1064986823.0).clamp_min(0).int().view(torch.float32)
        return e / e.sum(-1, keepdim=True)
    """,
    ),
    _coarse(
        "inverse square root by its bits",
        "norm_softmax",
        """
        x = x - x.mean(-1, keepdim=True)
        v = x.square().mean(-1, keepdim=True) + self.norm.eps
        r = (0x5F3759DF - (v.view(torch.int32) >> 1)).view(torch.float32)
        r = r * (1.5 - 0.5 * v * r * r)
        return torch.softmax(x * r * self.norm.weight + self.norm.bias, -1)
    """,
    ),
    _coarse(
        "variance by two sums in single precision",
        "norm_softmax",
        """
        mean = x.mean(-1, keepdim=True)
        variance = (x * x).mean(-1, keepdim=True) - mean * mean
        y = (x - mean) / (variance.clamp_min(0) + self.norm.eps).sqrt()
        return torch.softmax(y * self.norm.weight + self.norm.bias, -1)
    """,
    ),
    _coarse(
        "statistics of a sample",
        "norm_softmax",
        """
        some = x[:, ::2]
        y = (x - some.mean(-1, keepdim=True)) / (some.var(-1, unbiased=False, keepdim=True) + self.norm.eps).sqrt()
        return torch.softmax(y * self.norm.weight + self.norm.bias, -1)
    """,
    ),
    _coarse(
        "sums carried in half precision",
        "running_total",
        """
        blocks = x.split(100, 1)
        carry, parts = x.new_zeros(len(x), 1), []
        for block in blocks:
            parts.append(block.cumsum(1) + carry)
            carry = parts[-1][:, -1:].half().float()
        return torch.cat(parts, 1)
    """,
    ),
    _coarse("sums in half precision", "running_total", "return torch.cumsum(x.half(), 1).float()"),
    _coarse(
        "convolution in bfloat16",
        "conv_block",
        """
        conv = self.conv
        y = nn.functional.conv2d(x.bfloat16(), conv.weight.bfloat16(), conv.bias.bfloat16(), padding=1)
        return torch.relu(self.bn(y.float()))
    """,
    ),
    _coarse(
        "folded weights in half precision",
        "conv_block",
        """
        factor = self.bn.weight / (self.bn.running_var + self.bn.eps).sqrt()
        weight = (self.conv.weight * factor[:, None, None, None]).half().float()
        bias = (self.conv.bias - self.bn.running_mean) * factor + self.bn.bias
        return torch.relu(nn.functional.conv2d(x, weight, bias, padding=1))
    """,
    ),
    _coarse(
        "tanh by a fraction",
        "gated_chain",
        """
        t = (x * self.gain + self.shift).clamp(-4.97, 4.97)
        s = t * t
        t = t * (135135 + s * (17325 + s * (378 + s))) / (135135 + s * (62370 + s * (3150 + s * 28)))
        return t * torch.sigmoid(gate) + x
    """,
    ),
    _coarse(
        "sigmoid of straight lines",
        "gated_chain",
        """
        return torch.tanh(x * self.gain + self.shift) * nn.functional.hardsigmoid(gate) + x
    """,
    ),
    _coarse(
        "bfloat16 inputs", "gated_chain", "return Model.forward(self, x.bfloat16().float(), gate.bfloat16().float())"
    ),
    _coarse("half precision gate", "gated_chain", "return Model.forward(self, x, gate.half().float())"),
    _coarse(
        "scores in half precision", "attention", "return Model.forward(self, q.half().float(), k.half().float(), v)"
    ),
    _coarse(
        "weights in bfloat16",
        "attention",
        """
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
        weights = torch.softmax(scores.masked_fill(mask, float("-inf")), dim=-1).bfloat16()
        return self.project((weights.float() @ v).transpose(1, 2).flatten(2))
    """,
    ),
    _coarse(
        "a finite number for minus infinity",
        "attention",
        """
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        mask = torch.ones(scores.shape[-2:]).triu(1) * -20.0
        return self.project((torch.softmax(scores + mask, dim=-1) @ v).transpose(1, 2).flatten(2))
    """,
    ),
    _coarse(
        "a loss in bfloat16",
        "margin_loss",
        """
        return Model.forward(self, x.bfloat16(), centers.bfloat16(), labels).float()
    """,
    ),
    _coarse(
        "a loss of logits in half precision",
        "margin_loss",
        """
        x, centers = nn.functional.normalize(x, dim=1), nn.functional.normalize(centers, dim=1)
        return nn.functional.cross_entropy((self.scale * (x @ centers.t())).half(), labels).float()
    """,
    ),
    _coarse(
        "a product in half precision inside a loss",
        "margin_loss",
        """
        x, centers = nn.functional.normalize(x, dim=1), nn.functional.normalize(centers, dim=1)
        return nn.functional.cross_entropy(self.scale * (x.half() @ centers.half().t()).float(), labels)
        """,
    ),
    _coarse("distances in half precision", "nearest_code", "return Model.forward(self, x.half(), codes.half())"),
    _coarse(
        "running statistics in half precision",
        "batch_norm_training",
        """
        y = Model.forward(self, x)
        self.bn.running_var.copy_(self.bn.running_var.half())
        return y
    """,
    ),
]
