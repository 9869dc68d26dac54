"""The expert's edits of a plan, one file an operator. Each yields (plan, what changed, names of principles)."""

from operators.authors.expert.moves import refine, repair, stage_two

MOVES = {
    "refine": refine.plans,
    "repair": repair.plans,
    "mapping": stage_two.plans,
    "tiling": stage_two.plans,
    "staging": stage_two.plans,
    "precision": stage_two.plans,
}
