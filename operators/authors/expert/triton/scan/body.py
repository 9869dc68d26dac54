"""What happens to a tile: the work before a scan, the scan joined with what came before, the work after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from operators.authors.expert.ir.graph import DType, Node
from operators.authors.expert.kernels.expr import Place
from operators.authors.expert.kernels.index import Index
from operators.authors.expert.triton.dtypes import COMPUTE, STORAGE, converted, highest, literal, lowest
from operators.authors.expert.triton.expr import Emitter, Scope
from operators.authors.expert.triton.scan.frame import Frame

Lines = Mapping[int, list[str]]  # by scan
_NOTHING: Lines = {}
_JOIN = {"sum": "{} + {}", "prod": "{} * {}", "max": "k_max({}, {})", "min": "k_min({}, {})"}


@dataclass(frozen=True)
class Operation:
    """One scan's arithmetic as text. `axis` is the tile's; tensors are of the type ACC of this scan."""

    node: Node
    axis: int
    widens: bool

    @property
    def op(self) -> str:
        return self.node.attrs["op"]

    @property
    def start(self) -> str:
        """What changes nothing that it is joined with."""
        bounds = {"max": lowest(self.node.dtype), "min": highest(self.node.dtype)}
        return bounds.get(self.op) or literal(self.op == "prod", self.node.dtype)

    @property
    def type(self) -> str:
        """The type that values are joined in."""
        kind = COMPUTE[self.node.dtype]
        return f"tl.float64 if WIDE else {kind}" if self.widens else kind

    def full(self, shape: str) -> str:
        return f"tl.full({shape}, {self.start}, {self.type})"

    def joined(self, earlier: str, later: str) -> str:
        return _JOIN[self.op].format(earlier, later)

    def scanned(self, tile: str) -> str:
        reverse = ", reverse=True" if self.node.attrs["reverse"] else ""
        named = {"sum": "tl.cumsum", "prod": "tl.cumprod"}
        if self.op in named:
            return f"{named[self.op]}({tile}, {self.axis}{reverse})"
        return f"tl.associative_scan({tile}, {self.axis}, k_{self.op}{reverse})"

    def scanned_pairs(self, tiles: str) -> str:
        """Of (nothing, value) pairs: what was joined up to the step before, and up to the step."""
        reverse = ", reverse=True" if self.node.attrs["reverse"] else ""
        return f"tl.associative_scan({tiles}, {self.axis}, k_{self.op}_before{reverse})"

    def folded(self, tile: str) -> str:
        """One number a lane."""
        if self.op == "sum":
            return f"tl.sum({tile}, {self.axis}, keep_dims=True)"
        return f"tl.reduce({tile}, {self.axis}, k_{'product' if self.op == 'prod' else self.op}, keep_dims=True)"


@dataclass
class Body:
    """The text of one tile's work. `carry<id>` is what came before the tile; names of scan <id> end in its id.

    `before` are lines that need no step, `inside` those of a tile, `stores` come last.
    """

    frame: Frame
    before: list[str] = field(default_factory=list)
    inside: list[str] = field(default_factory=list)
    stores: list[str] = field(default_factory=list)
    _shifted: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        scans, settings = self.frame.scans, self.frame.settings
        self._scopes = [Scope(self.frame.variables, self.before), Scope(self.frame.variables | {"s"})]
        # Whatever needs no scan's value, loads above all, comes before the scans: they are barriers.
        for scan in scans.scans:
            self._scopes.append(Scope(self._scopes[-1].variables | {f"scan{scan}"}))
        self.emitter = Emitter(
            scans.graph,
            scans.nodes,
            {scan: self._bound(scan) for scan in scans.scans},
            masks=self.frame.masks(),
            scopes=self._scopes,
            hint=self._hint,
            store_hint=", cache_modifier=STORES" if settings.ever("store_cache") else "",
        )
        for scan in scans.scans:
            for name in (f"running{scan}", f"before{scan}"):
                self.emitter.hold(name, self.frame.variables | {"s", f"scan{scan}"})

    def operation(self, scan: int) -> Operation:
        node = self.frame.scans.graph[scan]
        widens = node.dtype.is_float and node.dtype is not DType.F64 and node.attrs["op"] in ("sum", "prod")
        return Operation(node, self.frame.axis, widens and "float64" in self.frame.settings.decisions)

    @property
    def loads(self) -> list[str]:
        """What the inputs written so far need of the tile's steps."""
        return self._scopes[1].lines

    def tile(self, scan: int) -> list[str]:
        """Defines `taken<id>`, the scan's input; what does not exist changes nothing."""
        graph, each = self.frame.scans.graph, self.operation(scan)
        source, mask = graph[graph[scan].inputs[0]], self.frame.masks().get("s")
        value = converted(self.emitter.value(source.id, self.frame.scans.place(scan)), source.dtype, graph[scan].dtype)
        text = f"tl.where({mask}, {value}, {each.start})" if mask else value
        if not self.emitter.uses(value) >= {"s", "o" if self.frame.contiguous else "i"}:
            text = f"tl.broadcast_to({text}, {self.frame.tile})"
        widened = [f"taken{scan} = taken{scan}.to({each.type})"] if each.widens else []
        return [f"taken{scan} = {text}", *widened]

    def finish(self, first: Lines = _NOTHING, before: Lines = _NOTHING, after: Lines = _NOTHING) -> None:
        """Fills in all lines. For each scan, more lines may come as soon as its input is there, before its carry is
        needed, and when its values are known."""
        scans = self.frame.scans
        inputs = {scan: self.tile(scan) for scan in scans.scans}
        self.stores += [self.emitter.store(o, scans.place(o)) for o in scans.outputs]
        self.inside += self._scopes[1].lines
        for scan, scope in zip(scans.scans, self._scopes[2:], strict=True):
            self.inside += [*inputs[scan], *first.get(scan, [])]
            self.inside += [*self._scanned(scan), *before.get(scan, [])]
            self.inside += [*self._values(scan), *after.get(scan, []), *scope.lines]

    def _scanned(self, scan: int) -> list[str]:
        """`local<id>`, and `ago<id>` for the step before, of the tile alone."""
        each = self.operation(scan)
        if scan not in self._shifted:
            return [f"local{scan} = {each.scanned(f'taken{scan}')}"]
        return [
            f"ago{scan} = {each.full(self.frame.tile)}",
            f"ago{scan}, local{scan} = {each.scanned_pairs(f'(ago{scan}, taken{scan})')}",
        ]

    def _values(self, scan: int) -> list[str]:
        """`running<id>` and `before<id>`: joined with the carry, and rounded to the scan's type."""
        names = {"local": "running"} | ({"ago": "before"} if scan in self._shifted else {})
        return [
            f"{name}{scan} = {self._rounded(scan, self.operation(scan).joined(f'carry{scan}', f'{own}{scan}'))}"
            for own, name in names.items()
        ]

    def _rounded(self, scan: int, text: str) -> str:
        dtype, each = self.frame.scans.graph[scan].dtype, self.operation(scan)
        if dtype in (DType.F16, DType.BF16):
            return f"({text}).to({STORAGE[dtype]}).to(tl.float32)"
        return f"({text}).to({COMPUTE[dtype]})" if each.widens else text

    def _bound(self, scan: int) -> Callable[[Place], str]:
        def at(index: Place) -> str:
            if not self.frame.scans.steps_ago(scan, index):
                return f"running{scan}"
            self._shifted.add(scan)
            return f"before{scan}"

        return at

    def _hint(self, node: Node, position: Index) -> str:
        scans = self.frame.scans
        once = node.type.numel >= scans.graph[scans.scans[0]].type.numel
        return ", eviction_policy=READS" if once and self.frame.settings.ever("read_policy") else ""
