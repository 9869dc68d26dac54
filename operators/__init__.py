"""Operators: the ways to get a new candidate. `registry` holds them in the order of the stages.

A file here that defines `OPERATOR` is an operator; nothing else needs to be told. Authors are in `operators.authors`.
"""

from importlib import import_module
from pkgutil import iter_modules

from egg_search.core.knobs import Lever
from operators.base import Operator


def _found() -> list[Operator]:
    modules = [import_module(f"{__name__}.{each.name}") for each in iter_modules(__path__) if not each.ispkg]
    return [module.OPERATOR for module in modules if hasattr(module, "OPERATOR")]


def _order(operator: Operator) -> tuple[int, bool, int]:
    return operator.stage, operator.needs_parent, list(Lever).index(operator.lever) if operator.lever else -1


registry: dict[str, Operator] = {operator.name: operator for operator in sorted(_found(), key=_order)}
