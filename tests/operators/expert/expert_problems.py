"""Small problems for tests of the expert: each a module text in the problem format."""

from egg_search.core.problem import Problem

_HEAD = """
import torch
import torch.nn as nn
import torch.nn.functional as F

class Model(nn.Module):
    def __init__(self{parameters}):
        super().__init__()
        {init}
    def forward(self, {arguments}):
        {forward}

def get_inputs():
    return [{inputs}]

def get_init_inputs():
    return [{values}]
"""


def problem(name, forward, inputs, arguments="x", init="pass", parameters="", values=""):
    text = _HEAD.format(
        forward=forward.replace("; ", "\n        "),
        inputs=inputs,
        arguments=arguments,
        init=init.replace("; ", "\n        "),
        parameters=parameters,
        values=values,
    )
    return Problem(name, text)


PROBLEMS = [
    problem("chain", "return F.gelu(x) * torch.sigmoid(x) + 1.5", "torch.randn(33, 65)"),
    problem("softmax", "return torch.softmax(x * 0.5, dim=-1)", "torch.randn(17, 131)"),
    problem(
        "norm_of_sum",
        "return self.norm(x + y)",
        "torch.randn(9, 40), torch.randn(9, 40)",
        "x, y",
        "self.norm = nn.LayerNorm(40)",
    ),
    problem(
        "batch_norm", "return F.relu(self.norm(x))", "torch.randn(4, 6, 5, 7)", init="self.norm = nn.BatchNorm2d(6)"
    ),
    problem(
        "linear_tail",
        "return torch.tanh(self.fc(x)).sum(dim=1)",
        "torch.randn(19, 23)",
        init="self.fc = nn.Linear(23, 37)",
    ),
    problem("two_results", "m = x.mean(dim=0, keepdim=True); return m, x - m", "torch.randn(12, 18)"),
    problem("loss", "return F.mse_loss(torch.log1p(x.abs()), y)", "torch.randn(21, 30), torch.rand(21, 30)", "x, y"),
    problem("scan", "return torch.cumsum(x * m, dim=1)", "torch.randn(8, 50), (torch.rand(8, 50) > 0.5)", "x, m"),
    problem(
        "conv_tail",
        "return F.relu(self.conv(x)).amax(dim=(2, 3))",
        "torch.randn(2, 3, 11, 13)",
        init="self.conv = nn.Conv2d(3, 8, 3, padding=1)",
    ),
    problem(
        "attention",
        "w = torch.softmax(q @ k.transpose(1, 2) / 4, -1); return w @ v",
        "torch.randn(3, 20, 16), torch.randn(3, 28, 16), torch.randn(3, 28, 16)",
        "q, k, v",
    ),
    problem(
        "gathered",
        "e = self.table(i); return e.mean(dim=1) @ e.sum(dim=1).t()",
        "torch.randint(0, 50, (6, 9))",
        "i",
        "self.table = nn.Embedding(50, 24)",
    ),
    problem("sorted", "s = torch.sort(x, dim=-1).values; return s * 2 + x", "torch.randn(7, 30)"),
    problem("view_only", "return x.t()", "torch.randn(5, 6)"),
    problem("scaled", "return torch.relu(x) * k", "torch.randn(4, 70), 3", "x, k"),
    problem(
        "empty",
        "return torch.cat([x, e]).cumsum(0), e.sum(0) + y, (e * y).mean(1)",
        "torch.randn(5, 7), torch.randn(0, 7), torch.randn(7)",
        "x, e, y",
    ),
    problem(
        "buffers_that_swap",
        "old = self.a.clone().view(2, 3); t = self.a * 1; self.a.copy_(self.b + x.mean(0)); self.b.copy_(t); "
        "return old, x * self.b",
        "torch.randn(4, 6)",
        init="self.register_buffer('a', torch.ones(6)); self.register_buffer('b', torch.zeros(6))",
    ),
    problem(
        "mixed_results", "return torch.relu(x).clamp(max=top), None, 3", "torch.randn(4, 9), float('inf')", "x, top"
    ),
    problem("pool_places", "return F.max_pool1d(x.abs(), 3, 2, return_indices=True)", "torch.randn(2, 3, 13)"),
]
