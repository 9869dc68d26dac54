"""Makes the compile-and-run helper of the product tests importable here too."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "cpp_matmul"))
