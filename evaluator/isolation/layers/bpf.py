"""Programs for seccomp in classic BPF: rules on system calls and their arguments, first match wins."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

KILL, ERRNO, NOTIFY, ALLOW = 0x80000000, 0x00050000, 0x7FC00000, 0x7FFF0000
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_X32 = 0x40000000  # x86_64's second table of system calls
_PERMISSION = 1  # EPERM


@dataclass(frozen=True)
class Rule:
    """Calls with this number get `action`; with `argument` only those whose argument (lower 32 bits) equals one of
    `values` or, with `bits`, has one of its bits set. Others go on to the rules below."""

    number: int
    action: int
    argument: int | None = None
    values: tuple[int, ...] = ()
    bits: bool = False


def program(rules: Iterable[Rule], otherwise: int) -> bytes:
    """An array of `struct sock_filter`."""
    code = [
        _step(_LOAD, _ARCHITECTURE_AT),
        _jump(_EQUAL, _ARCHITECTURES[os.uname().machine], 1, 0),
        _step(_RETURN, KILL),
    ]
    code += [_step(_LOAD, _NUMBER_AT), _jump(_AT_LEAST, _X32, 0, 1), _step(_RETURN, ERRNO | _PERMISSION)]
    for rule in rules:
        body = _body(rule)
        code += [_jump(_EQUAL, rule.number, 0, len(body)), *body]
    return b"".join([*code, _step(_RETURN, otherwise)])


def _body(rule: Rule) -> list[bytes]:
    if rule.argument is None:
        return [_step(_RETURN, rule.action)]
    test = _ANY_BIT if rule.bits else _EQUAL
    body = [_step(_LOAD, _ARGUMENTS_AT + 8 * rule.argument)]
    for value in rule.values:
        body += [_jump(test, value, 0, 1), _step(_RETURN, rule.action)]
    return [*body, _step(_LOAD, _NUMBER_AT)]


def _step(code: int, value: int) -> bytes:
    return struct.pack("<HBBI", code, 0, 0, value & 0xFFFFFFFF)


def _jump(code: int, value: int, then: int, otherwise: int) -> bytes:
    return struct.pack("<HBBI", code, then, otherwise, value & 0xFFFFFFFF)
