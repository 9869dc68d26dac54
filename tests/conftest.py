"""Settings that all tests share."""

import os

from hypothesis import HealthCheck, settings

# A busy machine is no failure; under CI the examples are the same in every run.
settings.register_profile(
    "egg", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("egg")
