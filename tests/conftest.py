"""Settings of all tests."""

from __future__ import annotations

from hypothesis import settings

# No deadline: machines are shared, and speed is measured in benchmarks/, never here. Derandomised,
# so that a run can be repeated.
settings.register_profile("gatekeeper", deadline=None, derandomize=True)
settings.load_profile("gatekeeper")
