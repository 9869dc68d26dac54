"""Problems that come with the project: one file each, in a folder per group, with sizes for a CPU and a GPU."""

from __future__ import annotations

import ast
from pathlib import Path

PROFILES = {"cpu": "cpu", "cuda": "gpu"}  # of bundled problems, by the kind of hardware that they are sized for
_ROOT = Path(__file__).parent / "bundled"

# One per kind of generated kernel and per kind of win, each quick to measure on two cores: a fused elementwise
# chain, a norm with a residual, a softmax with a mask, a scan, a product with an algebraic shortcut and one whose
# gain is in its epilogue.
DEMO = (
    "gelu_gate_residual",
    "rms_norm_residual",
    "masked_softmax",
    "reverse_cumsum",
    "diagonal_matmul",
    "linear_gelu",
)


def bundled() -> dict[str, Path]:
    """Every bundled problem: name (the file's stem) to path, by group and then by name."""
    return {path.stem: path for path in sorted(_ROOT.glob("*/*.py"))}


def group(path: Path) -> str:
    """The group of a bundled problem: the folder that it lies in."""
    return path.parent.name


def groups() -> dict[str, list[str]]:
    """Group to the names of its problems."""
    found: dict[str, list[str]] = {}
    for name, path in bundled().items():
        found.setdefault(group(path), []).append(name)
    return found


def title(path: Path) -> str:
    """The one line that says what a problem computes: the first of its docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
