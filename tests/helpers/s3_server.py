"""A server that speaks S3 on loopback: moto, in a process of its own."""

from __future__ import annotations

import http.client
import re
import socket
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote, unquote
from xml.sax.saxutils import unescape

PARTS = ("obstore", "moto", "flask")
MISSING = next((f"{name} is not installed" for name in PARTS if find_spec(name) is None), "")
PATIENCE = 30.0
_SIGNED = (
    "AWS4-HMAC-SHA256 Credential=tester/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)


def free_port() -> int:
    """A port of loopback that nobody listens to."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return when a server listens; fails where it ends."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            assert process.poll() is None, "the server ended"
            time.sleep(0.02)
    raise AssertionError("the server does not listen")


class S3Server:
    """Buckets in memory. It checks no signatures."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port, self._process)

    def environment(self) -> dict[str, str]:
        """What a user of it sets."""
        return {
            "AWS_ACCESS_KEY_ID": "tester",
            "AWS_SECRET_ACCESS_KEY": "hush-hush",
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.url,
        }

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        """One request: status, headers, body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, {"Authorization": _SIGNED, **(headers or {})})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def bucket(self, name: str) -> str:
        """Make a bucket."""
        status, _, answer = self.ask("PUT", f"/{name}")
        assert status == 200, (status, answer)
        return name

    def put(self, bucket: str, key: str, data: bytes) -> None:
        """Store an object."""
        status, _, answer = self.ask("PUT", f"/{bucket}/{quote(key, safe='/')}", data)
        assert status == 200, (status, answer)

    def get(self, bucket: str, key: str) -> bytes:
        """The content of an object."""
        status, _, data = self.ask("GET", f"/{bucket}/{quote(key, safe='/')}")
        assert status == 200
        return data

    def kind(self, bucket: str, key: str) -> str | None:
        """The media type of an object."""
        return self.ask("HEAD", f"/{bucket}/{quote(key, safe='/')}")[1]["Content-Type"]

    def cached(self, bucket: str, key: str) -> str | None:
        """The Cache-Control of an object."""
        return self.ask("HEAD", f"/{bucket}/{quote(key, safe='/')}")[1]["Cache-Control"]

    def remove(self, bucket: str, key: str) -> None:
        """Remove an object."""
        self.ask("DELETE", f"/{bucket}/{quote(key, safe='/')}")

    def keys(self, bucket: str, prefix: str = "") -> list[str]:
        """The keys of all objects."""
        found, more = list[str](), ""
        while True:
            path = f"/{bucket}?list-type=2&encoding-type=url&prefix={quote(prefix)}{more}"
            text = self.ask("GET", path)[2].decode()
            found += [unquote(unescape(key)) for key in re.findall("<Key>(.*?)</Key>", text)]
            token = re.search("<NextContinuationToken>(.*?)</", text)
            if token is None:
                return found
            more = f"&continuation-token={quote(token[1])}"

    def uploads(self, bucket: str) -> int:
        """Uploads in parts that were begun and not ended."""
        return self.ask("GET", f"/{bucket}?uploads")[2].count(b"<UploadId>")

    def fill(self, bucket: str, prefix: str, folder: Path) -> None:
        """Store the files of a folder."""
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                self.put(bucket, f"{prefix}{path.relative_to(folder).as_posix()}", path.read_bytes())

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
