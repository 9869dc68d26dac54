"""All principles of a campaign: which apply to a kernel, and which constraints a configuration breaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from egg_search.core.candidate import Candidate, Dialect
from egg_search.core.errors import UserError
from egg_search.core.hardware import Hardware
from egg_search.core.knobs import Configuration, Knob
from principles.expressions import UNKNOWN, Expression, compile_expression
from principles.model import GROUPS, Principle
from principles.parse import parse

Facts = Mapping[str, Mapping[str, Any]]  # kernel prefix ("K0") to the kernel's facts
_PREFIX = re.compile(r"(K\d+)_")


class _Rule(NamedTuple):
    """One constraint on one kernel of one candidate: `constants` are facts and hardware, `roles` the knobs it reads."""

    scope: str
    principle: str
    expression: Expression
    constants: Mapping[str, Any]
    roles: tuple[tuple[str, str], ...]  # (role, knob name)


def applies(principle: Principle, facts: Mapping[str, Any], hardware: Hardware) -> bool:
    """Whether `principle` speaks of this kind of kernel and its `applies` holds; what is unknown does not."""
    if not _speaks(principle.kinds, facts.get("kind", "")):
        return False
    value = compile_expression(principle.applies).evaluate(_constants(facts, hardware))
    return value is not UNKNOWN and bool(value)


class Library:
    """Principles in a fixed order: by group, then by name. Immutable, picklable."""

    def __init__(self, principles: Iterable[Principle] = ()) -> None:
        self.principles = tuple(sorted(principles, key=lambda each: (GROUPS.index(each.group), each.name)))
        self._by_name = {principle.name: principle for principle in self.principles}
        if len(self._by_name) != len(self.principles):
            raise UserError("two principles have the same name")
        self._rules = lru_cache(maxsize=512)(self._make_rules)

    def __reduce__(self) -> tuple[type, tuple[tuple[Principle, ...]]]:
        return Library, (self.principles,)

    def __iter__(self) -> Iterator[Principle]:
        return iter(self.principles)

    def __len__(self) -> int:
        return len(self.principles)

    def __getitem__(self, name: str) -> Principle:
        """Raises UserError for an unknown name."""
        if name not in self._by_name:
            raise UserError(f"no principle {name!r}; `egg principles list` shows all")
        return self._by_name[name]

    def applicable(
        self, candidate_facts: Facts, hardware: Hardware, dialect: Dialect, group: str | None = None
    ) -> list[tuple[Principle, str]]:
        """(principle, kernel prefix) wherever kind, dialect and `applies` hold; in library order, then kernel order.

        Where a kernel's facts tell its `schedule`, principles on levers that would change nothing of it are left out.
        """
        return [
            (principle, scope)
            for principle in self.principles
            if group in (None, principle.group) and _speaks(principle.dialects, dialect)
            for scope, facts in candidate_facts.items()
            if applies(principle, facts, hardware) and _acts(principle, facts)
        ]

    def violations(self, candidate: Candidate, configuration: Configuration, hardware: Hardware) -> list[str]:
        """One line for each constraint that is false; what is unknown does not bind.

        Constraints bind every kernel of the principle's kinds and dialects, whether or not the principle `applies`.
        A knob without a kernel's prefix is seen by all kernels. Knobs that `configuration` lacks have their defaults.
        A role that is no knob has the value that the kernel's fact `schedule` (a dict) gives it, if any.
        """
        found = []
        for rule in self._rules(candidate, hardware):
            environment = dict(rule.constants)
            for role, knob in rule.roles:
                environment[role] = configuration.get(knob, candidate.knobs[knob].default)
            value = rule.expression.evaluate(environment)
            if value is not UNKNOWN and not value:
                scope = f"{rule.scope}: " if rule.scope else ""
                reason = rule.expression.explain(environment)
                found.append(f"{scope}{rule.expression.text}: {reason} (principle {rule.principle})")
        return found

    def _make_rules(self, candidate: Candidate, hardware: Hardware) -> list[_Rule]:
        """The constraints that can be false for this candidate: facts and hardware alone decide most of them."""
        rules = []
        for scope, roles in _scopes(candidate).items():
            facts = candidate.facts.get(scope, {})
            constants = _constants(facts, hardware)
            fixed = {role: value for role, value in facts.get("schedule", {}).items() if role not in roles}
            for principle in self.principles:
                # An author need not declare facts: constraints then bind by the knobs' roles alone.
                if not _speaks(principle.dialects, candidate.dialect) or (
                    "kind" in facts and not _speaks(principle.kinds, facts["kind"])
                ):
                    continue
                for expression in map(compile_expression, principle.constraints):
                    read = tuple((role, knob) for role, knob in roles.items() if role in expression.names)
                    known = constants | fixed
                    if expression.names - constants.keys() and expression.evaluate(known) is not True:
                        rules.append(_Rule(scope, principle.name, expression, known, read))
        return rules


@lru_cache(maxsize=16)
def _load(dirs: tuple[Path, ...]) -> Library:
    found: dict[str, Path] = {}
    for path in files(dirs):
        if path.stem in found:
            raise UserError(f"{path}:1: principle {path.stem!r} exists already: {found[path.stem]}")
        found[path.stem] = path
    return Library(map(parse, found.values()))


def files(dirs: Sequence[Path | str] = ()) -> Iterator[Path]:
    """The files of the bundled principles and of those in `dirs`. Raises UserError for what is no directory."""
    for folder in (Path(__file__).parent, *map(Path, dirs)):
        if not folder.is_dir():
            raise UserError(f"{folder}: no such directory of principles")
        yield from sorted(folder.glob("*/*.md"))


def load(dirs: Sequence[Path | str] = ()) -> Library:
    """The bundled principles and those in `dirs`, each with one folder a group. Raises UserError with file and line."""
    return _load(tuple(Path(each).resolve() for each in dirs))


def _acts(principle: Principle, facts: Mapping[str, Any]) -> bool:
    if "schedule" not in facts or principle.group == "structure":
        return True
    schedule = facts["schedule"]
    sets = any(role in schedule and schedule[role] != value for role, value in principle.sets.items())
    return sets or any(role in schedule for role in principle.knobs)


def _speaks(of: tuple[str, ...], value: str) -> bool:
    return not of or value in of


def _constants(facts: Mapping[str, Any], hardware: Hardware) -> dict[str, Any]:
    """What expressions may read of a kernel and its hardware: `kernel.rows`, `hw.cores`, ..."""
    machine = {f"hw.{name}": value for name, value in hardware.facts().items()}
    return machine | {f"kernel.{name}": value for name, value in facts.items()}


def _scopes(candidate: Candidate) -> dict[str, dict[str, str]]:
    """Kernel prefix to {role: knob name}; one nameless scope when no kernel has facts or knobs of its own."""

    def prefix(knob: Knob) -> str:
        match = _PREFIX.match(knob.name)
        return match[1] if match else ""

    shared = {knob.role: name for name, knob in candidate.knobs.items() if not prefix(knob)}
    owners = dict.fromkeys([*candidate.facts, *(p for knob in candidate.knobs.values() if (p := prefix(knob)))])
    return {
        owner: shared | {knob.role: name for name, knob in candidate.knobs.items() if prefix(knob) == owner}
        for owner in owners or [""]
    }
