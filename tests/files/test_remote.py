"""Remote logs are read like local ones: from a web server, with or without range requests, and from an object store."""

from __future__ import annotations

import gzip
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest
from small_logs import fates, figures, line, written

from convkit.errors import InputError
from convkit.files import remote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

LINES = [line("GET /"), line("GET /cart", 5), line('GET /?q=\\"x\\"', 9), "", line("GET /a,b", 20)]
TEXT = "\n".join(LINES).encode() + b"\n"
EVENTS = pl.DataFrame({"user": ["u", "u"], "event": ["page_view", "paid"], "time": [1_791_640_000, 1_791_640_009]})
LISTED = "<Contents><Key>{}</Key><LastModified>2026-11-22T10:00:00.000Z</LastModified><ETag>x</ETag><Size>{}</Size></Contents>"


@contextmanager
def served(files: Mapping[str, bytes], *, has_ranges: bool = True) -> Iterator[str]:
    """Yield the URL of a file server that also lists files like an object store."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Log nothing."""

        def do_GET(self) -> None:
            url, headers = urlsplit(self.path), []
            content, code = files.get(url.path.lstrip("/"), b""), 200 if url.path.lstrip("/") in files else 404
            if "list-type" in url.query:
                begin = url.path.strip("/") + "/"
                keys = [(name.removeprefix(begin), len(body)) for name, body in files.items()]
                prefix = parse_qs(url.query).get("prefix", [""])[0]
                entries = "".join(LISTED.format(name, size) for name, size in keys if name.startswith(prefix))
                content, code = f"<ListBucketResult><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>".encode(), 200
            elif has_ranges and (byte_range := re.match(r"bytes=(\d*)-(\d*)", self.headers.get("Range") or "")) and code == 200:
                begin_at = len(content) - int(byte_range[2]) if not byte_range[1] else int(byte_range[1])
                end = len(content) - 1 if not (byte_range[1] and byte_range[2]) else min(int(byte_range[2]), len(content) - 1)
                headers = [("Content-Range", f"bytes {begin_at}-{end}/{len(content)}")]
                content, code = content[begin_at : end + 1], 206
            self.send_response(code)
            for name, value in (("Content-Length", str(len(content))), ("Last-Modified", "Sun, 22 Nov 2026 10:00:00 GMT"), ("ETag", '"x"'), *headers):
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815 (its name is the server's)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def parquet(folder: Path) -> bytes:
    """Return events as a Parquet file."""
    EVENTS.write_parquet(folder / "events.parquet")
    return (folder / "events.parquet").read_bytes()


@pytest.mark.parametrize("has_ranges", [True, False])
def test_a_log_on_a_web_server_is_read_like_a_local_one(tmp_path: Path, has_ranges: bool) -> None:  # noqa: FBT001 (a column of the table)
    """Plain, gzip and Parquet files are read; if the server does not support range requests, the whole file is requested."""
    expected = fates(figures(written(tmp_path / "access.log", LINES)))
    files = {"access.log": TEXT, "access.log.gz": gzip.compress(TEXT), "cut.gz": gzip.compress(TEXT)[:-3], "events.parquet": parquet(tmp_path)}
    with served(files, has_ranges=has_ranges) as address:
        for name in ("access.log", "access.log.gz"):
            assert fates(figures(f"{address}/{name}?signature=secret")) == expected
        assert figures(f"{address}/events.parquet")["input"]["kept"] == 2
        assert figures(f"{address}/cut.gz")["input"]["lines"] == len(LINES)


def test_an_object_store_s_logs_are_read_by_name_and_by_pattern(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = {"bucket/access.log": TEXT, "bucket/logs/1.gz": gzip.compress(TEXT), "bucket/logs/2.gz": gzip.compress(TEXT.replace(b"cart", b"other"))}
    expected = fates(figures(written(tmp_path / "access.log", LINES)))
    with served(files) as address:
        for name, value in {"ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "y", "REGION": "x", "ENDPOINT_URL": address, "ALLOW_HTTP": "true"}.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        assert fates(figures("s3://bucket/access.log")) == expected
        assert figures("s3://bucket/logs/*.gz")["input"]["lines"] == 2 * len(LINES)
        with pytest.raises(InputError, match=r"^s3://bucket/none\.log does not exist; check the URL$"):
            figures("s3://bucket/none.log")


def test_credentials_are_not_shown_and_no_file_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with served({}) as address, pytest.raises(InputError) as refused:
        figures(f"{address.replace('//', '//ann:secret@')}/none.log?signature=secret")
    assert str(refused.value).endswith("/none.log does not exist; check the URL")
    assert "secret" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_which_paths_are_urls() -> None:
    assert [remote.is_remote(text) for text in ("https://shop.example/a", "S3://b/c", "abfss://b@c/d")] == [True, True, True]
    assert [remote.is_remote(text) for text in ("access.log", "C://x", "/https://x", "file:///a", "-")] == [False] * 5
