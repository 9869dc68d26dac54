"""The commands of `egg`, in the order in which help lists them."""

from __future__ import annotations

import typer

from egg_search.cli import (
    bench,
    demo,
    doctor,
    export,
    principles,
    problems,
    prompt,
    replay,
    resume,
    run,
    status,
    verify,
)

HELP = """Searches faster kernels for PyTorch operators and models, and exports them as drop-in modules.

A problem is a Python file in KernelBench's format, or the name of a bundled one (`egg problems list`).

Exit codes: 0 done; 1 found nothing, or refused; 2 bad input (one line says what); 130 interrupted, can be resumed.
"""

app = typer.Typer(name="egg", help=HELP, no_args_is_help=True, add_completion=False, rich_markup_mode="markdown")
SEARCH, LOOK, MORE = "Search", "Results", "Knowledge and machine"
for function, panel in (
    (run.run, SEARCH),
    (resume.resume, SEARCH),
    (demo.demo, SEARCH),
    (bench.bench, SEARCH),
    (status.status, LOOK),
    (prompt.prompt, LOOK),
    (replay.replay, LOOK),
    (export.export, LOOK),
    (verify.verify, LOOK),
    (doctor.doctor, MORE),
):
    app.command(rich_help_panel=panel)(function)
app.add_typer(problems.app, rich_help_panel=MORE)
app.add_typer(principles.app, rich_help_panel=MORE)
