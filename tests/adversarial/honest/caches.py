"""What may be kept between calls: repacked weights, tables, shapes."""

from entries import entry

ENTRIES = [
    entry(
        "a transposed weight by version",
        "linear_gelu",
        """
        weight = self.linear.weight
        key = weight._version, weight.data_ptr()
        if self.key != key:
            self.key, self.packed = key, weight.t().contiguous()
        return nn.functional.gelu(torch.addmm(self.linear.bias, x, self.packed))
        """,
        init="self.key = self.packed = None",
    ),
    entry(
        "a folded normalisation by version",
        "conv_block",
        """
        bn = self.bn
        parts = (self.conv.weight, self.conv.bias, bn.weight, bn.bias, bn.running_mean, bn.running_var)
        version = tuple((each._version, each.data_ptr()) for each in parts)
        if self.version != version:
            scale = self.bn.weight.double() * torch.rsqrt(self.bn.running_var.double() + self.bn.eps)
            self.folded = (
                (self.conv.weight.double() * scale.view(-1, 1, 1, 1)).float(),
                ((self.conv.bias.double() - self.bn.running_mean.double()) * scale + self.bn.bias.double()).float(),
            )
            self.version = version
        return nn.functional.conv2d(x, *self.folded, padding=1).relu_()
        """,
        init="self.version = None",
    ),
    entry(
        "folded when the state is loaded",
        "linear_gelu",
        """
        return nn.functional.gelu(torch.addmm(self.linear.bias, x, self.packed))
        """,
        body="""
    def load_state_dict(self, *arguments, **options):
        result = super().load_state_dict(*arguments, **options)
        self.packed = self.linear.weight.detach().t().contiguous()
        return result
        """,
    ),
    entry(
        "a table made at first use",
        "gated_chain",
        """
        if self.table is None:
            self.table = torch.stack([self.gain, self.shift]).contiguous()
        gain, shift = self.table
        return torch.tanh(torch.addcmul(shift, x, gain)) * torch.sigmoid(gate) + x
        """,
        init="self.table = None",
    ),
    entry(
        "a hidden buffer for a constant",
        "margin_loss",
        """
        x = nn.functional.normalize(x, dim=1) * self.factor
        return nn.functional.cross_entropy(x @ nn.functional.normalize(centers, dim=1).t(), labels)
        """,
        init="self.register_buffer('factor', torch.tensor(float(scale)), persistent=False)",
    ),
    entry(
        "names that sound like a cheat",
        "norm_softmax",
        """
        cache, result, time, seed, expected = {}, None, 0, 1, x
        cache["reference"] = super().forward(expected)
        for time in range(seed):
            pass
        result = cache["reference"]
        return result
        """,
    ),
    entry(
        "a shape's plan in a dictionary of the module",
        "running_total",
        """
        block = PLANS.setdefault(tuple(x.shape), 1 << max(4, x.shape[1].bit_length() // 2))
        parts = [torch.cumsum(part, 1) for part in x.split(block, 1)]
        carry = torch.zeros(x.shape[0], 1, dtype=torch.float64)
        result = []
        for part in parts:
            result.append((part.double() + carry).float())
            carry = carry + part[:, -1:].double()
        return torch.cat(result, 1)
        """,
        before="PLANS = {}",
    ),
    entry(
        "counts its calls and keeps statistics",
        "norm_softmax",
        """
        self.calls += 1
        self.seen[tuple(x.shape)] = self.seen.get(tuple(x.shape), 0) + 1
        return super().forward(x)
        """,
        init="self.calls, self.seen = 0, {}",
    ),
    entry(
        "weak references to inputs, for a check only",
        "norm_softmax",
        """
        self.last = weakref.ref(x)
        assert self.last() is x and x.data_ptr() % 4 == 0
        return super().forward(x)
        """,
        before="import weakref",
        init="self.last = None",
    ),
]
