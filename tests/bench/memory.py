"""Measure how much memory commands take with `--memory`, on logs of many shapes: the peak over what was asked for.

`python tests/bench/memory.py --size 256MiB` prints a line for each shape; `--only NAME` measures those whose name contains NAME. No ratio should be
over 1.3: the limit is kept by dividing a log into parts, not by failing.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent))

import big_log
from benchmark import HERE, measure

from convkit.core.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"
MEBIBYTE = 1 << 20
LINES = 1_000_000
MORE_GOALS = (f"  goal_{number}: {{page: [/p/{number}, /q/{number}/**]}}\n" for number in range(490))
MANY_GOALS = f"macro:\n  order: {{page: /p/1}}\nmicro:\n{''.join(MORE_GOALS)}"


def line(number: int, address: str, target: str, agent: str = AGENT) -> str:
    """Return a line; its number gives its time, in order."""
    hours, seconds = divmod(number // 5, 3600)
    days, hours = divmod(hours, 24)
    time = f"{10 + days:02}/Oct/2026:{hours:02}:{seconds // 60:02}:{seconds % 60:02} +0000"
    return f'{address} - - [{time}] "GET {target} HTTP/1.1" 200 512 "-" "{agent}"\n'


def address(number: int) -> str:
    """Return an address for a number."""
    return f"{11 + number // 16_777_216}.{number // 65_536 % 256}.{number // 256 % 256}.{number % 256}"


def usual(number: int) -> str:
    """Return one of a log's usual lines."""
    return line(number, address(number * 7919 % 60_000), f"/p/{number % 500}")


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Write lines to a plain or gzip file."""
    with gzip.open(path, "wt", compresslevel=1) if path.suffix == ".gz" else path.open("w", encoding="utf-8") as file:
        file.writelines(lines)


def long_lines(path: Path) -> None:
    """Write 400 lines of 900 kB."""
    write_lines(path, (line(number, address(number % 40), f"/p?q={'x' * 900_000}") for number in range(400)))


def endless_line(path: Path) -> None:
    """Write a line of 512 MiB between usual lines."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(map(usual, range(1000)))
        for _ in range(512):
            file.write("x" * MEBIBYTE)
        file.writelines(["\n", *map(usual, range(1000))])


def hole(path: Path) -> None:
    """Write a hole of 4 GiB before usual lines."""
    with path.open("wb") as file:
        file.truncate(4096 * MEBIBYTE)
        file.seek(0, os.SEEK_END)
        file.writelines(usual(number).encode() for number in range(100_000))


def zero_bytes(path: Path) -> None:
    """Write 64 MiB of zero bytes before usual lines."""
    with path.open("wb") as file:
        file.write(bytes(64 * MEBIBYTE))
        file.writelines(usual(number).encode() for number in range(1000))


def newlines(path: Path) -> None:
    """Write 64 MiB of blank lines before usual lines, compressed."""
    with gzip.open(path, "wb", compresslevel=6) as file:
        for _ in range(64):
            file.write(b"\n" * MEBIBYTE)
        file.writelines(usual(number).encode() for number in range(1000))


def two_members(path: Path) -> None:
    """Write a gzip member with a line of 256 MiB, and one with usual lines."""
    bomb, rest = gzip.compress(b"x" * (256 * MEBIBYTE) + b"\n"), gzip.compress("".join(map(usual, range(1000))).encode())
    path.write_bytes(bomb + rest)


def zstandard(path: Path) -> None:
    """Write a line of 256 MiB and usual lines, compressed with Zstandard."""
    from backports import zstd  # noqa: PLC0415 (only this shape needs it)

    path.write_bytes(zstd.compress(b"x" * (256 * MEBIBYTE) + b"\n" + "".join(map(usual, range(1000))).encode()))


