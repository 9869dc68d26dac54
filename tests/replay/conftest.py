import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "campaign"), str(HERE.parent / "cli")]  # fakes
