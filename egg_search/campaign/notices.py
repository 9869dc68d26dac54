"""What a user should know of this machine before anything is measured: one line each, none where all is well."""

from __future__ import annotations

from collections.abc import Collection

from egg_search.campaign.dialects import missing_dialects, usable_dialects
from egg_search.core.candidate import Dialect
from egg_search.core.hardware import Hardware, ask_driver


def notices(hardware: Hardware, device: str = "auto", wanted: Collection[Dialect] = ()) -> list[str]:
    """`device` is what was asked for, `hardware` what is measured on, `wanted` the dialects (empty: all that run)."""
    return [*_instead(hardware, device), *_without(hardware, wanted)]


def _instead(hardware: Hardware, device: str) -> list[str]:
    """Why the CPUs are measured where there is a GPU."""
    if device != "auto" or hardware.kind != "cpu" or not ask_driver().broken:
        return []
    return [f"the GPU cannot be used, the CPUs are measured instead: {ask_driver().reason}"]


def _without(hardware: Hardware, wanted: Collection[Dialect]) -> list[str]:
    """Dialects that go away while others are left; with none left a campaign does not begin."""
    left = ", ".join(usable_dialects(hardware.kind))
    missing = missing_dialects(hardware.kind).items()
    return [f"{why}; only the {name} dialect goes away, {left} is left" for name, why in missing if left and not wanted]
