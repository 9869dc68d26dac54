"""The kinds of kernel that the triton dialect can generate. A new kind is one package and one line here."""

from __future__ import annotations

from operators.authors.expert.generator import Generator
from operators.authors.expert.triton.matmul import MatmulGenerator
from operators.authors.expert.triton.nest import NestGenerator


def generators() -> dict[str, Generator]:
    """Kind to generator."""
    every = (MatmulGenerator(), NestGenerator())
    return {generator.kind: generator for generator in every}
