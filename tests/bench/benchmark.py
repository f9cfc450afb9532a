"""The benchmark: one command that times the whole report beside its rivals and prints one table.

`python tests/bench/benchmark.py` needs the extra `bench` and a Unix (peak memory is what the kernel says of each process).
It loads neither Polars nor DuckDB itself: a child's peak memory begins with what its parent held when it was started.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PRODUCT, YARDSTICK, USUAL = "convkit report", "duckdb", "combined"
SIZES = (2, 20, 50)
SMALLEST = f"{SIZES[0]} million lines"
CHUNK = 1 << 22
AS_INSTALLED = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""A program that is installed is compiled once, not at every start."""


class Run(NamedTuple):
    """One process: wall and processor seconds, peak resident megabytes (10^6 bytes)."""

    wall: float
    processor: float
    peak: float


@dataclass
class Contender:
    """A command and its runs; a command that fails once is not started again."""

    name: str
    command: list[str]
    runs: list[Run] = field(default_factory=list)
    problem: str = ""
    size: int = 1
    """Of its log, in millions of lines, where contenders read different ones: they are compared by line."""


def measure(command: Sequence[str], errors: Path) -> tuple[int, Run]:
    """Run a command with its output thrown away; return its exit code and what it took."""
    begin = time.perf_counter()
    with errors.open("wb") as stderr:
        child = subprocess.Popen(command, cwd=ROOT, env=AS_INSTALLED, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return child.returncode, Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def _report(logs: Sequence[str], *options: str) -> list[str]:
    """Return the command of the product."""
    return [sys.executable, "-m", "convkit", "report", *logs, "-g", str(HERE / "bench_goals.yaml"), "-f", "json", *options]


def contenders(logs: list[Path], others: Sequence[Path] = ()) -> list[Contender]:
    """List the product, its rivals and those optional ones that this machine has, in the order in which they take turns.

    `others` are other forms of the log: compressed, and as exports of events.
    """
    names = [str(log) for log in logs]
    rival = [sys.executable, str(HERE / "rivals.py")]
    found = [
        Contender(PRODUCT, _report(names)),
        *(Contender(f"{PRODUCT}, {other.suffix[1:]}", _report([str(other)])) for other in others),
        Contender(YARDSTICK, [*rival, "duckdb", *names]),
        Contender("duckdb, tuned", [*rival, "duckdb-tuned", *names]),
        Contender("polars sketch", [*rival, "sketch", *names]),
        Contender("polars bare scan", [*rival, "scan", *names]),
    ]
    if program := shutil.which("wc"):
        found.append(Contender("wc -l", [program, "-l", *names]))
    if program := shutil.which("goaccess"):
        found.append(Contender("goaccess", [program, *names, "--log-format=COMBINED", "--no-global-config", "-o", "json"]))
    return found


def of_formats(log: Path, folder: Path, lines: int) -> list[Contender]:
    """Write a log as other servers would have written it, and return the product on each of these files."""
    subprocess.run([sys.executable, str(HERE / "big_formats.py"), str(log), str(folder), str(lines)], check=True)
    return [Contender(path.stem, _report([str(path)])) for path in sorted(folder.glob("*.log"), key=lambda path: (path.stem != USUAL, path.stem))]


def of_sizes(folder: Path) -> list[Contender]:
    """Generate logs of increasing size, unless they exist, and return the product on each, and on the largest also with little memory."""
    found = []
    for size in SIZES:
        log = folder / f"{size}m.log"
        if not log.exists():
            subprocess.run([sys.executable, str(HERE / "big_log.py"), str(log), "--lines", str(size * 1_000_000)], check=True, stdout=sys.stderr)
        found.append(Contender(f"{size} million lines", _report([str(log)]), size=size))
    return [*found, Contender(f"{SIZES[-1]} million, --memory 1GiB", _report([str(log)], "--memory", "1GiB"), size=SIZES[-1])]


def attempt(contender: Contender, errors: Path) -> None:
    """Add one run to the contender, or the reason why there is none."""
    try:
        code, run = measure(contender.command, errors)
    except OSError as error:
        contender.problem = f"could not be started: {error.strerror}"
        return
    if code:
        said = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        contender.problem = f"failed with exit code {code}: {said[-1] if said else 'it said nothing'}"
    else:
        contender.runs.append(run)


def take_turns(all_of_them: list[Contender], runs: int) -> None:
    """Measure A B C A B C ..., so that a busy minute of the machine hits everybody."""
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "stderr"
        for number in range(runs):
            for contender in all_of_them:
                if contender.problem:
                    continue
                sys.stderr.write(f"run {number + 1} of {runs}: {contender.name}\n")
                attempt(contender, errors)


def ratio(contender: Contender, yardstick: Contender) -> float | None:
    """Return the median of the wall times' ratios, each run divided by the yardstick's run of the same turn."""
    pairs = [run.wall / other.wall * yardstick.size / contender.size for run, other in zip(contender.runs, yardstick.runs, strict=False)]
    return statistics.median(pairs) if pairs else None


def table(all_of_them: list[Contender]) -> str:
    """Lay the runs out as plain text, one row a contender; failures follow below."""
    yardstick = next(contender for contender in all_of_them if contender.name in {YARDSTICK, USUAL, SMALLEST})
    beside = f"x {yardstick.name}" + (" a line" if yardstick.name == SMALLEST else "")
    rows = [("", "wall s of every run", "median", beside, "CPU s", "peak MB")]
    for contender in all_of_them:
        walls = "  ".join(f"{run.wall:.2f}" for run in contender.runs)
        if contender.problem or not contender.runs:
            rows.append((contender.name, walls or "-", "failed", "-", "-", "-"))
            continue
        median = [statistics.median(column) for column in zip(*contender.runs, strict=True)]
        relative = ratio(contender, yardstick)
        compared = "-" if relative is None else f"{relative:.2f}"
        rows.append((contender.name, walls, f"{median[0]:.2f}", compared, f"{median[1]:.1f}", f"{median[2]:,.0f}"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) if place < 2 else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths, strict=True)))
        for row in rows
    ]
    lines += [f"{contender.name} {contender.problem}" for contender in all_of_them if contender.problem]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def installed(package: str) -> str:
    """Return an installed package's version, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def machine() -> str:
    """Return a line about the machine and the versions of the programs."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    programs = f"Python {platform.python_version()}, Polars {installed('polars')}, DuckDB {installed('duckdb')}"
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB memory, {platform.system()}, {programs}"


