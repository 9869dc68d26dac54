"""The kinds of kernel that the cpp dialect can generate. A new kind is one package and one line here."""

from __future__ import annotations

from operators.authors.expert.cpp.attention import AttentionGenerator
from operators.authors.expert.cpp.conv import ConvGenerator
from operators.authors.expert.cpp.matmul import MatmulGenerator
from operators.authors.expert.cpp.nest import NestGenerator
from operators.authors.expert.cpp.scan import ScanGenerator
from operators.authors.expert.generator import Generator


def generators() -> dict[str, Generator]:
    """Kind to generator."""
    every = (AttentionGenerator(), ConvGenerator(), MatmulGenerator(), ScanGenerator(), NestGenerator())
    return {generator.kind: generator for generator in every}
