"""A desk that answers from a script."""

import threading

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
