"""Where build results are: an output directory for each source, and a store of shared objects that all may read.

A build writes to its own output only. What it leaves there under a new name is linked into the store, where nothing is
ever replaced: a candidate cannot change what another one loads. (It could take a name that another one will want, so
what is reported at the end is built and judged again with an empty store.)
"""

from __future__ import annotations

import os
import shutil
import stat
from contextlib import suppress
from pathlib import Path

from egg_search.core.candidate import content_hash


class BuildStore:
    """Below `root`: `store/`, `outputs/HASH/` and, for what was built, the empty file `built/HASH`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()
        self.shared = self.root / "store"

    def output(self, source: str) -> Path:
        return self.root / "outputs" / content_hash(source)

    def prepare(self, source: str) -> Path:
        """The output directory, made. Raises OSError, as the others do."""
        for path in (self.shared, self.root / "built", self.output(source)):
            path.mkdir(parents=True, exist_ok=True)
        return self.output(source)

    def environment(self, source: str) -> dict[str, str]:
        """What tells a candidate and the libraries that it uses where build results are."""
        output = self.output(source)
        caches = {
            "TORCH_EXTENSIONS_DIR": "extensions",
            "TORCHINDUCTOR_CACHE_DIR": "inductor",
            "TRITON_CACHE_DIR": "triton",
        }
        return {
            "EGG_BUILD_DIR": str(output),
            "EGG_BUILD_STORE": str(self.shared),
            **{name: str(output / folder) for name, folder in caches.items()},
        }

    def built(self, source: str) -> bool:
        return self._marker(source).exists()

    def publish(self, source: str) -> None:
        """Marks `source` as built and shares its shared objects."""
        with os.scandir(self.output(source)) as entries:
            for entry in entries:
                if entry.name.endswith((".so", ".cubin")) and stat.S_ISREG(entry.stat(follow_symlinks=False).st_mode):
                    with suppress(FileExistsError):
                        os.link(entry.path, self.shared / entry.name, follow_symlinks=False)
        self._marker(source).touch()

    def discard(self, source: str) -> None:
        """Removes what a failed build left."""
        shutil.rmtree(self.output(source), ignore_errors=True)

    def _marker(self, source: str) -> Path:
        return self.root / "built" / content_hash(source)
