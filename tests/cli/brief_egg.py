"""`egg` without torch.compile among its baselines, which takes longer than all else that a small run does."""

from functools import partial
from importlib import import_module

from egg_search import cli
from evaluator.settings import EvaluatorSettings

if __name__ == "__main__":
    for name in ("campaign", "verification"):
        module = import_module(f"egg_search.campaign.{name}")
        module.EvaluatorSettings = partial(EvaluatorSettings, torch_compile=False)
    cli.main()
