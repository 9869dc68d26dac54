"""What torch compiles."""

from gpu.corpus import honest

COMPILED = honest(
    "compiled by torch in the first call",
    "norm_softmax",
    """
    if self.compiled is None:
        self.compiled = torch.compile(lambda x: Model.forward(self, x), dynamic=False)
    return self.compiled(x)
    """,
    init="self.compiled = None",
)
ENTRIES = [
    COMPILED,
    honest(
        "scripted",
        "gated_chain",
        "return scripted(x, gate, self.gain, self.shift)",
        """
        @torch.jit.script
        def scripted(x: torch.Tensor, gate: torch.Tensor, gain: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
            return torch.tanh(x * gain + shift) * torch.sigmoid(gate) + x
        """,
    ),
]
