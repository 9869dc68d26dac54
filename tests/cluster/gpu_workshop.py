"""A workshop of GPUs that are only Ray's numbers. A module of its own, so that workers can import it."""

import os
import time
from dataclasses import dataclass, replace

from search_fakes import HARDWARE, FakeJudge, FakeWorkshop, Report, cost, edits_of, ok, structure_of

from egg_search.core.hardware import Hardware

GPU = replace(HARDWARE, kind="cuda", model="imaginary GPU", cores=100, capability=90)
OTHER = replace(GPU, model="another GPU", cores=80)


def device():
    """The node and the GPU of it that Ray gave this process."""
    import ray

    return f"{ray.get_runtime_context().get_node_id()[:8]}:{os.environ.get('CUDA_VISIBLE_DEVICES')}"


@dataclass(frozen=True)
class GpuWorkshop(FakeWorkshop):
    """Logs who built ("build DEVICE"), who measured baselines ("survey DEVICE") and who measured anything else ("run
    DEVICE CHUNK PID"). `slow` measurements are those with chunk 8, which are built at once. A source with "lost" loses
    the context of the process once, with "always" each time. GPUs whose numbers are in `others` are of another
    model."""

    hardware: Hardware = GPU
    others: tuple[str, ...] = ()
    slow: float = 0.0

    def build(self, source):
        self._note(f"build {device()}")
        time.sleep(0.0 if "K0_CHUNK = 8" in source else 5 * self.pause)
        return Report()

    def here(self):
        return OTHER if os.environ["CUDA_VISIBLE_DEVICES"] in self.others else GPU

    def judge(self):
        return GpuJudge(self)

    def _note(self, line):
        with self.log_path.open("a") as log:
            print(line, file=log)


class GpuJudge(FakeJudge):
    def __init__(self, workshop):
        super().__init__(0.0, None, "")
        self._workshop = workshop

    def baselines(self):
        self._workshop._note(f"survey {device()}")
        return super().baselines()

    def judge(self, candidate, configuration, effort, best_ms=None):
        self._workshop._note(f"run {device()} {configuration['K0_CHUNK']} {os.getpid()}")
        died = self._workshop.log_path.with_name("died")
        if "always" in candidate.source or ("lost" in candidate.source and not died.exists()):
            died.touch()
            raise RuntimeError("CUDA error: an illegal memory access was encountered")
        time.sleep(self._workshop.slow if configuration["K0_CHUNK"] == 8 else self._workshop.pause)
        return ok(cost(structure_of(candidate), edits_of(candidate), configuration))
