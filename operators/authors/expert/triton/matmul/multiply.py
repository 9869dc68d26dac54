"""The function that multiplies: tiles of the result, or parts of their depth."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import reduce

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.index import Index, linear, variable
from operators.authors.expert.plan import KernelPlan
from operators.authors.expert.triton.dtypes import COMPUTE, STORAGE
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.matmul import pieces
from operators.authors.expert.triton.matmul.descriptors import ALLOCATOR, PREPARED
from operators.authors.expert.triton.matmul.forms import FORMS
from operators.authors.expert.triton.matmul.frame import SHAPES, Block, Frame
from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.product import Factor, Product, Side
from operators.authors.expert.triton.matmul.schedule import LAYOUTS, in_pieces, in_what, matrices
from operators.authors.expert.triton.text import indented, loop

_BLOCKS = {"i": "block_m", "j": "block_n", "p": "block_k", "q": "block_k"}
_DEPTH = frozenset("pq")
_SHAPES = {"i": "[BLOCK_M, BLOCK_K]", "j": "[BLOCK_K, BLOCK_N]"}


@dataclass
class Multiply:
    """`body` is the work on one tile (or part of its depth), given its number `tile`."""

    out: Functions
    product: Product
    plan: KernelPlan
    body: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        product, settings = self.product, self.out.settings
        sizes = {"i": product.m, "j": product.n, "p": product.k, "q": product.k}
        blocks = {
            name: Block(_BLOCKS[name].upper(), size, SHAPES[name], settings.divides(_BLOCKS[name], size))
            for name, size in sizes.items()
        }
        self.frame = Frame(blocks, product.wide)
        self.skips = self.plan.choices.get("zeros") == "skipped"
        self.form = FORMS[str(self.plan.choices["product"])](settings, product, self.frame)
        self.pieces = in_pieces(self.plan.choices)
        self.group = "GROUP_M" if "group_m" in settings.decisions else ""
        described = matrices(product, self.plan.choices) if settings.ever("descriptors") else [None, None]
        self.matrices = dict(zip("ij", described, strict=True))
        self.emitter = Emitter(
            product.graph,
            product.contraction.nodes,
            {product.contraction.node.id: lambda index: "sums"},
            masks=self.frame.masks(),
            scopes=[Scope(frozenset(["batch", "i", "j"]), self.body)],
            hint=self._filler,
        )

    def add(self) -> None:
        """The function, with what it needs to start."""
        self.body += self.frame.tile(self.product, "tile", self.group)
        self._sum()
        self.body += self._ends()
        values, scratch = self.values(), self._copies()
        scratch |= {"infinite": "int32"} if self.skips else {}
        if self.form.parts:
            scratch["parts"] = "float32"
            self.out.scratch("parts", self.form.scratch(values["TILES"]), "float32")
        told = "multiply what is not zero" if self.skips else self.form.told
        program = [f"# pass: {told}{in_what(self.plan.choices)}"]
        program += [*self._descriptors(), *self.form.program(self.body)]
        writes = () if self.form.always else self.product.contraction.outputs
        warps, reads = self.out.settings.text("num_warps"), sorted(self.emitter.reads)
        self.out.add("multiply", program, values, self.form.grid(values["TILES"]), warps, reads, writes, scratch)

    def _ends(self) -> list[str]:
        """What becomes of the sums `acc`: the result where they are whole, else a part."""
        store = f"tl.store({part(self.product)}, acc{self.emitter.mask(spans(self.product))})"
        if self.form.always:
            return [store]
        if not self.form.parts:
            return finish(self.product, self.emitter, self.body)
        whole = Scope(self.emitter.scopes[0].variables)
        self.emitter.scopes = [whole]
        stores = finish(self.product, self.emitter, whole.lines)
        place = shared("tl.arange(0, BLOCK_M)[:, None]")
        store = ["slot = 2 * tl.program_id(0) + (begin == 0).to(tl.int32)", f"tl.store({place}, acc)"]
        return ["if end - begin == STEPS:", *indented([*whole.lines, *stores]), "else:", *indented(store)]

    def _descriptors(self) -> list[str]:
        """Statements that make descriptors of the factors, if the kernel is told to use them."""
        lines = []
        for side in (self.product.a, self.product.b):
            name = side.factor.name
            copy = f"pieces_{name}" if self.pieces else f"packed_{name}" if name in self._copied else ""
            found = self.matrices[name]
            if found:
                base = copy or f"in{side.reads[0]}"
                lines.append(found.made(f"tiles_{name}", base, "PIECES" if self.pieces else ""))
        if lines:
            self.out.define(ALLOCATOR)
            self.out.prepare(PREPARED)
        return ["if DESCRIPTORS:", *indented(lines)] if lines else []

    def _described(self, name: str, value: str, copy: int = 0) -> list[str]:
        """Statements that take the tile `value` of a factor by its descriptor instead, if the kernel is told to."""
        found = self.matrices[name]
        return ["if DESCRIPTORS:", f"    {value} = {found.load(f'tiles_{name}', copy)}"] if found else []

    @property
    def _copied(self) -> str:
        return LAYOUTS[str(self.plan.choices["layout"])]

    def _copies(self) -> dict[str, str]:
        """The pointers to copies of factors, and the types of these."""
        if self.pieces:
            types = {"pieces": pieces.storage(self.out.name), "exponents": "int32"}
            return {f"{kind}_{name}": dtype for kind, dtype in types.items() for name in self._copied}
        return {f"packed_{name}": self.product.dtype.value for name in self._copied}

    def values(self) -> dict[str, str]:
        """Constants, with the text of their values."""
        settings, product = self.out.settings, self.product
        text = settings.text
        step = text("block_k")
        tiles = f"triton.cdiv({product.m}, {text('block_m')})", f"triton.cdiv({product.n}, {text('block_n')})"
        found = {role.upper(): text(role) for role in ("block_m", "block_n", "block_k")}
        found |= {"TILES_M": tiles[0], "TILES_N": tiles[1], "TILES": f"{product.batch} * {' * '.join(tiles)}"}
        found["STAGES"] = text("num_stages")
        if "group_m" in settings.decisions:
            found["GROUP_M"] = text("group_m")
        if self.pieces:
            found |= pieces.values(self.out.name)
        elif "input_precision" in settings.decisions:
            # Triton's interpreter multiplies in float32, whatever it is told, and does not know every word.
            found["PRECISION"] = f'{text("input_precision")} if _EGG_DEVICE == "cuda" else "ieee"'
        if "promote" in settings.decisions:
            found["CHUNK"] = f"triton.cdiv({text('promote')} or {product.k}, {step}) * {step}"
        if any(self.matrices.values()):
            found["DESCRIPTORS"] = text("descriptors")
        return found | self.form.values(found["TILES"])

    def _sum(self) -> None:
        """`acc`, the sums of a tile over the depth."""
        self.body += self._bounds()
        partly = self.skips or self.form.parts
        low, high = ("low", "high") if partly else ("0", str(self.product.k))
        zeros = "tl.zeros([BLOCK_M, BLOCK_N], tl.float32)"
        if "promote" in self.out.settings.decisions:
            # Tensor cores drop bits of a long sum: they add up parts of it, and the parts are added in float32.
            inner = self._steps("part", "start", f"tl.minimum(start + CHUNK, {high})")
            body = [f"part = {zeros}", *inner, "acc += part"]
            lines = loop(f"start in tl.range({low}, {high}, CHUNK)", body)
        else:
            lines = self._steps("acc", low, high)
        self.body += [f"acc = {zeros}", *([f"small = {zeros}"] if self.pieces else []), *lines]
        self.body += unscaled(self.product, self.emitter) if self.pieces else []
        self.body += narrowed(self.product)

    def _steps(self, acc: str, low: str, high: str) -> list[str]:
        """The loop that adds a stretch of the depth to `acc`."""
        body = [*self.frame.defined("p", "k"), *self.frame.defined("q", "k")]
        body += self._products_of_pieces(acc) if self.pieces else self._product(acc)
        return loop(f"k in tl.range({low}, {high}, BLOCK_K, num_stages=STAGES)", body)

    def _product(self, acc: str) -> list[str]:
        outer = self.emitter.scopes[0]
        scope = Scope(outer.variables | _DEPTH)
        self.emitter.scopes = [outer, scope]
        left, right = self._tile(self.product.a, "p"), self._tile(self.product.b, "q")
        precision = ", input_precision=PRECISION" if self.product.dtype is DType.F32 else ""
        self.emitter.scopes = [outer]
        self.emitter.forget(_DEPTH)
        return [*scope.lines, f"{acc} = tl.dot({left}, {right}, {acc}{precision})"]

    def _products_of_pieces(self, acc: str) -> list[str]:
        return pieces.products(
            acc, [self._pieces(self.product.a, "left", "p"), self._pieces(self.product.b, "right", "q")]
        )

    def _pieces(self, side: Side, name: str, deep: str) -> list[list[str]]:
        """Statements that load the tiles of a factor's pieces, the largest first."""
        product, factor = self.product, side.factor
        own, wide = matrix_of(product, factor)
        position = linear((own, wide, variable(deep, product.k)), (factor.batches, factor.width, product.k))
        size, where = factor.batches * factor.width * product.k, position.written("//")
        mask = f"{self.emitter.mask(position.uses)}{self._filler(factor.node, position)}"
        lines = []
        for n in range(3):
            text = f"tl.load(pieces_{factor.name}{f' + {n * size}' if n else ''} + {where}{mask})"
            if not position.uses >= {factor.name, deep}:
                text = f"tl.broadcast_to({text}, {_SHAPES[factor.name]})"
            described = self._described(factor.name, f"{name}{n}", n)
            load = [f"{name}{n} = {text}"]
            lines.append([*described, "else:", *indented(load)] if described else load)
        return lines

    def _tile(self, side: Side, deep: str) -> str:
        """The tile of a factor, zero where there is no depth any more."""
        product, factor, emitter = self.product, side.factor, self.emitter
        (own, wide), p = matrix_of(product, factor), variable(deep, product.k)
        if factor.name in self._copied:
            position = linear((own, wide, p), (factor.batches, factor.width, product.k))
            where = f"{emitter.mask(position.uses)}{self._filler(factor.node, position)}"
            text = f"tl.load(packed_{factor.name} + {position.written('//')}{where})"
            value, uses = emitter.named("tile", text, position.uses), position.uses
        else:
            value = emitter.value(factor.node.id, factor.place(own, wide, p))
            uses = emitter.uses(value)
            if not (side.plain and deep in uses) and not self.frame.blocks[deep].whole:
                value = emitter.named("tile", f"tl.where(in_{deep}, {value}, 0.0)", uses | {deep})
                uses |= {deep}
            if not value.isidentifier():
                value = emitter.named("tile", f"tl.full((), {value}, {COMPUTE[product.dtype]})", uses)
            if product.dtype is not DType.F32:
                value = emitter.named("tile", f"{value}.to({STORAGE[product.dtype]})", uses)
        if not uses >= {factor.name, deep}:
            text = f"tl.broadcast_to({value}, {_SHAPES[factor.name]})"
            value = emitter.named("tile", text, uses | {factor.name, deep})
        if self.matrices[factor.name]:
            # The name is assigned to again, so it must not be that of a load which others may use.
            value = emitter.named("tile", value, uses | {factor.name, deep})
            emitter.scopes[-1].lines += self._described(factor.name, value)
        return value

    def _filler(self, node: Node, position: Index) -> str:
        """What a load gives where there is no depth any more."""
        masked = any(v in position.uses and not self.frame.blocks[v].whole for v in _DEPTH)
        return ", other=0" if masked else ""

    def _bounds(self) -> list[str]:
        """The part of the depth that counts for this tile."""
        depth = self.product.k
        if not self.skips:
            return self.form.bounds()
        lows, highs = self._limits()
        low = reduce(lambda text, limit: f"tl.maximum({text}, {limit})", lows, "0")
        high = reduce(lambda text, limit: f"tl.minimum({text}, {limit})", highs, str(depth))
        # Zero times infinity counts.
        return [
            f"low = {low}",
            f"high = {high}",
            "everything = tl.load(infinite) != 0",
            "low = tl.where(everything, 0, low // BLOCK_K * BLOCK_K)",
            f"high = tl.where(everything, {depth}, high)",
        ]

    def _limits(self) -> tuple[list[str], list[str]]:
        """Where the depth of a tile starts and ends beside the diagonals of triangular factors."""
        left, right = self.product.triangles
        lows, highs = [], []
        if left is not None:
            first = f"tile_i * BLOCK_M + {left.diagonal}"
            highs += [f"{first} + BLOCK_M"] if left.lower else []
            lows += [] if left.lower else [first]
        if right is not None:
            first = f"tile_j * BLOCK_N - {right.diagonal}"
            lows += [first] if right.lower else []
            highs += [] if right.lower else [f"{first} + BLOCK_N"]
        return lows, highs


