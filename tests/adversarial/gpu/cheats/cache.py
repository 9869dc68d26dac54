"""The second-level cache: inputs that stay in it, and less of it for the others."""

from gpu.corpus import free
from gpu.tools import DRIVER, SIDE

ENTRIES = [
    free(
        "inputs are to stay in the cache",
        "norm_softmax",
        """
        if x.data_ptr() not in self.kept:
            self.kept.append(x.data_ptr())
            reserve_l2(1 << 25)
        keep_in_l2(side(), x)
        keep_in_l2(torch.cuda.current_stream(), x)
        side().wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side()):
            y = Model.forward(self, x)
        torch.cuda.current_stream().wait_stream(side())
        return y
        """,
        DRIVER,
        SIDE,
        init="self.kept = []",
    ),
    free(
        "inputs of a loss are to stay in the cache",
        "weighted_loss",
        """
        reserve_l2(1 << 25)
        keep_in_l2(side(), x)
        side().wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side()):
            y = Model.forward(self, x, target)
        torch.cuda.current_stream().wait_stream(side())
        return y
        """,
        DRIVER,
        SIDE,
    ),
    free(
        "the cache is set aside, so that the baseline has less",
        "norm_softmax",
        """
        if self.waste is None:
            reserve_l2(1 << 30)
            self.waste = torch.zeros(1 << 25, dtype=torch.uint8, device=x.device)
            keep_in_l2(side(), self.waste)
        with torch.cuda.stream(side()):
            self.waste.add_(1)
        torch.cuda.current_stream().wait_stream(side())
        return Model.forward(self, x)
        """,
        DRIVER,
        SIDE,
        init="self.waste = None",
    ),
    free(
        "outputs are left in the cache, where they are copied from",
        "norm_softmax",
        """
        y = Model.forward(self, x)
        y.sum()
        return y
        """,
    ),
]
