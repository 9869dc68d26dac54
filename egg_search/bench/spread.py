"""A suite spread over a machine: one process a place, each of which searches on one problem after the other."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter, deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

from egg_search.bench.child import Child
from egg_search.bench.places import Place
from egg_search.bench.suite import Suite
from egg_search.bench.worker import Told
from egg_search.campaign.interrupt import Interrupt
from egg_search.core.errors import UserError

GPUS = "gpus.json"  # beside the run directories: which GPU each was on
_TICK_SECONDS = 0.2
_TRIES = 2  # a problem whose process died is begun once more: what was measured is kept


def gpus_of(runs: Path) -> dict[str, str]:
    """By problem, as CUDA_VISIBLE_DEVICES names them; {} where nothing was spread over GPUs."""
    try:
        return json.loads(runs.with_name(GPUS).read_text())
    except (OSError, ValueError):
        return {}


class Spread:
    """Deals the problems of `suite` that are not finished to workers, which log to the folder `logs`; `say` shows a
    line. Failures end up in `suite.failures`."""

    def __init__(self, suite: Suite, places: Sequence[Place], logs: Path, say: Callable[[str], None]) -> None:
        self._suite, self._places, self._logs, self._say = suite, places, logs, say
        self._names, self._waiting = list(suite.problems), deque(suite.pending())
        self._tries: Counter[str] = Counter()
        self._children: set[Child] = set()
        self._lock = threading.Lock()  # of what follows: no child is made when all were stopped
        self._stopping = False
        self._fatal: str | None = None
        self._gpus = gpus_of(suite.runs)

    def run(self) -> bool:
        """False when it was interrupted; a second interrupt is a KeyboardInterrupt. Raises UserError for what no
        problem is to blame for."""
        with Interrupt() as interrupt, ThreadPoolExecutor(len(self._places)) as pool:
            serving = [pool.submit(self._serve, place) for place in self._places]
            try:
                while wait(serving, _TICK_SECONDS).not_done:
                    if interrupt.asked:
                        self._stop()
            except KeyboardInterrupt:
                for child in list(self._children):  # they were told to stop, and are not waited for any longer
                    child.kill()
                raise
            for each in serving:
                each.result()
        if self._fatal is not None:
            raise UserError(self._fatal)
        return not interrupt.asked

    def _serve(self, place: Place) -> None:
        """Keeps a child busy at a place, and starts another one where it dies."""
        os.sched_setaffinity(0, place.cpus)  # of this thread alone; the child inherits it
        while self._waiting and (child := self._start(place)):
            with child:
                while (name := self._take()) is not None:
                    self._remember(name, place)
                    self._say(f"{place.name}: problem {self._names.index(name) + 1} of {len(self._names)}: {name}")
                    told = child.search(name)
                    if told is None:
                        self._died(child, name)
                        break
                    self._note(place, name, told)
            self._children.discard(child)

    def _start(self, place: Place) -> Child | None:
        with self._lock:
            if self._stopping:
                return None
            child = Child(self._suite, place, self._logs / f"{place.name.replace(' ', '-').lower()}.log")
            self._children.add(child)
            return child

    def _take(self) -> str | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting and not self._stopping else None

    def _remember(self, name: str, place: Place) -> None:
        if place.gpu is not None:
            with self._lock:
                self._gpus[name] = place.gpu
                self._suite.runs.with_name(GPUS).write_text(json.dumps(self._gpus, indent=2) + "\n")

    def _note(self, place: Place, name: str, told: Told) -> None:
        if told.fatal is not None:
            self._fatal = told.fatal
            self._stop()
        elif told.failure is not None:
            self._suite.failures[name] = told.failure
            self._say(f"{place.name}: {name} failed: {told.failure}")
        else:
            self._say(f"{place.name}: {name} {'stopped' if told.interrupted else 'done'}, {told.best or 'not begun'}")

    def _died(self, child: Child, name: str) -> None:
        if self._stopping:
            return
        code = child.exit_code
        self._tries[name] += 1
        if self._tries[name] < _TRIES:
            self._say(f"{name}: its process died (exit code {code}); once more")
            self._waiting.append(name)
        else:
            self._suite.failures[name] = f"its process died {_TRIES} times (exit code {code}); see {child.log}"

    def _stop(self) -> None:
        """Interrupts every child, once."""
        with self._lock:
            children = [] if self._stopping else list(self._children)
            self._stopping = True
        for child in children:
            child.interrupt()
