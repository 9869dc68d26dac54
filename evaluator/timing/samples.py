"""The times of one session, by the verifier's own clocks, and what workers say of their device.

A baseline runs the problem's own code where no candidate reaches it: what it says counts, and the noise of the
verifier's clocks is never a candidate's gain. What a candidate says counts where they bear it out; else their time
does, and never less than was said: noise makes a candidate slower, not faster than it says.

On a GPU the verifier has two: the wall clock, and events on the device itself, which see a short call as exactly as the
worker's own do. Where those saw it they decide.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

import numpy as np

_FLOOR = 0.05  # share of a raw time that remains at the least when the null call is subtracted
_LOW = 0.1  # quantile of the null calls that is subtracted: noise only ever adds time
# A claim is borne out from this share of the time on the device on, less some seconds, which are its noise; or of that
# on the wall clock, less its noise, of which a share of the claim is excused. Of shorter calls that says nothing.
_SEEN_OUT, _SEEN_SLACK = 0.98, 0.7e-6
_BORNE_OUT, _SLACK, _EXCUSED = 0.9, 2e-6, 0.05
_SHORT_SECONDS = 0.001
_FEW, _SOME = 2, 0.25  # calls of a baseline's, and share of them, that are enough to leave out those that were not seen
_DRIFT = 4e-6  # that what is beside a call may be more than it was before there was a candidate
_LEAST = 1e-6  # seconds that no clock tells apart from nothing


class Reading(Protocol):
    """One call: raw `seconds` on the wall clock; those `seen` on the device, with what every call has beside its
    forward (0: it was not seen); what the worker `claimed` that its device took (0: nothing), and that it took until
    all was launched."""

    seconds: float
    seen: float
    claimed: float
    launch: float


@dataclass
class Samples:
    """Raw seconds by side and of the null calls between them, in the order of rounds; what was seen on the device, and
    what workers claimed, beside. `suspect` is the side whose claims have to be borne out. `quantile` is the statistic
    that counts, of claims as of what bears them out: else a few lies would count, and others be checked. `alone`, and
    `beside` that is seen where there is no candidate: see `Goal`."""

    raw: dict[str, list[float]]
    nulls: list[float] = field(default_factory=list)
    claims: dict[str, list[float]] = field(default_factory=dict)
    launches: dict[str, list[float]] = field(default_factory=dict)
    seen: dict[str, list[float]] = field(default_factory=dict)
    seen_nulls: list[float] = field(default_factory=list)
    floor: float = 0.0  # seconds that no call can take less than
    alone: float = 0.0
    beside: float = inf
    suspect: str = ""
    quantile: float = 0.5
    rounds: int = 0
    stopped_early: bool = False

    @property
    def null(self) -> float:
        """Seconds of a call that computes nothing."""
        return float(np.quantile(self.nulls, _LOW))

    @property
    def alongside(self) -> bool:
        """Whether the device does not wait for workers: it was back as soon as where nobody has a turn, or earlier."""
        over = self._over(self.seen)
        return over is not None and over < self.alone

    def seconds(self, side: str) -> np.ndarray:
        """Seconds of the side's calls: as its worker claims, where that counts; else by the verifier's clocks, without
        what a call costs by itself. Where the device was watched, only of those calls that were seen: others were
        disturbed by that."""
        return self._claims(side) if self.borne_out(side) else self._on_own_clocks(side)

    def claimed(self, side: str) -> float:
        """Seconds of a call as its worker claims; 0 where it claims nothing, or what is impossible: a suspect even
        once."""
        claims = self._claims(side)
        if not len(claims):
            return 0.0
        usual = float(np.quantile(claims, self.quantile))
        least = min(self.claims[side]) if side == self.suspect else usual
        return usual if least > self.floor else 0.0

    def borne_out(self, side: str) -> bool:
        """Whether the worker claims anything, nothing that is impossible, and, if it is suspect, hardly less than
        passed."""
        claimed = self.claimed(side)
        if not claimed or side != self.suspect:
            return claimed > 0
        on_device = self.on_device(side)
        if on_device is not None:
            return claimed >= _SEEN_OUT * np.quantile(on_device, self.quantile) - _SEEN_SLACK
        if claimed < _SHORT_SECONDS:
            return False
        noise = float(np.subtract(*np.quantile(self.nulls, [0.75, 0.25])))
        passed = float(np.quantile(self.raw[side], self.quantile) - np.median(self.nulls))
        return claimed >= _BORNE_OUT * passed - min(noise, _EXCUSED * claimed) - _SLACK

    def doubted(self, side: str) -> bool:
        """Whether it claims something that is not borne out."""
        return bool(np.any(self.claims.get(side, ()))) and not self.borne_out(side)

    def unseen(self, side: str) -> bool:
        """Whether it claims something short that no clock of the verifier's can say anything of."""
        return 0 < self.claimed(side) < _SHORT_SECONDS and self.on_device(side) is None

    def launch(self, side: str) -> float:
        """Seconds until all was launched, as the worker says; 0 where it says nothing."""
        return float(np.median(self.launches[side])) if self.launches.get(side) else 0.0

    def record(self, side: str, reading: Reading) -> None:
        self.raw[side].append(reading.seconds)
        self.seen.setdefault(side, []).append(reading.seen)
        self.claims.setdefault(side, []).append(reading.claimed)
        self.launches.setdefault(side, []).append(reading.launch)

    def record_null(self, reading: Reading) -> None:
        self.nulls.append(reading.seconds)
        self.seen_nulls.append(reading.seen - reading.claimed if reading.seen else 0.0)

    def on_device(self, side: str) -> np.ndarray | None:
        """Seconds of its forwards by the verifier's clock on the device; None where it saw too few of them."""
        beside = self.usual_beside()
        if beside is None or self._shown(side) is None:
            return None
        return self._of_seen(side, np.asarray(self.seen[side])) - beside

    def largest_beside(self) -> float:
        """Of the sides of a session without a candidate, that which has most; infinite where nothing was seen."""
        sides = [over for side in self.seen if (over := self._over([side])) is not None]
        return max(sides, default=self._of_nulls() or inf)

    def usual_beside(self) -> float | None:
        """Seconds on the device that every call takes beside its forward: what baselines have beside what they claim;
        where none of theirs was seen, null calls. Never more than where there was no candidate, whose work may be
        queued behind what they do."""
        usual = self._over(self.seen) or self._of_nulls()
        return min(usual, self.beside + _DRIFT) if usual is not None else None

    def _claims(self, side: str) -> np.ndarray:
        claims = np.asarray(self.claims.get(side, ()))
        return claims if self._shown(side) is None else self._of_seen(side, claims)

    def _shown(self, side: str) -> np.ndarray | None:
        """Which of its calls were seen; None where they are too few: of a suspect less than half."""
        shown = np.asarray(self.seen.get(side, ())) > 0
        enough = 0.5 * len(shown) if side == self.suspect else max(_FEW, _SOME * len(shown))
        return shown if shown.any() and shown.sum() >= enough else None

    def _of_seen(self, side: str, values: np.ndarray) -> np.ndarray:
        """Those of calls that were seen. A suspect may choose which ones are: others are as slow as the slowest."""
        shown = self._shown(side)
        return np.where(shown, values, values[shown].max()) if side == self.suspect else values[shown]

    def _over(self, sides: Iterable[str]) -> float | None:
        """Seconds that trusted calls of these sides were usually seen to take more than they claim."""
        trusted = [side for side in sides if side != self.suspect]
        pairs = [pair for side in trusted for pair in zip(self.seen[side], self.claims[side], strict=True)]
        return _usual([seen - claimed for seen, claimed in pairs if seen and claimed])

    def _of_nulls(self) -> float | None:
        return _usual([each for each in self.seen_nulls if each])

    def _on_own_clocks(self, side: str) -> np.ndarray:
        """No less than is claimed, nor, for a suspect, than is possible: of what it launches nothing for, little
        remains when a null call is taken off."""
        passed, claims = self.on_device(side), self._claims(side)
        if passed is None:
            raw = np.asarray(self.raw[side])
            passed, claims = np.maximum(raw - self.null, _FLOOR * raw), np.asarray(self.claims.get(side, 0.0))
        return np.maximum(np.maximum(passed, claims), max(self.floor, _LEAST) if side == self.suspect else 0.0)


def _usual(seconds: list[float]) -> float | None:
    return float(np.median(seconds)) if seconds else None
