"""The prompts of all roles as text. `python tests/operators/llm_agents/golden.py` writes them anew."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))  # of this checkout, when run as a script

from agent_briefs import brief

from operators.authors.llm.replies.diagnosis import Diagnosis
from operators.authors.llm.replies.plans import Plan
from operators.authors.llm.roles import architect, coder, debugger, diagnoser, levers, refiner

FOLDER = Path(__file__).parent / "golden"
DIAGNOSIS = Diagnosis("memory", ("rows are read twice",), ("keep rows in registers (staging)",))
PLAN = Plan(
    "rows in registers",
    "each row is read once and kept",
    ("K0: layer norm, parallel over rows",),
    reach_ms=0.02,
    reach_why="52 MB at 2.75 TB/s",
    knobs=("K0_NUM_WARPS staging: 4 | 8",),
    principles=("norm-in-one-read",),
)


def prompts():
    """Role to prompt."""
    found = {
        "architect": architect.prompt(brief("seed")),
        "coder": coder.prompt(brief("seed"), PLAN),
        "refiner": refiner.prompt(brief("refine"), DIAGNOSIS),
        "diagnoser": diagnoser.prompt(brief("tiling")),
        "debugger": debugger.prompt(brief("repair")),
    }
    return found | {role: levers.prompt(brief(str(lever)), DIAGNOSIS) for lever, role in levers.NAMES.items()}


def as_text(prompt):
    turns = [f"===== {turn.role}\n\n{turn.text}\n" for turn in prompt.turns]
    keys = ", ".join(prompt.schema["properties"]) if prompt.schema else "none"
    return "\n".join([*turns, f"===== reply\n\nschema: {keys}; at most {prompt.max_tokens} tokens\n"])


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for role, prompt in prompts().items():
        (FOLDER / f"{role}.txt").write_text(as_text(prompt))
