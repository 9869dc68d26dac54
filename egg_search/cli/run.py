"""`egg run`"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option


def run(
    problem: Annotated[str, Argument(help="A problem file, or the name of a bundled problem.")],
    budget: Annotated[str, Option(help="Time for the search, such as 90s, 5m, 1h30m or 2d.")] = "5m",
    evaluations: Annotated[int | None, Option(min=1, help="Stop after so many configurations, too.")] = None,
    profile: Annotated[str | None, Option(help="One of the problem's PROFILES of sizes; bundled: cpu, gpu.")] = None,
    set_: Annotated[
        list[str] | None, Option("--set", metavar="NAME=VALUE", help="Override a module-level constant. Repeatable.")
    ] = None,
    precision: Annotated[str, Option(help="The loosest class to keep: faithful, tf32, half or loose.")] = "faithful",
    no_library_ports: Annotated[
        bool, Option("--no-library-ports", help="Keep no candidate that only calls torch's own operators.")
    ] = False,
    max_autotune: Annotated[
        bool,
        Option("--max-autotune", help="One more baseline: torch.compile's max-autotune, without CUDA graphs. Minutes."),
    ] = False,
    device: Annotated[str, Option(help="auto: the GPUs where there are some; cpu or cuda insist.")] = "auto",
    isolation: Annotated[
        str, Option(help="auto: every layer that this machine has; strict: only with all of them.")
    ] = "auto",
    name: Annotated[str | None, Option(help="The run directory is runs/NAME. Default: the problem's name.")] = None,
    seed: Annotated[int, Option(help="Every random choice of the search comes from it.")] = 0,
    author: Annotated[
        str, Option(help="Who writes the kernels: expert, llm, command (any program), or mixed: both.")
    ] = "expert",
    model: Annotated[
        list[str] | None, Option(metavar="NAME", help="A language model; NAME*2 is asked twice as often. Repeatable.")
    ] = None,
    base_url: Annotated[
        str | None,
        Option(metavar="URL", help="Of an OpenAI-compatible server. Keys: EGG_API_KEY, OPENAI_API_KEY."),
    ] = None,
    command: Annotated[
        str | None, Option(metavar="PROGRAM", help="Gets prompts on its standard input, and prints replies.")
    ] = None,
    price: Annotated[
        list[str] | None, Option(metavar="NAME=IN,OUT", help="What a million tokens of a model cost. Repeatable.")
    ] = None,
    max_calls: Annotated[int | None, Option(min=0, help="Calls of models in all.")] = None,
    max_tokens: Annotated[int | None, Option(min=0, help="Tokens in all, sent and received.")] = None,
    max_cost: Annotated[float | None, Option(min=0, help="Money in all, in the currency of the prices.")] = None,
    max_model_time: Annotated[
        str | None, Option(metavar="DURATION", help="Time that models take to answer, added up: 30m, 2h.")
    ] = None,
    principles: Annotated[
        list[Path] | None, Option(metavar="DIR", help="A folder with principles of your own. Repeatable.")
    ] = None,
    no_experience: Annotated[
        bool, Option("--no-experience", help="Neither use nor keep what principles brought in your other runs.")
    ] = False,
    ray_address: Annotated[
        str | None, Option(help="Join this Ray cluster; 'none' works without Ray. Default: a Ray of its own.")
    ] = None,
) -> None:
    """Search faster kernels for one problem.

    Ends with a table and with the fastest modules in runs/NAME/export. Ctrl-C stops cleanly; `egg resume` goes on.
    """
    from egg_search.cli import inputs
    from egg_search.cli.authors import chosen_authors
    from egg_search.core.problem import parse_overrides

    inputs.require_compiler(device)
    path = inputs.find_problem(problem)
    overrides = parse_overrides(set_ or ())
    chosen = inputs.precision_class(precision)
    seconds = inputs.seconds(max_model_time)
    budgets = {"calls": max_calls, "tokens": max_tokens, "money": max_cost, "seconds": seconds}
    authors, options = chosen_authors(author, model or (), base_url, command, price or (), budgets)
    directory = (
        inputs.RUNS / inputs.run_name(name) if name is not None else inputs.fresh_directory(inputs.RUNS / path.stem)
    )

    from egg_search.campaign import Campaign, Settings, parse_duration
    from egg_search.campaign.isolation import isolation_mode
    from egg_search.cli.search import search

    settings = Settings(
        problem=str(path),
        profile=profile,
        overrides=overrides,
        budget_s=parse_duration(budget),
        max_evaluations=evaluations,
        seed=seed,
        authors=authors,
        author_options=options,
        precision=chosen,
        library_ports=not no_library_ports,
        max_autotune=max_autotune,
        principles=tuple(map(str, principles or ())),
        isolation=isolation_mode(isolation),
        ray_address=ray_address,
        device=device,
        experience=not no_experience,
    )
    raise typer.Exit(search(lambda: Campaign.create(settings, directory)))