def matrix_of(product: Product, factor: Factor) -> tuple[Index, Index]:
    """Which matrix of a factor a tile multiplies, and the variable along its width."""
    i, j = variable("i", product.m), variable("j", product.n)
    own = factor.own(product.rows(variable("batch", product.batch), i)[:-1])
    return own, i if factor.name == "i" else j


def unscaled(product: Product, emitter: Emitter) -> list[str]:
    """Statements that put the sums of both kinds of terms together and undo the scales of both factors."""
    lines = []
    for side, name in ((product.a, "left"), (product.b, "right")):
        row = linear(matrix_of(product, side.factor), (side.factor.batches, side.factor.width))
        text = pieces.exponents(f"exponents_{side.factor.name}", row, emitter.mask(row.uses))
        lines.append(f"{name}_exponents = {text}")
    return [*lines, *pieces.finished()]


def spans(product: Product) -> frozenset[str]:
    """The variables of a tile of sums: a factor of width 1 has none."""
    names = {"batch": product.batch, "i": product.m, "j": product.n}
    return frozenset(name for name, size in names.items() if size > 1)


def narrowed(product: Product) -> list[str]:
    """Leaves one of the equal rows or columns of sums that a factor of width 1 makes."""
    if product.m == product.n == 1:
        return ["acc = tl.max(tl.max(acc, 1), 0)"]
    axes = [axis for axis, size in enumerate((product.m, product.n)) if size == 1]
    return [f"acc = tl.max(acc, {axis}, keep_dims=True)" for axis in axes]


