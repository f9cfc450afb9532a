"""Servers that answer badly: each request of a test is answered by a function, byte for byte."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Answer = Callable[[str], tuple[bytes, ...]]
    """Given a request, returns its answer, or perhaps with PAUSE before RESET or SILENCE, which end it."""

PAUSE, RESET, SILENCE = b"<pause>", b"<reset>", b"<silence>"


@contextmanager
def answering(answer: Answer) -> Iterator[str]:
    """Yield the address of a server, like `http://127.0.0.1:4711`, that answers every request as `answer` says and closes the connection."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=_serve, args=(server, answer, done), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            done.set()
            # Closing alone does not wake up the thread.
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)


def _serve(server: socket.socket, answer: Answer, done: threading.Event) -> None:
    """Answer requests one at a time."""
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection, suppress(OSError):
            request = b""
            while b"\r\n\r\n" not in request and (part := connection.recv(1 << 16)):
                request += part
            for piece in answer(request.decode()):
                if piece in {PAUSE, SILENCE}:
                    # What was sent before a reset is lost unless it has been read.
                    done.wait(0.1 if piece == PAUSE else None)
                elif piece == RESET:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    connection.sendall(piece)


def response(body: bytes = b"", *headers: str, status: str = "200 OK", size: int | None = None) -> bytes:
    """Return an answer with a body that announces its size, or another one; a negative size is not announced."""
    announced = len(body) if size is None else size
    lines = [f"HTTP/1.1 {status}", *headers, *([f"Content-Length: {announced}"] if announced >= 0 else []), "", ""]
    return "\r\n".join(lines).encode() + body


def chunked(*chunks: bytes, is_whole: bool) -> bytes:
    """Return an answer in chunks, with or without the chunk that ends it."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    return response(body + (b"0\r\n\r\n" if is_whole else b""), "Transfer-Encoding: chunked", size=-1)
