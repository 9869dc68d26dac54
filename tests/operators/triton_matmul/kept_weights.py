"""Run as a program under Triton's interpreter: what a candidate (argv[1]) keeps of its weights follows every change."""

import copy
import importlib.util
import sys

import torch

spec = importlib.util.spec_from_file_location("candidate", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
make, made = module.k0_keep, []
module.k0_keep = lambda *state: (made.append(1), make(*state))[1]


def check(model, expected_makes, why):
    """The model is right for new inputs, and made its copies so many times until now."""
    (x,) = module.get_inputs()
    reference = module.Model(*module.get_init_inputs()).double()
    reference.load_state_dict(model.state_dict())
    found, truth = model(x), reference(x.double())
    error = (found.double() - truth).norm() / truth.norm()
    assert error < 1e-6, (why, error)
    assert len(made) == expected_makes, (why, len(made))


with torch.no_grad():
    model = module.ModelNew(*module.get_init_inputs())
    check(model, 1, "the first call")
    check(model, 1, "other inputs are no reason")
    model.weight.mul_(-1.5)
    check(model, 2, "an update in place")
    other = module.Model(*module.get_init_inputs())
    model.load_state_dict(other.state_dict())
    check(model, 3, "another state dict")
    model.load_state_dict({name: value + 1 for name, value in other.state_dict().items()}, assign=True)
    check(model, 4, "a state dict that takes the place of the old")
    model.weight = torch.nn.Parameter(torch.randn_like(model.weight))
    check(model, 5, "another parameter")
    model.weight.data = torch.randn_like(model.weight)
    check(model, 6, "other memory")
    for _ in range(2):  # memory that is free again is used again
        model.weight.data = torch.randn_like(model.weight)
    check(model, 7, "other memory, twice")
    check(copy.deepcopy(model), 8, "a copy")
    model.to(torch.float64).to(torch.float32)
    check(model, 9, "there and back")
    check(model, 9, "and nothing since")
    assert model.state_dict().keys() == other.state_dict().keys()
with torch.inference_mode():
    model = module.ModelNew(*module.get_init_inputs())
    check(model, 10, "a tensor that counts no versions")
    model.weight.mul_(3.0)
    check(model, 11, "and is written to")
