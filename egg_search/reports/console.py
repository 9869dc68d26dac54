"""The terminal, or the pipe, that reports go to."""

from __future__ import annotations

from rich.console import Console

PIPE_WIDTH = 200  # a table in a pipe or a file keeps one line a row


def stdout() -> Console:
    """Colours and width of the terminal; in a pipe plain text, without escape codes, in wide lines."""
    console = Console(highlight=False, soft_wrap=False)
    return console if console.is_terminal else Console(highlight=False, width=PIPE_WIDTH, no_color=True)
