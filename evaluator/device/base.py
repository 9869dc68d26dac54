"""The seam for a kind of device: how inputs reach a worker, what its clock counts, how outputs come back."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol

import torch

from evaluator.isolation.base import Stage
from evaluator.worker.models import ModelSpec


@dataclass(frozen=True)
class Rights:
    """What a seat may do beside computing. In the run stage compilers may run while models are loaded only.

    `readable`, `writable`, `private`: see `Limits`. `build_seconds` is how long loading may take while compilers are at
    work, on top of its own time. With `again` the worker may be the one that was kept of the last seat, if that was of
    the same `program`; devices whose workers start quickly have a new one.
    """

    stage: Stage = Stage.RUN
    readable: tuple[str, ...] = ()
    writable: tuple[str, ...] = ()
    private: tuple[str, ...] = ()
    build_seconds: float = 0.0
    program: str = ""
    again: bool = False


NO_RIGHTS = Rights()


@dataclass(frozen=True)
class Call:
    """One forward, seen from outside: `seconds` on the verifier's clock. `changed` are the tensors among the arguments
    whose contents it changed, by position, as it left them; `forwards` counts it and the untimed ones before it.
    `borrowed`: which outputs lie in the memory of the arguments, where that can be seen.

    `seen` are the seconds that it took on the device by the verifier's own clock there, with what every call has beside
    its forward; 0 where that was not seen.

    What the worker says: `structure`, of its result (see `structure_of`), empty when it says nothing; `claimed`, what
    the device took, and `launch`, what it took until everything was launched (seconds; 0 when it says nothing).
    """

    seconds: float
    outputs: list[torch.Tensor]
    changed: dict[int, torch.Tensor] = field(default_factory=dict)
    structure: str = ""
    forwards: int = 1
    claimed: float = 0.0
    launch: float = 0.0
    seen: float = 0.0
    borrowed: tuple[bool, ...] = ()


class Seat(Protocol):
    """One worker process with its models on the device. Methods raise WorkerFailure; the worker is dead then.

    `denied` names what it attempted and was not allowed to do. `seen` has what the worker was shown, in this seat and
    before: seeds of fresh inputs, names of cases; `again`: there was one before, of another configuration of the same
    program.
    """

    denied: list[str]
    seen: set[Hashable]
    again: bool

    def load(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        rehearsal: list[Any] | None = None,
    ) -> None:
        """Constructs model `number`, and calls it on `rehearsal`, on which nothing is judged, if there is one."""
        ...

    def load_beside(
        self,
        number: int,
        spec: ModelSpec,
        state: dict[str, torch.Tensor],
        timeout: float,
        arguments: list[Any],
        call_timeout: float,
    ) -> None:
        """As `load`, and an untimed call on `arguments`, while other workers start in other threads: where the device
        allows that, and for what is trusted, since nobody sees who takes how much of the device's memory."""
        ...

    def call(self, number: int, arguments: list[Any], timeout: float, warm: int = 0) -> Call:
        """Lets the worker make `warm` untimed calls on earlier arguments, where there are any, then writes `arguments`
        and times one forward. The worker sees them when its clock runs, and not before."""
        ...

    def buffers(self, number: int, timeout: float, count: int) -> list[torch.Tensor]:
        """Copies of the so many buffers in the model's state, in its order: what a forward may change beside its
        outputs."""
        ...

    def null(self) -> Call:
        """A call that computes nothing."""
        ...

    def operator_share(
        self, number: int, arguments: list[Any], timeout: float, kernels: bool = False
    ) -> tuple[float, str]:
        """The share of one forward's time on `arguments` that the worker says it spends in torch's own operators; and,
        where they are asked for, what it says of another one's kernels (see `roofline.profile`; empty on a CPU)."""
        ...

    def close(self, keep: bool = False) -> None:
        """`keep`: where the device can, the worker forgets its models and waits for another seat of its program."""
        ...


@dataclass(frozen=True)
class Variant:
    """A baseline: what is other in its `ModelSpec` than in eager's. One that computes bit by bit what the baseline
    `like` computes is the same program, and is not timed; nor is it started where the baselines `told_by` all turned
    out to be the same as another one. `on_request`: it takes minutes to compile."""

    changes: dict[str, Any]
    like: str | None = None
    told_by: tuple[str, ...] = ()
    on_request: bool = False


COMPILE = {"compiled": "default"}
# Without CUDA graphs: they copy inputs and give outputs in memory that the next call overwrites, which a module that
# takes the place of another one must not do.
MAX_AUTOTUNE = {"compiled": "max-autotune-no-cudagraphs"}


class Device(Protocol):
    """Opens seats. `place` is torch's name of where tensors are; `quantile` the statistic of its times that noise moves
    least; `null_every` and `alone`: see `Goal`; `variants` are the baselines beside eager, by name. `beside`: trusted
    workers may start beside each other."""

    place: str
    beside: bool
    alone: float
    quantile: float
    null_every: int
    variants: ClassVar[dict[str, Variant]]

    def open(self, memory_bytes: int, environment: dict[str, str], rights: Rights = NO_RIGHTS) -> Seat: ...

    def settle(self) -> None:
        """Returns when nothing is held any more by seats that were closed, nor by workers that were kept."""
        ...

    def has_room(self, size: int) -> bool:
        """Whether workers find so many bytes, beside what seats hold that are not closed."""
        ...

    def close(self) -> None: ...
