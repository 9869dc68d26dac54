"""The builds of one store, of which those that are wanted soon may begin beside each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path

from evaluator.build.build import BuildReport
from evaluator.build.store import BuildStore

Build = Callable[[str, Path], BuildReport]


class Builds:
    """`build` builds a bound source into a store's directory, here `root`. Thread-safe."""

    def __init__(self, root: Path, build: Build, ahead: Sequence[str] = ()) -> None:
        """Begins with the sources `ahead`."""
        self.store, self._build = BuildStore(root), build
        self._pool = ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="build")
        self._begun = {source: self._pool.submit(build, source, root) for source in dict.fromkeys(ahead)}

    def report(self, source: str) -> BuildReport:
        """Waits for it where it has begun. Raises what `build` raises."""
        begun: Future[BuildReport] | None = self._begun.pop(source, None)
        return begun.result() if begun is not None else self._build(source, self.store.root)

    def wait(self) -> None:
        """Until all that has begun is built, or failed."""
        wait(self._begun.values())

    def close(self) -> None:
        """Builds that run end first: they would write to a directory that is removed."""
        self._pool.shutdown(cancel_futures=True)
