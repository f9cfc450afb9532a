"""Remote logs when servers, networks and URLs misbehave: nothing is lost without a word, nothing waits for ever, and secrets stay where they are."""

from __future__ import annotations

import base64
import bz2
import gzip
import os
import re
import warnings
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING

import pytest
from small_logs import figures, line, written
from web_servers import PAUSE, RESET, SILENCE, answering, chunked, response

from convkit.errors import InputError, OutputError
from convkit.files import remote, web

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from conftest import Run
    from web_servers import Answer

ROWS = {
    "F5": "test_a_download_that_breaks_off_is_used_and_is_a_loss",
    "F17a": "test_a_full_temporary_directory_is_named",
    "F17b": "test_a_server_that_says_nothing_is_not_waited_for",
    "F17c": "test_redirects_stay_on_the_web_and_keep_the_encryption",
    "F17d": "test_secrets_of_a_url_go_to_its_own_server_only",
    "F24": "test_characters_that_a_request_cannot_contain_are_encoded",
    "F28": "test_a_user_and_password_in_a_url_are_sent",
    "F29": "test_an_object_store_without_a_region_prints_no_warning",
    "F31": "test_reasons_are_words",
}
LINES = [line(f"GET /page/{number}", number) for number in range(40)]
TEXT = "".join(f"{text}\n" for text in LINES).encode()
HALF = len(TEXT) // 2
WHOLE_LINES = TEXT[:HALF].count(b"\n")


def ranges(content: bytes) -> Answer:
    """Answer every request with the range that it asks for."""

    def answer(request: str) -> tuple[bytes, ...]:
        asked = re.search(r"(?i)range: bytes=(\d+)-(\d+)", request)
        first, last = (int(asked[1]), min(int(asked[2]), len(content) - 1)) if asked else (0, len(content) - 1)
        headers = (f"Content-Range: bytes {first}-{last}/{len(content)}", "Last-Modified: Sun, 22 Nov 2026 10:00:00 GMT", 'ETag: "x"')
        return (response(content[first : last + 1], *headers, status="206 Partial Content"),)

    return answer


@contextmanager
def object_store(monkeypatch: pytest.MonkeyPatch, answer: Answer, **more: str) -> Iterator[str]:
    """Yield the address of a server that stands in for S3."""
    with answering(answer) as address:
        names = {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "REGION": "x", "ENDPOINT_URL": address, "ALLOW_HTTP": "true", **more}
        for name, value in names.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield address


BROKEN = {
    "fewer bytes than announced": (response(TEXT[:HALF], size=len(TEXT)),),
    "a chunk that ends early": (chunked(TEXT[:HALF], is_whole=False),),
    "a chunk of which a part arrives": (response(b"%x\r\n" % len(TEXT) + TEXT[:HALF], "Transfer-Encoding: chunked", size=-1),),
    "the last chunk missing": (chunked(TEXT[:100], TEXT[100:HALF], is_whole=False),),
    "gzip as the coding": (response(gzip.compress(TEXT)[:-200], "Content-Encoding: gzip", size=len(gzip.compress(TEXT))),),
}


@pytest.mark.parametrize("pieces", BROKEN.values(), ids=BROKEN)
def test_a_download_that_breaks_off_is_used_and_is_a_loss(pieces: tuple[bytes, ...], convkit_command: Run) -> None:
    """What arrived is counted, a warning names the URL, and `--strict` ends with code 4."""
    with answering(lambda _: pieces) as address:
        code, out, err = convkit_command("overview", f"{address}/access.log?token=secret", "-f", "csv")
        assert code == 0
        assert "sessions,1" in out
        assert f"the download of {address}/access.log broke off after " in err
        assert "run the command again" in err
        assert "secret" not in err
        assert convkit_command("overview", f"{address}/access.log", "--strict")[0] == 4


def test_the_sentence_says_how_much_arrived() -> None:
    with answering(lambda _: (response(TEXT[:HALF], size=len(TEXT)),)) as address, remote.fetch(f"{address}/a.log") as source:
        assert source.losses == (
            f"the download of {address}/a.log broke off after {HALF:,} of {len(TEXT):,} bytes; run the command again, or download the log first",
        )
        assert source.path.read_bytes() == TEXT[:HALF]


