"""The times of one session, by two clocks: the verifier's own, and what workers say of their device.

A baseline runs the problem's own code where no candidate reaches it: what it says counts, and the noise of the wall
clock is never a candidate's gain. What a candidate says counts where the wall clock bears it out; else the time by that
clock does, and never less than was said: noise makes a candidate slower, not faster than it says.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

_FLOOR = 0.05  # share of a raw time that remains at the least when the null call is subtracted
_LOW = 0.1  # quantile of the null calls that is subtracted: noise only ever adds time
_BETTER, _EXCUSED = 0.25, 0.05  # quantile of a row's null calls; share of a claim that noise may excuse
# A claim is borne out from this share of the wall clock's time on, less the noise of that clock and some seconds.
_BORNE_OUT, _SLACK = 0.9, 2e-6


class Reading(Protocol):
    """One call: raw `seconds` on the verifier's clock; what the worker `claimed` that its device took (0: nothing), and
    that it took until all was launched."""

    seconds: float
    claimed: float
    launch: float


@dataclass
class Rows:
    """Raw seconds of rows of `count` calls by the wall clock, and of null calls that deliver as many outputs. All
    outputs of a row are checked and noise only ever adds time, so the least row says most for a claim. `hidden` seconds
    of a row may have passed where the wall clock does not see them."""

    count: int
    raw: list[float] = field(default_factory=list)
    nulls: list[float] = field(default_factory=list)
    hidden: float = 0.0

    @property
    def seconds(self) -> float:
        """Of a call whose claim was not borne out, rather more than less: no noise makes it faster."""
        usual = float(np.median(self.raw))
        return max(usual - min(self.nulls) + self.hidden, _FLOOR * usual) / self.count

    def bear_out(self, claimed: float) -> bool:
        """Whether a call may have taken no longer than that. The least row is compared with null calls of the better
        kind, and what their noise excuses is a share of the claim: else a busy machine would bear out anything."""
        if not self.raw:
            return False
        null = float(np.quantile(self.nulls, _BETTER))
        passed = min(self.raw) - null + self.hidden
        return _borne_out(claimed, passed / self.count, (null - min(self.nulls)) / self.count)


@dataclass
class Samples:
    """Raw seconds by side and of the null calls between them, in the order of rounds; what workers claimed beside.
    `suspect` is the side whose claims have to be borne out, by its `rows` where there should be any. `quantile` is the
    statistic that counts, of claims as of what bears them out: else a few lies would count, and others be checked."""

    raw: dict[str, list[float]]
    nulls: list[float] = field(default_factory=list)
    claims: dict[str, list[float]] = field(default_factory=dict)
    launches: dict[str, list[float]] = field(default_factory=dict)
    floor: float = 0.0  # seconds that no call can take less than
    suspect: str = ""
    quantile: float = 0.5
    rows: Rows | None = None
    rounds: int = 0
    stopped_early: bool = False

    @property
    def null(self) -> float:
        """Seconds of a call that computes nothing."""
        return float(np.quantile(self.nulls, _LOW))

    def seconds(self, side: str) -> np.ndarray:
        """Seconds of the side's calls: as its worker claims, whose clock is nearer to the device, where that counts;
        else on the wall clock, without what a call costs by itself."""
        return np.asarray(self.claims[side]) if self.borne_out(side) else self._on_the_wall(side)

    def believed(self, side: str) -> np.ndarray:
        """The same, with every claim borne out that is possible."""
        return np.asarray(self.claims[side]) if self.claimed(side) else self._on_the_wall(side)

    def claimed(self, side: str) -> float:
        """Seconds of a call as its worker claims; 0 where it claims nothing, or what is impossible: a suspect even
        once."""
        claims = self.claims.get(side, ())
        if not len(claims):
            return 0.0
        usual = float(np.quantile(claims, self.quantile))
        return usual if (min(claims) if side == self.suspect else usual) > self.floor else 0.0

    def borne_out(self, side: str) -> bool:
        """Whether the worker claims anything, nothing that is impossible, and, if it is suspect, hardly less than
        passed."""
        claimed = self.claimed(side)
        if not claimed or side != self.suspect:
            return claimed > 0
        if self.rows is not None:
            return self.rows.bear_out(claimed)
        noise = float(np.subtract(*np.quantile(self.nulls, [0.75, 0.25])))
        passed = float(np.quantile(self.raw[side], self.quantile) - np.median(self.nulls))
        return _borne_out(claimed, passed, noise)

    def doubted(self, side: str) -> bool:
        """Whether it claims something that the wall clock does not bear out."""
        return bool(np.any(self.claims.get(side, ()))) and not self.borne_out(side)

    def launch(self, side: str) -> float:
        """Seconds until all was launched, as the worker says; 0 where it says nothing."""
        return float(np.median(self.launches[side])) if self.launches.get(side) else 0.0

    def record(self, side: str, reading: Reading) -> None:
        self.raw[side].append(reading.seconds)
        self.claims.setdefault(side, []).append(reading.claimed)
        self.launches.setdefault(side, []).append(reading.launch)

    def _on_the_wall(self, side: str) -> np.ndarray:
        """No less than is claimed, nor, for a suspect, than is possible: of what it launches nothing for, little
        remains when a null call is taken off. Of rows there are few: their time has the noise of the claims."""
        raw = np.asarray(self.raw[side])
        claims = np.asarray(self.claims.get(side, np.zeros(len(raw))))
        if side == self.suspect and self.rows is not None and self.rows.raw:
            usual = self.claimed(side)
            passed = self.rows.seconds * (claims / usual if usual else np.ones(len(raw)))
        else:
            passed = np.maximum(raw - self.null, _FLOOR * raw)
        return np.maximum(np.maximum(passed, claims), self.floor if side == self.suspect else 0.0)


def _borne_out(claimed: float, passed: float, noise: float) -> bool:
    """Whether that is hardly less than what passed; noise excuses a share of it only."""
    return claimed >= _BORNE_OUT * passed - min(noise, _EXCUSED * claimed) - _SLACK
