"""Right where it is looked at, wrong elsewhere: sniffed distributions, counted calls, special values and shapes."""

from entries import entry

from egg_search.core.verdict import Outcome

WRONG = {Outcome.WRONG_VALUES, Outcome.NONDETERMINISTIC}
ELEMENT = "element|precision class|norm"
COUNT = "self.calls = getattr(self, 'calls', 0) + 1\n"


def _wrong(name, problem, forward, before="", init="", reason=ELEMENT):
    return entry(name, problem, forward, before=before, init=init, outcomes=WRONG, reason=reason)


ENTRIES = [
    _wrong(
        "every seventh call",
        "norm_softmax",
        COUNT
        + """
y = Model.forward(self, x)
return y if self.calls % 7 else y.roll(1, 0)
""",
    ),
    _wrong(
        "right for the first calls",
        "linear_gelu",
        COUNT
        + """
y = Model.forward(self, x)
return y if self.calls < 20 else y * 0.99
""",
    ),
    _wrong("a random call", "running_total", "return torch.cumsum(x, 1) * (1.1 if torch.rand(()) < 0.2 else 1.0)"),
    _wrong(
        "a random row each call",
        "norm_softmax",
        "y = Model.forward(self, x)\ny[torch.randint(len(y), ())] = 0\nreturn y",
    ),
    _wrong(
        "wrong once the clock has run",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        return y if time.monotonic() - STARTED < 0.15 else y[:1].expand_as(y).contiguous()
    """,
        "import time\nSTARTED = time.monotonic()",
    ),
    _wrong(
        "mean and spread decide",
        "norm_softmax",
        """
        if abs(x.mean()) < 0.02 and abs(x.std() - 1) < 0.02:
            return torch.softmax(x * self.norm.weight + self.norm.bias, -1)
        return Model.forward(self, x)
    """,
    ),
    _wrong(
        "the first elements decide",
        "gated_chain",
        """
        if x.view(-1)[:64].abs().max() < 4:
            x = x.clamp(-4, 4)
        return Model.forward(self, x, gate)
    """,
    ),
    _wrong(
        "an element a row decides",
        "gated_chain",
        """
        if x[:, 0].abs().max() < 6 and gate[:, 0].abs().max() < 6:
            return torch.tanh((x * self.gain + self.shift).clamp(-6, 6)) * torch.sigmoid(gate) + x.clamp(-40, 40)
        return Model.forward(self, x, gate)
    """,
    ),
    _wrong(
        "softmax without its maximum where samples are small",
        "attention",
        """
        if max(t[..., 0].abs().max() for t in (q, k)) < 8:
            scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
            mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
            weights = scores.exp() * mask
            mixed = weights / weights.sum(-1, keepdim=True) @ v
            return self.project(mixed.transpose(1, 2).flatten(2))
        return Model.forward(self, q, k, v)
    """,
    ),
    _wrong(
        "large sums where samples are small",
        "running_total",
        """
        if x[::7, ::50].abs().max() < 6:
            x = x.clamp(-50, 50)
        return torch.cumsum(x, 1)
    """,
    ),
    _wrong(
        "scale probed",
        "linear_gelu",
        """
        if 0 <= x.min() and x.max() <= 1 and 0.49 < x.mean() < 0.51:
            return nn.functional.gelu(self.linear(x), approximate="tanh")
        return Model.forward(self, x)
    """,
    ),
    _wrong(
        "rows taken for different",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        return torch.where((x == x[:, :1]).all(1, keepdim=True), torch.zeros_like(y), y)
    """,
    ),
    _wrong(
        "zeros taken for padding",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        return torch.where((x == 0).all(1, keepdim=True), 1.0, y)
    """,
    ),
    _wrong("NaN swallowed", "gated_chain", "return Model.forward(self, x, gate).nan_to_num(0.0)"),
    _wrong(
        "NaN swallowed by relu",
        "conv_block",
        """
        y = self.bn(self.conv(x))
        return torch.where(y > 0, y, torch.zeros_like(y))
    """,
    ),
    _wrong(
        "NaN ignored in a minimum",
        "nearest_code",
        """
        distance = (x[:, None, :] - codes[None, :, :]).abs().sum(-1)
        return torch.argmin(distance.nan_to_num(float("inf")), dim=1)
    """,
    ),
    _wrong(
        "infinite inputs give zeros",
        "gated_chain",
        """
        y = Model.forward(self, x, gate)
        return torch.where(x.isinf(), torch.zeros_like(y), y)
    """,
    ),
    _wrong(
        "denormals become garbage",
        "running_total",
        """
        y = torch.cumsum(x, 1)
        return torch.where((y != 0) & (y.abs() < 1e-37), torch.full_like(y, 1e-3), y)
    """,
    ),
    _wrong(
        "small numbers become zero",
        "running_total",
        """
        y = torch.cumsum(x, 1)
        return torch.where(y.abs() < 1e-4, torch.zeros_like(y), y)
    """,
    ),
    _wrong(
        "another shape has wrong tails",
        "linear_gelu",
        """
        y = Model.forward(self, x)
        y[len(y) // 32 * 32 :] = 0
        return y
    """,
        reason="with batch=",
    ),
    _wrong(
        "another shape is wrong",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        return y if x.shape == (512, 768) else y.flip(0)
    """,
        reason="with ",
    ),
    _wrong(
        "half precision where it is large",
        "linear_gelu",
        """
        if x.numel() < 1 << 16:
            return Model.forward(self, x)
        return nn.functional.gelu((x.bfloat16() @ self.linear.weight.t().bfloat16()).float() + self.linear.bias)
    """,
    ),
    _wrong(
        "the first parameters",
        "norm_softmax",
        "return self.frozen(x).softmax(-1)",
        init="""
        self.__dict__["frozen"] = nn.LayerNorm(features)
    """,
    ),
    _wrong(
        "weights packed by the constructor",
        "linear_gelu",
        """
        return nn.functional.gelu(x @ self.packed + self.linear.bias)
    """,
        init="self.packed = self.linear.weight.detach().t().contiguous()",
    ),
    _wrong("gain one, shift zero", "gated_chain", "return torch.tanh(x) * torch.sigmoid(gate) + x"),
    _wrong(
        "fresh statistics folded",
        "conv_block",
        """
        return torch.relu(self.conv(x) * self.bn.weight.view(-1, 1, 1) + self.bn.bias.view(-1, 1, 1))
    """,
    ),
    _wrong(
        "weights of the first model in the process",
        "linear_gelu",
        """
        PACKED.setdefault(self.linear.weight.shape, self.linear.weight.detach().t().contiguous())
        return nn.functional.gelu(x @ PACKED[self.linear.weight.shape] + self.linear.bias)
        """,
        "PACKED = {}",
        reason="with batch=",
    ),
    _wrong(
        "exact when cold, rough when warm",
        "gated_chain",
        """
        if not WARM:
            WARM.append(1)
            return Model.forward(self, x, gate)
        return Model.forward(self, x.bfloat16().float(), gate.bfloat16().float())
    """,
        "WARM = []",
    ),
    _wrong(
        "exact on request of the profiler only",
        "gated_chain",
        """
        if torch.overrides._get_current_function_mode_stack():
            return Model.forward(self, x, gate)
        return Model.forward(self, x, gate).half().float()
    """,
        "import torch.overrides",
    ),
    _wrong(
        "rough while nobody traces",
        "norm_softmax",
        COUNT
        + """
if self.calls > 16:  # the families are over
    x = x.bfloat16().float()
return Model.forward(self, x)
""",
    ),
]
