"""Tuning: one Optuna study a candidate proposes configurations of its knobs. Told verdicts, rebuilt from them."""

from egg_search.tuning.inheritance import by_roles, inherit
from egg_search.tuning.study import Study

__all__ = ["Study", "by_roles", "inherit"]
