"""Nothing that a run reads is ever written over, and no other log either; only what convkit itself wrote is replaced without a question."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
import runs
from as_program import shell
from small_logs import line, written

from convkit import api
from convkit.cli import overwriting
from convkit.core import plugins
from convkit.core.options import Options
from convkit.errors import UsageError
from convkit.outputs import endings

if TYPE_CHECKING:
    from conftest import Run

ROWS = {
    "F4": "test_nothing_that_is_read_is_written_over",
    "F13": "test_a_report_and_rejects_never_share_a_file",
    "F40": "test_rejects_may_go_to_standard_output",
    "F41": "test_a_report_written_into_a_directory_that_is_read_is_noticed",
    "A8": "tests/cli/test_strict.py::test_rejects_are_private_and_have_no_addresses",
}
TEXTS = [line(f"GET /{page}", 60 * number) for number, page in enumerate(("", "cart", "thanks"))]
ROWS_OF_EVENTS = "time,user_id,event,page\n" + "".join(f"2026-10-10T12:0{number}:00Z,u{number % 3},view,/{number}\n" for number in range(9))
OWN_FORMAT = '[$time_local] <$remote_addr> "$request" $status "$http_user_agent"'
OWN_LINE = '[10/Oct/2026:12:00:00 +0000] <198.51.100.1> "GET / HTTP/1.1" 200 "Mozilla/5.0 Firefox/140.0"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current directory, which has logs under several names, an export, goals and a key."""
    for name in ("logs", "exports", "more", "out", ".config/convkit"):
        (tmp_path / name).mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / ".config"))
    written(Path("logs/access.log"), TEXTS)
    written(Path("logs/b.log"), [line("GET /b", 600)])
    Path("more/hard").hardlink_to("logs/access.log")
    Path("more/link").symlink_to("../logs/access.log")
    Path("more/folder").symlink_to("../logs")
    Path("exports/overview.csv").write_text(ROWS_OF_EVENTS, encoding="utf-8")
    Path("own-goals.yaml").write_text("macro: {thanks: /thanks}\n", encoding="utf-8")
    Path(".config/convkit/key").write_text("a key\n", encoding="utf-8")
    with zipfile.ZipFile("logs.zip", "w") as archive:
        archive.write("logs/access.log")
    Path("access.log.gz").write_bytes(gzip.compress(Path("logs/access.log").read_bytes()))
    return tmp_path


def contents() -> dict[str, bytes]:
    """Return the content of each file below the current directory."""
    return {str(path): path.read_bytes() for path in sorted(Path().rglob("*")) if path.is_file()}


READ = {
    "a file of a directory": "overview logs/ -o logs/access.log -f csv",
    "a file that matches a pattern": "overview logs/*.log -o logs/b.log -f csv",
    "rejects": "overview logs/ --rejects logs/access.log",
    "a file of an output directory": "overview exports/overview.csv -o exports/",
    "a hard link": "overview logs/ -o more/hard -f csv",
    "a symbolic link": "goals logs/access.log -o more/link -f json",
    "a link to the directory": "report logs/ -o more/folder/b.log -f csv",
    "another way": "report logs/access.log --rejects more/../logs/access.log",
    "an archive": "overview logs.zip -o logs.zip -f csv",
    "a compressed log": "overview access.log.gz -o access.log.gz -f csv",
    "a comparison": "compare logs/ --where path=/ --with path=/cart -o logs/b.log -f csv",
    "the goals file": "overview logs/ -g own-goals.yaml -o own-goals.yaml -f csv",
    "rejects over the goals file": "overview logs/ -g own-goals.yaml --rejects own-goals.yaml",
    "the key": "sessions logs/ -o .config/convkit/key -f csv",
    "a new goals file": "init logs/ -o logs/access.log --force",
    "a new goals file through a link": "init logs/*.log -o more/hard --force",
}


@pytest.mark.parametrize("command", READ.values(), ids=READ)
def test_nothing_that_is_read_is_written_over(command: str, convkit_command: Run) -> None:
    before = contents()
    code, out, err = convkit_command(*command.split())
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert " is one of the files to read; write to another file\n" in err
    assert contents() == before


