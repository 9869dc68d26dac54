"""Less precision than asked for, without a word."""

from gpu.corpus import free, wrong

from evaluator.settings import Effort

# In which class a candidate is, where classes beyond faithful are accepted too: that goes by its error, and float16 has
# the mantissa of TF32.
HALVES = ("bfloat16",)
COARSE = [
    wrong("TF32, switched on at import", "linear_gelu", "", "torch.backends.cuda.matmul.allow_tf32 = True"),
    wrong("TF32, switched on by name", "linear_gelu", "", "torch.set_float32_matmul_precision('high')"),
    wrong(
        "TF32, switched on for the call",
        "linear_gelu",
        """
        torch.backends.cuda.matmul.allow_tf32 = True
        try:
            return Model.forward(self, x)
        finally:
            torch.backends.cuda.matmul.allow_tf32 = False
        """,
    ),
    wrong(
        "bfloat16",
        "linear_gelu",
        """
        weight, bias = self.linear.weight.bfloat16(), self.linear.bias.bfloat16()
        return torch.nn.functional.gelu(torch.nn.functional.linear(x.bfloat16(), weight, bias).float())
        """,
    ),
    wrong(
        "half precision by autocast",
        "linear_gelu",
        """
        with torch.autocast("cuda", torch.float16):
            return Model.forward(self, x).float()
        """,
    ),
]
_SPLIT = """
def high(t):
    return t.bfloat16().float()

def half_split(x, w):
    '''The first part of either factor, and the second of one only.'''
    a, b = high(x), high(w)
    return a @ b + (x - a).bfloat16().float() @ b
"""

ENTRIES = [
    *COARSE,
    free(
        "TF32, by the library's own environment variable",
        "linear_gelu",
        "",
        "import os\nos.environ['NVIDIA_TF32_OVERRIDE'] = '1'",
    ),
    wrong(
        "sums in bfloat16",
        "linear_gelu",
        """
        y = self.linear.bias.bfloat16()
        for part, weight in zip(x.split(128, 1), self.linear.weight.split(128, 1)):
            y = y + (part @ weight.t()).bfloat16()
        return torch.nn.functional.gelu(y.float())
        """,
    ),
    wrong(
        "a split of one factor only",
        "linear_gelu",
        "return torch.nn.functional.gelu(half_split(x, self.linear.weight.t()) + self.linear.bias)",
        _SPLIT,
    ),
    wrong(
        "a faster gelu",
        "linear_gelu",
        "return torch.nn.functional.gelu(self.linear(x), approximate='tanh')",
    ),
    wrong(
        "TF32 in every third call",
        "linear_gelu",
        """
        self.calls += 1
        torch.backends.cuda.matmul.allow_tf32 = self.calls % 3 == 0
        return Model.forward(self, x)
        """,
        init="self.calls = 0",
        effort=Effort.FULL,
    ),
    wrong(
        "TF32 where values are of usual size",
        "linear_gelu",
        """
        torch.backends.cuda.matmul.allow_tf32 = bool(0.5 < x.std() < 2)
        return Model.forward(self, x)
        """,
    ),
    wrong("a softmax in half precision", "norm_softmax", "return torch.softmax(self.norm(x).half(), -1).float()"),
    wrong("a loss in half precision", "weighted_loss", "return Model.forward(self, x.half(), target.half()).float()"),
    wrong(
        "a variance that cancels",
        "batch_norm",
        """
        bn, axes = self.bn, (0, 2, 3)
        y = Model.forward(self, x)
        mean, square = x.mean(axes, keepdim=True), (x * x).mean(axes, keepdim=True)
        scale = torch.rsqrt(square - mean * mean + bn.eps) * bn.weight.view(-1, 1, 1)
        return torch.relu((x - mean) * scale + bn.bias.view(-1, 1, 1)) + 0 * y
        """,
        effort=Effort.FULL,
    ),
    wrong("TF32 where products cancel", "small_difference", "", "torch.backends.cuda.matmul.allow_tf32 = True"),
    wrong(
        "bfloat16 splits, one term short, where products cancel",
        "small_difference",
        "return half_split(x + step, self.weight) - half_split(x, self.weight)",
        _SPLIT,
    ),
    wrong("the smaller argument is left out", "small_difference", "return torch.zeros_like(x @ self.weight)"),
]
