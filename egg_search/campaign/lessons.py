"""What a campaign learns from earlier ones about principles, and what it leaves to later ones."""

from __future__ import annotations

import time
from collections import Counter, defaultdict

from egg_search.archive import gained, speedup
from egg_search.campaign.state import State
from egg_search.cluster import is_infrastructure
from egg_search.core.hardware import Hardware
from egg_search.core.problem import Problem
from egg_search.experience import CampaignRecord, Outcome, Situation, Store, Told, dtype_in, kinds_in, prior, store_path
from egg_search.schedulers.bandit import FULL_REWARD, Prior
from operators.base import Draft

UNDECIDED = 1.25  # what may be so much faster than its parent, and may be slower, tells nothing


def priors(problem: Problem, hardware: Hardware) -> dict[str, Prior]:
    """By principle, for those that were tried. Raises StoreError."""
    here = _expected(problem, hardware)
    told: dict[str, list[Told]] = defaultdict(list)
    for each in Store(store_path()).read():
        told[each.outcome.principle].append(each)
    return {name: prior(of_one, here, FULL_REWARD) for name, of_one in told.items()}


def remember(campaign: str, problem: Problem, hardware: Hardware, state: State) -> None:
    """Replaces what the store has of `campaign`, an id. Raises StoreError."""
    situation, found = _situation(problem, hardware, state), outcomes(state)
    if found:
        Store(store_path()).write(CampaignRecord(campaign, problem.name, time.time(), situation, found))


def outcomes(state: State) -> tuple[Outcome, ...]:
    """Of every principle that a candidate followed of which something can be told."""
    tried: Counter[str] = Counter()
    gains: dict[str, list[float]] = defaultdict(list)
    for draft in state.drafts.values():
        gain = _gain(draft, state) if draft.principles else None
        for name in draft.principles if gain is not None else ():
            tried[name] += 1
            gains[name] += [gain] if gain > 0 else []
    return tuple(Outcome(name, count, tuple(gains[name])) for name, count in sorted(tried.items()))


def _gain(draft: Draft, state: State) -> float | None:
    """Of the candidate over its parent, over eager where it has none: as it started, or once both were tuned; 0 unless
    that is beyond noise. None where it cannot be told: not judged, or on too busy a machine."""
    candidate = draft.candidate.id
    best, parent = state.best.get(candidate), state.best.get(draft.parent or "")
    if best is None:
        return 0.0 if candidate in state.failed and not is_infrastructure(state.failed[candidate][1]) else None
    gain = max(state.started.get(candidate, 0.0), gained(best.verdict, parent and parent.verdict))
    undecided = speedup(best.verdict).high > UNDECIDED * (speedup(parent.verdict).value if parent else 1.0)
    return None if not gain and undecided else gain


def _expected(problem: Problem, hardware: Hardware) -> Situation:
    """Before anything has run."""
    source = problem.effective_source
    return Situation(problem.id, hardware.kind, hardware.model, kinds_in(source), "", dtype_in(source))


def _situation(problem: Problem, hardware: Hardware, state: State) -> Situation:
    """As the campaign found it: kinds of kernels where authors declare them, what bounds the problem where a verdict
    says so."""
    expected, kinds, bounds = _expected(problem, hardware), set(), []
    for elite in state.best.values():
        facts = state.drafts[elite.job.candidate].candidate.facts.values()
        kinds |= {str(each["kind"]) for each in facts if each.get("kind", "library") != "library"}
        if roofline := elite.verdict.resources.get("roofline"):
            bounds.append(roofline["bound"])
    bound = Counter(bounds).most_common(1)[0][0] if bounds else ""
    return Situation(
        *(expected.problem, expected.kind, expected.hardware),
        tuple(sorted(kinds)) or expected.kernels,
        bound,
        expected.dtype,
    )