@pytest.mark.parametrize("goals", ["suggested", "built-in", "of a file"])
def test_what_was_opened_counts_not_what_the_names_led_to_before(
    goals: str, convkit_command: Run, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that is renamed while a run begins is another file under the old name."""
    if goals == "suggested":
        request.getfixturevalue("suggested_goals")
        monkeypatch.undo()
        monkeypatch.chdir(request.getfixturevalue("folder"))
    monkeypatch.setattr(overwriting, "files_to_read", lambda *_: set())
    monkeypatch.setattr(overwriting, "refuse_logs", lambda *_: None)
    before = contents()
    more = ["-g", "own-goals.yaml"] if goals == "of a file" else []
    for arguments in (["overview", "-o", "more/hard", "-f", "csv"], ["report", "--rejects", "logs/b.log"], ["init", "--force", "-o", "logs/b.log"]):
        code, _, err = convkit_command(*arguments, "logs/", *more)
        assert (code, "is one of the files to read" in err) == (2, True), arguments
    if more:
        assert convkit_command("overview", "logs/", *more, "-o", "own-goals.yaml", "-f", "csv")[0] == 2
    assert contents() == before


STREAMS = """
$CONVKIT overview - < logs/access.log -o logs/access.log -f csv; echo $?
$CONVKIT overview /dev/stdin < logs/access.log --rejects more/link; echo $?
$CONVKIT overview logs/ >> logs/b.log; echo $?
$CONVKIT overview logs/access.log -f csv > out/made.csv --rejects out/made.csv; echo $?
"""


APPENDED = """
$CONVKIT explain logs/access.log --line logs/access.log:1 >> logs/access.log; echo $? >&2
$CONVKIT check - < logs/access.log >> logs/access.log -g own-goals.yaml; echo $? >&2
$CONVKIT formats logs/ >> logs/b.log; echo $? >&2
$CONVKIT formats logs/access.log >> out/made.txt; echo $? >&2
"""


def test_no_command_appends_to_a_log_that_it_reads(folder: Path) -> None:
    before = contents()
    messages = shell(APPENDED, folder=folder).stderr.decode().splitlines()
    assert messages[:7] == [*(["convkit: error: standard output is one of the files to read; write to another file", "2"] * 3), "0"]
    after = contents()
    assert after.pop("out/made.txt")
    assert after == before


def test_streams_that_are_files_are_recognised(folder: Path) -> None:
    before = contents()
    done = shell(STREAMS, folder=folder)
    assert done.stdout == b"2\n" * 4
    messages = done.stderr.decode().splitlines()
    assert [message.partition(" is one ")[0].partition(" goes ")[0] for message in messages[:2]] == [
        "convkit: error: logs/access.log",
        "convkit: error: more/link",
    ]
    assert "standard output is one of the files to read" in messages[2]
    assert "the report and --rejects would both go to" in messages[3]
    assert contents() == {**before, "out/made.csv": b""}


def test_results_of_the_api_are_not_written_over_their_logs() -> None:
    before = contents()
    result = api.report("logs/", ["overview"], goals="own-goals.yaml")
    for path in ("logs/access.log", "more/hard", "own-goals.yaml"):
        with pytest.raises(UsageError, match="is one of the files to read"):
            result.write(path, "csv")
    with pytest.raises(UsageError, match="logs are never overwritten"):
        result.write("exports/overview.csv")
    assert contents() == before
    result.write("out/made.csv")
    result.write("out/made.csv")
    assert Path("out/made.csv").read_text(encoding="utf-8").startswith("metric,value")


OTHER_LOGS = {
    "combined": "".join(f"{text}\n" for text in TEXTS).encode(),
    "one line of common": b'198.51.100.1 - - [10/Oct/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 5\n',
    "json": (json.dumps({"time": "2026-10-10T12:00:00Z", "remote_addr": "198.51.100.1", "request": "GET / HTTP/1.1", "status": 200}) + "\n").encode(),
    "events": ROWS_OF_EVENTS.encode(),
    "gzip": gzip.compress(b"anything"),
    "bzip2": bz2.compress(b"anything"),
    "xz": lzma.compress(b"anything"),
    "zstd": b"\x28\xb5\x2f\xfd of which nothing can be read",
}


@pytest.mark.parametrize("way", ["report {log} -o other -f csv", "overview {log} --rejects other", "init {log} -o other --force"])
@pytest.mark.parametrize("kind", OTHER_LOGS)
def test_a_log_that_is_not_read_is_not_written_over_either(kind: str, way: str, convkit_command: Run) -> None:
    Path("other").write_bytes(OTHER_LOGS[kind])
    before = contents()
    code, out, err = convkit_command(*way.format(log="logs/access.log").split())
    assert (code, out) == (2, "")
    assert err.startswith("convkit: error: other is a ")
    assert err.endswith(", and logs are never overwritten; write to another file, or delete this one first\n")
    assert contents() == before


def test_logs_are_recognised_in_the_run_s_own_format_in_directories_and_in_parquet(convkit_command: Run) -> None:
    Path("own.log").write_text(OWN_LINE, encoding="utf-8")
    Path("other.log").write_text(OWN_LINE * 2, encoding="utf-8")
    pl.read_csv(Path("exports/overview.csv")).write_parquet("other.parquet")
    before = contents()
    for arguments in (
        ["own.log", "--log-format", OWN_FORMAT, "-o", "other.log", "-f", "csv"],
        ["own.log", "--log-format", OWN_FORMAT, "-o", "logs/b.log", "-f", "csv"],
        ["logs/", "-o", "exports/"],
        ["logs/", "-o", "other.parquet"],
    ):
        code, _, err = convkit_command("overview", *arguments)
        assert (code, "logs are never overwritten" in err) == (2, True), arguments
    assert contents() == before
    # Of a directory, only the files that the run writes are looked at.
    assert convkit_command("goals", "logs/", "-o", "exports/")[0] == 0
    assert set(contents()) == {*before, "exports/goals.csv"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return, by file name, every report in every output."""
    log = written(tmp_path_factory.mktemp("made") / "access.log", TEXTS * 2)
    documents = {report: runs.document([log], [report]) for report in plugins.names("reports")}
    documents |= {"report": runs.document([log]), "by-day": runs.document([log], ["goals"], by="day")}
    files = {f"{name}.{endings(output)[0]}": runs.render(one, output) for name, one in documents.items() for output in plugins.names("outputs")}
    return {name: text if isinstance(text, bytes) else text.encode() for name, text in files.items()}


def test_earlier_reports_are_replaced(made: dict[str, bytes]) -> None:
    # What people read is no table of events, whichever report it is.
    names = [name for name in made if not name.endswith((".txt", ".md")) or name.startswith(("hits", "report"))]
    assert len(names) > 50
    for name in names:
        Path(name).write_bytes(made[name])
    overwriting.refuse_logs(names, Options())


@pytest.mark.parametrize("name", ["hits.csv", "hits.tsv", "hits.ndjson", "hits.parquet"])
def test_earlier_reports_that_look_like_events_are_known_by_their_columns(name: str, made: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    Path(name).write_bytes(made[name])
    monkeypatch.setattr(overwriting, "_is_own", lambda *_: False)
    with pytest.raises(UsageError, match="is a log of requests"):
        overwriting.refuse_logs([name], Options())


REPLACED = {
    "nothing": b"",
    "blank lines": b"\n\n",
    "notes": b"Things to do on 2026-10-10:\n- read /thanks\n",
    "totals": b"day,revenue\n2026-10-10,5\n2026-10-11,7\n",
    "rejected lines": "".join(json.dumps({"file": "a.log", "line": 1, "reason": "blank", "text": text}) + "\n" for text in TEXTS).encode(),
    "a goals file": b"macro: {thanks: /thanks}\n",
    "a key": b"\x00\x01\xff" * 9,
}


@pytest.mark.parametrize("text", REPLACED.values(), ids=REPLACED)
def test_files_that_are_not_logs_are_replaced_as_before(text: bytes, convkit_command: Run) -> None:
    Path("made.csv").write_bytes(text)
    assert convkit_command("overview", "logs/", "-o", "made.csv")[0] == 0
    assert Path("made.csv").read_bytes().startswith(b"metric,value")


def test_goals_files_and_rejects_are_replaced_as_before(convkit_command: Run) -> None:
    assert convkit_command("overview", "logs/", "--rejects", "rejects")[0] == 0
    assert convkit_command("overview", "logs/", "--rejects", "rejects")[0] == 0
    assert convkit_command("init", "logs/", "-g", "own-goals.yaml", "-o", "own-goals.yaml", "--force")[0] == 0


def test_other_files_next_to_the_logs_are_written(convkit_command: Run) -> None:
    for arguments in (
        ["-o", "out/"],
        ["-o", "more/new.csv", "--rejects", "more/rejects"],
        ["-o", "-", "--rejects", "/dev/null"],
        ["-o", "/dev/null"],
    ):
        assert convkit_command("overview", "logs/", *arguments)[0] == 0


SAME = [
    "same.csv same.csv",
    "same.csv ./same.csv",
    "out/ out/overview.csv",
    "out out/../out/overview.csv",
    "old.csv hard.csv",
    "old.csv link.csv",
    "new.csv dangling",
]


@pytest.mark.parametrize("names", SAME)
def test_a_report_and_rejects_never_share_a_file(names: str, convkit_command: Run) -> None:
    Path("old.csv").write_text("metric,value\n", encoding="utf-8")
    Path("hard.csv").hardlink_to("old.csv")
    Path("link.csv").symlink_to("old.csv")
    Path("dangling").symlink_to("new.csv")
    before = contents()
    output, rejects = names.split()
    code, out, err = convkit_command("overview", "logs/", "-o", output, "--rejects", rejects)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "the report and --rejects would both go to " in err
    assert contents() == before


def test_a_device_takes_both(convkit_command: Run) -> None:
    assert convkit_command("overview", "logs/", "-o", "/dev/null", "--rejects", "/dev/null")[0] == 0
    os.mkfifo("pipe")
    with pytest.raises(UsageError, match="would both go to pipe"):
        overwriting.refuse_same_file(["pipe"], "pipe")


def test_rejects_may_go_to_standard_output(convkit_command: Run) -> None:
    written(Path("odd.log"), [*TEXTS, "odd"])
    for rejects in ("-", "/dev/stdout"):
        code, out, err = convkit_command("overview", "odd.log", "-o", "made.csv", "--rejects", rejects)
        assert (code, json.loads(out)["text"]) == (0, "odd"), err
        code, out, err = convkit_command("overview", "odd.log", "--rejects", rejects)
        assert (code, out) == (2, "")
        assert "the report and --rejects would both go to standard output; name a different file with -o or --rejects" in err
    assert not Path("-").exists()


@pytest.mark.parametrize("rejects", ["out", "out/", "new/", ""])
def test_rejects_need_a_file(rejects: str, convkit_command: Run) -> None:
    before = contents()
    code, out, err = convkit_command("overview", "logs/", "--rejects", rejects)
    assert (code, out) == (2, "")
    assert "is a directory; name a file in it" in err or "--rejects is empty" in err
    assert contents() == before
    assert not Path("new").exists()


NEXT_INPUT = {
    "a report": ["overview", "logs/", "-o", "logs/made.csv"],
    "a report that matches a pattern": ["overview", "logs/*", "-o", "logs/made.csv"],
    "a directory": ["overview", "logs/", "-o", "logs/"],
    "rejects": ["overview", "logs/", "--rejects", "logs/rejects"],
    "goals": ["init", "logs/", "-o", "logs/goals.yaml"],
}


@pytest.mark.parametrize("arguments", NEXT_INPUT.values(), ids=NEXT_INPUT)
def test_a_report_written_into_a_directory_that_is_read_is_noticed(arguments: list[str], convkit_command: Run) -> None:
    code, _, err = convkit_command(*arguments)
    made = "logs/overview.csv" if arguments[-1] == "logs/" else arguments[-1]
    assert code == 0
    assert f"convkit: warning: the next run will read {made} as a log, as it is among the files that {arguments[1]} names; " in err


@pytest.mark.parametrize(
    "arguments", [["logs/*.log", "-o", "logs/made.csv"], ["logs/access.log", "-o", "logs/made.csv"], ["logs/", "-o", "logs/.made.csv"]]
)
def test_a_report_that_the_next_run_does_not_read_is_no_reason_for_a_warning(arguments: list[str], convkit_command: Run) -> None:
    code, _, err = convkit_command("overview", *arguments)
    assert (code, "the next run" in err) == (0, False)
