"""Settings of all tests: hypothesis without a deadline, because a slow machine is no mistake of the product; ids of visitors by one key.

No test makes or reads the key file of whoever runs it.
"""

from __future__ import annotations

import os

from hypothesis import settings

os.environ["CONVKIT_KEY"] = "a key for tests"
settings.register_profile("without a deadline", deadline=None)
settings.load_profile("without a deadline")
