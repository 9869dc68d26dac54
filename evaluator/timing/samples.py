"""The times of one session, by the verifier's own clocks, and what workers say of their device.

A baseline runs the problem's own code where no candidate reaches it: what it says counts, and the noise of the
verifier's clocks is never a candidate's gain. What a candidate says counts where they bear it out; else their time
does, and never less than was said: noise makes a candidate slower, not faster than it says.

On a GPU the verifier has two: the wall clock, and events on the device itself, which see a short call as exactly as the
worker's own do. Where those saw it they decide.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

_FLOOR = 0.05  # share of a raw time that remains at the least when the null call is subtracted
_LOW = 0.1  # quantile of the null calls that is subtracted: noise only ever adds time
# A claim is borne out from this share of the time on the device on, less some seconds; or of that on the wall clock,
# less its noise, of which a share of the claim is excused. Of calls as short as its noise the wall clock says nothing.
_SEEN_OUT, _SEEN_SLACK = 0.95, 0.7e-6
_BORNE_OUT, _SLACK, _EXCUSED = 0.9, 2e-6, 0.05
_SHORT_SECONDS = 0.001
_FEW = 2  # calls of a baseline's that were seen are enough to leave out the others


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
    that counts, of claims as of what bears them out: else a few lies would count, and others be checked."""

    raw: dict[str, list[float]]
    nulls: list[float] = field(default_factory=list)
    claims: dict[str, list[float]] = field(default_factory=dict)
    launches: dict[str, list[float]] = field(default_factory=dict)
    seen: dict[str, list[float]] = field(default_factory=dict)
    seen_nulls: list[float] = field(default_factory=list)
    floor: float = 0.0  # seconds that no call can take less than
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
        """Whether the device was back before what the workers of baselines did there was over: it does not wait."""
        over = self._overs()
        return len(over) > 0 and float(np.median(over)) < 0

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
        self.seen_nulls.append(reading.seen)

    def on_device(self, side: str) -> np.ndarray | None:
        """Seconds of those forwards that the verifier's clock on the device saw; None where they are too few."""
        shown, beside = self._shown(side), self._beside()
        return None if beside is None or shown is None else np.asarray(self.seen[side])[shown] - beside

    def _claims(self, side: str) -> np.ndarray:
        claims, shown = np.asarray(self.claims.get(side, ())), self._shown(side)
        return claims if shown is None else claims[shown]

    def _shown(self, side: str) -> np.ndarray | None:
        """Which of its calls were seen; None where they are too few: of a suspect less than half."""
        shown = np.asarray(self.seen.get(side, ())) > 0
        few = 2 * shown.sum() < len(shown) if side == self.suspect else shown.sum() < _FEW
        return None if few or not shown.any() else shown

    def _beside(self) -> float | None:
        """Seconds on the device that every call takes beside its forward: what baselines have beside what they claim;
        where none of theirs was seen, null calls."""
        over = self._overs()
        nulls = [each for each in self.seen_nulls if each]
        return float(np.median(over if len(over) else nulls)) if len(over) or nulls else None

    def _overs(self) -> np.ndarray:
        """Seconds that trusted calls were seen to take more than they claim."""
        trusted = [side for side in self.seen if side != self.suspect]
        pairs = [pair for side in trusted for pair in zip(self.seen[side], self.claims[side], strict=True)]
        return np.asarray([seen - claimed for seen, claimed in pairs if seen and claimed])

    def _on_own_clocks(self, side: str) -> np.ndarray:
        """No less than is claimed, nor, for a suspect, than is possible: of what it launches nothing for, little
        remains when a null call is taken off."""
        passed, claims = self.on_device(side), self._claims(side)
        if passed is None:
            raw = np.asarray(self.raw[side])
            passed, claims = np.maximum(raw - self.null, _FLOOR * raw), np.asarray(self.claims.get(side, 0.0))
        return np.maximum(np.maximum(passed, claims), self.floor if side == self.suspect else 0.0)
