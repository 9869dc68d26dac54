"""Who answers a prompt: servers that speak OpenAI's chat completions, and any program.

base.py         the contract: Turn, Prompt, About, Reply, Model, Desk
opening.py      a desk from settings and a directory: start here
settings.py     models, prices, limits
desk.py         asks, asks again, keeps budget and record; seats.py: which model; flights.py: one call for equal prompts
openai_compatible.py   a model on a server; wire.py, habits.py (what a server takes), http_failures.py, loop.py
command.py      a program as a model; transcript.py: its prompt
failures.py     which calls are made again, and when
budget.py, usage.py    what may be spent, what was
record.py       calls.sqlite: calls.py (a row), record_reader.py, record_schema.py
secrets.py      keys; texts.py: what may be kept
"""