def part(product: Product) -> str:
    """Where the sums of part `piece` of the depth lie."""
    sizes = {"batch": product.batch, "i": product.m, "j": product.n}
    position = linear([variable(*each) for each in sizes.items()], tuple(sizes.values()))
    return f"parts + piece * {product.batch * product.m * product.n} + {position.written('//')}"


def shared(rows: str) -> str:
    """Where the sums lie that program `slot // 2` has of these rows of a tile that it shares with others."""
    return f"parts + slot * (BLOCK_M * BLOCK_N) + {rows} * BLOCK_N + tl.arange(0, BLOCK_N)[None, :]"


def finish(product: Product, emitter: Emitter, body: list[str]) -> list[str]:
    """Statements that store the results, given the sums `acc`; what they need goes to `body`."""
    node = product.contraction.node
    half = f".to({STORAGE[node.dtype]}).to(tl.float32)" if node.dtype is not DType.F32 else ""
    body.append(f"sums = acc{half}")
    emitter.hold("sums", spans(product))
    rows = product.rows(variable("batch", product.batch), variable("i", product.m))
    places = product.contraction.places((*rows, variable("j", product.n)))
    assert places is not None, "a product has an epilogue that maps one to one"
    return [emitter.store(output, places[output]) for output in product.contraction.outputs]
