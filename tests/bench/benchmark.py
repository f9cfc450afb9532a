"""Time the full report against its rivals and print one table.

`python tests/bench/benchmark.py` needs the `bench` extra and a Unix system (the kernel reports the peak memory of each process).
It imports neither Polars nor DuckDB, because a child process's peak memory starts at the amount that its parent was using when it started the child.
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
"""The environment for the measured programs: bytecode is cached, because an installed program is compiled once, not every time it starts."""


class Run(NamedTuple):
    """The measurements of one process: wall and CPU seconds, and peak resident memory in megabytes (10^6 bytes)."""

    wall: float
    processor: float
    peak: float


@dataclass
class Contender:
    """A command and its runs; after a failure it is not started again."""

    name: str
    command: list[str]
    runs: list[Run] = field(default_factory=list)
    problem: str = ""
    size: int = 1
    """The size of its log in millions of lines; contenders with logs of different sizes are compared per line."""


def measure(command: Sequence[str], errors: Path) -> tuple[int, Run]:
    """Run a command, discard its output, and return its exit code and measurements."""
    begin = time.perf_counter()
    with errors.open("wb") as stderr:
        child = subprocess.Popen(command, cwd=ROOT, env=AS_INSTALLED, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begin
    child.returncode = os.waitstatus_to_exitcode(status)
    unit = 1 if sys.platform == "darwin" else 1024
    return child.returncode, Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 1e6)


def _report(logs: Sequence[str], *options: str) -> list[str]:
    """Return the command that runs the product's report."""
    return [sys.executable, "-m", "convkit", "report", *logs, "-g", str(HERE / "bench_goals.yaml"), "-f", "json", *options]


def contenders(logs: list[Path], others: Sequence[Path] = ()) -> list[Contender]:
    """List the product, its rivals and the optional rivals installed on this machine, in the order in which they take turns.

    `others` are other forms of the same log: compressed, and as event exports.
    """
    names = [str(log) for log in logs]
    rival = [sys.executable, str(HERE / "rivals.py")]
    listed = [
        Contender(PRODUCT, _report(names)),
        *(Contender(f"{PRODUCT}, {other.suffix[1:]}", _report([str(other)])) for other in others),
        Contender(YARDSTICK, [*rival, "duckdb", *names]),
        Contender("duckdb, tuned", [*rival, "duckdb-tuned", *names]),
        Contender("polars sketch", [*rival, "sketch", *names]),
        Contender("polars bare scan", [*rival, "scan", *names]),
    ]
    if program := shutil.which("wc"):
        listed.append(Contender("wc -l", [program, "-l", *names]))
    if program := shutil.which("goaccess"):
        listed.append(Contender("goaccess", [program, *names, "--log-format=COMBINED", "--no-global-config", "-o", "json"]))
    return listed


def of_formats(log: Path, folder: Path, lines: int) -> list[Contender]:
    """Convert a log to the formats of other servers, and return one contender (the product) per file."""
    subprocess.run([sys.executable, str(HERE / "big_formats.py"), str(log), str(folder), str(lines)], check=True)
    return [Contender(path.stem, _report([str(path)])) for path in sorted(folder.glob("*.log"), key=lambda path: (path.stem != USUAL, path.stem))]


def of_sizes(folder: Path) -> list[Contender]:
    """Generate logs of increasing size unless they exist, and return one contender per log, plus one for the largest with little memory."""
    listed = []
    for size in SIZES:
        log = folder / f"{size}m.log"
        if not log.exists():
            subprocess.run([sys.executable, str(HERE / "big_log.py"), str(log), "--lines", str(size * 1_000_000)], check=True, stdout=sys.stderr)
        listed.append(Contender(f"{size} million lines", _report([str(log)]), size=size))
    return [*listed, Contender(f"{SIZES[-1]} million, --memory 1GiB", _report([str(log)], "--memory", "1GiB"), size=SIZES[-1])]


def attempt(contender: Contender, errors: Path) -> None:
    """Run the contender once, and record its measurements or the reason for its failure."""
    try:
        code, run = measure(contender.command, errors)
    except OSError as error:
        contender.problem = f"could not be started: {error.strerror}"
        return
    if code:
        messages = errors.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        contender.problem = f"failed with exit code {code}: {messages[-1] if messages else 'no error message'}"
    else:
        contender.runs.append(run)


