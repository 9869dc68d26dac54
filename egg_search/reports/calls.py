"""Calls of language models as text: whole conversations, and sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from operators.authors.llm.models.calls import Call
from operators.authors.llm.models.record_reader import Reader
from operators.authors.llm.models.record_schema import FILE
from operators.authors.llm.models.usage import Spending


def calls_text(calls: Sequence[Call], replies: bool) -> str:
    """Each call under a line that says who was asked what for."""
    return "\n\n".join("\n".join(_call(number, call, replies)) for number, call in enumerate(calls, 1))


def _call(number: int, call: Call, replies: bool) -> list[str]:
    counted = f"{call.tokens_in} + {call.tokens_out} tokens, {call.seconds:.1f} s"
    came = "from the record" if call.reused is not None else f"failed: {call.error}" if call.error else counted
    lines = [f"==== call {number}: {call.role} ({call.operator}) asks {call.model}; {came}"]
    for turn in call.turns:
        lines += [f"---- {turn.role}", turn.text]
    if replies and call.reply is not None:
        lines += ["---- reply", call.reply]
    return lines


def spending_line(directory: Path) -> str | None:
    """What a run's models took so far; None where none was asked."""
    if not (directory / FILE).exists():
        return None
    with Reader.open(directory) as record:
        return spending_text(record.spending())


def spent_of(spent: Spending, *budgets: Mapping[str, float]) -> str:
    """What models took, and what they may: 12 of 100 calls, 34567 tokens."""
    limits = {name: value for budget in budgets for name, value in budget.items()}
    taken = {"calls": spent.calls, "tokens": spent.tokens, "seconds": round(spent.seconds), "money": spent.cost}
    return ", ".join(
        f"{value:.6g}" + (f" of {limits[name]:.6g}" if name in limits else "") + f" {name}"
        for name, value in taken.items()
        if value is not None
    )


def spending_text(spent: Spending) -> str:
    failed = f", {spent.failed} failed" if spent.failed else ""
    reused = f", {spent.reused} from the record" if spent.reused else ""
    money = f", {spent.cost:.4g} (money)" if spent.cost else ""
    tokens = f"{spent.tokens_in} tokens sent ({spent.tokens_cached} cached), {spent.tokens_out} received"
    return f"{spent.calls} calls{failed}{reused}; {tokens}; {spent.seconds:.0f} s{money}"