def zip_of_logs(path: Path) -> None:
    """Write an archive of 20 logs."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member in range(20):
            archive.writestr(f"access-{member}.log", "".join(usual(number) for number in range(member * 50_000, member * 50_000 + 50_000)))


def many_files(path: Path) -> None:
    """Write 300 logs into a directory."""
    path.mkdir()
    for day in range(300):
        write_lines(path / f"access-{day}.log", map(usual, range(day * 3000, day * 3000 + 3000)))


def wide_export(path: Path) -> None:
    """Write an export with 1,000 columns."""
    names = ",".join(f"column_{number}" for number in range(997))
    values = ",".join(f"{number}" for number in range(997))
    write_lines(path, [f"user_id,event,timestamp,{names}\n", *(f"u{n % 900},view,{1_791_640_000 + n * 10},{values}\n" for n in range(20_000))])


def deep_json(path: Path) -> None:
    """Write events with objects within objects, 60 levels deep."""
    deep = '{"a":' * 60 + "1" + "}" * 60
    head = '{"user_id": "u%d", "event": "view", "timestamp": %d, "properties": %s}\n'
    write_lines(path, (head % (number % 9000, 1_791_640_000 + number, deep) for number in range(150_000)))


def json_array(path: Path) -> None:
    """Write a JSON array of 90 MB."""
    events = ({"user_id": f"u{n % 9000}", "event": "view", "timestamp": 1_791_640_000 + n, "note": "x" * 60} for n in range(650_000))
    write_lines(path, ["[", *(f"{',' * bool(number)}{json.dumps(event)}\n" for number, event in enumerate(events)), "]"])


def event_export(path: Path) -> None:
    """Write a CSV export of a million events."""
    rows = (f"u{n * 7919 % 60_000},view,{1_791_640_000 + n},https://shop.example/p/{n % 500},{n % 90}.50\n" for n in range(LINES))
    write_lines(path, ["user_id,event,timestamp,url,amount\n", *rows])


def lines_of(each: Callable[[int], str], number: int = LINES) -> Callable[[Path], None]:
    """Return the function that writes a log of such lines."""
    return lambda path: write_lines(path, map(each, range(number)))


def visits(number: int) -> str:
    """Return a view of a page with a long path, seconds after the visitor's view before it; every page is viewed once."""
    visitor, view = divmod(number, 20)
    target = f"/catalogue/item/number-{number}/a-long-name-of-a-thing"
    return line((visitor * 3 + view * 5) * 5, address(visitor), target)


def referred(number: int) -> str:
    """Return a line with a referrer of its own."""
    return line(number, address(number % 50_000), "/p/1").replace('"-"', f'"https://site{number}.example/page/{number}"')


def tagged(number: int) -> str:
    """Return a line with a campaign of its own."""
    return line(number, address(number % 50_000), f"/p/1?utm_source=s{number}&utm_campaign=campaign-{number}&utm_medium=cpc")


