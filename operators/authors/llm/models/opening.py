"""A desk from options and a directory: what an author calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from operators.authors.llm.models.base import Model
from operators.authors.llm.models.command import CommandModel
from operators.authors.llm.models.desk import ModelDesk
from operators.authors.llm.models.failures import Backoff
from operators.authors.llm.models.record import Record
from operators.authors.llm.models.seats import Seat
from operators.authors.llm.models.secrets import take_key
from operators.authors.llm.models.settings import DeskSettings, ModelSettings


def open_desk(
    settings: DeskSettings,
    directory: Path,
    seed: int = 0,
    backoff: Backoff | None = None,
    sleep: Callable[[float], object] | None = None,
) -> ModelDesk:
    """The desk of a campaign, whose calls are in `directory` and count when it is opened again. Takes keys out of this
    process' environment. Raises UserError: no key, no such program, a directory that cannot be written."""
    seats = [Seat(model, _model(model)) for model in settings.models]
    return ModelDesk(seats, Record(directory), settings.budget, seed, backoff, sleep)


def _model(settings: ModelSettings) -> Model:
    if settings.command is not None:
        return CommandModel(settings)
    # `openai` takes half a second to import, and a program needs none of it.
    from operators.authors.llm.models.loop import LoopThread
    from operators.authors.llm.models.openai_compatible import OpenAICompatible

    return OpenAICompatible(settings, take_key(settings.key_variable), LoopThread())
