"""`egg prompt`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option


def prompt(
    directory: Annotated[Path, Argument(metavar="RUN", help="A run directory, such as runs/NAME.")],
    step: Annotated[int, Argument(min=1, help="The number of a step, as egg run shows it.")],
    replies: Annotated[bool, Option("--replies", help="What came back, too.")] = False,
) -> None:
    """Print what language models were asked in a step, word by word."""
    from egg_search.core.errors import UserError
    from egg_search.reports.calls import calls_text
    from egg_search.rundir import RunDirectory
    from operators.authors.llm.models.record_reader import Reader
    from operators.authors.llm.models.record_schema import FILE

    with RunDirectory(directory).read() as journal:
        known = [record.step for record in journal.steps()]
    asked = next((each for each in known if each.number == step), None)
    if asked is None:
        raise UserError(f"{directory}: no step {step}; it has {len(known)}")
    if not (directory / FILE).exists():
        raise UserError(f"{directory}: no language model was asked in this run")
    with Reader.open(directory) as record:
        calls = record.calls(step)
    if not calls:
        who = f"{asked.operator} by {asked.author}" if asked.author else asked.operator
        raise UserError(f"{directory}: no language model was asked in step {step} ({who})")
    print(calls_text(calls, replies))
