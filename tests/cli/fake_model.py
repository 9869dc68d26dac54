"""A program that plays a language model: `python fake_model.py FOLDER`. The architect has two plans, each coder gives a
file of FOLDER, all others have nothing to say. What it was asked is kept in FOLDER."""

import json
import os
import re
import sys
import time
from pathlib import Path

folder, prompt = Path(sys.argv[1]), sys.stdin.read()
(folder / f"asked_{os.getpid()}.txt").write_text(prompt)
(folder / f"env_{os.getpid()}.txt").write_text(json.dumps(dict(os.environ)))
role = re.search(r"You are the (\w+)", prompt)[1]
time.sleep(float(os.environ.get("FAKE_SECONDS", "0")))
if role == "architect":
    plans = [{"paradigm": f"form {n}", "idea": "as the expert would", "kernels": ["K0: all"]} for n in (0, 1)]
    print(json.dumps({"plans": plans}))
elif role == "coder":
    number = re.search(r"form (\d)", prompt)[1]
    print(f"CHANGE: form {number}\n```python\n{(folder / f'form_{number}.py').read_text()}\n```")
else:
    print("I have no idea.")
