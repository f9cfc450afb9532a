"""Regenerate the samples, a log and an export of the same month: `python -m tests.bench.make_sample` in the project root.

The samples are one fixed run of the simulator; a test repeats the run and compares the results.
"""

from __future__ import annotations

import gzip
import sys
from pathlib import Path

from .simulator import Simulation, Span, midnight, simulate
from .simulator_export import as_csv, events
from .simulator_shop import Change
from .simulator_site import EXAMPLE

SAMPLE = Path(__file__).parents[2] / "sample_logs" / "access.log.gz"
EXPORT = SAMPLE.with_name("events.csv.gz")
SEED = 2026
CHANGED = "2026-10-17"
"""From this day on, fewer visitors add something to the cart; `convkit compare` must detect that."""


def sample() -> Simulation:
    """Simulate the month of the sample: October 2026 in a small shop."""
    return simulate(SEED, 1_800, Span("2026-10-01", 31, Change(midnight(CHANGED), 0.6)), odd=0.008, edges=0)


def main() -> None:
    """Write the samples and print their headline figures."""
    simulation = sample()
    SAMPLE.parent.mkdir(exist_ok=True)
    SAMPLE.write_bytes(gzip.compress(simulation.text.encode(), 9, mtime=0))
    EXPORT.write_bytes(gzip.compress(as_csv(events(simulation, EXAMPLE)).encode(), 9, mtime=0))
    truth = simulation.truth(EXAMPLE)
    figures = {"bytes": SAMPLE.stat().st_size, **truth.fates}
    figures |= {name: truth.overview[name] for name in ("sessions", "visitors", "bounces", "converted_sessions")}
    figures |= {f"reached {name}": row["reached"] for name, row in truth.goals.items()}
    sys.stdout.writelines(f"{name:24}{figure:>10}\n" for name, figure in figures.items())


if __name__ == "__main__":
    main()