@pytest.mark.usefixtures("suggested_goals")
def test_a_log_that_cannot_be_fetched_is_asked_for_once(convkit_command: Run) -> None:
    """Without a goals file, logs are read twice; a server may be silent for a minute each time."""
    requests = list[str]()

    def answer(request: str) -> tuple[bytes, ...]:
        requests.append(request)
        return (response(status="404 Not Found"),)

    with answering(answer) as address:
        code, _, err = convkit_command("overview", f"{address}/access.log")
    assert (code, err.count("\n"), len(requests)) == (3, 1, 1)


def test_a_connection_that_is_reset_or_silent_later_on_is_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "_PATIENCE", 0.2)
    for end, reason in ((SILENCE, "nothing arrived for 60 seconds"), (RESET, "the server closed the connection")):
        with answering(lambda _, end=end: (response(TEXT[:HALF], size=len(TEXT)), PAUSE, end)) as address, remote.fetch(f"{address}/a.log") as source:
            assert source.losses[0].endswith(f"bytes ({reason}); run the command again, or download the log first")
            assert source.path.read_bytes() == TEXT[:HALF]


@pytest.mark.parametrize(
    "pieces",
    [
        (response(size=len(TEXT)),),
        (response(b"", "Transfer-Encoding: chunked", size=-1),),
        (b"",),
        (RESET,),
        (b"HTTP/1.1 200 OK\r\nContent-Le",),
        (b"SSH-2.0-OpenSSH_9.2\r\n",),
    ],
)
def test_nothing_that_arrives_is_an_error(pieces: tuple[bytes, ...], convkit_command: Run) -> None:
    with answering(lambda _: pieces) as address:
        code, out, err = convkit_command("overview", f"{address}/access.log", "--allow-empty")
    assert (code, out) == (3, "")
    assert err.startswith(f"convkit: error: {address}/access.log cannot be read: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", ["access.zip", "access.parquet"])
def test_files_that_are_needed_whole_are_refused_with_the_reason(name: str) -> None:
    start = b"PK\x03\x04" if name.endswith("zip") else b"PAR1"
    with (
        answering(lambda _: (response(start + bytes(100), size=1000),)) as address,
        pytest.raises(InputError, match="broke off after 104 of 1,000 bytes"),
    ):
        figures(f"{address}/{name}")


def test_whole_downloads_are_no_loss(tmp_path: Path) -> None:
    """Without an announced size, in chunks, with more than was announced, packed in several ways, or empty, nothing is lost."""
    whole = {
        "to the end of the connection": response(TEXT, size=-1),
        "chunks": chunked(TEXT[:7], TEXT[7:], is_whole=True),
        "more than announced": response(TEXT + b"x" * 50, size=len(TEXT)),
        "gzip as the coding": response(gzip.compress(TEXT), "Content-Encoding: gzip"),
        "gzip as the type": response(gzip.compress(TEXT), "Content-Type: application/gzip"),
        "bzip2": response(bz2.compress(TEXT)),
        "odd headers": response(TEXT, "Content-Length: x", "Content-Encoding: identity", size=-1),
    }
    expected = figures(written(tmp_path / "access.log", LINES))["reports"]
    for name, answer in whole.items():
        with answering(lambda _, answer=answer: (answer,)) as address:
            assert figures(f"{address}/access.log")["reports"] == expected, name
            with remote.fetch(f"{address}/access.log") as source:
                assert source.losses == (), name
    with answering(lambda _: (response(),)) as address, remote.fetch(f"{address}/empty.log") as source:
        assert (source.size, source.losses) == (0, ())


@pytest.mark.parametrize(("coding", "shown"), [("br", "br"), ("deflate", "deflate"), ("gzip, br", "another coding"), ("\x1b[31m", "another coding")])
def test_other_codings_are_refused(coding: str, shown: str) -> None:
    refused = pytest.raises(InputError, match=rf"/a\.log is sent compressed with {shown}, which cannot be read; download it first")
    with answering(lambda _: (response(TEXT, f"Content-Encoding: {coding}"),)) as address, refused:
        figures(f"{address}/a.log")


