"""Schedulers decide the next step: which operator, which parent, which author, which principles.

Like the emitters of quality-diversity search they are asked (`next`) and told (`observe`). To add one, write a file
with a class that follows `base.Scheduler` and name it in `SCHEDULERS`.
"""

from egg_search.schedulers.base import Feedback, Menu, Result, Scheduler
from egg_search.schedulers.staged import StagedScheduler
from egg_search.schedulers.uniform import UniformScheduler

SCHEDULERS: dict[str, type[Scheduler]] = {"staged": StagedScheduler, "random": UniformScheduler}

__all__ = ["SCHEDULERS", "Feedback", "Menu", "Result", "Scheduler", "StagedScheduler", "UniformScheduler"]
