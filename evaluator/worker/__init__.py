"""What runs inside a worker process, beside the candidate. Nothing here is believed by the verifier."""

from evaluator.worker.server import serve

__all__ = ["serve"]
