"""What every operator shares: ask the author, turn sources into candidates, and refuse what breaks a rule."""

from __future__ import annotations

import ast
from difflib import ndiff

from egg_search.core.candidate import Candidate, content_hash
from egg_search.core.errors import UserError
from egg_search.core.knobs import Lever
from egg_search.core.signature import signature, structure
from egg_search.core.syntax import parse
from operators.base import Author, Brief, Draft, Refusal, Writing


class CheckedOperator:
    """Subclasses name themselves and say in `objection` what their drafts must keep.

    `stage` is 1 for structure, 2 for schedules, 3 for what belongs to neither. `needs_parent`: it edits a candidate.
    """

    name: str
    stage: int
    lever: Lever | None = None
    needs_parent = True

    def propose(self, brief: Brief, author: Author) -> list[Draft | Refusal]:
        """At most `brief.limit` drafts, of structures not known yet first, then all refusals.

        Repetitions, of the parent too, are dropped: what differs in comments only is measured once.

        Raises ValueError for a brief without the parent that the operator needs, and what the author raises.
        """
        if self.needs_parent and brief.parent is None:
            raise ValueError(f"operator {self.name} edits a candidate, and the brief has no parent")
        results = [self.judge(writing, brief, author.name) for writing in author.write(brief)]
        drafts: dict[str, Draft] = {}
        for draft in results:
            if isinstance(draft, Draft):
                drafts.setdefault(_essence(draft.candidate), draft)
        if brief.parent is not None:
            drafts.pop(_essence(brief.parent), None)
        ordered = sorted(drafts.values(), key=lambda draft: draft.signature in brief.known_signatures)
        return [*ordered[: brief.limit], *(each for each in results if isinstance(each, Refusal))]

    def judge(self, writing: Writing, brief: Brief, author: str) -> Draft | Refusal:
        """What becomes of a writing of `author`'s. Authors may ask beforehand: a refusal says which rule is broken."""
        about = {
            "change": writing.change,
            "operator": self.name,
            "author": author,
            "parent": brief.parent.id if brief.parent else None,
            "model": writing.model,
        }
        try:
            candidate = Candidate(writing.source, brief.dialect)
            signed = signature(candidate.source, candidate.dialect)
            reason = (
                writing.fault
                or _bad_facts(candidate)
                or self.objection(candidate, brief)
                or _violations(candidate, brief)
            )
        except UserError as error:
            return Refusal(reason=str(error), source=writing.source, **about)
        if reason:
            return Refusal(reason=reason, source=writing.source, **about)
        return Draft(candidate, signed, principles=writing.principles, **about)

    def objection(self, candidate: Candidate, brief: Brief) -> str | None:
        """Why a candidate is not what this operator may make, or None."""
        return None


def _essence(candidate: Candidate) -> str:
    """Equal for candidates that run the same code over the same knobs."""
    knobs = "\n".join(knob.declaration() for knob in candidate.knobs.values())
    return content_hash(ast.unparse(parse(candidate.source)), knobs)


def structure_moved(candidate: Candidate, parent: Candidate) -> str | None:
    """What of the structure differs from the parent's, or None."""
    if signature(candidate.source, candidate.dialect) == signature(parent.source, parent.dialect):
        return None
    before, after = (structure(each.source, each.dialect) for each in (parent, candidate))
    changes = [line for line in ndiff(before, after) if line[0] in "+-"] or ["another dialect"]
    return f"the structure moved: {' | '.join(changes)}"


def _bad_facts(candidate: Candidate) -> str | None:
    try:
        plain = all(isinstance(facts, dict) for facts in candidate.facts.values())
    except ValueError as error:
        return f"egg-facts is not JSON: {error}"
    return None if plain else 'egg-facts maps each kernel\'s prefix to an object: {"K0": {...}}'


def _violations(candidate: Candidate, brief: Brief) -> str | None:
    found = brief.library.violations(candidate, candidate.default_configuration, brief.hardware)
    return f"the default configuration breaks {'; '.join(found)}" if found else None
