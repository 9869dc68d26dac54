"""The structure of a candidate, derived from its code with knobs and levers erased.

Stage one searches over structures and stage two may not change one, so the signature must see what makes another
algorithm and be blind to how the same algorithm is scheduled. It must hold for any author's code, so it is read from
the code, never from what an author declares. It is made of lines that a person can read:

* the data flow of `ModelNew.forward` (`flow.py`): which kernels are launched in which order, which torch operators are
  called between them, and what each reads and writes. Helper functions and methods are inlined, names are replaced by
  their order of use; allocations, views, sizes, literals (knobs among them), guards and fall-backs are erased;
* for every launched kernel (one reader a dialect, `cpp.py`, `triton.py`): its pointer parameters with their direction
  and, where the code tells it, element type, the mathematical functions it uses, the kinds of accumulation, and its
  `// pass: NAME` comments (`# pass: NAME` in Python) in order, by which an author may name the phases of an algorithm.

Loops, pragmas, macros, index arithmetic, block sizes, unrolling, prefetches, stores and vector types are levers and
leave no trace. The price: two algorithms that differ in loop structure only (a sum split over threads, say) have equal
signatures unless their passes are named; then they share a niche, which costs diversity and never correctness.
"""

from __future__ import annotations

from functools import lru_cache

from egg_search.core.candidate import CandidateError, Dialect, content_hash
from egg_search.core.signature import cpp, torch, triton
from egg_search.core.signature.base import Reader
from egg_search.core.signature.flow import read_flow

_READERS: dict[Dialect, Reader] = {
    Dialect.CPP: cpp.read_kernels,
    Dialect.TRITON: triton.read_kernels,
    Dialect.CUDA: cpp.read_kernels,  # kernels are C++ in string constants, too
    Dialect.TORCH: torch.read_kernels,
}


@lru_cache(maxsize=256)
def structure(source: str, dialect: Dialect) -> tuple[str, ...]:
    """The structure as lines. Raises CandidateError when `source` has no readable `ModelNew.forward`."""
    if dialect not in _READERS:
        raise CandidateError(f"no structure signature for dialect {dialect} yet; use {', '.join(_READERS)}")
    kernels = _READERS[dialect](source)
    flow = read_flow(source, kernels)
    # Code that is never launched is no structure; without a visible launch everything may be.
    launched = flow.launched or tuple(kernels)
    summaries = [f"kernel {i}: {kernels[name].summary}" for i, name in enumerate(launched)]
    return (*flow.lines, *summaries)


def signature(source: str, dialect: Dialect) -> str:
    """16 hex digits, equal for equal structures of one dialect. Raises CandidateError as `structure` does."""
    return content_hash(dialect, *structure(source, dialect))