SHAPES: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "usual lines": ("a.log", lambda path: big_log.write(path, LINES), "report"),
    "usual lines, gz": ("a.log.gz", lines_of(usual), "report"),
    "few long lines": ("a.log", long_lines, "report"),
    "one endless line": ("a.log", endless_line, "overview"),
    "a hole of 4 GiB": ("a.log", hole, "overview"),
    "64 MiB of zero bytes": ("a.log", zero_bytes, "overview"),
    "64 MiB of newlines, gz": ("a.log.gz", newlines, "overview"),
    "an endless line in the first of two gz": ("a.log.gz", two_members, "overview"),
    "an endless line, zst": ("a.log.zst", zstandard, "overview"),
    "zip of logs": ("a.zip", zip_of_logs, "report"),
    "many files": ("logs", many_files, "report"),
    "many visitors": ("a.log", lines_of(lambda number: line(number, address(number), "/p/1")), "report"),
    "many pages": ("a.log", lines_of(lambda number: line(number, address(number % 50_000), f"/page/{number}")), "report"),
    "many pages, pages": ("a.log", lines_of(lambda number: line(number, address(number % 50_000), f"/page/{number}")), "pages"),
    "long paths, pages": ("a.log", lines_of(visits), "pages"),
    "long paths": ("a.log", lines_of(visits), "report"),
    "many referrers": ("a.log", lines_of(referred), "channels"),
    "many campaigns": ("a.log", lines_of(tagged), "channels"),
    "many queries": ("a.log", lines_of(lambda number: line(number, address(number % 50_000), f"/s?q={number}&total={number}")), "report"),
    "many agents": ("a.log", lines_of(lambda number: line(number, address(number % 50_000), "/p/1", f"{AGENT} v{number}")), "report"),
    "one visitor": (
        "a.log",
        lines_of(lambda number: line(number, "11.0.0.1", f"/p/{number % 500}") if number % 3000 == 0 else usual(number), 300_000),
        "report",
    ),
    "many goals": ("a.log", lines_of(usual, 300_000), "goals"),
    "wide export": ("a.csv", wide_export, "report"),
    "deep JSON": ("a.ndjson", deep_json, "report"),
    "JSON array": ("a.json", json_array, "report"),
    "event export": ("a.csv", event_export, "report"),
    "hits": ("a.log", lambda path: big_log.write(path, LINES), "hits"),
    "sessions": ("a.log", lambda path: big_log.write(path, LINES), "sessions"),
    "compare": ("a.log", lambda path: big_log.write(path, LINES), "compare"),
    "explain": ("a.log", lambda path: big_log.write(path, LINES), "explain"),
    "check": ("a.log", lambda path: big_log.write(path, LINES), "check"),
    "init": ("a.log", lambda path: big_log.write(path, LINES), "init"),
}
"""For each shape, the file's name, the function that writes it, and the command that reads it."""


def command_of(command: str, log: Path, goals: Path, size: str) -> list[str]:
    """Return the command line of a command on a log."""
    own = {"check": [], "explain": [], "init": ["-o", str(goals.with_name("proposed.yaml")), "--force"]}.get(command, ["-f", "csv"])
    logs = [str(log)]
    given = [] if command == "init" else ["-g", str(goals)]
    return [sys.executable, "-m", "convkit", command, *logs, *given, *own, "--memory", size]


def main() -> None:
    """Measure each shape and print the peak, its ratio to the limit, the processor time and the exit code."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--size", default="256MiB")
    options.add_argument("--only", default="")
    options.add_argument("--write", nargs=2, metavar=("NAME", "PATH"), help="Only write the log of a shape.")
    arguments = options.parse_args()
    if arguments.write:
        SHAPES[arguments.write[0]][1](Path(arguments.write[1]))
        return
    asked = parse_size(arguments.size)
    if asked is None:
        sys.exit(f"{arguments.size} is not a size; write it like 256MiB")
    for name, (file, _, command) in SHAPES.items():
        if arguments.only not in name:
            continue
        with tempfile.TemporaryDirectory() as folder:
            log, goals, errors = Path(folder) / file, Path(folder) / "goals.yaml", Path(folder) / "stderr"
            goals.write_text(MANY_GOALS if name == "many goals" else (HERE / "bench_goals.yaml").read_text(encoding="utf-8"), encoding="utf-8")
            # A process begins with the peak of the one that started it, which must therefore not write the log.
            subprocess.run([sys.executable, __file__, "--write", name, str(log)], check=True)
            code, run = measure(command_of(command, log, goals, arguments.size), errors)
            first = errors.read_text(encoding="utf-8").partition("\n")[0][:90]
        sys.stdout.write(
            f"{name:40} {run.peak * 1e6 / MEBIBYTE:7.0f} MiB {run.peak * 1e6 / asked:5.2f}x {run.processor:6.1f} s CPU  {code}  {first}\n"
        )
        sys.stdout.flush()


if __name__ == "__main__":
    main()
