"""Hypothesis profiles: how many examples the tests draw, always from new seeds.

`dev` is for a quick run, `ci` for every change, and `proof` for a release and for changes to the engine, the funnels or the sessions. The default is
`ci` in CI, and `dev` elsewhere; `HYPOTHESIS_PROFILE=proof pytest` or `pytest --hypothesis-profile=proof` selects another profile.
"""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from places import ROOT

EXAMPLES = {"dev": 25, "ci": 30, "proof": 500}
SLOW = (HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example)


def load() -> None:
    """Register the profiles and load the one that the environment asks for."""
    # Hypothesis loads a profile of its own, with fixed seeds, where it detects CI. The profiles registered here must not inherit from it.
    parent = settings.get_profile("default")
    # In a clone of somebody else's, failed examples cannot be kept.
    kept = parent.database if os.access(ROOT, os.W_OK) else None
    phases = tuple(phase for phase in Phase if phase is not Phase.explain)
    for name, number in EXAMPLES.items():
        # There is no deadline: a slow machine is not a bug.
        own: dict[str, Any] = {"database": kept, "max_examples": number, "phases": phases}
        settings.register_profile(name, parent, deadline=None, derandomize=False, print_blob=True, **own)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev"))


def number_of_examples(share: float) -> int:
    """Return a share of the profile's number of examples, at least two."""
    return max(2, round(settings.default.max_examples * share))


def share_of_examples(share: float, **more: Any) -> settings:  # noqa: ANN401 (the type in Hypothesis)
    """Return settings for a share of the profile's examples, for tests whose examples run much of the product."""
    return settings(**{"max_examples": number_of_examples(share), "suppress_health_check": SLOW, **more})
