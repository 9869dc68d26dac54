"""What calls use: tokens, and what they add up to."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.llm.models.base import Prompt

# Code and English take three to four; fewer here, because a budget is better kept than used up.
_CHARACTERS_A_TOKEN = 3
_TOKENS_A_TURN = 8  # of a chat template


@dataclass(frozen=True)
class Usage:
    """Tokens of one call; the cached are among those in. `estimated` where nobody counted them."""

    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    estimated: bool = False


@dataclass(frozen=True)
class Spending:
    """What some calls took: requests sent (`failed` among them), seconds of latency, money in the prices' currency
    (None: no model has a price). `reused` counts prompts that were answered from the record, which take nothing."""

    calls: int = 0
    failed: int = 0
    reused: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_cached: int = 0
    seconds: float = 0.0
    cost: float | None = None

    @property
    def tokens(self) -> int:
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Spending) -> Spending:
        known = [cost for cost in (self.cost, other.cost) if cost is not None]
        return Spending(
            self.calls + other.calls,
            self.failed + other.failed,
            self.reused + other.reused,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
            self.tokens_cached + other.tokens_cached,
            self.seconds + other.seconds,
            sum(known) if known else None,
        )


def tokens_of(text: str) -> int:
    """A guess, rather too many than too few."""
    return -(-len(text) // _CHARACTERS_A_TOKEN)


def tokens_sent(prompt: Prompt) -> int:
    return sum(tokens_of(turn.text) + _TOKENS_A_TURN for turn in prompt.turns)


def most(prompt: Prompt) -> Usage:
    """What a call may use at the most, as far as that is known before it."""
    return Usage(tokens_sent(prompt), prompt.max_tokens, estimated=True)
