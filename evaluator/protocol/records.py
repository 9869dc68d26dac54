"""Commands and replies: fixed-size binary records over a SOCK_SEQPACKET socket.

Every command carries a fresh nonce that its reply must repeat. Whatever a worker sends beyond these records, or that
does not fit them, raises ProtocolError; nothing of it is unpickled or parsed as text.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import torch

MAX_OUTPUTS, MAX_DIMS, TEXT_BYTES = 16, 8, 4000
MAX_OUTPUT_BYTES = 1 << 38
FIRST_NONCE = bytes(16)  # of the record that a worker sends by itself, when it is contained
DTYPES = (
    torch.float32,
    torch.float64,
    torch.float16,
    torch.bfloat16,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
)
_CODES = {dtype: code for code, dtype in enumerate(DTYPES)}


class ProtocolError(Exception):
    """A record that no honest worker sends."""


class Op(IntEnum):
    """What the verifier asks for. Descriptors travel with LOAD (payload, state), BIND and ROOM (payload, region)."""

    LOAD = 1  # execute a source; construct and fill model `model`
    BIND = 2  # map the input region of (model, slot)
    CALL = 3  # drop old outputs, make `warm` calls on `slot` as it is, answer READY, then wait for GO
    GO = 4  # forward on the same slot, whose contents changed; the answer is DONE with the outputs
    ROOM = 7  # map the region of the verifier's that outputs are copied to, where they are not read from the worker
    BUFFERS = 6  # the answer's outputs are buffers of `model`, MAX_OUTPUTS from number `slot` on, in the state's order
    FORGET = 9  # let go of models, arguments and the room for outputs: another configuration comes
    SETUP = 8  # take what a candidate's build left (payload: a `Setup`), before anything of it is loaded
    PROFILE = 5  # the answer's number is the share of one forward's time in torch's own operators; with `warm`, its
    # text tells of the kernels of another one


class Status(IntEnum):
    READY = 1
    DONE = 2
    RAISED = 3  # an exception; `text` is its type and message
    NO_MEMORY = 4  # an exception that says that memory ran out
    BAD_FORM = 5  # outputs that cannot be described, e.g. a sparse tensor
    NO_ROOM = 6  # outputs of `number` bytes are larger than the verifier's region


@dataclass(frozen=True)
class Command:
    nonce: bytes
    op: Op
    model: int = 0
    slot: int = 0
    warm: int = 0


@dataclass(frozen=True)
class Output:
    """Where one output tensor lies in the worker's memory. Shape and strides are in elements."""

    dtype: torch.dtype
    address: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def span(self) -> int:
        """Elements from the first to the last one, both included; 0 for an empty tensor."""
        if 0 in self.shape:
            return 0
        return 1 + sum((size - 1) * stride for size, stride in zip(self.shape, self.strides, strict=True))


@dataclass(frozen=True)
class Reply:
    """`number` and `aside` are what the worker says of its call: of a GPU, the seconds between events around it, and
    those until everything was launched."""

    nonce: bytes
    status: Status
    number: float = 0.0
    text: str = ""
    outputs: tuple[Output, ...] = ()
    aside: float = 0.0


_COMMAND = struct.Struct("<16sB3xIII")
_HEAD = struct.Struct(f"<16sBBHfd{TEXT_BYTES}s")
_OUTPUT = struct.Struct(f"<BB6xQ{MAX_DIMS}q{MAX_DIMS}q")
COMMAND_BYTES = _COMMAND.size
REPLY_BYTES = _HEAD.size + MAX_OUTPUTS * _OUTPUT.size


def pack_command(command: Command) -> bytes:
    return _COMMAND.pack(command.nonce, command.op, command.model, command.slot, command.warm)


def unpack_command(data: bytes) -> Command:
    nonce, op, model, slot, warm = _COMMAND.unpack(data)
    return Command(nonce, Op(op), model, slot, warm)


def describe(tensor: torch.Tensor) -> Output:
    """The record of a dense tensor. Raises ValueError for what no record can hold."""
    if tensor.layout is not torch.strided or tensor.dtype not in _CODES or tensor.device.type != "cpu":
        raise ValueError(f"an output is a {tensor.layout} {tensor.dtype} tensor on {tensor.device}")
    if tensor.dim() > MAX_DIMS:
        raise ValueError(f"an output has {tensor.dim()} dimensions, more than {MAX_DIMS}")
    return Output(tensor.dtype, tensor.data_ptr(), tuple(tensor.shape), tensor.stride())


def pack_reply(
    nonce: bytes,
    status: Status,
    number: float = 0.0,
    text: str = "",
    outputs: Sequence[Output] = (),
    aside: float = 0.0,
) -> bytes:
    raw = text.encode(errors="replace")[:TEXT_BYTES]
    head = _HEAD.pack(nonce, status, len(outputs), len(raw), aside, number, raw)
    return b"".join([head, *map(_pack_output, outputs)]).ljust(REPLY_BYTES, b"\0")


def _pack_output(output: Output) -> bytes:
    pad = (0,) * (MAX_DIMS - len(output.shape))
    return _OUTPUT.pack(
        _CODES[output.dtype], len(output.shape), output.address, *output.shape, *pad, *output.strides, *pad
    )


def unpack_reply(data: bytes, nonce: bytes) -> Reply:
    """Raises ProtocolError unless `data` is one whole reply to the command with this nonce."""
    if len(data) != REPLY_BYTES:
        raise ProtocolError(f"a reply of {len(data)} bytes instead of {REPLY_BYTES}")
    echoed, status, count, length, aside, number, raw = _HEAD.unpack_from(data)
    if echoed != nonce:
        raise ProtocolError("a reply to another command")
    if status not in Status._value2member_map_ or count > MAX_OUTPUTS or length > TEXT_BYTES:
        raise ProtocolError(f"a reply with status {status}, {count} outputs and {length} bytes of text")
    if not (math.isfinite(number) and math.isfinite(aside)):
        raise ProtocolError("a reply with a number that is not finite")
    offsets = (_HEAD.size + i * _OUTPUT.size for i in range(count))
    outputs = tuple(_unpack_output(_OUTPUT.unpack_from(data, offset)) for offset in offsets)
    text = printable(raw[:length].decode(errors="replace"))
    return Reply(nonce, Status(status), number, text, outputs, aside)


def printable(text: str) -> str:
    """Without what would command a terminal; lines stay lines."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def _unpack_output(fields: tuple[int, ...]) -> Output:
    code, dims, address, *rest = fields
    shape, strides = tuple(rest[:dims]), tuple(rest[MAX_DIMS : MAX_DIMS + dims])
    if code >= len(DTYPES) or dims > MAX_DIMS or any(n < 0 for n in (*shape, *strides)):
        raise ProtocolError(f"an output of dtype {code}, shape {shape} and strides {strides}")
    output = Output(DTYPES[code], address, shape, strides)
    if output.span * output.dtype.itemsize > MAX_OUTPUT_BYTES or math.prod(shape) > MAX_OUTPUT_BYTES:
        raise ProtocolError(f"an output of shape {shape}")
    return output
