"""Which layers contain the processes of candidates here: asked for, checked, and recorded."""

from __future__ import annotations

from enum import StrEnum

from egg_search.core.errors import UserError
from evaluator.isolation.layers import Layer, detect_layers

_REMEDIES = {
    "namespaces": "permit unprivileged user namespaces (sysctl user.max_user_namespaces; in a container its profile)",
    "landlock": "use Linux 5.13 or newer with landlock among its security modules (boot option lsm=)",
    "seccomp": "use a kernel with seccomp filters, on x86-64 or ARM64",
}


class IsolationMode(StrEnum):
    """AUTO uses every layer that the machine has; STRICT goes on with all of them only."""

    AUTO = "auto"
    STRICT = "strict"


def isolation_mode(text: str) -> IsolationMode:
    """Raises UserError for anything else."""
    try:
        return IsolationMode(text)
    except ValueError:
        raise UserError(f"--isolation {text}: use one of {', '.join(IsolationMode)}") from None


def require_layers(mode: IsolationMode) -> None:
    """Raises UserError, with what is missing and what to do, where a strict campaign cannot work."""
    missing = [layer for layer in detect_layers() if not layer.available]
    if mode is IsolationMode.STRICT and missing:
        told = "; ".join(f"{each.name} is missing ({each.detail}): {_REMEDIES[each.name]}" for each in missing)
        raise UserError(f"--isolation strict: {told}; or use --isolation auto")


def isolation_record() -> dict[str, str]:
    """Layer to "used: ..." or "missing: why", for the record."""
    return {layer.name: describe(layer) for layer in detect_layers()}


def describe(layer: Layer) -> str:
    return f"{'used' if layer.available else 'missing'}: {layer.detail}"
