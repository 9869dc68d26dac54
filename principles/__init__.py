"""Expert knowledge: one Markdown file a principle, in a folder a group. `docs/principles.md` says how to write one."""

from principles.library import Library, applies, load
from principles.model import Principle

__all__ = ["Library", "Principle", "applies", "load"]
