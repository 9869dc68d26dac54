"""The front as files: one module a point, and the front as JSON, CSV and a picture."""

from egg_search.export.export import export

__all__ = ["export"]
