"""How the work of a product is dealt out to programs: tiles of the result, or parts of the depth of tiles."""

from __future__ import annotations

from dataclasses import dataclass

from operators.authors.expert.triton.matmul.frame import Frame
from operators.authors.expert.triton.matmul.product import Product
from operators.authors.expert.triton.nest.settings import Settings
from operators.authors.expert.triton.text import indented, loop


@dataclass
class Form:
    """One program a tile. `parts`: some sums are of a part of the depth and have to be added up; `always`: all are."""

    settings: Settings
    product: Product
    frame: Frame
    told = "multiply"
    parts = always = False

    def program(self, body: list[str]) -> list[str]:
        """The program, given the work on one tile, whose number is `tile`."""
        return [f"tile = {self.frame.program()}", *body]

    def grid(self, tiles: str) -> str:
        return tiles

    def values(self, tiles: str) -> dict[str, str]:
        """Constants of its own, with the text of their values."""
        return {}

    def bounds(self) -> list[str]:
        """Defines `low` and `high`, the part of the depth, where it is not all of it."""
        return []

    def scratch(self, tiles: str) -> str:
        """The number of sums in `parts`."""
        return ""


class Persistent(Form):
    """Programs that go from tile to tile."""

    told = "multiply tile after tile"

    def program(self, body: list[str]) -> list[str]:
        each = "each.to(tl.int64)" if self.frame.wide else "each"
        return loop("each in tl.range(tl.program_id(0), TILES, tl.num_programs(0))", [f"tile = {each}", *body])

    def grid(self, tiles: str) -> str:
        return f"min({tiles}, {_programs(self.settings)})"


class Split(Form):
    """Several programs a tile, each with its part of the depth."""

    told = "multiply parts of the depth"
    parts = always = True

    def program(self, body: list[str]) -> list[str]:
        start = self.frame.program()
        return [f"piece = {start} // TILES", f"tile = {start} % TILES", *body]

    def grid(self, tiles: str) -> str:
        return f"{self.settings.text('split_k')} * {tiles}"

    def values(self, tiles: str) -> dict[str, str]:
        step, parts = self.settings.text("block_k"), self.settings.text("split_k")
        return {"PIECE": f"triton.cdiv({self.product.k}, {parts} * {step}) * {step}"}

    def bounds(self) -> list[str]:
        return ["low = piece * PIECE", f"high = tl.minimum(low + PIECE, {self.product.k})"]

    def scratch(self, tiles: str) -> str:
        return f"{self.settings.text('split_k')} * {self.product.batch * self.product.m * self.product.n}"


class Stream(Form):
    """Programs that share all steps of all tiles evenly: one may end in the middle of a tile, where the next goes on.

    A program has at most one part that does not start its tile (its first) and one that does not end it (its last): the
    sums of these lie in its two places of `parts`, first part first.
    """

    told = "multiply equal shares of all steps"
    parts = True

    def program(self, body: list[str]) -> list[str]:
        start = [f"unit = {self.frame.program()} * SHARE", "stop = tl.minimum(unit + SHARE, TILES * STEPS)"]
        own = [
            "tile = unit // STEPS",
            "begin = unit % STEPS",
            "end = tl.minimum(STEPS, begin + stop - unit)",
        ]
        return [*start, "while unit < stop:", *indented([*own, *body, "unit += end - begin"])]

    def grid(self, tiles: str) -> str:
        return _programs(self.settings)

    def values(self, tiles: str) -> dict[str, str]:
        steps = f"triton.cdiv({self.product.k}, {self.settings.text('block_k')})"
        return {"STEPS": steps, "SHARE": f"triton.cdiv({tiles} * {steps}, {_programs(self.settings)})"}

    def bounds(self) -> list[str]:
        return ["low = begin * BLOCK_K", f"high = tl.minimum(end * BLOCK_K, {self.product.k})"]

    def scratch(self, tiles: str) -> str:
        block = f"{self.settings.text('block_m')} * {self.settings.text('block_n')}"
        return f"2 * {_programs(self.settings)} * {block}"


FORMS = {"tiled": Form, "persistent": Persistent, "split": Split, "stream": Stream}


def _programs(settings: Settings) -> str:
    return f"{settings.text('cores')} * {settings.text('programs_per_core')}"
