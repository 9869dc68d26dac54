"""A problem that does not fit into a GPU's memory, without a GPU: what is raised is what PyTorch raises there."""

import pytest
import torch

from egg_search.core.errors import UserError
from egg_search.core.problem.loading import load

TOLD = (
    "CUDA out of memory. Tried to allocate 256.00 GiB. GPU 0 has a total capacity of 79.11 GiB of which 78.60 GiB is "
    "free. Of the allocated memory 0 bytes is allocated by PyTorch"
)


def too_large(where):
    fails = f"def fail(*_):\n    raise torch.OutOfMemoryError({TOLD!r})\n"
    return {
        "inputs": fails + "get_inputs = fail\n",
        "model": fails + "Model.__init__ = fail\n",
        "forward": fails + "Model.forward = fail\n",
    }[where]


@pytest.mark.parametrize("where", ["inputs", "model", "forward"])
def test_the_message_names_the_size_and_what_to_set(problem, where):
    loaded = load(problem(too_large(where)))
    with pytest.raises(UserError) as refused:
        loaded.run(loaded.make_model(0), loaded.make_inputs(0))
    assert str(refused.value) == (
        "mine.py: a tensor of 256.00 GiB does not fit into the GPU's memory; make the problem smaller: "
        "--set batch=..., dim=..., hidden=..."
    )


def test_it_is_not_tried_again_without_a_default_device(problem, monkeypatch):
    """Inputs are drawn on the device first, and only another failure means that they name a place themselves."""
    calls = []
    loaded = load(problem("def get_inputs():\n    return made()\n"), "meta")

    def made():
        calls.append(torch.get_default_device().type)
        raise torch.OutOfMemoryError(TOLD)

    loaded.module.made = made
    with pytest.raises(UserError, match=r"256\.00 GiB"):
        loaded.make_inputs(0)
    assert calls == ["meta"]


def test_without_a_size_it_still_says_what_to_do(problem):
    loaded = load(problem("def get_inputs():\n    raise torch.OutOfMemoryError('CUDA error: out of memory')\n"))
    with pytest.raises(UserError, match=r"^mine\.py: it does not fit into the GPU's memory; .*--set batch="):
        loaded.make_inputs(0)