def test_a_server_that_says_nothing_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert web._PATIENCE == 60  # noqa: SLF001 (the limit itself)
    monkeypatch.setattr(web, "_PATIENCE", 0.2)
    for pieces in ((SILENCE,), (b"HTTP/1.1 200 OK\r\n", SILENCE), (response(size=10), SILENCE)):
        refused = pytest.raises(InputError, match=r"/a\.log cannot be read: nothing arrived for 60 seconds; try again later, or download it first$")
        with answering(lambda _, pieces=pieces: pieces) as address, refused:
            figures(f"{address}/a.log")


def test_a_full_temporary_directory_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    if not os.access("/dev/full", os.W_OK):
        pytest.skip("this system has no /dev/full")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    full = rf"^the directory for temporary files \({tmp_path}\) cannot be written: No space left on device; free some space, or set TMPDIR$"

    monkeypatch.setattr("convkit.core.filesystem.temporary_path", lambda _: nullcontext("/dev/full"))
    with answering(lambda _: (response(TEXT * 100),)) as address, pytest.raises(OutputError, match=full):
        figures(f"{address}/a.log")
    with object_store(monkeypatch, ranges(TEXT * 100)), pytest.raises(OutputError, match=full):
        figures("s3://bucket/a.log")


def redirect(target: str, status: str = "302 Found") -> bytes:
    """Return an answer that names another URL."""
    return response(b"", f"Location: {target}", status=status)


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_redirects_are_followed(status: str) -> None:
    """To another path, to a relative one, and to another server."""
    with answering(lambda _: (response(TEXT),)) as other:
        answers = {"/a": redirect("/b", status), "/b": redirect("c?x=1", status), "/c?x=1": redirect(f"{other}/d.log", status)}
        with answering(lambda request: (answers[request.split()[1]],)) as address:
            assert figures(f"{address}/a")["input"]["lines"] == len(LINES)


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/a.log", "file:///etc/passwd", "data:,x", "gopher://x/", "s3://bucket/a.log", "FTP://x/a"])
def test_redirects_stay_on_the_web_and_keep_the_encryption(target: str) -> None:
    with (
        answering(lambda _: (redirect(target),)) as address,
        pytest.raises(InputError, match=r"/a\.log is redirected to a URL that is not https; check"),
    ):
        figures(f"{address}/a.log")
    encrypted = web.Address("https://shop.example/a.log")
    with pytest.raises(InputError, match=r"^LABEL is redirected to http, which is not encrypted; check the URL, or download it first$"):
        web.redirected(encrypted, "http://shop.example/a.log", "LABEL")
    assert web.redirected(encrypted, "//cdn.example/b.log", "LABEL").url == "https://cdn.example/b.log"
    assert web.redirected(web.Address("http://shop.example/a.log"), "https://shop.example/b.log", "LABEL").url == "https://shop.example/b.log"


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/a.log", "is redirected more than 10 times"),
        ("http://[", "is redirected to an invalid URL"),
        ("http://:80/x", "names no server"),
        ("http://h:99999/", "is not a valid URL"),
    ],
)
def test_redirects_that_lead_nowhere(target: str, error: str) -> None:
    with answering(lambda _: (redirect(target),)) as address, pytest.raises(InputError, match=f"^{address}/a.log {error}; check the URL$"):
        figures(f"{address}/a.log")


def test_a_redirect_without_a_place_is_an_answer_without_a_log() -> None:
    with (
        answering(lambda _: (response(b"", status="302 Found"),)) as address,
        pytest.raises(InputError, match="the server answered 302 Found; check"),
    ):
        figures(f"{address}/a.log")


def test_secrets_of_a_url_go_to_its_own_server_only() -> None:
    """The server of the URL gets its password, after a redirect within it too; another server gets neither that, nor the query, nor a Referer."""
    requests: list[str] = []
    with answering(lambda request: (requests.append(request), response(TEXT))[1:]) as other:
        answers = {"/a.log?token=topsecret": redirect("/b.log"), "/b.log": redirect(f"{other.replace('//', '//eve:evil@')}/c.log")}

        def answer(request: str) -> tuple[bytes, ...]:
            requests.append(request)
            return (answers[request.split()[1]],)

        with answering(answer) as address:
            figures(f"{address.replace('//', '//ann:hidden@')}/a.log?token=topsecret#part")
    header = f"Authorization: Basic {base64.b64encode(b'ann:hidden').decode()}"
    assert [header in request for request in requests] == [True, True, False]
    assert not re.search("(?i)topsecret|hidden|eve|evil|authorization|referer|cookie|part", requests[2])
    assert address.rpartition(":")[2] not in requests[2]
    assert not any("Referer" in request for request in requests)


