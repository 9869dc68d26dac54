"""A product that the library multiplies, of factors that are there in one piece each: what surrounds it is ours."""

from __future__ import annotations

from operators.authors.expert.triton.matmul.functions import Functions
from operators.authors.expert.triton.matmul.join import finish_sums
from operators.authors.expert.triton.matmul.product import Product


def multiply_by_library(out: Functions, product: Product) -> None:
    """Given `pieces_i` and `pieces_j`."""
    out.define(_definition(out.name))
    batch = (product.batch,) if product.batch > 1 else ()
    left, right = ((*batch, width, product.k) for width in (product.m, product.n))
    out.prepare(f"parts = {out.name}_sums(pieces_i.view{left}, pieces_j.view{right})")
    finish_sums(out, product)


def _definition(name: str) -> list[str]:
    return [
        f"def {name}_sums(left, right):",
        '    """left @ right.mT of float16 factors, added up and returned in float32."""',
        '    if _EGG_DEVICE == "cpu":  # where pieces are float32',
        "        return torch.matmul(left, right.mT)",
        "    multiply = torch.mm if left.dim() == 2 else torch.bmm",
        "    return multiply(left, right.mT, out_dtype=torch.float32)",
    ]