def extent(logs: list[Path]) -> str:
    """Count lines and bytes; reading them once also puts them into the system's cache, for everybody alike."""
    lines = size = 0
    for log in logs:
        with log.open("rb") as file:
            while chunk := file.read(CHUNK):
                lines, size = lines + chunk.count(b"\n"), size + len(chunk)
    return f"{lines:,} lines, {size / 1e9:.2f} GB, {len(logs)} file{'s' if len(logs) > 1 else ''}"


def in_other_clothes(log: Path, folder: Path) -> list[Path]:
    """Write a log packed, and as exports of events of as many rows; return what was written."""
    subprocess.run([sys.executable, str(HERE / "big_export.py"), str(log), str(folder)], check=True)
    return sorted(path for path in folder.iterdir() if path.name.startswith("events.") or path.suffix in {".gz", ".zst"})


@contextmanager
def logs_for(options: argparse.Namespace) -> Iterator[tuple[list[Path], list[Path]]]:
    """Give the logs to measure on, the given one, or one generated into DIR or a folder that is removed afterwards; and the log in other clothes."""
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = (options.dir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        log = options.log.resolve() if options.log else folder / "access.log"
        generator = [sys.executable, str(HERE / "big_log.py")]
        if not options.log:
            subprocess.run([*generator, str(log), "--lines", str(options.lines)], check=True, stdout=sys.stderr)
        if not options.rotated:
            yield [log], in_other_clothes(log, folder) if options.exports else []
            return
        subprocess.run([*generator, str(log), "--existing", "--rotated", str(folder / "rotated")], check=True, stdout=sys.stderr)
        yield sorted((folder / "rotated").glob("access.log.*")), []


def grow(options: argparse.Namespace) -> int:
    """Measure how time and memory grow with the log."""
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = (options.dir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        measured = of_sizes(folder)
        sys.stdout.write(f"{machine()}\n{options.runs} runs in turn, each in its own process\n\n")
        take_turns(measured, options.runs)
    sys.stdout.write(table(measured))
    return int(any(contender.problem for contender in measured))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what the command line asks for; the exit code is 1 where a contender failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=5_000_000, help="of the generated log")
    parser.add_argument("--runs", type=int, default=5, help="of every contender, in turn")
    parser.add_argument("--log", type=Path, help="measure on this combined log instead of a generated one")
    parser.add_argument("--dir", type=Path, help="generate here, and keep it")
    parser.add_argument("--rotated", action="store_true", help="cut the log at midnight into 30 files and measure on these (a log of 30 days)")
    parser.add_argument("--formats", action="store_true", help="measure the product alone, on the log as other servers would have written it")
    parser.add_argument("--exports", action="store_true", help="measure the product on the log as gzip, zstd, CSV, NDJSON and Parquet, too")
    parser.add_argument("--sizes", action="store_true", help="measure the product alone, on logs of 2, 20 and 50 million lines (20 GB)")
    options = parser.parse_args(arguments)
    if options.sizes:
        return grow(options)
    with logs_for(options) as (logs, others):
        sys.stdout.write(f"{machine()}\n{extent(logs)}; {options.runs} runs in turn, each in its own process\n\n")
        sys.stdout.flush()
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            measured = of_formats(logs[0], Path(folder), options.lines) if options.formats else contenders(logs, others)
            take_turns(measured, options.runs)
    sys.stdout.write(table(measured))
    return int(any(contender.problem for contender in measured))


if __name__ == "__main__":
    sys.exit(main())
