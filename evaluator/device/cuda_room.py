"""The memory that outputs of all workers lie in: as large as those need that are there."""

from __future__ import annotations

from collections.abc import Callable

from evaluator.device.cuda_memory import DeviceMemoryError, DeviceRegion

_IDLE_BYTES = 256 << 20  # that it may keep, needed or not


class Room:
    """`region` is another one whenever its size changes. `create` makes one of so many bytes."""

    def __init__(self, create: Callable[[int], DeviceRegion] = DeviceRegion.create) -> None:
        self._create, self._needs = create, dict[object, int]()
        self.region = create(1)

    def make(self, size: int, user: object) -> bool:
        """For `user`'s outputs of so many bytes. Whether the region is a new one."""
        self._needs[user] = max(size, self._needs.get(user, 0))
        if self.region.size >= size:
            return False
        self.region = self._create(size)
        return True

    def leave(self, user: object) -> bool:
        """`user` needs nothing any more. Whether the region is a new one: a smaller one."""
        self._needs.pop(user, None)
        needed = max(self._needs.values(), default=1)
        if self.region.size <= max(needed, _IDLE_BYTES):
            return False
        try:
            self.region = self._create(needed)
        except DeviceMemoryError:  # who leaves may not have given its own memory back yet
            return False
        return True
