"""The kinds of kernel that the triton dialect can generate. A new kind is one package and one line here."""

from __future__ import annotations

from operators.authors.expert.generator import Generator
from operators.authors.expert.library.generator import LibraryGenerator
from operators.authors.expert.triton.attention import AttentionGenerator
from operators.authors.expert.triton.conv import ConvGenerator
from operators.authors.expert.triton.matmul import MatmulGenerator
from operators.authors.expert.triton.nest import NestGenerator
from operators.authors.expert.triton.scan import ScanGenerator


def generators() -> dict[str, Generator]:
    """Kind to generator."""
    every = (
        AttentionGenerator(),
        ConvGenerator(),
        LibraryGenerator(),
        MatmulGenerator(),
        NestGenerator(),
        ScanGenerator(),
    )
    return {generator.kind: generator for generator in every}
