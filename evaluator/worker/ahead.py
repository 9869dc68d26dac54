"""Compiling for a GPU that a build process does not see: Triton is told which one it is.

What the kernels' launch needs is built too, so that the process that measures finds all of it.
"""

from __future__ import annotations

import os
from contextlib import suppress
from importlib import import_module
from typing import Any

_KEYS = ("triton.runtime.cache", "triton.compiler.compiler")  # where Triton 3.7 and 3.6 have their function
_CAPABILITIES = (80, 86, 89, 90, 100, 103, 120)
ARCHITECTURE = "EGG_CUDA_ARCH"  # environment: compute capability, "90" for 9.0; candidates read it as well


def preload() -> None:
    """In the zygote of workers for a GPU: what takes long to import or build, and starts nothing on the GPU."""
    with suppress(ImportError):
        from triton.backends.nvidia.driver import CudaDriver
        from triton.runtime import driver

        driver.set_active(CudaDriver())
    with suppress(Exception):  # each candidate would do it for itself, in half a second
        _read_triton()
    with suppress(ImportError, OSError, RuntimeError):
        import cupy  # noqa: F401
        from cupy_backends.cuda.libs import nvrtc

        nvrtc.getVersion()


def _read_triton() -> None:
    """What Triton looks its cache up by, and imports with the first kernel: the contents of its own files, and versions
    of its assemblers. It remembers both."""
    import triton.experimental.gluon  # noqa: F401
    from triton.backends.compiler import GPUTarget
    from triton.compiler.compiler import make_backend

    for module in _KEYS:
        with suppress(ImportError, AttributeError):
            import_module(module).triton_key()
    for capability in _CAPABILITIES:
        backend = make_backend(GPUTarget("cuda", capability, 32))
        backend.hash(), backend.parse_options({}).hash()


def compile_for_named_gpu() -> None:
    """Lets Triton compile for the architecture that the environment names, if it does."""
    capability = os.environ.get(ARCHITECTURE)
    with suppress(ImportError):
        if capability:
            _pretend(int(capability))


def _pretend(capability: int) -> None:
    from triton.backends.compiler import GPUTarget
    from triton.backends.driver import DriverBase
    from triton.runtime import driver
    from triton.runtime.jit import JITFunction

    present = driver._active  # of `preload`; None where there is no CUDA driver

    class NamedGpu(DriverBase):
        """Knows what to compile for, and can run nothing."""

        def __init__(self) -> None:
            self.utils, self.launcher_cls = getattr(present, "utils", None), getattr(present, "launcher_cls", None)

        is_active = classmethod(lambda cls: True)
        get_current_target = staticmethod(lambda: GPUTarget("cuda", capability, 32))
        get_current_device = staticmethod(lambda: 0)
        get_current_stream = staticmethod(lambda device: 0)

        def map_python_to_cpp_type(self, ty: str) -> str:
            return present.map_python_to_cpp_type(ty)

        def get_active_torch_device(self) -> Any:
            raise RuntimeError("kernels are built here, not run")

        get_benchmarker = get_active_torch_device

    driver.set_active(NamedGpu())
    compile_kernel = JITFunction._do_compile

    def compile_with_launcher(self: Any, *arguments: Any) -> Any:
        kernel = compile_kernel(self, *arguments)
        if present is not None and kernel is not None:
            driver.active.launcher_cls(kernel.src, kernel.metadata)
        return kernel

    JITFunction._do_compile = compile_with_launcher
