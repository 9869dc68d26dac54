"""The command line: one file a command; each imports what it needs when it is called, so that `egg --help` is quick."""

from __future__ import annotations

import os
import sys
import traceback

from egg_search.core.errors import UserError

OK, NOTHING, BAD_INPUT, BUG, INTERRUPTED = 0, 1, 2, 70, 130


def main(arguments: list[str] | None = None) -> None:
    """Runs `egg` and exits: 0 done, 1 nothing found or refused, 2 bad input, 130 interrupted; 70 is a bug of ours."""
    sys.exit(_run(sys.argv[1:] if arguments is None else arguments))


def _run(arguments: list[str]) -> int:
    import typer

    from egg_search.cli.app import app

    usage_error = typer.BadParameter.__mro__[2]  # ClickException, from click or from the copy inside typer
    try:
        return app(arguments, prog_name="egg", standalone_mode=False) or OK
    except typer.Exit as request:
        return request.exit_code
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except UserError as error:
        return _fail(str(error), error.code)
    except usage_error as error:
        return _fail(error.format_message(), BAD_INPUT)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader has enough; no complaint at exit
        return OK
    except Exception as error:
        traceback.print_exc()
        return _fail(f"a bug ({type(error).__name__}); please report the traceback above", BUG)


def _fail(message: str, code: int) -> int:
    if os.environ.get("EGG_DEBUG") == "1" and sys.exc_info()[0] is not None and code == BAD_INPUT:
        traceback.print_exc()
    print(f"egg: {' '.join(message.split())}", file=sys.stderr)
    return code
