"""What these tests ask."""

from operators.authors.llm.models.base import About, Prompt, Turn

KEY = "sk-very-secret-0123456789"
ABOUT = About("writer", "seed", 3)


def prompt(text="hello", schema=None, max_tokens=1000):
    return Prompt((Turn("system", "You write kernels."), Turn("user", text)), schema, max_tokens)
