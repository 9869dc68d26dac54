"""The layers that contain a worker, one file each, and which of them this machine has."""

from evaluator.isolation.layers.detect import ALL, Layer, detect_layers

__all__ = ["ALL", "Layer", "detect_layers"]
