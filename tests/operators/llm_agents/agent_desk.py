"""A desk that answers from a script."""

import threading
from pathlib import Path

from operators.authors.llm.models.base import ModelError, Reply


class ScriptedDesk:
    """`replies` maps a role to its replies, in order (or to a function of the prompt); an exception is raised. What was
    asked is in `asked`, as (role, prompt)."""

    def __init__(self, **replies):
        self._replies = {role: each if callable(each) else list(each) for role, each in replies.items()}
        self._lock = threading.Lock()
        self.asked, self.abouts = [], []

    def ask(self, prompt, about):
        with self._lock:
            self.asked.append((about.role, prompt))
            self.abouts.append(about)
            script = self._replies.get(about.role, [])
            if callable(script):
                found = script(prompt)
            else:
                found = script.pop(0) if script else ModelError(f"no reply for the {about.role}")
        if isinstance(found, Exception):
            raise found
        return found if isinstance(found, Reply) else Reply(found, "scripted", 100, 50)

    def prompts(self, role):
        return [prompt for asked, prompt in self.asked if asked == role]


def recorded(role):
    """The reply by hand for a role, see replies/README.txt."""
    return (Path(__file__).parent / "replies" / f"{role}.txt").read_text()


def recorded_desk(**others):
    """Every role answers as recorded, but for `others`."""
    roles = "architect coder diagnoser mapper tiler stager numericist refiner debugger".split()
    scripts = {role: (lambda prompt, role=role: recorded(role)) for role in roles}
    return ScriptedDesk(**(scripts | others))
