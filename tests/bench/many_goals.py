"""Measure what goals and funnels cost: the full report with five goals and one funnel, with fifty goals, and with five funnels, in turn.

`python tests/bench/many_goals.py LOG --runs 3` prints the median wall time of each variant and its ratio to the first.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from benchmark import HERE, measure

GOALS = (HERE / "bench_goals.yaml").read_text(encoding="utf-8")


def more_goals(count: int) -> str:
    """Return the benchmark's goals file with this number of additional page goals."""
    added = "".join(f"  more_{number}: {{page: /c/{number}/**}}\n" for number in range(count))
    head, begin, rest = GOALS.partition("funnels:\n")
    return f"{head}{added}{begin}{rest}"


def more_funnels(count: int) -> str:
    """Return the benchmark's goals file with this number of additional funnels: the same steps, with different options."""
    steps = next(line.partition(":")[2].strip() for line in GOALS.partition("funnels:\n")[2].splitlines())
    options = ("order: strict", "order: any, window: 1h", "per: visitor, window: 7d", "open: true")
    return GOALS + "".join(f"  more_{number}: {{steps: {steps}, {options[number % len(options)]}}}\n" for number in range(count))


def main() -> None:
    """Measure the variants and print one line for each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("log")
    options.add_argument("--runs", type=int, default=3)
    arguments = options.parse_args()
    variants = {"5 goals, 1 funnel": GOALS, "50 goals, 1 funnel": more_goals(45), "5 goals, 5 funnels": more_funnels(4)}
    walls: dict[str, list[float]] = {name: [] for name in variants}
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(arguments.runs):
            for name, text in variants.items():
                file = Path(folder) / "goals.yaml"
                file.write_text(text, encoding="utf-8")
                code, run = measure(
                    [sys.executable, "-m", "convkit", "report", arguments.log, "-g", str(file), "-f", "json"], Path(folder) / "stderr"
                )
                if code:
                    sys.exit((Path(folder) / "stderr").read_text(encoding="utf-8"))
                walls[name].append(run.wall)
    first = walls["5 goals, 1 funnel"]
    for name, times in walls.items():
        ratio = statistics.median(time / other for time, other in zip(times, first, strict=True))
        sys.stdout.write(f"{name:20} {statistics.median(times):6.2f} s  {ratio:.2f}\n")


if __name__ == "__main__":
    main()
