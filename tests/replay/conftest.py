import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "campaign"), str(HERE.parent / "cli")]  # fakes
