"""Whether CUDA C++ candidates can be built here. Needs no GPU."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec

_INSTALL = "install one of the extras cuda12 and cuda13"


@cache
def why_unavailable() -> str | None:
    """The reason why the cuda dialect cannot be used on this machine; None when it can."""
    if find_spec("cupy") is None:
        return f"CuPy is missing: {_INSTALL}"
    try:
        from cupy_backends.cuda.libs import nvrtc

        nvrtc.getVersion()
    except Exception as error:  # whatever its loader raises
        return f"CuPy finds no NVRTC ({str(error).splitlines()[0]}): {_INSTALL}"
    return None