@pytest.mark.parametrize(
    ("user", "sent"), [("ann:secret", "ann:secret"), ("ann", "ann:"), ("a%40b:p%3Aw%2F", "a@b:p:w/"), (":token", ":token"), ("ann:ü@x", "ann:ü@x")]
)
def test_a_user_and_password_in_a_url_are_sent(user: str, sent: str, convkit_command: Run) -> None:
    expected = f"Authorization: Basic {base64.b64encode(sent.encode()).decode()}\r\n"
    answers = {True: response(TEXT), False: response(b"", 'WWW-Authenticate: Basic realm="x"', status="401 Unauthorized")}
    with answering(lambda request: (answers[expected in request],)) as address:
        code, out, err = convkit_command("overview", f"{address.replace('//', f'//{user}@')}/access.log", "-f", "csv", "-q")
        assert (code, err) == (0, "")
        assert "sessions,1" in out
        code, _, err = convkit_command("overview", f"{address}/access.log?token=secret")
    fix = "write them into the URL, as in https://user:password@host/access.log, or download it first"
    assert (code, err) == (3, f"convkit: error: {address}/access.log needs a user and a password; {fix}\n")


ENCODED = {
    "/a b.log": "/a%20b.log",
    "/a%20b.log": "/a%20b.log",
    "/ä/日.log": "/%C3%A4/%E6%97%A5.log",
    '/a"<>\\^`{|}.log': "/a%22%3C%3E%5C%5E%60%7B%7C%7D.log",
    "/a.log?x=a b&y=[1]": "/a.log?x=a%20b&y=%5B1%5D",
    "/a.log?": "/a.log",
    "/a.log#part": "/a.log",
    "": "/",
    "?x=1": "/?x=1",
    "/@ann/a;b=c,(d)*'!$&+.log": "/@ann/a;b=c,(d)*'!$&+.log",
}


def test_characters_that_a_request_cannot_contain_are_encoded() -> None:
    asked: list[str] = []
    with answering(lambda request: (asked.append(request.split("\r\n")[0]), response(TEXT))[1:]) as address:
        for path in ENCODED:
            assert figures(f"{address}{path}")["input"]["lines"] == len(LINES)
    assert asked == [f"GET {path} HTTP/1.1" for path in ENCODED.values()]


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("http:///a.log", "http:///a.log names no server; check the URL"),
        ("http://", "http:// names no server; check the URL"),
        ("https://:80/a.log", "https://:80/a.log names no server; check the URL"),
        ("http://host:99999/a.log", "http://host:99999/a.log is not a valid URL; check the URL"),
        ("http://host:x/a.log", "http://host:x/a.log is not a valid URL; check the URL"),
        ("http://ann:p/w?x@host/a.log?token=y", "http://host/a.log is not a valid URL; check the URL"),
        ("http://[::1/a.log", "http://[::1/a.log is not a valid URL; check the URL"),
        ("http://ho st/a.log", "http://ho st/a.log is not a valid URL; check the URL"),
        ("http://ho%20st/a.log", "http://ho%20st/a.log is not a valid URL; check the URL"),
        ("http://x..日本/a.log", "http://x..日本/a.log is not a valid URL; check the URL"),
        ("http://host/a\r\nX-Header: 1", "http://host/a␍␊X-Header: 1 contains a control character; check the URL"),
        ("http://host/\x1b[31m", "http://host/␛[31m contains a control character; check the URL"),
    ],
)
def test_urls_that_are_none_are_refused_before_anything_is_sent(url: str, error: str, convkit_command: Run) -> None:
    assert convkit_command("overview", url) == (3, "", f"convkit: error: {error}\n")


def test_hosts_in_other_scripts_are_looked_up_in_punycode() -> None:
    assert web.address_of("http://Bücher.example/a", "").url == "http://xn--bcher-kva.example/a"
    assert web.address_of("HTTPS://[::1]:8443/a", "").url == "https://[::1]:8443/a"