def take_turns(measured: list[Contender], runs: int) -> None:
    """Measure the contenders in turn (A B C A B C ...), so that a busy spell on the machine affects all of them."""
    with tempfile.TemporaryDirectory() as folder:
        errors = Path(folder) / "stderr"
        for number in range(runs):
            for contender in measured:
                if contender.problem:
                    continue
                sys.stderr.write(f"run {number + 1} of {runs}: {contender.name}\n")
                attempt(contender, errors)


def ratio(contender: Contender, yardstick: Contender) -> float | None:
    """Return the median ratio of wall times, dividing each run by the yardstick's run in the same turn."""
    pairs = [run.wall / other.wall * yardstick.size / contender.size for run, other in zip(contender.runs, yardstick.runs, strict=False)]
    return statistics.median(pairs) if pairs else None


def table(measured: list[Contender]) -> str:
    """Format the runs as a plain-text table with one row per contender, and list failures below it."""
    yardstick = next(contender for contender in measured if contender.name in {YARDSTICK, USUAL, SMALLEST})
    heading = f"x {yardstick.name}" + (" per line" if yardstick.name == SMALLEST else "")
    rows = [("", "wall s of every run", "median", heading, "CPU s", "peak MB")]
    for contender in measured:
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
    lines += [f"{contender.name} {contender.problem}" for contender in measured if contender.problem]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def installed(package: str) -> str:
    """Return an installed package's version, without importing it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def machine() -> str:
    """Return one line that describes the machine and the program versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    programs = f"Python {platform.python_version()}, Polars {installed('polars')}, DuckDB {installed('duckdb')}"
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GB memory, {platform.system()}, {programs}"


def extent(logs: list[Path]) -> str:
    """Count lines and bytes. Reading the logs also puts them into the file cache, so that no contender has to read them from disk first."""
    lines = size = 0
    for log in logs:
        with log.open("rb") as file:
            while chunk := file.read(CHUNK):
                lines, size = lines + chunk.count(b"\n"), size + len(chunk)
    return f"{lines:,} lines, {size / 1e9:.2f} GB, {len(logs)} file{'s' if len(logs) > 1 else ''}"


def other_forms(log: Path, folder: Path) -> list[Path]:
    """Write a log compressed, and as event exports with the same number of rows; return the new files."""
    subprocess.run([sys.executable, str(HERE / "big_export.py"), str(log), str(folder)], check=True)
    return sorted(path for path in folder.iterdir() if path.name.startswith("events.") or path.suffix in {".gz", ".zst"})


@contextmanager
def logs_for(options: argparse.Namespace) -> Iterator[tuple[list[Path], list[Path]]]:
    """Yield the logs to run the benchmark on, and other forms of the same log.

    The log is either the one given, or one generated in DIR or in a temporary folder that is removed afterwards.
    """
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = (options.dir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        log = options.log.resolve() if options.log else folder / "access.log"
        generator = [sys.executable, str(HERE / "big_log.py")]
        if not options.log:
            subprocess.run([*generator, str(log), "--lines", str(options.lines)], check=True, stdout=sys.stderr)
        if not options.rotated:
            yield [log], other_forms(log, folder) if options.exports else []
            return
        subprocess.run([*generator, str(log), "--existing", "--rotated", str(folder / "rotated")], check=True, stdout=sys.stderr)
        yield sorted((folder / "rotated").glob("access.log.*")), []


def grow(options: argparse.Namespace) -> int:
    """Measure how time and memory grow with the size of the log."""
    with tempfile.TemporaryDirectory(prefix="bench") as temporary:
        folder = (options.dir or Path(temporary)).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        measured = of_sizes(folder)
        sys.stdout.write(f"{machine()}\n{options.runs} runs in turn, each in its own process\n\n")
        take_turns(measured, options.runs)
    sys.stdout.write(table(measured))
    return int(any(contender.problem for contender in measured))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark that the command line requests; return 1 if a contender failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lines", type=int, default=5_000_000, help="number of lines in the generated log")
    parser.add_argument("--runs", type=int, default=5, help="number of runs per contender")
    parser.add_argument("--log", type=Path, help="measure on this combined log instead of a generated one")
    parser.add_argument("--dir", type=Path, help="generate the log in this folder and keep it")
    parser.add_argument("--rotated", action="store_true", help="split the log at midnight into 30 files and measure on them (a log of 30 days)")
    parser.add_argument("--formats", action="store_true", help="measure only the product, on the log in the formats of other servers")
    parser.add_argument("--exports", action="store_true", help="also measure the product on the log as gzip, zstd, CSV, NDJSON and Parquet")
    parser.add_argument("--sizes", action="store_true", help="measure only the product, on logs of 2, 20 and 50 million lines (20 GB)")
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
