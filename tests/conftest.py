"""Settings of all tests: hypothesis without a deadline, because a slow machine is no mistake of the product."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")