def test_an_object_store_without_a_region_prints_no_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(*_: object) -> None:
        warnings.warn("'(default_)region' not set", UserWarning, stacklevel=1)
        raise OSError("object-store error: Generic S3 error: Missing AccessKeyId (path: s3://b/a.log)")

    monkeypatch.setattr(remote, "_read_with_polars", warn)
    with pytest.raises(InputError, match=r"^s3://b/a\.log cannot be read without credentials; set them in your environment, or download it first$"):
        figures("s3://b/a.log")


def test_an_object_that_breaks_off_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of a range is asked for again; if that breaks off as well, nothing is read."""
    monkeypatch.setattr(remote, "_RETRIES", {"max_retries": 0, "retry_timeout_ms": 100})
    whole = ranges(TEXT)
    refused = pytest.raises(InputError, match=r"^s3://bucket/a\.log cannot be read \(end of file before message length reached\); check the URL")
    with object_store(monkeypatch, lambda request: (whole(request)[0][:-100],)), refused:
        figures("s3://bucket/a.log")
    with object_store(monkeypatch, whole):
        assert figures("s3://bucket/a.log")["input"]["lines"] == len(LINES)


CHECK = "check the URL and your credentials, or download it first"
STORE_ERRORS = {
    "object-store error: Object at location a.log not found: Error performing GET http://h/b/a.log in 1ms": (
        FileNotFoundError,
        "does not exist; check the URL",
    ),
    "object-store error: The operation lacked the necessary privileges: 403 Forbidden: <Error><Code>AccessDenied</Code></Error>": (
        PermissionError,
        "cannot be read: access was denied; check the credentials in your environment",
    ),
    "object-store error: Generic GCS error: Error performing token request: Error performing GET http://169.254.169.254/x in 4ms - Server ret": (
        OSError,
        "cannot be read without credentials; set them in your environment, or download it first",
    ),
    "object-store error: Generic S3 error: Error performing GET http://h/b/a.log in 252ms, after 1 retries, max_retries: 1, retry_timeout: 10s  - "
    "Server returned non-2xx status code: 500 Internal Server Error:  (path: s3://bucket/a.log)": (
        OSError,
        f"cannot be read (Server returned non-2xx status code: 500 Internal Server Error); {CHECK}",
    ),
    "object-store error: Generic S3 error: Error performing GET http://x.invalid/b/a.log in 253ms, after 1 retries, max_retries: 1, "
    "retry_timeout: 10s  - HTTP error: error sending request (path: s3://bucket/a.log)\n\nCaused by:\n    0: client error (Connect)\n"
    "    1: failed to lookup address information: Name or service not known": (
        OSError,
        f"cannot be read (failed to lookup address information: Name or service not known); {CHECK}",
    ),
    "error sending request for url (https://bucket.s3.amazonaws.com/?token=secret)": (
        OSError,
        f"cannot be read (error sending request); {CHECK}",
    ),
    "object-store error: Generic S3 error: " + "word " * 100: (
        OSError,
        f"cannot be read ({'word ' * 29}word ...); {CHECK}",
    ),
}


@pytest.mark.parametrize(("text", "expected"), STORE_ERRORS.items())
def test_reasons_are_words(text: str, expected: tuple[type[OSError], str]) -> None:
    kind, words = expected
    assert remote._reason(kind(text)) == words  # noqa: SLF001 (as other words need a store each)


def test_answers_of_web_servers_are_told_in_words(convkit_command: Run) -> None:
    expected = {
        "404 nope": "does not exist; check the URL",
        "410 Gone": "does not exist; check the URL",
        "403 \x1b[31mpwned": "cannot be read: the server answered 403 Forbidden; check the URL and your credentials, or download it first",
        "503 Busy": "cannot be read: the server answered 503 Service Unavailable; try again later, or download it first",
        "599 X": "cannot be read: the server answered 599; try again later, or download it first",
        "206 Partial Content": "cannot be read: the server answered 206 Partial Content; check the URL and your credentials, or download it first",
    }
    for status, words in expected.items():
        with answering(lambda _, status=status: (response(TEXT, status=status),)) as address:
            assert convkit_command("overview", f"{address}/a.log?x=secret") == (3, "", f"convkit: error: {address}/a.log {words}\n")
    assert convkit_command("overview", f"{address}/a.log?x=secret")[2] == (
        f"convkit: error: {address}/a.log cannot be read: the server refused the connection; try again later, or download it first\n"
    )
