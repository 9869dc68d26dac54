"""The kinds of kernel that the cuda dialect can generate. A new kind is one package and one line here."""

from __future__ import annotations

from operators.authors.expert.cuda.conv import ConvGenerator
from operators.authors.expert.cuda.nest import NestGenerator
from operators.authors.expert.generator import Generator
from operators.authors.expert.library.generator import LibraryGenerator


def generators() -> dict[str, Generator]:
    """Kind to generator."""
    every = (ConvGenerator(), LibraryGenerator(), NestGenerator())
    return {generator.kind: generator for generator in every}
